#define _GNU_SOURCE /* SOCK_NONBLOCK in the type of socket() */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool parse_unix(const char *path, struct address *out) {
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    if (strlen(path) >= sizeof un->sun_path) return false;
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, path);
    out->len = sizeof *un;
    return true;
}

static bool parse_inet(const char *text, struct address *out) {
    struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(colon + 1));
    out->len = sizeof *in;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

bool address_parse(const char *text, struct address *out) {
    memset(out, 0, sizeof *out);
    return strncmp(text, "unix:", 5) == 0 ? parse_unix(text + 5, out) : parse_inet(text, out);
}

int address_connect(const struct address *to, int flags) {
    int one = 1;
    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) return -1;
    if (to->storage.ss_family == AF_INET) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&to->storage, to->len) == 0 || errno == EINPROGRESS) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}
