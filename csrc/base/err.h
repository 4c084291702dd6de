/* err.h - the one list of things that can go wrong in the core.
 *
 * A code is negative; 0 and positive results are never errors. Each has the HTTP status that answers it (0: nothing can or
 * should be answered) and a text for the operator's log. C, Cython and the documentation all read this list, so that they
 * cannot disagree. Three families, told apart because the remedy differs: the peer broke a protocol, a configured limit
 * was reached, something of ours failed (memory, I/O, the application).
 *
 * Codecs are sticky: once a decoder returned an error, every later call returns the same one. */
#ifndef PS_BASE_ERR_H
#define PS_BASE_ERR_H

/* clang-format off */
#define PS_ERRORS(X)                                                                                     \
    /* the peer's fault */                                                                               \
    X(PS_EREQUESTLINE, -1,  400, "malformed request line")                                               \
    X(PS_EMETHOD,      -2,  501, "method longer than any in use")                                        \
    X(PS_ETARGET,      -3,  400, "invalid request target")                                               \
    X(PS_EVERSION,     -4,  505, "HTTP version not supported")                                           \
    X(PS_EFIELD,       -5,  400, "malformed header field")                                               \
    X(PS_EFOLD,        -6,  400, "obsolete line folding")                                                \
    X(PS_EHOST,        -7,  400, "missing, repeated or invalid Host")                                    \
    X(PS_ELENGTH,      -8,  400, "invalid or conflicting Content-Length")                                \
    X(PS_ETRANSFER,    -9,  400, "malformed or misplaced Transfer-Encoding")                             \
    X(PS_ECODING,      -10, 501, "transfer coding not supported")                                        \
    X(PS_ECHUNK,       -11, 400, "malformed chunk")                                                      \
    X(PS_ETRAILER,     -12, 400, "malformed trailer field")                                              \
    X(PS_EEXPECT,      -13, 417, "expectation not supported")                                            \
    X(PS_EEOF,         -14, 400, "connection ended inside a message")                                    \
    X(PS_ERECORD,      -15, 400, "malformed FastCGI record")                                             \
    X(PS_EPARAMS,      -16, 400, "malformed FastCGI name-value pair")                                    \
    X(PS_EVARIABLE,    -17, 400, "CGI variable missing or invalid")                                      \
    /* a configured limit */                                                                             \
    X(PS_ETARGETLONG,  -30, 414, "request line longer than the limit")                                   \
    X(PS_EHEADLONG,    -31, 431, "request head larger than the limit")                                   \
    X(PS_EFIELDLONG,   -32, 431, "header field longer than the limit")                                   \
    X(PS_EFIELDS,      -33, 431, "more header fields than the limit")                                    \
    X(PS_EBODYLONG,    -34, 413, "request body larger than the limit")                                   \
    X(PS_ECHUNKEXT,    -35, 400, "chunk extensions larger than the limit")                               \
    X(PS_ETIMEOUT,     -36, 408, "request not complete in time")                                         \
    X(PS_EBUSY,        -37, 503, "more requests waiting than the limit")                                 \
    X(PS_ELIMIT,       -38, 500, "buffer at its limit")                                                  \
    /* the application's fault */                                                                        \
    X(PS_ESTATUS,      -50, 500, "response status is not a number from 200 to 599")                      \
    X(PS_EREASON,      -51, 500, "response reason phrase holds a control character")                     \
    X(PS_ENAME,        -52, 500, "response header name is not a token")                                  \
    X(PS_EVALUE,       -53, 500, "response header value holds a control character")                      \
    X(PS_EHOPBYHOP,    -54, 500, "response header is hop-by-hop, which only the server may send")        \
    X(PS_ERESLENGTH,   -55, 500, "response Content-Length is repeated or not a number")                  \
    X(PS_ESHORT,       -56, 500, "response body is shorter than its Content-Length")                     \
    X(PS_ELONG,        -57, 500, "response body is longer than its Content-Length")                      \
    X(PS_EORDER,       -58, 500, "response used out of order")                                           \
    /* nobody's */                                                                                       \
    X(PS_ENOMEM,       -70, 503, "out of memory")                                                        \
    X(PS_EIO,          -71, 500, "input or output failed")                                               \
    X(PS_EGONE,        -72, 0,   "the peer is gone")
/* clang-format on */

#define PS_ERR_ENUM(name, code, status, text) name = (code),
typedef enum ps_err { PS_OK = 0, PS_ERRORS(PS_ERR_ENUM) } ps_err;
#undef PS_ERR_ENUM

/* "PS_EFIELD" for PS_EFIELD; "PS_OK" for 0 and above. Never NULL: an unknown code gives "PS_E?". */
const char *ps_err_name(int code);

/* The operator's text; never NULL. */
const char *ps_err_text(int code);

/* The HTTP status that answers the error; 0 when there is nothing to answer. */
int ps_err_status(int code);

#endif
