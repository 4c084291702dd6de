#include "base/request.h"

#include <stdlib.h>

#include "base/bytes.h"

/* Larger arenas are given back at once: one large head must not stay for the life of the worker. */
enum { ARENA_KEEP = 16 * 1024 };

static struct ps_request *allocate(struct ps_request_pool *pool) {
    size_t n_headers = pool->fields + 1;
    size_t tables = (n_headers + PS_VARIABLES_MAX) * sizeof(struct ps_header);
    struct ps_request *rq = malloc(pool->object_bytes);
    void *memory = malloc(tables + pool->scratch_bytes);
    if (rq == NULL || memory == NULL) {
        free(rq);
        free(memory);
        return NULL;
    }
    rq->headers = memory;
    rq->variables = rq->headers + n_headers;
    rq->scratch = rq->variables + PS_VARIABLES_MAX;
    ps_buf_init(&rq->arena, pool->arena_limit);
    ps_buf_init(&rq->errors, PS_ERRORS_MAX);
    return rq;
}

static void destroy(struct ps_request *rq) {
    ps_buf_free(&rq->arena);
    ps_buf_free(&rq->errors);
    free(rq->headers);
    free(rq);
}

/* Everything empty but the memory it owns. */
static void blank(struct ps_request *rq, struct ps_request_pool *pool) {
    struct ps_buf arena = rq->arena, errors = rq->errors;
    struct ps_header *headers = rq->headers, *variables = rq->variables;
    void *scratch = rq->scratch;
    arena.len = errors.len = 0;
    *rq = (struct ps_request){.headers = headers,
                              .variables = variables,
                              .scratch = scratch,
                              .arena = arena,
                              .errors = errors,
                              .pool = pool,
                              .refs = 1};
}

struct ps_request *ps_request_new(struct ps_request_pool *pool) {
    struct ps_request *rq = pool->free;
    if (rq != NULL) {
        pool->free = rq->next;
        pool->n_free--;
    } else if ((rq = allocate(pool)) == NULL) {
        return NULL;
    }
    blank(rq, pool);
    if (pool->init != NULL) pool->init(rq);
    return rq;
}

void ps_request_unref(struct ps_request *rq) {
    struct ps_request_pool *pool = rq->pool;
    if (--rq->refs != 0) return;
    if (pool->clear != NULL) pool->clear(rq);
    if (pool->n_free >= pool->keep) {
        destroy(rq);
        return;
    }
    if (rq->arena.cap > ARENA_KEEP) ps_buf_free(&rq->arena);
    if (rq->errors.cap != 0) ps_buf_free(&rq->errors);
    rq->next = pool->free;
    pool->free = rq;
    pool->n_free++;
}

void ps_request_pool_free(struct ps_request_pool *pool) {
    while (pool->free != NULL) {
        struct ps_request *rq = pool->free;
        pool->free = rq->next;
        destroy(rq);
    }
    pool->n_free = 0;
}

void ps_request_set_path(struct ps_request *rq, struct ps_span mount, struct ps_span path) {
    rq->script_name = mount;
    rq->path_info = path;
    if (mount.len == 0 || !ps_span_starts(path, mount)) return;
    if (path.len == mount.len || path.ptr[mount.len] == '/') ps_drop(&rq->path_info, mount.len);
}
