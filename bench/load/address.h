/* address.h - where the server listens: "127.0.0.1:8000" or "unix:/path". */
#ifndef BENCH_LOAD_ADDRESS_H
#define BENCH_LOAD_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

bool address_parse(const char *text, struct address *out);

/* A new socket on its way to the address (TCP_NODELAY where it is TCP); -1 with errno set. With SOCK_NONBLOCK in `flags` the
 * connection may still be under way: the socket becomes writable when it stands. */
int address_connect(const struct address *to, int flags);

#endif
