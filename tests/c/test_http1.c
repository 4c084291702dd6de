/* codec/http1: the corpus in every delivery, and what no corpus can say. */
#include "harness.h"

#include "base/bytes.h"
#include "codec/http1.h"

#include <stdlib.h>

static const struct ps_http1_limits usual = {8192, 65536, 65536, 100};

/* --- the corpus ------------------------------------------------------------------------------------------------------ */

/* What the decoder said of a case: the lines its "expect" lines are compared with. */
struct outcome {
    struct ps_http1_limits limits;
    struct ps_http1_field *table; /* exactly as large as the limit says: a sanitizer sees the entry behind it */
    struct text first, text;      /* of the first delivery; of this one */
};

static bool is_inside(struct ps_span part, struct ps_span whole) {
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

static void check_spans(const struct ps_http1_head *h) {
    CHECK(is_inside(h->method, h->bytes) && is_inside(h->target, h->bytes));
    CHECK(is_inside(h->path, h->bytes) && is_inside(h->query, h->bytes));
    CHECK(is_inside(h->authority, h->bytes) && is_inside(h->protocol, h->bytes));
    CHECK(h->method.ptr == h->bytes.ptr);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const struct ps_http1_field *f = &h->fields[i];
        CHECK(f->name_len > 0 && f->name + f->name_len < f->value && f->value + f->value_len <= h->bytes.len - 4);
    }
}

static void add_span(struct text *t, const char *key, struct ps_span s) {
    text_add(t, " %s=", key);
    text_add_escaped(t, s);
}

static void add_flag(struct text *t, const char *key, bool flag) { text_add(t, " %s=%s", key, flag ? "yes" : "no"); }

static void add_head(struct text *t, const struct ps_http1_head *h) {
    static const char *const forms[] = {"origin", "absolute", "asterisk"}, *const bodies[] = {"none", "length", "chunked"};
    text_add(t, "head");
    add_span(t, "method", h->method);
    add_span(t, "target", h->target);
    add_span(t, "path", h->path);
    add_span(t, "query", h->query);
    add_span(t, "authority", h->authority);
    text_add(t, " version=1.%d form=%s body=%s length=%lld", h->minor, forms[h->form], bodies[h->body],
             (long long)h->content_length);
    add_flag(t, "keep_alive", h->keep_alive);
    add_flag(t, "continue", h->expect_continue);
    add_flag(t, "upgrade", h->upgrade);
    text_add(t, " fields=%u\n", h->n_fields);
    for (uint32_t i = 0; i < h->n_fields; i++) {
        const struct ps_http1_field *f = &h->fields[i];
        text_add(t, "field ");
        text_add_escaped(t, ps_span(h->bytes.ptr + f->name, f->name_len));
        text_add(t, f->value_len != 0 ? " " : "");
        text_add_escaped(t, ps_span(h->bytes.ptr + f->value, f->value_len));
        text_add(t, "\n");
    }
}

/* Decodes all heads that are there. What is left of `in` is the start of one more, or nothing. */
static int decode(struct ps_http1 *p, struct ps_span *in, struct text *t) {
    struct ps_http1_head head;
    int rc = 0;
    for (;;) {
        const struct ps_span before = *in;
        if (in->len == 0) return 0;
        rc = ps_http1_next(p, in, &head);
        if (rc <= 0) break;
        CHECK(is_inside(head.bytes, before) && in->ptr == head.bytes.ptr + head.bytes.len);
        check_spans(&head);
        add_head(t, &head);
        ps_http1_reset(p);
    }
    if (rc == 0) { /* it goes on where the input ended, a lone CR excepted: so the cost is linear in the input */
        CHECK(p->start + p->scanned + 1 >= in->len);
        return 0;
    }
    CHECK_INT(ps_http1_next(p, in, &head), rc); /* sticky */
    text_add(t, "error %s\n", ps_err_name(rc));
    return rc;
}

static void run_case(struct delivery *d, void *ctx) {
    struct outcome *o = ctx;
    struct ps_http1 p;
    struct ps_span bytes = {0};
    size_t consumed = 0;
    int rc = 0;
    ps_http1_init(&p, &o->limits, o->table);
    text_clear(&o->text);
    while (rc == 0 && delivery_next_joined(d, consumed, &bytes)) {
        rc = decode(&p, &bytes, &o->text);
        consumed = d->at - bytes.len;
    }
    if (d->tail != 0)
        CHECK_INT(bytes.len, d->tail);
    else if (rc == 0 && bytes.len != 0)
        text_add(&o->text, "incomplete\n");
    if (o->first.len == 0)
        text_add(&o->first, "%s", text_str(&o->text));
    else
        CHECK_STR(text_str(&o->text), text_str(&o->first));
}

/* Whether a "head" line has the word " KEY=VALUE". */
static bool has_word(const char *line, const char *word, size_t len) {
    for (const char *at = line; (at = strchr(at, ' ')) != NULL; at++)
        if (strncmp(at + 1, word, len) == 0 && (at[1 + len] == ' ' || at[1 + len] == '\n')) return true;
    return false;
}

static size_t word_length(const char *s) { return strcspn(s, " "); }

/* Whether the line of the outcome is what was expected. Of an error and of a head only the words given count. */
static bool matches(const char *line, const char *expected) {
    if (strncmp(expected, "field ", 6) == 0 || strcmp(expected, "incomplete") == 0)
        return strncmp(line, expected, strlen(expected)) == 0 && line[strlen(expected)] == '\n';
    const size_t kind = word_length(expected);
    if (strncmp(line, expected, kind) != 0) return false;
    for (const char *word = expected + kind; *word != '\0'; word += word_length(word)) {
        word++;
        if (strncmp(word, "at=", 3) != 0 && !has_word(line, word, word_length(word))) return false;
    }
    return true;
}

static const char *next_line(const char *line) {
    const char *end = strchr(line, '\n');
    return end != NULL ? end + 1 : line;
}

static void check_expectations(const struct corpus_case *c, const char *line) {
    const char *expected;
    bool listed = true; /* the fields of the head before */
    for (size_t i = 0; (expected = corpus_value(c, "expect", i)) != NULL; i++) {
        const bool is_field = strncmp(expected, "field ", 6) == 0;
        while (!is_field && !listed && strncmp(line, "field ", 6) == 0) line = next_line(line);
        listed = is_field;
        harness_context("%s (line %d), expected: %s, got: %.*s", c->name, c->line, expected, (int)strcspn(line, "\n"), line);
        if (!CHECK(matches(line, expected))) return;
        line = next_line(line);
    }
    while (!listed && strncmp(line, "field ", 6) == 0) line = next_line(line);
    CHECK_STR(line, "");
}

/* "at=N": the error shows with byte N, not before. */
static void check_earliest(const struct corpus_case *c, struct outcome *o) {
    const char *expected = corpus_value(c, "expect", 0), *at = strstr(expected, " at=");
    if (at == NULL) return;
    const size_t n = strtoul(at + 4, NULL, 10);
    for (size_t len = n - 1; CHECK(n > 0 && n <= c->wire.len) && len <= n; len++) {
        struct ps_http1 p;
        struct ps_span in = guarded(c->wire.ptr, len);
        ps_http1_init(&p, &o->limits, o->table);
        harness_context("%s (line %d), the first %zu bytes", c->name, c->line, len);
        CHECK_INT(decode(&p, &in, &o->text) < 0, len == n);
    }
}

static struct ps_http1_limits limits_of(const struct corpus_case *c) {
    struct ps_http1_limits limits = usual;
    const struct {
        const char *key;
        uint32_t *value;
    } known[] = {{"line=", &limits.line_bytes},
                 {"field=", &limits.field_bytes},
                 {"head=", &limits.head_bytes},
                 {"fields=", &limits.fields}};
    const char *given = corpus_value(c, "limits", 0);
    for (const char *word = given != NULL ? given : ""; *word != '\0'; word += word_length(word), word += *word == ' ') {
        size_t i = 0;
        while (i < 4 && strncmp(word, known[i].key, strlen(known[i].key)) != 0) i++;
        if (CHECK(i < 4)) *known[i].value = (uint32_t)strtoul(word + strlen(known[i].key), NULL, 10);
    }
    return limits;
}

/* A tail is put only behind what is complete: elsewhere it would be part of the case. */
static bool ends_complete(const struct corpus_case *c) {
    const char *expected, *last = "";
    for (size_t i = 0; (expected = corpus_value(c, "expect", i)) != NULL; i++) last = expected;
    return strncmp(last, "head", 4) == 0 || strncmp(last, "field", 5) == 0;
}

static void test_case(const struct corpus_case *c) {
    struct outcome o = {.limits = limits_of(c)};
    o.table = malloc(o.limits.fields * sizeof *o.table + 1);
    if (o.table == NULL) abort();
    harness_context("%s (line %d)", c->name, c->line);
    if (CHECK(corpus_value(c, "rfc", 0) != NULL) && CHECK(corpus_value(c, "expect", 0) != NULL)) {
        deliver(c->name, c->wire, ends_complete(c) ? PS_LIT("G") : PS_LIT(""), run_case, &o);
        check_expectations(c, text_str(&o.first));
        check_earliest(c, &o);
    }
    text_free(&o.first);
    text_free(&o.text);
    free(o.table);
}

static void the_corpus_in_every_delivery(void) {
    struct corpus corpus = corpus_load("http1");
    CHECK(corpus.n_cases > 250);
    for (size_t i = 0; i < corpus.n_cases; i++) {
        test_case(&corpus.cases[i]);
        guarded_free_all();
    }
    corpus_free(&corpus);
}

/* --- what no corpus can say ------------------------------------------------------------------------------------------ */

static void a_reset_decoder_forgets(void) {
    struct ps_http1 p;
    struct ps_http1_field table[4];
    struct ps_http1_head head;
    ps_http1_init(&p, &(struct ps_http1_limits){100, 100, 200, 4}, table);
    struct ps_span bad = PS_LIT("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), good = PS_LIT("GET / HTTP/1.0\r\n\r\n");
    CHECK_INT(ps_http1_next(&p, &bad, &head), PS_EFIELD);
    CHECK_INT(ps_http1_next(&p, &good, &head), PS_EFIELD);
    ps_http1_reset(&p);
    CHECK_INT(ps_http1_next(&p, &good, &head), 1);
    CHECK_INT(head.n_fields, 0);
    ps_http1_reset(&p);
    struct ps_span chunked = PS_LIT("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK_INT(ps_http1_next(&p, &chunked, &head), 1);
    ps_http1_reset(&p);
    struct ps_span plain = PS_LIT("GET / HTTP/1.1\r\nHost: b\r\n\r\n");
    CHECK_INT(ps_http1_next(&p, &plain, &head), 1);
    CHECK(head.keep_alive && head.body == PS_BODY_NONE && head.content_length == 0);
    CHECK_SPAN(head.authority, PS_LIT("b"));
}

static void no_input_is_no_error(void) {
    struct ps_http1 p;
    struct ps_http1_head head;
    struct ps_span none = {0};
    ps_http1_init(&p, &usual, NULL);
    CHECK_INT(ps_http1_next(&p, &none, &head), 0);
    CHECK_INT(ps_http1_next(&p, &none, &head), 0);
}

/* A head of 64 KiB byte by byte: each call goes on where the last ended, so this ends soon. */
static void a_large_head_byte_by_byte(void) {
    struct text wire = {0};
    text_add(&wire, "GET /%0*d HTTP/1.1\r\nHost: a\r\n", 8000, 7);
    for (int i = 0; i < 50; i++) text_add(&wire, "X-%d: %0*d\r\n", i, 1100, i);
    text_add(&wire, "\r\n");
    struct ps_http1 p;
    struct ps_http1_field table[100];
    struct ps_http1_head head;
    ps_http1_init(&p, &usual, table);
    for (size_t len = 1; len < wire.len; len++) {
        struct ps_span in = ps_span(wire.chars, len);
        if (!CHECK_INT(ps_http1_next(&p, &in, &head), 0) || !CHECK(p.scanned + 1 >= len)) break;
    }
    struct ps_span in = ps_span(wire.chars, wire.len);
    CHECK_INT(ps_http1_next(&p, &in, &head), 1);
    CHECK_INT(head.n_fields, 51);
    CHECK_INT(head.target.len, 8001);
    text_free(&wire);
}

/* Heads with one byte replaced by a random one: whole and in random pieces they must give the same. */
static void no_split_changes_the_outcome(void) {
    static const char seed[] = "\r\nPOST http://a:80/x%20y?q HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close, upgrade\r\n"
                               "Upgrade: h\r\nExpect: 100-continue\r\nContent-Length: 12\r\nX-Y:  z \t\r\n\r\n";
    struct random_source random = random_seed(3);
    struct ps_http1_field table[12];
    struct text whole = {0}, split = {0};
    struct guard guard = guard_open(sizeof seed);
    for (int round = 0; round < 20000; round++) {
        const struct ps_http1_limits limits = {.line_bytes = (uint32_t)random_below(&random, 70),
                                               .field_bytes = (uint32_t)random_below(&random, 40),
                                               .head_bytes = (uint32_t)(round % 2 ? 500 : random_below(&random, 230)),
                                               .fields = (uint32_t)random_below(&random, 10)};
        char bytes[sizeof seed];
        memcpy(bytes, seed, sizeof seed);
        static const char usual_suspects[] = "\r\n\t :,%#?\0[]";
        const size_t at = random_below(&random, sizeof seed - 1);
        bytes[at] = random_below(&random, 2) ? (char)random_next(&random) : usual_suspects[random_below(&random, 12)];
        struct ps_http1 p;
        struct ps_span in = guard_set_end(&guard, bytes, sizeof seed - 1);
        text_clear(&whole);
        text_clear(&split);
        ps_http1_init(&p, &limits, table);
        int rc = decode(&p, &in, &whole);
        ps_http1_init(&p, &limits, table);
        int rc_split = 0;
        size_t consumed = 0;
        for (size_t len = 0; rc_split == 0 && len < sizeof seed - 1;) {
            len += 1 + random_below(&random, 40);
            if (len > sizeof seed - 1) len = sizeof seed - 1;
            in = guard_set_end(&guard, bytes + consumed, len - consumed);
            rc_split = decode(&p, &in, &split);
            consumed = len - in.len;
        }
        harness_context("round %d, byte %zu", round, at);
        CHECK_INT(rc_split, rc);
        CHECK_STR(text_str(&split), text_str(&whole));
    }
    guard_close(&guard);
    text_free(&whole);
    text_free(&split);
}

/* The names that matter are compared as words with 0x20 set: no other name may pass for one. */
static void only_the_names_themselves_are_known(void) {
    static const char *const names[] = {"Host", "Expect", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (size_t at = 0; at < strlen(names[n]); at++)
            for (unsigned c = 0; c < 256; c++) {
                if (!ps_tchar[c] || ps_lower((uint8_t)c) == ps_lower((uint8_t)names[n][at])) continue;
                char name[20], wire[100];
                snprintf(name, sizeof name, "%s", names[n]);
                name[at] = (char)c;
                snprintf(wire, sizeof wire, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n%s: upgrade;\r\n\r\n", name);
                struct ps_http1 p;
                struct ps_http1_field table[4];
                struct ps_http1_head head;
                struct ps_span in = ps_span(wire, strlen(wire));
                ps_http1_init(&p, &usual, table);
                CHECK_INT(ps_http1_next(&p, &in, &head), 1);
                CHECK(!head.upgrade && head.body == PS_BODY_NONE && head.keep_alive);
            }
}

static void limits_beyond_the_offsets_are_cut(void) {
    struct ps_http1 p;
    struct ps_http1_head head;
    struct ps_http1_field table[1];
    ps_http1_init(&p, &(struct ps_http1_limits){UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}, table);
    CHECK_INT(p.limits.head_bytes, 1 << 30);
    struct ps_span in = PS_LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(ps_http1_next(&p, &in, &head), 1);
}

/* --- authority ------------------------------------------------------------------------------------------------------- */

static void check_authority(const char *s, bool wanted) {
    harness_context("%s", s);
    const struct ps_span end = guarded(s, strlen(s)), start = guarded_start(s, strlen(s));
    CHECK_INT(ps_http1_is_authority(end), wanted);
    CHECK_INT(ps_http1_is_authority(start), wanted);
}

static void authorities(void) {
    /* clang-format off */
    static const char *const good[] = {
        "a", "example.com", "EXAMPLE.com:80", "127.0.0.1", "127.0.0.1:8080", "a:", "a:0", "a:65535", "a:00080", "-", "_x",
        "a..b", "%41", "a%2fb", "!$&'()*+,;=", "~", "999.999.999.999", "[::]", "[::1]", "[1::]", "[1:2:3:4:5:6:7:8]",
        "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[1::3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]",
        "[1::1.2.3.4]", "[fe80::ABCD:1]:443", "[::1]:", "[v1.a]", "[VF.:]", "[v1.a:b~!]:1",
    };
    static const char *const bad[] = {
        "", ":", ":80", "a:b", "a:65536", "a:99999999999999999999", "a:8 0", "a:+1", "a b", "a/", "a?", "a#", "a@b", "@",
        "a\\b", "a\"", "<a>", "a^", "a`", "a{", "a|", "\x7F", "\xC3\xA9", "%", "%4", "%4g", "%g4", "a%", "[", "]", "[]", "[::1",
        "::1", "[::1]a", "[::1]:x", "[::1]:65536", "[:]", "[:::]", "[1:]", "[:1]", "[1:2]", "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[::1:2:3:4:5:6:7:8]", "[1::2::3]", "[12345::]", "[g::]", "[1.2.3.4]",
        "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4:1]", "[1:2:3:4:5:6:7:1.2.3.4]",
        "[::1%25eth0]", "[::1%eth0]", "[v.a]", "[v1.]", "[v1a]", "[vg.a]", "[v1.a/]", "[v]", "[ ::1]", "[::1 ]",
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) check_authority(good[i], true);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_authority(bad[i], false);
    CHECK(!ps_http1_is_authority((struct ps_span){0}));
    CHECK(!ps_http1_is_authority(PS_LIT("a\0")));
}

int main(void) {
    RUN(the_corpus_in_every_delivery);
    RUN(a_reset_decoder_forgets);
    RUN(no_input_is_no_error);
    RUN(a_large_head_byte_by_byte);
    RUN(no_split_changes_the_outcome);
    RUN(only_the_names_themselves_are_known);
    RUN(limits_beyond_the_offsets_are_cut);
    RUN(authorities);
    return harness_report();
}
