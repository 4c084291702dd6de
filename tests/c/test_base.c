/* base: the error list, owned buffers, single bytes and numbers. */
#include "harness.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdlib.h>

/* --- err ------------------------------------------------------------------------------------------------------------- */

#define CODE(name, code, status, text) (code),
static const int codes[] = {PS_ERRORS(CODE)};
#undef CODE
enum { N_CODES = sizeof codes / sizeof codes[0] };

static void every_error_has_a_code_of_its_own(void) {
    for (size_t i = 0; i < N_CODES; i++) {
        CHECK(codes[i] < 0);
        for (size_t j = 0; j < i; j++) CHECK(codes[i] != codes[j]);
    }
}

static void every_error_has_a_name_a_text_and_a_status(void) {
    for (size_t i = 0; i < N_CODES; i++) {
        CHECK(strncmp(ps_err_name(codes[i]), "PS_E", 4) == 0);
        CHECK(ps_err_text(codes[i])[0] != '\0');
        int status = ps_err_status(codes[i]);
        CHECK(status == 0 || (status >= 400 && status <= 599));
    }
    CHECK_STR(ps_err_name(PS_EFIELD), "PS_EFIELD");
    CHECK_INT(ps_err_status(PS_EFIELD), 400);
    CHECK_INT(ps_err_status(PS_ETARGETLONG), 414);
    CHECK_INT(ps_err_status(PS_EGONE), 0);
}

static void what_is_no_error_is_told_apart(void) {
    CHECK_STR(ps_err_name(0), "PS_OK");
    CHECK_STR(ps_err_name(7), "PS_OK");
    CHECK_STR(ps_err_name(-9999), "PS_E?");
    CHECK(ps_err_text(-9999)[0] != '\0');
    CHECK_INT(ps_err_status(-9999), 500);
}

/* --- buf ------------------------------------------------------------------------------------------------------------- */

static void an_unused_buffer_holds_no_memory(void) {
    struct ps_buf b;
    ps_buf_init(&b, 100);
    CHECK(b.data == NULL);
    CHECK_INT(ps_buf_append(&b, NULL, 0), 0);
    CHECK_INT(ps_buf_reserve(&b, 0), 0);
    ps_buf_consume(&b, 0);
    CHECK(b.data == NULL);
    ps_buf_free(&b);
}

static void what_was_appended_is_there(void) {
    struct ps_buf b;
    ps_buf_init(&b, 1 << 20);
    struct text wanted = {0};
    for (int i = 0; i < 3000; i++) {
        char word[16];
        int n = snprintf(word, sizeof word, "%d,", i);
        CHECK_INT(ps_buf_append(&b, word, (size_t)n), 0);
        text_add(&wanted, "%s", word);
    }
    CHECK_SPAN(ps_buf_span(&b), ps_span(text_str(&wanted), wanted.len));
    text_free(&wanted);
    ps_buf_free(&b);
    CHECK(b.data == NULL && b.len == 0 && b.cap == 0);
    CHECK_INT(b.limit, 1 << 20);
}

static void the_limit_is_kept_to_the_byte(void) {
    struct ps_buf b;
    ps_buf_init(&b, 10);
    CHECK_INT(ps_buf_append(&b, "0123456789", 10), 0);
    CHECK_INT(ps_buf_append(&b, "x", 1), PS_ELIMIT);
    CHECK_INT(ps_buf_reserve(&b, SIZE_MAX), PS_ELIMIT);
    CHECK_SPAN(ps_buf_span(&b), PS_LIT("0123456789"));
    CHECK(b.cap <= 10);
    ps_buf_consume(&b, 1);
    CHECK_INT(ps_buf_append(&b, "x", 1), 0);
    CHECK_SPAN(ps_buf_span(&b), PS_LIT("123456789x"));
    ps_buf_free(&b);
    ps_buf_init(&b, 0);
    CHECK_INT(ps_buf_append(&b, "x", 1), PS_ELIMIT);
    ps_buf_free(&b);
}

static void consuming_keeps_the_rest(void) {
    struct ps_buf b;
    ps_buf_init(&b, 100);
    CHECK_INT(ps_buf_add(&b, PS_LIT("GET / HTTP/1.1")), 0);
    ps_buf_consume(&b, 4);
    CHECK_SPAN(ps_buf_span(&b), PS_LIT("/ HTTP/1.1"));
    ps_buf_consume(&b, 10);
    CHECK_INT(b.len, 0);
    ps_buf_free(&b);
}

static void reserved_room_is_there_and_growth_doubles(void) {
    struct ps_buf b;
    ps_buf_init(&b, 1 << 20);
    size_t growths = 0;
    for (size_t i = 0; i < 100000; i++) {
        const size_t before = b.cap;
        CHECK_INT(ps_buf_reserve(&b, 1), 0);
        growths += b.cap != before;
        b.data[b.len++] = (uint8_t)i;
    }
    CHECK(growths < 12);
    ps_buf_free(&b);
}

/* --- bytes ----------------------------------------------------------------------------------------------------------- */

static void big_endian_goes_both_ways(void) {
    uint8_t out[4];
    ps_put_be16(out, 0xABCD);
    CHECK(out[0] == 0xAB && out[1] == 0xCD);
    CHECK_INT(ps_be16(out), 0xABCD);
    ps_put_be32(out, 0xFEDCBA98);
    CHECK(out[0] == 0xFE && out[3] == 0x98);
    CHECK_INT(ps_be32(out), 0xFEDCBA98);
}

static void ascii_case_and_digits(void) {
    for (unsigned c = 0; c < 256; c++) {
        const bool upper = c >= 'A' && c <= 'Z';
        CHECK_INT(ps_is_upper((uint8_t)c), upper);
        CHECK_INT(ps_lower((uint8_t)c), upper ? c + 32 : c);
        CHECK_INT(ps_is_digit((uint8_t)c), c >= '0' && c <= '9');
        const char *hex = "0123456789abcdefABCDEF";
        const char *at = c != 0 ? strchr(hex, (int)c) : NULL;
        CHECK_INT(ps_hex((uint8_t)c), at == NULL ? -1 : at - hex < 16 ? at - hex : at - hex - 6);
    }
    CHECK(ps_span_eq_lower(PS_LIT("Keep-ALIVE"), PS_LIT("keep-alive")));
    CHECK(!ps_span_eq_lower(PS_LIT("keep-alive"), PS_LIT("keep-alivf")));
    CHECK(!ps_span_eq_lower(PS_LIT("keep"), PS_LIT("keep-alive")));
    CHECK(!ps_span_eq_lower(PS_LIT("K@"), PS_LIT("k`"))); /* "@" is no upper case of "`" */
}

static void decimals_are_parsed_up_to_int64(void) {
    int64_t v = -1;
    CHECK(ps_parse_decimal(PS_LIT("0"), &v) && v == 0);
    CHECK(ps_parse_decimal(PS_LIT("0000000000000000000000042"), &v) && v == 42);
    CHECK(ps_parse_decimal(PS_LIT("9223372036854775807"), &v) && v == INT64_MAX);
    static const char *const bad[] = {"", "9223372036854775808", "99999999999999999999", "+1", "-1", " 1", "1 ", "1a", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!ps_parse_decimal(ps_span(bad[i], strlen(bad[i])), &v));
}

static void decimals_are_formatted(void) {
    uint8_t digits[20];
    CHECK_SPAN(ps_format_decimal(0, digits), PS_LIT("0"));
    CHECK_SPAN(ps_format_decimal(1048576, digits), PS_LIT("1048576"));
    CHECK_SPAN(ps_format_decimal(UINT64_MAX, digits), PS_LIT("18446744073709551615"));
}

static void spans_split_and_compare(void) {
    struct ps_span s = PS_LIT("abcdef");
    CHECK_SPAN(ps_take(&s, 2), PS_LIT("ab"));
    CHECK_SPAN(s, PS_LIT("cdef"));
    ps_drop(&s, 4);
    CHECK_INT(s.len, 0);
    struct ps_span none = {0};
    ps_drop(&none, 0);
    CHECK(none.ptr == NULL);
    CHECK(ps_span_eq(none, PS_LIT("")));
    CHECK(ps_span_starts(PS_LIT("abc"), PS_LIT("ab")) && ps_span_starts(PS_LIT("abc"), none));
    CHECK(!ps_span_starts(PS_LIT("a"), PS_LIT("ab")));
}

int main(void) {
    RUN(every_error_has_a_code_of_its_own);
    RUN(every_error_has_a_name_a_text_and_a_status);
    RUN(what_is_no_error_is_told_apart);
    RUN(an_unused_buffer_holds_no_memory);
    RUN(what_was_appended_is_there);
    RUN(the_limit_is_kept_to_the_byte);
    RUN(consuming_keeps_the_rest);
    RUN(reserved_room_is_there_and_growth_doubles);
    RUN(big_endian_goes_both_ways);
    RUN(ascii_case_and_digits);
    RUN(decimals_are_parsed_up_to_int64);
    RUN(decimals_are_formatted);
    RUN(spans_split_and_compare);
    return harness_report();
}
