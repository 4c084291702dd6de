#define _GNU_SOURCE
#include "server/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

void ps_spool_init(struct ps_spool *s, size_t memory_limit, const char *folder) {
    ps_buf_init(&s->memory, memory_limit);
    s->folder = folder;
    s->fd = -1;
    s->size = 0;
}

void ps_spool_free(struct ps_spool *s) {
    if (s->fd >= 0) close(s->fd);
    ps_buf_free(&s->memory);
    s->fd = -1;
    s->size = 0;
}

static int open_nameless(const char *folder) {
    char path[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)) return fd;
    int n = snprintf(path, sizeof path, "%s/penstock-XXXXXX", folder); /* a file system without O_TMPFILE */
    if (n < 0 || (size_t)n >= sizeof path) return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) (void)unlink(path);
    return fd;
}

static int open_file(struct ps_spool *s) {
    s->fd = open_nameless(s->folder);
    return s->fd < 0 ? PS_EIO : 0;
}

static int write_all(int fd, struct ps_span bytes) {
    while (bytes.len != 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return PS_EIO;
        ps_drop(&bytes, (size_t)n);
    }
    return 0;
}

/* Everything so far moves to the file: a reader then has one source, not two. */
static int spill(struct ps_spool *s) {
    int rc = open_file(s);
    if (rc == 0) rc = write_all(s->fd, ps_buf_span(&s->memory));
    ps_buf_free(&s->memory);
    return rc;
}

int ps_spool_write(struct ps_spool *s, struct ps_span bytes, int64_t expected) {
    size_t limit = s->memory.limit;
    bool large = expected > (int64_t)limit || bytes.len > limit - s->memory.len;
    int rc = 0;
    if (s->fd < 0 && large) rc = spill(s);
    if (rc == 0 && s->fd < 0 && s->size == 0 && expected > 0) rc = ps_buf_reserve(&s->memory, (size_t)expected);
    if (rc == 0) rc = s->fd >= 0 ? write_all(s->fd, bytes) : ps_buf_add(&s->memory, bytes);
    if (rc == 0) s->size += (int64_t)bytes.len;
    return rc;
}

int ps_spool_take_file(struct ps_spool *s) {
    int fd = s->fd;
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) return -1;
    s->fd = -1;
    s->size = 0;
    return fd;
}
