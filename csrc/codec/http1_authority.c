/* host[:port], as Host and absolute-form targets carry it. */
#include "codec/http1.h"

#include "base/bytes.h"

/* 1: unreserved and sub-delims of RFC 3986, which with pct-encoded make a reg-name. */
/* clang-format off */
static const uint8_t reg_name_byte[256] = {
    ['!'] = 1, ['$'] = 1, ['&'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1, ['+'] = 1, [','] = 1, [';'] = 1,
    ['='] = 1, ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1,
    ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
    ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};
/* clang-format on */

static size_t reg_name_run(struct ps_span s) {
    size_t n = 0;
    while (n < s.len) {
        if (reg_name_byte[s.ptr[n]])
            n++;
        else if (ps_is_escape(ps_span(s.ptr + n, s.len - n)))
            n += 3;
        else
            break;
    }
    return n;
}

/* Takes a decimal octet without leading zeros off the front. */
static bool take_octet(struct ps_span *s) {
    unsigned value = 0;
    size_t n = 0;
    for (; n < s->len && n < 3 && ps_is_digit(s->ptr[n]); n++) value = value * 10 + (unsigned)(s->ptr[n] - '0');
    if (n == 0 || value > 255 || (n > 1 && s->ptr[0] == '0')) return false;
    ps_drop(s, n);
    return true;
}

static bool is_ipv4(struct ps_span s) {
    for (int octet = 0; octet < 4; octet++) {
        if (octet != 0) {
            if (s.len == 0 || s.ptr[0] != '.') return false;
            ps_drop(&s, 1);
        }
        if (!take_octet(&s)) return false;
    }
    return s.len == 0;
}

/* Takes 1 to 4 hexadecimal digits off the front. */
static bool take_group(struct ps_span *s) {
    size_t n = 0;
    while (n < s->len && n < 4 && ps_hex(s->ptr[n]) >= 0) n++;
    ps_drop(s, n);
    return n != 0;
}

/* Eight groups with ":" between them; the last two may be an IPv4 address; one run of groups may be left out as "::". */
static bool is_ipv6(struct ps_span s) {
    const bool leads = ps_span_starts(s, PS_LIT("::"));
    bool gap = leads;
    unsigned groups = 0;
    if (leads) ps_drop(&s, 2);
    while (s.len != 0 || !gap) {
        if (is_ipv4(s)) {
            groups += 2;
            break;
        }
        if (!take_group(&s)) return false;
        groups++;
        if (s.len == 0) break;
        if (ps_span_starts(s, PS_LIT("::")) && !gap) {
            gap = true;
            ps_drop(&s, 2);
        } else if (s.ptr[0] == ':' && s.len > 1) {
            ps_drop(&s, 1);
        } else {
            return false;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_ip_future(struct ps_span s) {
    if (s.len == 0 || ps_lower(s.ptr[0]) != 'v') return false;
    ps_drop(&s, 1);
    size_t digits = 0;
    while (digits < s.len && ps_hex(s.ptr[digits]) >= 0) digits++;
    if (digits == 0 || s.len - digits < 2 || s.ptr[digits] != '.') return false;
    ps_drop(&s, digits + 1);
    for (size_t i = 0; i < s.len; i++)
        if (!reg_name_byte[s.ptr[i]] && s.ptr[i] != ':') return false;
    return true;
}

/* The length of the [literal] at the front, 0 where it is none. */
static size_t ip_literal_run(struct ps_span s) {
    const uint8_t *close = memchr(s.ptr, ']', s.len);
    if (close == NULL) return 0;
    const struct ps_span inner = ps_span(s.ptr + 1, (size_t)(close - s.ptr) - 1);
    return is_ipv6(inner) || is_ip_future(inner) ? inner.len + 2 : 0;
}

/* Nothing, or ":" *DIGIT (RFC 3986, section 3.2.3) up to 65535. */
static bool is_port(struct ps_span s) {
    if (s.len == 0) return true;
    if (s.ptr[0] != ':') return false;
    uint32_t port = 0;
    for (size_t i = 1; i < s.len; i++) {
        if (!ps_is_digit(s.ptr[i])) return false;
        port = port * 10 + (uint32_t)(s.ptr[i] - '0');
        if (port > UINT16_MAX) return false;
    }
    return true;
}

bool ps_http1_is_authority(struct ps_span s) {
    if (s.len == 0) return false;
    const size_t host = s.ptr[0] == '[' ? ip_literal_run(s) : reg_name_run(s);
    return host != 0 && is_port(ps_span(s.ptr + host, s.len - host));
}
