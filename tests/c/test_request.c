/* base/request: the pool, and where a path is split. */
#include "harness.h"

#include "base/request.h"

enum { FIELDS = 7 };

struct thing { /* what surrounds a request */
    struct ps_request request;
    int initialised, cleared;
};

static int n_inits, n_clears;

static void on_init(struct ps_request *rq) {
    CHECK_INT(rq->refs, 1);
    ((struct thing *)rq)->initialised = ++n_inits;
}

static void on_clear(struct ps_request *rq) {
    CHECK_INT(rq->refs, 0);
    n_clears++;
}

static struct ps_request_pool pool_of(size_t keep) {
    n_inits = n_clears = 0;
    return (struct ps_request_pool){.object_bytes = sizeof(struct thing),
                                    .fields = FIELDS,
                                    .scratch_bytes = FIELDS * PS_REQUEST_SCRATCH_PER_FIELD,
                                    .arena_limit = 100000,
                                    .keep = keep,
                                    .init = on_init,
                                    .clear = on_clear};
}

static void a_new_request_is_empty_and_roomy(void) {
    struct ps_request_pool pool = pool_of(1);
    struct ps_request *rq = ps_request_new(&pool);
    memset(rq->headers, 0xFF, FIELDS * sizeof *rq->headers);
    memset(rq->variables, 0xFF, PS_VARIABLES_MAX * sizeof *rq->variables);
    memset(rq->scratch, 0xFF, FIELDS * PS_REQUEST_SCRATCH_PER_FIELD);
    CHECK(rq->n_headers == 0 && rq->n_variables == 0 && rq->arena.len == 0 && rq->errors.len == 0 && !rq->announced);
    CHECK_INT(rq->arena.limit, 100000);
    CHECK_INT(rq->errors.limit, PS_ERRORS_MAX);
    CHECK_INT(((struct thing *)rq)->initialised, 1);
    ps_request_unref(rq);
    CHECK_INT(n_clears, 1);
    ps_request_pool_free(&pool);
}

static void the_last_reference_gives_it_back(void) {
    struct ps_request_pool pool = pool_of(1);
    struct ps_request *rq = ps_request_new(&pool);
    CHECK(ps_request_ref(rq) == rq);
    ps_request_unref(rq);
    CHECK_INT(n_clears, 0);
    CHECK_INT(pool.n_free, 0);
    CHECK_INT(ps_buf_append(&rq->arena, "x", 1), 0);
    rq->announced = rq->is_head = true;
    rq->content_length = 5;
    rq->answer.status = 200;
    ps_request_unref(rq);
    CHECK_INT(pool.n_free, 1);
    struct ps_request *again = ps_request_new(&pool);
    CHECK(again == rq);
    CHECK(again->arena.len == 0 && again->arena.cap != 0 && !again->announced && !again->is_head && again->answer.status == 0);
    ps_request_unref(again);
    ps_request_pool_free(&pool);
    CHECK(pool.free == NULL && pool.n_free == 0);
}

static void as_many_are_kept_as_was_asked_for(void) {
    struct ps_request_pool pool = pool_of(2);
    struct ps_request *all[4];
    for (int i = 0; i < 4; i++) all[i] = ps_request_new(&pool);
    for (int i = 0; i < 4; i++) ps_request_unref(all[i]);
    CHECK_INT(pool.n_free, 2);
    CHECK_INT(n_clears, 4);
    ps_request_pool_free(&pool);
    pool = pool_of(0);
    ps_request_unref(ps_request_new(&pool));
    CHECK_INT(pool.n_free, 0);
    ps_request_pool_free(&pool);
}

static void large_memory_is_not_kept(void) {
    static const uint8_t bytes[50000];
    struct ps_request_pool pool = pool_of(1);
    struct ps_request *rq = ps_request_new(&pool);
    CHECK_INT(ps_buf_append(&rq->arena, bytes, sizeof bytes), 0);
    CHECK_INT(ps_buf_append(&rq->errors, bytes, 10), 0);
    ps_request_unref(rq);
    CHECK(pool.free->arena.data == NULL && pool.free->errors.data == NULL);
    ps_request_pool_free(&pool);
}

static void nobody_need_look_at_it(void) {
    struct ps_request_pool pool = pool_of(1);
    pool.init = pool.clear = NULL;
    ps_request_unref(ps_request_new(&pool));
    ps_request_pool_free(&pool);
}

static void paths_are_split_at_the_mount(void) {
    static const struct {
        const char *mount, *path, *script_name, *path_info;
    } cases[] = {{"", "/a", "", "/a"},     {"", "", "", ""},         {"/m", "/m/a", "/m", "/a"},
                 {"/m", "/m", "/m", ""},   {"/m", "/m/", "/m", "/"}, {"/m", "/ma", "/m", "/ma"},
                 {"/m", "/a", "/m", "/a"}, {"/m", "", "/m", ""},     {"/m/n", "/m", "/m/n", "/m"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_request rq = {0};
        harness_context("%s at %s", cases[i].path, cases[i].mount);
        ps_request_set_path(&rq, ps_span(cases[i].mount, strlen(cases[i].mount)),
                            ps_span(cases[i].path, strlen(cases[i].path)));
        CHECK_SPAN(rq.script_name, ps_span(cases[i].script_name, strlen(cases[i].script_name)));
        CHECK_SPAN(rq.path_info, ps_span(cases[i].path_info, strlen(cases[i].path_info)));
    }
}

int main(void) {
    RUN(a_new_request_is_empty_and_roomy);
    RUN(the_last_reference_gives_it_back);
    RUN(as_many_are_kept_as_was_asked_for);
    RUN(large_memory_is_not_kept);
    RUN(nobody_need_look_at_it);
    RUN(paths_are_split_at_the_mount);
    return harness_report();
}
