#include "protocol/cgi_params.h"

#include <stddef.h>

#include "base/bytes.h"

/* Variables that have a place of their own in the request. */
static const struct known {
    struct ps_span name;
    size_t field;  /* offset of the span in ps_request */
    bool variable; /* passed on among the variables too */
} known[] = {
#define KNOWN(name, field, variable) {{(const uint8_t *)(name), sizeof(name) - 1}, offsetof(struct ps_request, field), variable}
    KNOWN("REQUEST_METHOD", method, false),   KNOWN("REQUEST_URI", target, false),
    KNOWN("SCRIPT_NAME", script_name, false), KNOWN("PATH_INFO", path_info, false),
    KNOWN("QUERY_STRING", query, false),      KNOWN("SERVER_PROTOCOL", protocol, false),
    KNOWN("REQUEST_SCHEME", scheme, true),    KNOWN("REMOTE_ADDR", remote_addr, false),
    KNOWN("REMOTE_PORT", remote_port, false), KNOWN("SERVER_NAME", server_name, false),
    KNOWN("SERVER_PORT", server_port, false),
#undef KNOWN
};

/* Asked of every variable of every request: the length and the first byte tell most of them apart. */
static const struct known *find(struct ps_span name) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct ps_span k = known[i].name;
        if (k.len == name.len && k.ptr[0] == name.ptr[0] && ps_span_eq(k, name)) return &known[i];
    }
    return NULL;
}

static int add_header(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value) {
    if (!ps_is_token(name) || !ps_is_field_value(value)) return PS_EFIELD;
    if (rq->n_headers >= env->limits.fields) return PS_EFIELDS;
    rq->headers[rq->n_headers++] = (struct ps_header){name, ps_trim(value)};
    return 0;
}

static int add_variable(struct ps_request *rq, struct ps_span name, struct ps_span value) {
    if (rq->n_variables >= PS_VARIABLES_MAX) return PS_EFIELDS;
    rq->variables[rq->n_variables++] = (struct ps_header){name, value};
    return 0;
}

/* USER_AGENT -> user-agent, in place: the bytes are the request's own. */
static struct ps_span field_name(struct ps_span name) {
    uint8_t *p = (uint8_t *)name.ptr;
    ps_lower_into(p, name);
    for (size_t i = 0; i < name.len; i++)
        if (p[i] == '_') p[i] = '-';
    return name;
}

static struct ps_header *find_header(const struct ps_request *rq, struct ps_span name) {
    for (uint32_t i = rq->n_headers; i > 0; i--)
        if (ps_span_eq(rq->headers[i - 1].name, name)) return &rq->headers[i - 1];
    return NULL;
}

/* For fields of which there is one: a repeated variable replaces it. */
static int set_header(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value) {
    struct ps_header *same = find_header(rq, name);
    if (same == NULL) return add_header(rq, env, name, value);
    if (!ps_is_field_value(value)) return PS_EFIELD;
    same->value = ps_trim(value);
    return 0;
}

static void drop_header(struct ps_request *rq, struct ps_span name) {
    struct ps_header *h = find_header(rq, name), *end = rq->headers + rq->n_headers;
    if (h == NULL) return;
    memmove(h, h + 1, (size_t)(end - h - 1) * sizeof *h);
    rq->n_headers--;
}

/* Empty or "-1": not known, whatever was said before. */
static int take_content(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value) {
    name = field_name(name);
    if (value.len != 0 && !ps_span_eq(value, PS_LIT("-1"))) return set_header(rq, env, name, value);
    drop_header(rq, name);
    return 0;
}

/* HTTP_HOST comes twice where a configuration adds its own to the stock one (nginx); a client cannot send two. */
static int take_http(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value) {
    ps_drop(&name, 5);
    name = field_name(name);
    if (ps_span_eq(name, PS_LIT("content-length")) || ps_span_eq(name, PS_LIT("content-type"))) return 0;
    return ps_span_eq(name, PS_LIT("host")) ? set_header(rq, env, name, value) : add_header(rq, env, name, value);
}

int ps_cgi_param(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value) {
    if (ps_span_starts(name, PS_LIT("HTTP_"))) return take_http(rq, env, name, value);
    if (ps_span_eq(name, PS_LIT("CONTENT_LENGTH")) || ps_span_eq(name, PS_LIT("CONTENT_TYPE")))
        return take_content(rq, env, name, value);
    const struct known *k = find(name);
    if (k != NULL) *(struct ps_span *)((char *)rq + k->field) = value;
    return k != NULL && !k->variable ? 0 : add_variable(rq, name, value);
}

static struct ps_span header_value(const struct ps_request *rq, struct ps_span name) {
    const struct ps_header *h = find_header(rq, name);
    return h != NULL ? h->value : ps_span(NULL, 0);
}

static bool is_on(struct ps_span value) {
    return ps_span_eq_lower(value, PS_LIT("on")) || ps_span_eq(value, PS_LIT("1")) || ps_span_eq_lower(value, PS_LIT("https"));
}

static struct ps_span scheme_of(const struct ps_request *rq) {
    if (ps_span_eq_lower(rq->scheme, PS_LIT("https"))) return PS_LIT("https");
    for (uint32_t i = rq->n_variables; i > 0; i--)
        if (ps_span_eq(rq->variables[i - 1].name, PS_LIT("HTTPS")))
            return is_on(rq->variables[i - 1].value) ? PS_LIT("https") : PS_LIT("http");
    return PS_LIT("http");
}

/* SCRIPT_NAME + PATH_INFO in one piece. */
static struct ps_span join_path(struct ps_request *rq) {
    struct ps_buf *arena = &rq->arena;
    if (rq->path_info.len == 0) return rq->script_name;
    if (rq->script_name.len == 0) return rq->path_info;
    size_t at = arena->len;
    if (ps_buf_add(arena, rq->script_name) < 0 || ps_buf_add(arena, rq->path_info) < 0) return rq->path_info;
    return ps_span(arena->data + at, arena->len - at);
}

static void split_path(struct ps_request *rq, const struct ps_protocol_env *env) {
    struct ps_span s = rq->script_name, p = rq->path_info;
    bool front_split = s.len != 0 && s.ptr[s.len - 1] != '/' && p.len != 0 && p.ptr[0] == '/';
    if (env->has_root_path)
        ps_request_set_path(rq, env->root_path, join_path(rq));
    else if (!front_split)
        ps_request_set_path(rq, ps_span(NULL, 0), join_path(rq));
}

/* PEP 3333: SERVER_NAME and SERVER_PORT are never empty; nginx sends an empty name for the default server. */
static void fill_server(struct ps_request *rq) {
    if (rq->server_name.len == 0) rq->server_name = ps_authority_host(header_value(rq, PS_LIT("host")));
    if (rq->server_name.len == 0) rq->server_name = PS_LIT("localhost");
    if (rq->server_port.len == 0) rq->server_port = rq->scheme.len == 5 ? PS_LIT("443") : PS_LIT("80");
    if (rq->protocol.len == 0) rq->protocol = PS_LIT("HTTP/1.1");
}

int ps_cgi_finish(struct ps_request *rq, const struct ps_protocol_env *env) {
    struct ps_span length = header_value(rq, PS_LIT("content-length"));
    if (!ps_is_token(rq->method)) return PS_EVARIABLE;
    rq->content_length = -1;
    if (length.len != 0 && !ps_parse_decimal(length, &rq->content_length)) return PS_ELENGTH;
    rq->scheme = scheme_of(rq);
    rq->is_head = ps_span_eq(rq->method, PS_LIT("HEAD"));
    rq->has_body = rq->content_length != 0;
    split_path(rq, env);
    fill_server(rq);
    return 0;
}
