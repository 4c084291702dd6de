/* request.h - the bytes of one request, made once and sent over and over. */
#ifndef BENCH_LOAD_REQUEST_H
#define BENCH_LOAD_REQUEST_H

#include "base/buf.h"

/* The whole file appended to `out`; false, with a message on stderr, when it cannot be read. */
bool request_read_file(const char *path, struct ps_buf *out);

/* HTTP: the head as it stands, the body behind it. */
bool request_http(struct ps_span head, struct ps_span body, struct ps_buf *out);

/* FastCGI, as nginx sends it: BEGIN_REQUEST (Responder, id 1), PARAMS in one padded record, its end, STDIN in records of up to
 * 32 KiB, its end. `lines` holds NAME=value pairs, one a line. False for params that do not fit one record. */
bool request_fcgi(struct ps_span lines, struct ps_span body, bool keep, struct ps_buf *out);

#endif
