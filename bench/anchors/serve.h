/* serve.h - the plumbing of the hand-written anchors: one thread, epoll, no limits, no timeouts, no checks.
 *
 * An anchor is the least a server can do: what the system calls cost, and nothing else. It is a mark on the scale, not a server.
 * One recv per turn and connection; one writev per answer; what the socket refuses waits for room. */
#ifndef BENCH_ANCHORS_SERVE_H
#define BENCH_ANCHORS_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { IN_BYTES = 64 * 1024 };

struct link {
    int fd;
    uint8_t *in; /* what came and is not used up; NULL while there is none, so that an idle connection holds no buffer */
    size_t in_len;
    const uint8_t *out; /* the rest of the piece under way; static memory, or owned when `owned` is set */
    size_t out_len;
    uint8_t *owned;
    unsigned pieces_left; /* of a streamed answer, beyond `out` */
    bool close_after; /* the connection ends with this answer */
    bool watched_out;
};

/* What an anchor adds. */
struct anchor {
    /* Looks at link->in[0..in_len); answers with link_send when a request is whole. Returns the bytes used up. */
    size_t (*request)(struct link *link);
    /* The next piece of a streamed answer; called while pieces_left > 0 and the last one is sent. */
    void (*piece)(struct link *link);
};

/* Sends, in one call, and keeps a copy of what the socket refused. A piece of static memory in the last place (`last` of it
 * static) is kept without a copy. */
void link_send(struct link *link, const struct iovec *parts, int n, bool last_is_static);

/* Serves 127.0.0.1:port for ever. Exits with a message when it cannot. */
void anchor_serve(int port, const struct anchor *anchor);

#endif
