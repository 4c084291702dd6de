/* request.h - the waist: one request and the state of its answer, the same whatever protocol brought it and whatever interface
 * answers it. A protocol fills it; a gateway reads it; neither knows the other.
 *
 * Every span of a request points into memory of the request itself, or into constants and configuration, and lives as long as it. Requests come from a pool and are
 * counted: the protocol holds one reference until it has no more to read or write for it, the gateway's side another. */
#ifndef PS_BASE_REQUEST_H
#define PS_BASE_REQUEST_H

#include "base/buf.h"
#include "base/field.h"

/* One end of a connection as text: "127.0.0.1" and "8000", "::1" and "8000"; both empty for a unix socket. */
struct ps_endpoint {
    char address[46], port[6];
    uint8_t address_len, port_len;
};

static inline struct ps_span ps_endpoint_address(const struct ps_endpoint *e) { return ps_span(e->address, e->address_len); }
static inline struct ps_span ps_endpoint_port(const struct ps_endpoint *e) { return ps_span(e->port, e->port_len); }

/* How far an answer is, and how many bytes of body it still owes. Kept by protocol/answer.h. */
struct ps_answer {
    int64_t remaining; /* of a declared Content-Length; -1: not known beforehand */
    int status;        /* as sent; 0: no head yet */
    bool ended;        /* nothing more will be sent */
    bool bodyless;     /* HEAD, 204 or 304: the application's body is counted but not sent */
};

struct ps_request {
    /* The request line. */
    struct ps_span method;
    struct ps_span target;      /* REQUEST_URI: as the client sent it, never normalised */
    struct ps_span script_name; /* where the application is mounted, decoded; never ends in "/" */
    struct ps_span path_info;   /* the rest of the path, decoded bytes */
    struct ps_span query;       /* still encoded, without "?" */
    struct ps_span protocol;    /* "HTTP/1.1" as the client spoke it to whoever it spoke to */
    struct ps_span scheme;      /* "http" or "https" */

    /* The two ends: the client's, and the server's as the client addressed it. */
    struct ps_span remote_addr, remote_port, server_name, server_port;

    /* Fields, in order, repeated ones kept, names in lower case with dashes. Content-Length and Content-Type are among them. */
    struct ps_header *headers;
    /* Further CGI variables from a front server (FastCGI), names as sent; the last of a name counts. */
    struct ps_header *variables;
    uint32_t n_headers, n_variables;

    int64_t content_length; /* -1: known only when the body has ended */
    bool has_body;          /* the head promises a body, be it of 0 bytes */
    bool is_head;           /* the method is HEAD */
    bool expect_continue;   /* the client waits for "100 Continue" before it sends the body */

    struct ps_answer answer;

    /* Text the application wrote to its error stream and the protocol has not passed on yet; a protocol without such a
     * stream leaves it empty (wants_errors false). */
    struct ps_buf errors;
    bool wants_errors;

    /* For the protocol that made it. */
    struct ps_buf arena;       /* the head's bytes; the spans above point here */
    void *scratch;             /* pool->scratch_bytes of working memory while the head is decoded */
    struct ps_endpoint local, peer;
    struct ps_request *next;   /* list of its connection's requests */
    uint16_t id;               /* FastCGI's request id */
    uint8_t input, output;     /* the protocol's own states of either direction */
    bool keep;                 /* the connection may outlive the answer, as far as the peer is concerned */
    int64_t received;          /* bytes of body so far */
    bool announced;            /* a REQUEST event told of it, and whoever was told has not finished with it */

    /* For the pool. */
    struct ps_request_pool *pool;
    uint32_t refs;
};

/* Fields that one request may have, and CGI variables beside them. */
enum { PS_VARIABLES_MAX = 256, PS_ERRORS_MAX = 16 * 1024 };

/* Bytes of working memory a protocol may use for each header while it decodes the head. */
enum { PS_REQUEST_SCRATCH_PER_FIELD = 16 };

struct ps_request_pool {
    struct ps_request *free;
    size_t object_bytes;   /* of the struct that begins with the request */
    size_t fields;         /* a peer may send; there is room for one more, made of something else */
    size_t scratch_bytes;
    size_t arena_limit;
    size_t n_free, keep;   /* idle objects, and how many to keep */
    void (*init)(struct ps_request *);   /* of what surrounds the request, after it was zeroed; may be NULL */
    void (*clear)(struct ps_request *);  /* before it goes back; may be NULL */
};

/* A request with one reference, everything empty; NULL when out of memory. */
struct ps_request *ps_request_new(struct ps_request_pool *pool);

static inline struct ps_request *ps_request_ref(struct ps_request *rq) {
    rq->refs++;
    return rq;
}

void ps_request_unref(struct ps_request *rq);

/* Frees the idle objects. Those in use must be gone. */
void ps_request_pool_free(struct ps_request_pool *pool);

/* Splits a decoded path into script_name and path_info. `mount` begins with "/" and has no "/" at its end, or is empty.
 * A path outside the mount (a front that strips the prefix itself) is path_info whole. */
void ps_request_set_path(struct ps_request *rq, struct ps_span mount, struct ps_span path);

#endif
