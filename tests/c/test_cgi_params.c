/* cgi_params: what is made of the variables that front servers send (docs/fronts.md). */
#include "harness.h"
#include "protocol/cgi_params.h"

#include <stdlib.h>

/* A request made of "NAME=value\n" lines, in memory of its own as cgi_params.h asks. */
struct made {
    struct ps_protocol_env env;
    struct ps_request *rq;
    int rc;
};

static struct made make(const char *lines, const char *root_path) {
    struct made m = {.env = {.limits = {.fields = 5}, .has_root_path = root_path != NULL}};
    const size_t len = strlen(lines);
    if (root_path != NULL) m.env.root_path = ps_span(root_path, strlen(root_path));
    struct ps_request_pool *pool = malloc(sizeof *pool); /* stays where it is when `m` is returned */
    if (pool == NULL) abort();
    *pool = (struct ps_request_pool){.object_bytes = sizeof(struct ps_request), .fields = 5, .arena_limit = 2 * len + 1};
    m.rq = ps_request_new(pool);
    if (m.rq == NULL || ps_buf_reserve(&m.rq->arena, 2 * len + 1) < 0) abort();
    CHECK_INT(ps_buf_append(&m.rq->arena, lines, len), 0);
    struct ps_span rest = ps_buf_span(&m.rq->arena);
    while (m.rc == 0 && rest.len != 0) {
        const size_t line = (size_t)((const uint8_t *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
        struct ps_span value = ps_take(&rest, line);
        ps_drop(&rest, 1);
        const size_t name = (size_t)((const uint8_t *)memchr(value.ptr, '=', value.len) - value.ptr);
        struct ps_span name_span = ps_take(&value, name);
        ps_drop(&value, 1);
        m.rc = ps_cgi_param(m.rq, &m.env, name_span, value);
    }
    if (m.rc == 0) m.rc = ps_cgi_finish(m.rq, &m.env);
    return m;
}

static void unmake(struct made *m) {
    struct ps_request_pool *pool = m->rq->pool;
    ps_request_unref(m->rq);
    ps_request_pool_free(pool);
    free(pool);
}

static void add_pairs(struct text *t, const struct ps_header *pairs, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        text_add(t, "%.*s=%.*s\n", (int)pairs[i].name.len, (const char *)pairs[i].name.ptr, (int)pairs[i].value.len,
                 (const char *)pairs[i].value.ptr);
}

static void check_pairs(const struct ps_header *pairs, uint32_t n, const char *wanted) {
    struct text t = {0};
    add_pairs(&t, pairs, n);
    CHECK_STR(text_str(&t), wanted);
    text_free(&t);
}

#define GET "REQUEST_METHOD=GET\n"

/* --- the parts of a request ------------------------------------------------------------------------------------------- */

static void each_variable_has_its_place(void) {
    struct made m =
        make("REQUEST_METHOD=HEAD\nREQUEST_URI=/a%20b?c\nSCRIPT_NAME=/a b\nQUERY_STRING=c\nSERVER_PROTOCOL=HTTP/2.0\n"
             "REMOTE_ADDR=192.0.2.7\nREMOTE_PORT=1234\nSERVER_NAME=example.com\nSERVER_PORT=8443\n"
             "REQUEST_SCHEME=https\nGATEWAY_INTERFACE=CGI/1.1\nHTTP_USER_AGENT= x \n",
             NULL);
    CHECK_INT(m.rc, 0);
    CHECK_SPAN(m.rq->method, PS_LIT("HEAD"));
    CHECK(m.rq->is_head);
    CHECK_SPAN(m.rq->target, PS_LIT("/a%20b?c"));
    CHECK_SPAN(m.rq->path_info, PS_LIT("/a b"));
    CHECK_SPAN(m.rq->query, PS_LIT("c"));
    CHECK_SPAN(m.rq->protocol, PS_LIT("HTTP/2.0"));
    CHECK_SPAN(m.rq->remote_addr, PS_LIT("192.0.2.7"));
    CHECK_SPAN(m.rq->remote_port, PS_LIT("1234"));
    CHECK_SPAN(m.rq->server_name, PS_LIT("example.com"));
    CHECK_SPAN(m.rq->server_port, PS_LIT("8443"));
    CHECK_SPAN(m.rq->scheme, PS_LIT("https"));
    check_pairs(m.rq->headers, m.rq->n_headers, "user-agent=x\n");
    check_pairs(m.rq->variables, m.rq->n_variables, "REQUEST_SCHEME=https\nGATEWAY_INTERFACE=CGI/1.1\n");
    unmake(&m);
}

static void what_no_request_can_be_without(void) {
    struct made m = make(GET, NULL);
    CHECK_INT(m.rc, 0);
    CHECK_SPAN(m.rq->server_name, PS_LIT("localhost"));
    CHECK_SPAN(m.rq->server_port, PS_LIT("80"));
    CHECK_SPAN(m.rq->protocol, PS_LIT("HTTP/1.1"));
    CHECK_SPAN(m.rq->scheme, PS_LIT("http"));
    CHECK_INT(m.rq->content_length, -1);
    CHECK(!m.rq->is_head);
    unmake(&m);
    m = make(GET "HTTPS=on\nSERVER_NAME=\nHTTP_HOST=example.com:8443\n", NULL);
    CHECK_SPAN(m.rq->server_name, PS_LIT("example.com"));
    CHECK_SPAN(m.rq->server_port, PS_LIT("443"));
    unmake(&m);
    static const char *const bad[] = {"SCRIPT_NAME=/\n", "REQUEST_METHOD=\n", "REQUEST_METHOD=G T\n", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        m = make(bad[i], NULL);
        CHECK_INT(m.rc, PS_EVARIABLE);
        unmake(&m);
    }
}

static void the_scheme(void) {
    static const struct {
        const char *lines, *scheme;
    } cases[] = {{"", "http"},
                 {"HTTPS=\n", "http"},
                 {"HTTPS=off\n", "http"},
                 {"HTTPS=0\n", "http"},
                 {"HTTPS=on\n", "https"},
                 {"HTTPS=ON\n", "https"},
                 {"HTTPS=1\n", "https"},
                 {"HTTPS=https\n", "https"},
                 {"REQUEST_SCHEME=https\n", "https"},
                 {"REQUEST_SCHEME=HTTPS\n", "https"},
                 {"REQUEST_SCHEME=http\n", "http"},
                 {"REQUEST_SCHEME=gopher\n", "http"},
                 {"REQUEST_SCHEME=http\nHTTPS=on\n", "https"},
                 {"HTTPS=on\nHTTPS=off\n", "http"},
                 {"HTTPS=off\nHTTPS=on\n", "https"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text lines = {0};
        harness_context("%s", cases[i].lines);
        text_add(&lines, GET "%s", cases[i].lines);
        struct made m = make(text_str(&lines), NULL);
        CHECK_SPAN(m.rq->scheme, ps_span(cases[i].scheme, strlen(cases[i].scheme)));
        text_free(&lines);
        unmake(&m);
    }
}

/* --- the path --------------------------------------------------------------------------------------------------------- */

static void the_path_is_split_where_the_mount_is(void) {
    static const struct {
        const char *front, *script_name, *path_info, *root_path, *wanted_script_name, *wanted_path_info;
    } cases[] = {
        {"nginx, Apache, HAProxy: stock", "/foo/b r", NULL, NULL, "", "/foo/b r"},
        {"nginx: split_path_info that matches nothing", "/foo", "", NULL, "", "/foo"},
        {"a split", "/app", "/foo", NULL, "/app", "/foo"},
        {"Caddy", "", "/foo", NULL, "", "/foo"},
        {"nothing", NULL, NULL, NULL, "", ""},
        {"a mount that ends in /", "/app/", "/foo", NULL, "", "/app//foo"},
        {"a rest without /", "/app", "foo", NULL, "", "/appfoo"},
        {"stock, mounted", "/app/foo", NULL, "/app", "/app", "/foo"},
        {"stock, mounted, the mount itself", "/app", NULL, "/app", "/app", ""},
        {"stock, mounted, beside the mount", "/apple", NULL, "/app", "/app", "/apple"},
        {"a split at the mount", "/app", "/foo", "/app", "/app", "/foo"},
        {"a split behind the mount", "/app/a", "/b", "/app", "/app", "/a/b"},
        {"a split before the mount", "", "/app/a", "/app", "/app", "/a"},
        {"stripped by the front", "", "/foo", "/app", "/app", "/foo"},
        {"mounted at the root", "/app", "/foo", "", "", "/app/foo"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text lines = {0};
        harness_context("%s", cases[i].front);
        text_add(&lines, GET);
        if (cases[i].script_name != NULL) text_add(&lines, "SCRIPT_NAME=%s\n", cases[i].script_name);
        if (cases[i].path_info != NULL) text_add(&lines, "PATH_INFO=%s\n", cases[i].path_info);
        struct made m = make(text_str(&lines), cases[i].root_path);
        CHECK_INT(m.rc, 0);
        CHECK_SPAN(m.rq->script_name, ps_span(cases[i].wanted_script_name, strlen(cases[i].wanted_script_name)));
        CHECK_SPAN(m.rq->path_info, ps_span(cases[i].wanted_path_info, strlen(cases[i].wanted_path_info)));
        text_free(&lines);
        unmake(&m);
    }
}

/* nginx: include fastcgi_params; fastcgi_param SCRIPT_NAME ""; fastcgi_param PATH_INFO $document_uri; */
static void the_last_of_a_variable_counts(void) {
    struct made m = make(GET "SCRIPT_NAME=/foo\nX=1\nSCRIPT_NAME=\nPATH_INFO=/foo\nX=2\nREQUEST_METHOD=PUT\n", NULL);
    CHECK_SPAN(m.rq->method, PS_LIT("PUT"));
    CHECK_SPAN(m.rq->script_name, PS_LIT(""));
    CHECK_SPAN(m.rq->path_info, PS_LIT("/foo"));
    check_pairs(m.rq->variables, m.rq->n_variables, "X=1\nX=2\n");
    unmake(&m);
}

/* --- headers ---------------------------------------------------------------------------------------------------------- */

static void headers_are_kept_apart(void) {
    struct made m = make(GET "HTTP_X_A=1\nHTTP_COOKIE=a=b\nHTTP_X_A=2\nHTTP_PROXY=http://evil/\n", NULL);
    check_pairs(m.rq->headers, m.rq->n_headers, "x-a=1\ncookie=a=b\nx-a=2\nproxy=http://evil/\n");
    unmake(&m);
}

static void there_is_one_host(void) {
    struct made m = make(GET "HTTP_HOST=a\nHTTP_X=y\nHTTP_HOST=b:81\n", NULL);
    check_pairs(m.rq->headers, m.rq->n_headers, "host=b:81\nx=y\n");
    unmake(&m);
}

static void length_and_type_come_once(void) {
    static const struct {
        const char *lines, *headers;
        int length;
    } cases[] = {
        {"CONTENT_LENGTH=5\nCONTENT_TYPE=t/p\nHTTP_CONTENT_LENGTH=6\nHTTP_CONTENT_TYPE=x/y\n",
         "content-length=5\ncontent-type=t/p\n", 5},
        {"HTTP_CONTENT_LENGTH=6\nHTTP_CONTENT_TYPE=x/y\n", "", -1},
        {"HTTP_Content_Length=6\nHTTP_CONTENT-TYPE=x/y\n", "", -1},
        {"CONTENT_LENGTH=\nCONTENT_TYPE=\n", "", -1},
        {"CONTENT_LENGTH=-1\n", "", -1},
        {"CONTENT_LENGTH=0\n", "content-length=0\n", 0},
        {"CONTENT_LENGTH=5\nCONTENT_LENGTH=7\n", "content-length=7\n", 7},
        {"CONTENT_LENGTH=\nCONTENT_LENGTH=7\n", "content-length=7\n", 7},
        {"CONTENT_LENGTH=5\nCONTENT_TYPE=t/p\nCONTENT_LENGTH=\nCONTENT_TYPE=\n", "", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text lines = {0};
        harness_context("%s", cases[i].lines);
        text_add(&lines, "REQUEST_METHOD=POST\n%s", cases[i].lines);
        struct made m = make(text_str(&lines), NULL);
        CHECK_INT(m.rc, 0);
        CHECK_INT(m.rq->content_length, cases[i].length);
        CHECK_INT(m.rq->has_body, cases[i].length != 0);
        check_pairs(m.rq->headers, m.rq->n_headers, cases[i].headers);
        text_free(&lines);
        unmake(&m);
    }
}

static void what_cannot_be_a_header_is_refused(void) {
    static const struct {
        const char *lines;
        int rc;
    } cases[] = {{"CONTENT_LENGTH=+5\n", PS_ELENGTH},
                 {"CONTENT_LENGTH=5, 5\n", PS_ELENGTH},
                 {"CONTENT_LENGTH=9223372036854775808\n", PS_ELENGTH},
                 {"CONTENT_TYPE=a\r\n", PS_EFIELD},
                 {"CONTENT_TYPE=a\nCONTENT_TYPE=b\r\n", PS_EFIELD},
                 {"HTTP_=a\n", PS_EFIELD},
                 {"HTTP_A B=a\n", PS_EFIELD},
                 {"HTTP_A=\x7f\n", PS_EFIELD},
                 {"HTTP_A=\xff\n", 0},
                 {"HTTP_A=\nHTTP_B=\nHTTP_C=\nHTTP_D=\nHTTP_E=\n", 0},
                 {"HTTP_A=\nHTTP_B=\nHTTP_C=\nHTTP_D=\nHTTP_E=\nHTTP_F=\n", PS_EFIELDS},
                 {"HTTP_A=\nHTTP_B=\nHTTP_C=\nHTTP_D=\nHTTP_E=\nCONTENT_LENGTH=1\n", PS_EFIELDS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text lines = {0};
        harness_context("%s", cases[i].lines);
        text_add(&lines, GET "%s", cases[i].lines);
        struct made m = make(text_str(&lines), NULL);
        CHECK_INT(m.rc, cases[i].rc);
        text_free(&lines);
        unmake(&m);
    }
}

int main(void) {
    RUN(each_variable_has_its_place);
    RUN(what_no_request_can_be_without);
    RUN(the_scheme);
    RUN(the_path_is_split_where_the_mount_is);
    RUN(the_last_of_a_variable_counts);
    RUN(headers_are_kept_apart);
    RUN(there_is_one_host);
    RUN(length_and_type_come_once);
    RUN(what_cannot_be_a_header_is_refused);
    return harness_report();
}
