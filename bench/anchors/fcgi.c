/* fcgi.c - the "C responder": FastCGI by hand, one request at a time on a connection, hello only. Walks over the records up to
 * the empty STDIN that ends the request and answers with STDOUT, its end and END_REQUEST in one write.
 *
 *   fcgi PORT */
#include "serve.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_LEN = 8, BEGIN = 1, END = 3, STDIN = 5, STDOUT = 6 };

#define CGI "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"

static uint8_t reply[HEADER_LEN + sizeof CGI - 1 + 8 + HEADER_LEN + HEADER_LEN + 8];
static size_t reply_len;

static size_t put_record(uint8_t *at, uint8_t type, const void *content, size_t n) {
    uint8_t padding = (uint8_t)(-n & 7);
    const uint8_t header[HEADER_LEN] = {1, type, 0, 1, (uint8_t)(n >> 8), (uint8_t)n, padding, 0};
    memcpy(at, header, HEADER_LEN);
    memcpy(at + HEADER_LEN, content, n);
    memset(at + HEADER_LEN + n, 0, padding);
    return HEADER_LEN + n + padding;
}

static void prepare_reply(void) {
    static const uint8_t complete[8];
    reply_len = put_record(reply, STDOUT, CGI, sizeof CGI - 1);
    reply_len += put_record(reply + reply_len, STDOUT, "", 0);
    reply_len += put_record(reply + reply_len, END, complete, sizeof complete);
}

/* Every front uses request id 1 here, and the reply was made for it. */
static size_t fcgi_request(struct link *link) {
    size_t at = 0;
    bool keep = true;
    while (link->in_len - at >= HEADER_LEN) {
        const uint8_t *record = link->in + at;
        size_t content = (size_t)record[4] << 8 | record[5];
        size_t whole = HEADER_LEN + content + record[6];
        if (link->in_len - at < whole) return 0;
        if (record[1] == BEGIN) keep = record[HEADER_LEN + 2] & 1;
        at += whole;
        if (record[1] == STDIN && content == 0) {
            struct iovec all = {reply, reply_len};
            link->close_after = !keep;
            link_send(link, &all, 1, true);
            return at;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    static const struct anchor fcgi = {fcgi_request, NULL};
    if (argc < 2) return 2;
    prepare_reply();
    anchor_serve(atoi(argv[1]), &fcgi);
}
