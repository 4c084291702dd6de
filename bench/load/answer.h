/* answer.h - reads one answer after another from a connection and judges each: status, body length and, where asked, every
 * byte of the body. No I/O.
 *
 * HTTP: Content-Length or chunked; an answer that only the connection's end would delimit is refused, as it cannot be told from
 * one cut short. FastCGI: the records are read by the project's codec, their STDOUT is a CGI answer.
 * The HTTP side is written anew and on purpose: a measuring stick should not share the reader of what it measures. */
#ifndef BENCH_LOAD_ANSWER_H
#define BENCH_LOAD_ANSWER_H

#include "base/buf.h"
#include "codec/fcgi.h"

enum protocol { PROTOCOL_HTTP, PROTOCOL_FCGI };

/* What a right answer looks like. */
struct expectation {
    uint8_t protocol;
    int status;
    uint64_t length;
    struct ps_span body; /* `length` bytes to compare with, or empty: the length alone is checked */
};

enum answer_state {
    ANSWER_HEAD,
    ANSWER_LENGTH,
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK,
    ANSWER_CHUNK_END,
    ANSWER_TRAILER,
    ANSWER_CGI_BODY
};

struct answer {
    struct ps_buf head;       /* a head that came in pieces */
    struct ps_fcgi records;
    uint8_t end[8];           /* content of END_REQUEST */
    uint8_t end_len;
    uint8_t state;
    bool closes;              /* the server said that it closes the connection after this answer */
    bool begun;               /* a byte of this answer has come */
    int status;
    uint64_t length;          /* body bytes so far */
    uint64_t remaining;       /* of the Content-Length, or of the chunk */
    uint32_t line;            /* bytes of the chunk-size or trailer line so far */
    const char *error;        /* why the answer is wrong */
};

void answer_init(struct answer *a);
void answer_free(struct answer *a);

/* Ready for the next answer on the same connection. */
void answer_reset(struct answer *a);

enum answer_result { ANSWER_MORE, ANSWER_DONE, ANSWER_WRONG };

/* Reads what has come; ANSWER_WRONG sets a->error, and the connection is of no use any more. */
enum answer_result answer_read(struct answer *a, const struct expectation *want, struct ps_span in);

#endif
