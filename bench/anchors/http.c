/* http.c - the "C loop": HTTP/1.1 with keep-alive and the least parsing that works: it finds the end of the head, and reads
 * Content-Length where the request is a POST.
 *
 *   http PORT hello|echo|big|stream        the answers of bench/apps/wsgi.py */
#define _GNU_SOURCE /* memmem, strcasestr */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BIG_BYTES = 1024 * 1024, PIECES = 100, PIECE_BYTES = 10 * 1024 };

#define COMMON "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: "
#define HELLO COMMON "text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
#define STREAM COMMON "application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static uint8_t zeros[BIG_BYTES];

static struct iovec part(const void *bytes, size_t n) { return (struct iovec){(void *)(uintptr_t)bytes, n}; }

static void answer_hello(struct link *link, const uint8_t *body, size_t n) {
    (void)body;
    (void)n;
    struct iovec whole = part(HELLO, sizeof HELLO - 1);
    link_send(link, &whole, 1, true);
}

static void answer_bytes(struct link *link, const uint8_t *body, size_t n, bool is_static) {
    char head[256];
    int len = snprintf(head, sizeof head, COMMON "application/octet-stream\r\nContent-Length: %zu\r\n\r\n", n);
    struct iovec parts[2] = {part(head, (size_t)len), part(body, n)};
    link_send(link, parts, 2, is_static);
}

static void answer_echo(struct link *link, const uint8_t *body, size_t n) { answer_bytes(link, body, n, false); }

static void answer_big(struct link *link, const uint8_t *body, size_t n) {
    (void)body;
    (void)n;
    answer_bytes(link, zeros, sizeof zeros, true);
}

static void answer_stream(struct link *link, const uint8_t *body, size_t n) {
    (void)body;
    (void)n;
    struct iovec head = part(STREAM, sizeof STREAM - 1);
    link->pieces_left = PIECES + 1;
    link_send(link, &head, 1, true);
}

/* One write per chunk, as for an application that hands them out one by one; then the last chunk. */
static void stream_piece(struct link *link) {
    static const char size[] = "2800\r\n", end[] = "\r\n", last[] = "0\r\n\r\n";
    struct iovec chunk[3] = {part(size, sizeof size - 1), part(zeros, PIECE_BYTES), part(end, sizeof end - 1)};
    struct iovec final = part(last, sizeof last - 1);
    link->pieces_left--;
    if (link->pieces_left == 0) {
        link_send(link, &final, 1, true);
    } else {
        link_send(link, chunk, 3, false);
    }
}

static void (*answer)(struct link *link, const uint8_t *body, size_t n);

static size_t body_length(const uint8_t *in, size_t head_len) {
    static const char name[] = "Content-Length:";
    if (in[0] != 'P') return 0;
    const uint8_t *field = memmem(in, head_len, name, sizeof name - 1);
    return field == NULL ? 0 : strtoul((const char *)field + sizeof name - 1, NULL, 10);
}

static size_t http_request(struct link *link) {
    const uint8_t *end = memmem(link->in, link->in_len, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    size_t head_len = (size_t)(end - link->in) + 4;
    size_t body = body_length(link->in, head_len);
    if (link->in_len - head_len < body) return 0;
    answer(link, link->in + head_len, body);
    return head_len + body;
}

int main(int argc, char **argv) {
    static const struct anchor http = {http_request, stream_piece};
    const char *app = argc > 2 ? argv[2] : "hello";
    if (argc < 2) return 2;
    answer = strcmp(app, "echo") == 0     ? answer_echo
             : strcmp(app, "big") == 0    ? answer_big
             : strcmp(app, "stream") == 0 ? answer_stream
                                          : answer_hello;
    anchor_serve(atoi(argv[1]), &http);
}
