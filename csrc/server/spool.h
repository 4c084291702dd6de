/* spool.h - a request's body, kept until the application reads it: in memory, and above a limit in a temporary file that has no
 * name, so that nothing is left of it however the process ends. */
#ifndef PS_SERVER_SPOOL_H
#define PS_SERVER_SPOOL_H

#include "base/buf.h"

struct ps_spool {
    struct ps_buf memory;
    const char *folder; /* of the file */
    int fd; /* -1: all of it is in memory */
    int64_t size;
};

/* Up to memory_limit bytes stay in memory. Allocates nothing; `folder` must stay. */
void ps_spool_init(struct ps_spool *s, size_t memory_limit, const char *folder);

/* Closes the file, frees the memory. */
void ps_spool_free(struct ps_spool *s);

/* Appends. `expected` is the size the whole body will have, -1 if not known; it saves growing in steps.
 * 0, PS_ENOMEM, or PS_EIO (errno tells: no space, no temporary folder). */
int ps_spool_write(struct ps_spool *s, struct ps_span bytes, int64_t expected);

/* Hands the file over (positioned at its start); the spool is empty afterwards. -1: there is none, or it cannot be rewound. */
int ps_spool_take_file(struct ps_spool *s);

#endif
