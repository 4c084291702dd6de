/* lock.h - the server's lock: a mutex with several threads, nothing with one. */
#ifndef PS_SERVER_LOCK_H
#define PS_SERVER_LOCK_H

#include "server/server.h"

/* Also brings the clock up to date where the loop may have been asleep for long. */
void ps_server_lock_threaded(struct ps_server *s);

/* Also wakes the loop if a deadline was set that it does not know of. */
void ps_server_unlock_threaded(struct ps_server *s);

/* Brings the clock up to date. */
void ps_server_read_clock(struct ps_server *s);

/* The same where the lock has not done it, for whoever begins a wait outside a turn: the application may have run for long. */
static inline void ps_server_refresh(struct ps_server *s) {
    if (!s->config.threaded) ps_server_read_clock(s);
}

static inline void ps_server_lock(struct ps_server *s) {
    if (s->config.threaded) ps_server_lock_threaded(s);
}

static inline void ps_server_unlock(struct ps_server *s) {
    if (s->config.threaded) ps_server_unlock_threaded(s);
}

/* A connection enters and leaves the server's list. */
void ps_server_link(struct ps_server *s, struct ps_conn *c);
void ps_server_unlink(struct ps_server *s, struct ps_conn *c);

#endif
