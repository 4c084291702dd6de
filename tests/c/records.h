/* records.h - FastCGI records for tests: what a front would send, and what it would read. */
#ifndef PS_TESTS_RECORDS_H
#define PS_TESTS_RECORDS_H

#include "base/buf.h"
#include "codec/fcgi.h"
#include "wire.h"

/* Appends a record; `padding` zeros behind the content. */
void put_record(struct ps_buf *b, uint8_t type, uint16_t id, struct ps_span content, uint8_t padding);
void put_begin(struct ps_buf *b, uint16_t id, uint16_t role, uint8_t flags);

/* Name-value pairs from "NAME=value\n" lines. */
void put_pairs(struct ps_buf *b, const char *lines);

/* BEGIN_REQUEST (Responder), one PARAMS record and its end. */
void put_request(struct ps_buf *b, uint16_t id, uint8_t flags, const char *params);

/* A STDIN record; "" ends the stream. */
void put_stdin(struct ps_buf *b, uint16_t id, const char *content);

/* The same, fed at once. */
void feed_record(struct wire *w, uint8_t type, uint16_t id, struct ps_span content);
void feed_request(struct wire *w, uint16_t id, uint8_t flags, const char *params);
void feed_stdin(struct wire *w, uint16_t id, const char *content);

/* A GET for "/" without a body. */
#define GET_PARAMS "REQUEST_METHOD=GET\nREQUEST_URI=/\nSCRIPT_NAME=/\nCONTENT_LENGTH=\n"
#define POST_PARAMS(length) "REQUEST_METHOD=POST\nREQUEST_URI=/p\nSCRIPT_NAME=/p\nCONTENT_LENGTH=" length "\n"

/* What records say, a line each:
 *     STDOUT 1 Status: 200 OK\r\n\r\nhello     (of long contents the length only: STDOUT 1 {65528})
 *     END 1 complete                            STDOUT 1
 *     GET_VALUES_RESULT FCGI_MPXS_CONNS=1       UNKNOWN_TYPE 77
 * Checks that each record ends on 8 bytes with padding of zeros and that none is cut off. The caller frees the text. */
struct text records_of(struct ps_span bytes);

/* Everything the protocol has to write now, compared. */
#define CHECK_RECORDS(w, lines) records_check((w), (lines), __FILE__, __LINE__)
bool records_check(struct wire *w, const char *lines, const char *file, int line);

#endif
