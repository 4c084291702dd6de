/* server, threaded: several threads take and answer while this one turns. Run it under ThreadSanitizer, too:
 *     make ctest-run/test_server_threads SANITIZE=-fsanitize=thread BUILD=/tmp/tsan */
#define _GNU_SOURCE
#include "site.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

enum { TAKERS = 4, CLIENTS = 6, ROUNDS = 60, SIZES = 5 };

static const size_t sizes[SIZES] = {0, 10, 3000, 300000, 3000000};
static uint8_t *bytes; /* of all answers */

static struct ps_server_config threaded(void) {
    struct ps_server_config config = site_config();
    config.threaded = true;
    return config;
}

/* ---- those who take ---- */

struct crew {
    struct ps_server *server;
    pthread_t threads[TAKERS];
    struct ps_taker takers[TAKERS];
    atomic_int next;             /* whose turn it is to start */
    atomic_uint lent, returned;  /* owners */
    atomic_uint answered, gone;
};

struct job { /* what a parked answer needs to know */
    size_t left;
    bool begun;
};

static void return_owners(struct crew *crew) {
    while (ps_server_take_owner(crew->server) != NULL) atomic_fetch_add(&crew->returned, 1);
}

static int send_some(struct crew *crew, struct ps_exchange *x, struct job *job) {
    const size_t n = job->left < 100000 ? job->left : 100000;
    struct ps_response head;
    bool kept = false;
    int rc;
    job->left -= n;
    ps_response_init(&head);
    if (ps_response_begin(&head, PS_LIT("200 OK")) < 0) abort();
    if (!job->begun)
        rc = ps_exchange_respond(x, &head, ps_span(bytes, n), job->left != 0, bytes, &kept);
    else
        rc = ps_exchange_send(x, ps_span(bytes, n), job->left != 0, bytes, &kept);
    job->begun = true;
    ps_response_free(&head);
    if (kept) atomic_fetch_add(&crew->lent, 1);
    return rc;
}

/* Every other answer parks where it finds no room, the others block. Answers whether it is over. */
static bool go_on(struct crew *crew, struct ps_exchange *x, struct job *job) {
    const bool parks = x->request.path_info.len % 2 != 0;
    do {
        if (send_some(crew, x, job) < 0) {
            atomic_fetch_add(&crew->gone, 1);
            return true;
        }
        if (job->left == 0) break;
        if (parks && ps_exchange_wait(x)) return false;
        if (!parks && ps_exchange_full(x) && ps_exchange_block(x) < 0) {
            atomic_fetch_add(&crew->gone, 1);
            return true;
        }
    } while (true);
    atomic_fetch_add(&crew->answered, 1);
    return true;
}

static void handle(struct crew *crew, struct ps_exchange *x, unsigned ready) {
    struct job *job = x->gateway;
    bool over = (ready & PS_READY_GONE) != 0;
    if (job == NULL) {
        job = calloc(1, sizeof *job);
        if (job == NULL) abort();
        job->left = sizes[x->request.query.ptr[0] - '0'];
    }
    x->gateway = NULL;
    if (over)
        atomic_fetch_add(&crew->gone, 1);
    else
        over = go_on(crew, x, job);
    if (!over) {
        x->gateway = job;
        return;
    }
    free(job);
    ps_exchange_finish(x);
}

static void *work(void *arg) {
    struct crew *crew = arg;
    struct ps_taker *taker = &crew->takers[atomic_fetch_add(&crew->next, 1)];
    struct ps_exchange *x;
    unsigned ready;
    while ((x = ps_server_take(crew->server, taker, &ready)) != NULL) {
        /* A parked exchange belongs to this thread again only now. */
        handle(crew, x, ready);
        return_owners(crew);
    }
    return NULL;
}

static void crew_start(struct crew *crew, struct ps_server *server) {
    *crew = (struct crew){.server = server};
    for (int i = 0; i < TAKERS; i++) CHECK_INT(pthread_create(&crew->threads[i], NULL, work, crew), 0);
}

static void crew_stop(struct crew *crew) {
    ps_server_stop(crew->server);
    for (int i = 0; i < TAKERS; i++) CHECK_INT(pthread_join(crew->threads[i], NULL), 0);
    return_owners(crew);
}

/* ---- those who ask ---- */

struct asker {
    struct site *site;
    int number;
    size_t wanted, got;
    atomic_bool done;
    bool resets; /* leaves with a reset in the middle of an answer */
};

static int connect_to(const struct site *s) {
    const int fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&s->address, s->address_len) < 0) abort();
    return fd;
}

/* The status line and the fields are short, so what counts is the body: read until as much has come. */
static size_t read_answer(int fd, size_t body) {
    static _Thread_local uint8_t buffer[65536];
    size_t got = 0;
    while (got < body + 60) {
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0) break;
        got += (size_t)n;
        if (body == 0 || got >= body + 60) break;
    }
    return got;
}

static void ask(int fd, int path, int size) {
    char head[100];
    const int n = snprintf(head, sizeof head, "GET /%.*s?%d HTTP/1.1\r\nHost: h\r\n\r\n", path % 2, "p", size);
    if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n) abort();
}

static void *run_asker(void *arg) {
    struct asker *a = arg;
    int fd = connect_to(a->site);
    for (int i = 0; i < ROUNDS; i++) {
        const int size = (i + a->number) % SIZES;
        ask(fd, i / SIZES, size);
        if (a->resets && i % 7 == 6) {
            const struct linger hard = {.l_onoff = 1};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
            close(fd);
            fd = connect_to(a->site);
            continue;
        }
        a->wanted += sizes[size];
        const size_t got = read_answer(fd, sizes[size]);
        a->got += got < sizes[size] ? got : sizes[size];
        if (sizes[size] != 0 && got >= sizes[size]) { /* the rest of chunks and their end: drained by a new connection */
            close(fd);
            fd = connect_to(a->site);
        }
    }
    close(fd);
    atomic_store(&a->done, true);
    ps_server_wake(&a->site->server);
    return NULL;
}

static bool all_done(struct asker *askers) {
    for (int i = 0; i < CLIENTS; i++)
        if (!atomic_load(&askers[i].done)) return false;
    return true;
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void run_askers(enum site_kind kind, bool resets) {
    struct site s;
    struct crew crew;
    pthread_t threads[CLIENTS];
    struct asker askers[CLIENTS];
    const struct ps_server_config config = threaded();
    site_open(&s, &ps_proto_http1, kind, &config);
    crew_start(&crew, &s.server);
    for (int i = 0; i < CLIENTS; i++) {
        askers[i] = (struct asker){.site = &s, .number = i, .resets = resets};
        CHECK_INT(pthread_create(&threads[i], NULL, run_asker, &askers[i]), 0);
    }
    UNTIL(&s, all_done(askers));
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(askers[i].got, askers[i].wanted);
    }
    ps_server_drain(&s.server);
    UNTIL(&s, ps_server_idle(&s.server));
    crew_stop(&crew);
    CHECK_INT(atomic_load(&crew.lent), atomic_load(&crew.returned));
    if (kind == SITE_UNIX) CHECK(atomic_load(&crew.lent) != 0); /* its buffers do not grow: answers have to wait */
    CHECK(atomic_load(&crew.answered) + atomic_load(&crew.gone) <= CLIENTS * ROUNDS);
    if (!resets) CHECK_INT(atomic_load(&crew.answered), CLIENTS * ROUNDS);
    CHECK_INT(s.server.n_taken, 0);
    site_close(&s);
}

static void many_threads_answer_many_clients(void) {
    run_askers(SITE_TCP, false);
    run_askers(SITE_UNIX, false);
}

static void clients_that_leave_in_the_middle(void) { run_askers(SITE_UNIX, true); }

/* Nobody takes: what the queue holds waits, the rest is answered at once. */
static void a_full_queue_is_said(void) {
    struct ps_server_config config = threaded();
    config.queue = 2;
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, &config);
    struct client clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = client_open(&s);
        client_say(&clients[i], "GET /?1 HTTP/1.1\r\nHost: h\r\n\r\n");
        if (i < 2) UNTIL(&s, s.server.n_queued == (uint32_t)i + 1);
    }
    CHECK_GOT(&s, &clients[2],
              "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: "
              "1\r\nContent-Length: 62\r\n\r\n"
              "503 Service Unavailable: more requests waiting than the limit\n");
    CHECK_INT(ps_slot_read(s.server.slot).waiting, 2);
    struct crew crew;
    crew_start(&crew, &s.server);
    for (int i = 0; i < 2; i++) CHECK_GOT(&s, &clients[i], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxxxxxxxxx");
    client_say(&clients[2], "GET /?1 HTTP/1.1\r\nHost: h\r\n\r\n"); /* the connection was kept */
    UNTIL(&s, client_got(&clients[2]) != 0);
    crew_stop(&crew);
    for (int i = 0; i < 3; i++) client_close(&clients[i]);
    site_close(&s);
}

/* Peers that lost patience must not keep others out. */
static void those_who_left_do_not_queue(void) {
    struct ps_server_config config = threaded();
    config.queue = 2;
    struct site s;
    site_open(&s, &ps_proto_http1, SITE_TCP, &config);
    for (int i = 0; i < 5; i++) {
        struct client c = client_open(&s);
        client_say(&c, GET);
        UNTIL(&s, s.server.n_queued == 1);
        client_reset(&c);
        UNTIL(&s, s.server.n_conns == 0);
        CHECK(s.server.n_queued == 0 && s.server.n_exchanges == 0 && ps_slot_read(s.server.slot).waiting == 0);
    }
    site_close(&s);
}

/* A wait that begins with an answer must end a turn that does not know of it. */
static void a_deadline_set_by_another_thread_is_kept(void) {
    struct ps_server_config config = threaded();
    config.wait_ms[PS_WAIT_IDLE] = 20;
    struct site s;
    struct crew crew;
    site_open(&s, &ps_proto_http1, SITE_TCP, &config);
    struct client c = client_open(&s);
    client_say(&c, "GET /?1 HTTP/1.1\r\nHost: h\r\n\r\n");
    UNTIL(&s, s.server.n_queued == 1);
    crew_start(&crew, &s.server);
    while (!client_pull(&c) && site_now() != 0) (void)ps_server_turn(&s.server, 10000);
    CHECK(c.ended);
    crew_stop(&crew);
    client_close(&c);
    site_close(&s);
}

int main(void) {
    bytes = calloc(1, 100000);
    if (bytes == NULL) return 2;
    memset(bytes, 'x', 100000);
    RUN(many_threads_answer_many_clients);
    RUN(clients_that_leave_in_the_middle);
    RUN(a_full_queue_is_said);
    RUN(those_who_left_do_not_queue);
    RUN(a_deadline_set_by_another_thread_is_kept);
    free(bytes);
    return harness_report();
}
