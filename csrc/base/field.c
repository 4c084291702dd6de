#include "base/field.h"

#include "base/bytes.h"
#include "base/scan.h"

/* clang-format off */
const uint8_t ps_tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,
    ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1,
    ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
    ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};
/* clang-format on */

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

size_t ps_token_run(struct ps_span s) {
    size_t n = 0;
    while (n < s.len && ps_tchar[s.ptr[n]]) n++;
    return n;
}

size_t ps_field_run(struct ps_span s) { return ps_scan_field(s.ptr, 0, s.len); }

size_t ps_field_run_portable(struct ps_span s) { return ps_scan_portable(s.ptr, 0, s.len, ps_is_field_byte); }

size_t ps_visible_run(struct ps_span s) { return ps_scan_visible(s.ptr, 0, s.len); }

size_t ps_visible_run_portable(struct ps_span s) { return ps_scan_portable(s.ptr, 0, s.len, ps_is_visible); }

bool ps_is_token(struct ps_span s) { return s.len != 0 && ps_token_run(s) == s.len; }

bool ps_is_field_value(struct ps_span s) { return ps_field_run(s) == s.len; }

struct ps_span ps_trim(struct ps_span s) {
    while (s.len != 0 && is_blank(s.ptr[0])) ps_drop(&s, 1);
    while (s.len != 0 && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

bool ps_list_next(struct ps_span *list, struct ps_span *element) {
    while (list->len != 0) {
        const uint8_t *comma = memchr(list->ptr, ',', list->len);
        struct ps_span part = ps_take(list, comma != NULL ? (size_t)(comma - list->ptr) : list->len);
        if (comma != NULL) ps_drop(list, 1);
        part = ps_trim(part);
        if (part.len == 0) continue;
        *element = part;
        return true;
    }
    return false;
}

void ps_lower_into(uint8_t *out, struct ps_span name) {
    for (size_t i = 0; i < name.len; i++) out[i] = ps_lower(name.ptr[i]);
}
