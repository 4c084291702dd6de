#define _GNU_SOURCE
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/date.h"
#include "server/conn.h"
#include "server/exchange.h"
#include "server/listener.h"
#include "server/lock.h"

/* ---- the clock ---- */

static uint64_t monotonic_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void ps_server_read_clock(struct ps_server *s) {
    s->now = monotonic_ms();
    int64_t second = (int64_t)time(NULL);
    if (second == s->date) return;
    s->date = second;
    ps_date_format(second, s->env.date);
}

/* ---- the lock ---- */

void ps_server_lock_threaded(struct ps_server *s) {
    pthread_mutex_lock(&s->lock);
    ps_server_read_clock(s);
}

void ps_server_unlock_threaded(struct ps_server *s) {
    bool late = ps_timers_next(&s->timers) < s->sleep_until;
    if (late) s->sleep_until = 0; /* once is enough */
    pthread_mutex_unlock(&s->lock);
    if (late) ps_server_wake(s);
}

/* ---- waking ---- */

void ps_server_wake(struct ps_server *s) {
    int saved = errno; /* may run in a signal handler */
    ssize_t n = write(s->wake_write, "", 1);
    (void)n; /* a full pipe wakes as well */
    errno = saved;
}

static void on_wake(struct ps_source *source, uint32_t events) {
    struct ps_server *s = (struct ps_server *)((char *)source - offsetof(struct ps_server, wake));
    char bytes[64];
    ssize_t n;
    (void)events;
    do {
        n = read(source->fd, bytes, sizeof bytes);
        for (ssize_t i = 0; i < n; i++) s->signalled |= bytes[i] != '\0'; /* ours are 0, a signal's is its number */
    } while (n == (ssize_t)sizeof bytes);
}

static int open_wake(struct ps_server *s) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return PS_EIO;
    s->wake = (struct ps_source){.ready = on_wake, .fd = ends[0]};
    s->wake_write = ends[1];
    return ps_loop_add(&s->loop, &s->wake, EPOLLIN, false);
}

/* ---- life ---- */

int ps_server_init(struct ps_server *s, const struct ps_server_config *config, struct ps_slot *slot) {
    *s = (struct ps_server){.config = *config, .wake_write = -1};
    s->wake.fd = s->loop.fd = -1;
    s->slot = slot != NULL ? slot : &s->own_slot;
    s->env.limits = config->limits;
    s->env.root_path = config->root_path;
    s->env.has_root_path = config->has_root_path;
    ps_exchange_pool_init(s);
    ps_timers_init(&s->timers, config->wait_ms);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ready_cond, NULL);
    pthread_cond_init(&s->drained_cond, NULL);
    ps_server_read_clock(s);
    if ((s->scratch = malloc(PS_SCRATCH_BYTES)) == NULL) return PS_ENOMEM;
    int rc = ps_loop_init(&s->loop);
    return rc < 0 ? rc : open_wake(s);
}

void ps_server_link(struct ps_server *s, struct ps_conn *c) {
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL) c->next->prev = c;
    s->conns = c;
    s->n_conns++;
    ps_slot_store(s->slot->connections, s->n_conns);
}

static void resume(struct ps_server *s) {
    if (s->draining) return;
    for (struct ps_listener *l = s->listeners; l != NULL; l = l->next)
        if (ps_listener_start(l) < 0) ps_timer_arm(&s->timers, &s->resume, PS_WAIT_RESUME, s->now);
}

void ps_server_unlink(struct ps_server *s, struct ps_conn *c) {
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    c->next = s->closed;
    s->closed = c;
    s->n_conns--;
    ps_slot_store(s->slot->connections, s->n_conns);
    resume(s); /* there is room for another */
}

static void bury(struct ps_server *s) {
    while (s->closed != NULL) {
        struct ps_conn *c = s->closed;
        s->closed = c->next;
        free(c);
    }
}

static void free_listeners(struct ps_server *s) {
    while (s->listeners != NULL) {
        struct ps_listener *l = s->listeners;
        s->listeners = l->next;
        ps_listener_stop(l);
        free(l);
    }
}

void ps_server_close(struct ps_server *s) {
    ps_server_lock(s);
    s->draining = true;
    while (s->conns != NULL) ps_conn_close(s->conns);
    ps_server_unlock(s);
}

int ps_server_take_failure(struct ps_server *s, int *error_number) {
    ps_server_lock(s);
    int failure = s->failure;
    *error_number = s->failure_errno;
    s->failure = 0;
    ps_server_unlock(s);
    return failure;
}

void ps_server_free(struct ps_server *s) {
    s->draining = true;
    while (s->conns != NULL) ps_conn_close(s->conns);
    bury(s);
    free_listeners(s);
    if (s->wake.fd >= 0) close(s->wake.fd);
    if (s->wake_write >= 0) close(s->wake_write);
    ps_loop_free(&s->loop);
    if (s->free_out != NULL) ps_out_free(s->free_out);
    free(s->free_out);
    ps_request_pool_free(&s->env.pool);
    free(s->owners.list);
    free(s->scratch);
    pthread_cond_destroy(&s->drained_cond);
    pthread_cond_destroy(&s->ready_cond);
    pthread_mutex_destroy(&s->lock);
}

/* ---- turning ---- */

static int wait_for(struct ps_server *s, int max_wait_ms) {
    uint64_t due = ps_timers_next(&s->timers);
    uint64_t wait = due == PS_NEVER ? (uint64_t)max_wait_ms : due > s->now ? due - s->now : 0;
    if (wait > (uint64_t)max_wait_ms) wait = (uint64_t)max_wait_ms;
    if (!s->config.threaded && s->ready.count != 0) wait = 0; /* who turns has something to take */
    s->sleep_until = s->now + wait;
    return (int)wait;
}

static void expire(struct ps_server *s) {
    struct ps_timer *timer;
    while ((timer = ps_timers_expired(&s->timers, s->now)) != NULL) {
        if (timer == &s->resume)
            resume(s);
        else
            ps_conn_expired(timer);
    }
}

bool ps_server_turn(struct ps_server *s, int max_wait_ms) {
    ps_server_lock(s);
    bury(s);
    int wait = wait_for(s, max_wait_ms);
    if (s->config.threaded) pthread_mutex_unlock(&s->lock);
    bool idle = ps_loop_wait(&s->loop, wait) == 0;
    if (s->config.threaded) pthread_mutex_lock(&s->lock);
    ps_server_read_clock(s);
    ps_slot_store(s->slot->heartbeat_ms, s->now);
    s->sleep_until = 0; /* awake: deadlines set from here on are looked at before the next wait */
    bool all = s->loop.n_events < PS_LOOP_BATCH;
    ps_loop_dispatch(&s->loop);
    /* After a full batch more may have arrived in time and not been seen yet; what is due makes the next turn come at once. */
    if (all) expire(s);
    bool look_up = idle || s->signalled || s->draining || s->stopped || s->failure != 0;
    s->signalled = false;
    if (s->config.threaded) pthread_mutex_unlock(&s->lock);
    return look_up;
}

void ps_server_drain(struct ps_server *s) {
    ps_server_lock(s);
    ps_server_refresh(s);
    if (!s->draining) {
        for (struct ps_listener *l = s->listeners; l != NULL; l = l->next) {
            if (l->accepting) ps_listener_accept(l);
            ps_listener_stop(l);
        }
        s->draining = s->env.draining = true;
        for (struct ps_conn *c = s->conns; c != NULL; c = c->next) ps_conn_drain(c);
    }
    ps_server_unlock(s);
    ps_server_wake(s);
}

bool ps_server_idle(struct ps_server *s) {
    ps_server_lock(s);
    bool idle = s->n_conns == 0 && s->n_exchanges == 0;
    ps_server_unlock(s);
    return idle;
}

void ps_server_stop(struct ps_server *s) {
    ps_server_lock(s);
    s->stopped = true;
    pthread_cond_broadcast(&s->ready_cond);
    pthread_cond_broadcast(&s->drained_cond);
    ps_server_unlock(s);
    ps_server_wake(s);
}
