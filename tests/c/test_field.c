/* base/field: the grammar of header fields, and that its vectors and its portable loops agree. */
#include "harness.h"

#include "base/field.h"
#include "base/scan.h"

#include <stdlib.h>

static void tchar_is_the_grammar(void) {
    for (unsigned c = 0; c < 256; c++) {
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        CHECK_INT(ps_tchar[c], alnum || (c != 0 && strchr("!#$%&'*+-.^_`|~", (int)c) != NULL));
    }
}

static void classes_are_the_grammar(void) {
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t byte = (uint8_t)c;
        const struct ps_span one = ps_span(&byte, 1);
        CHECK_INT(ps_field_run_portable(one), c == '\t' || (c >= 0x20 && c != 0x7F));
        CHECK_INT(ps_visible_run_portable(one), c >= 0x21 && c <= 0x7E);
        CHECK_INT(ps_token_run(one), ps_tchar[c]);
    }
}

/* --- vectors against the portable loops ------------------------------------------------------------------------------ */

/* Mostly bytes of the class, so that runs are long; what ends them anywhere. */
static void fill(uint8_t *bytes, size_t n, struct random_source *random) {
    static const uint8_t odd[] = {0x00, 0x08, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x21, 0x7E, 0x7F, 0x80, 0xFF};
    for (size_t i = 0; i < n; i++) {
        const size_t kind = random_below(random, 24);
        bytes[i] = kind == 0   ? odd[random_below(random, sizeof odd)]
                   : kind == 1 ? (uint8_t)random_next(random)
                               : (uint8_t)('0' + random_below(random, 70));
    }
}

static void compare_runs(struct ps_span s) {
    CHECK_INT(ps_field_run(s), ps_field_run_portable(s));
    CHECK_INT(ps_visible_run(s), ps_visible_run_portable(s));
}

/* Every length to 80 at every distance to 16 from a page without access, before and behind. */
static void vectors_agree_at_every_length_and_alignment(void) {
    enum { LONGEST = 80, ROUNDS = 12 };
    struct random_source random = random_seed(1);
    struct guard guard = guard_open(LONGEST + 16);
    uint8_t bytes[LONGEST + 16];
    for (size_t len = 0; len <= LONGEST; len++)
        for (size_t shift = 0; shift <= 16; shift++)
            for (int round = 0; round < ROUNDS; round++) {
                fill(bytes, sizeof bytes, &random);
                if (round == 0) memset(bytes, 'a', sizeof bytes);
                const struct ps_span at_end = guard_set_end(&guard, bytes, len + shift);
                compare_runs(ps_span(at_end.ptr, len));
                compare_runs(ps_span(at_end.ptr + shift, len));
                const struct ps_span at_start = guard_set_start(&guard, bytes, len + shift);
                compare_runs(ps_span(at_start.ptr + shift, len));
            }
    guard_close(&guard);
}

/* One byte that ends the run, each value at each place. */
static void vectors_agree_on_every_byte(void) {
    enum { LEN = 37 };
    uint8_t bytes[LEN];
    for (unsigned c = 0; c < 256; c++)
        for (size_t at = 0; at < LEN; at++) {
            memset(bytes, 'a', LEN);
            bytes[at] = (uint8_t)c;
            compare_runs(ps_span(bytes, LEN));
        }
}

/* Parsers scan from the middle of their input: the last bytes are then read together with those before. */
static void scans_agree_from_any_offset(void) {
    enum { LEN = 70 };
    struct random_source random = random_seed(2);
    uint8_t bytes[LEN];
    for (int round = 0; round < 20; round++) {
        fill(bytes, LEN, &random);
        for (size_t end = 0; end <= LEN; end++) {
            const struct ps_span s = guarded(bytes, end);
            for (size_t at = 0; at <= end; at++) {
                const struct ps_span rest = ps_span(s.ptr + at, end - at);
                CHECK_INT(ps_scan_field(s.ptr, at, end), at + ps_field_run_portable(rest));
                CHECK_INT(ps_scan_visible(s.ptr, at, end), at + ps_visible_run_portable(rest));
            }
        }
        guarded_free_all();
    }
}

/* --- the rest -------------------------------------------------------------------------------------------------------- */

static void tokens_and_values(void) {
    CHECK(ps_is_token(PS_LIT("X-Custom_1")));
    CHECK(!ps_is_token(PS_LIT("")));
    CHECK(!ps_is_token(PS_LIT("a b")));
    CHECK(!ps_is_token(PS_LIT("a:")));
    CHECK(!ps_is_token(PS_LIT("\xC3\xA9")));
    CHECK(ps_is_field_value(PS_LIT("")));
    CHECK(ps_is_field_value(PS_LIT("text/html; charset=\"\xE9\"\t!")));
    CHECK(!ps_is_field_value(PS_LIT("a\r\nb: c")));
    CHECK(!ps_is_field_value(PS_LIT("a\n")));
    CHECK(!ps_is_field_value(PS_LIT("\0")));
    CHECK(!ps_is_field_value(PS_LIT("0123456789abcdef\x7F")));
    CHECK_INT(ps_token_run(PS_LIT("Host: a")), 4);
}

static void trimming(void) {
    CHECK_SPAN(ps_trim(PS_LIT("")), PS_LIT(""));
    CHECK_SPAN(ps_trim(PS_LIT(" \t ")), PS_LIT(""));
    CHECK_SPAN(ps_trim(PS_LIT("\t a \t b ")), PS_LIT("a \t b"));
    CHECK_SPAN(ps_trim(PS_LIT("\x0B.\xA0")), PS_LIT("\x0B.\xA0")); /* no other white space is OWS */
    const struct ps_span none = {0};
    CHECK_INT(ps_trim(none).len, 0);
    CHECK_INT(ps_field_run(none), 0);
}

/* The elements, each in brackets. */
static const char *elements(const char *list, struct text *out) {
    struct ps_span rest = guarded(list, strlen(list)), element;
    text_clear(out);
    while (ps_list_next(&rest, &element)) text_add(out, "[%.*s]", (int)element.len, (const char *)element.ptr);
    CHECK_INT(rest.len, 0);
    return text_str(out);
}

static void lists(void) {
    struct text out = {0};
    CHECK_STR(elements("", &out), "");
    CHECK_STR(elements(" ,, \t,", &out), "");
    CHECK_STR(elements("close", &out), "[close]");
    CHECK_STR(elements("keep-alive, Upgrade", &out), "[keep-alive][Upgrade]");
    CHECK_STR(elements(",a ,\tb c,,d\t", &out), "[a][b c][d]");
    text_free(&out);
}

static void lowering(void) {
    char name[] = "X-CusTOM_1~\x80\xC3";
    uint8_t out[sizeof name];
    ps_lower_into(out, ps_span(name, sizeof name));
    CHECK_SPAN(ps_span(out, sizeof out), PS_LIT("x-custom_1~\x80\xC3\0"));
    ps_lower_into((uint8_t *)name, ps_span(name, sizeof name));
    CHECK_SPAN(ps_span(name, sizeof name), ps_span(out, sizeof out));
}

int main(void) {
    RUN(tchar_is_the_grammar);
    RUN(classes_are_the_grammar);
    RUN(vectors_agree_at_every_length_and_alignment);
    RUN(vectors_agree_on_every_byte);
    RUN(scans_agree_from_any_offset);
    RUN(tokens_and_values);
    RUN(trimming);
    RUN(lists);
    RUN(lowering);
    return harness_report();
}
