#include "codec/http1.h"

#include "base/bytes.h"
#include "base/scan.h"

#include <assert.h>

/* The grammar's elements in order. A state is entered where the one before left off, and again where the input ended in it. */
enum state { EMPTY_LINE, METHOD, TARGET, VERSION, NAME, SPACE, VALUE, DONE };

enum { HEAD_MAX = 1 << 30 }; /* offsets have 32 bits */

/* What the functions below answer beside a ps_err. */
enum { MORE = 0, READ = 1, LAST = 2 };

/* One call's view of the input. Offsets count from the first byte of the head. Only inlined functions take its address, the
 * unlikely ones take a copy: so the field lines are read from registers. */
struct reader {
    const uint8_t *base;
    size_t len;      /* bytes there, cut off where the head must have ended */
    size_t at;       /* where reading goes on */
    size_t line;     /* start of the line being read */
    size_t head_end; /* no byte of a line may stand here or further on */
    struct ps_http1_field *field, *fields_end; /* the one to fill next; the end of the table */
};

#define UNLIKELY static __attribute__((noinline, cold))

/* --- why reading stops ------------------------------------------------------------------------------------------------ */

/* The limit that the bytes of the line up to r.at passed, 0 for none. Always the one passed first, so that no split of the
 * input changes the answer. */
UNLIKELY int limit_passed(const struct ps_http1 *p, struct reader r, enum state state) {
    const bool request_line = state < NAME;
    const size_t line_end = r.line + (request_line ? p->limits.line_bytes : p->limits.field_bytes);
    if (r.at <= ps_min(line_end, r.head_end)) return 0;
    if (line_end > r.head_end) return PS_EHEADLONG;
    return request_line ? PS_ETARGETLONG : PS_EFIELDLONG;
}

/* The input ended: what the next call goes on from. */
UNLIKELY int suspended(struct ps_http1 *p, struct reader r, enum state state) {
    p->state = (uint8_t)state;
    p->line = (uint32_t)r.line;
    p->scanned = (uint32_t)r.at;
    p->n_fields = (uint32_t)(r.field - p->table);
    return MORE;
}

/* A run of bytes stopped at r.at, and not before the byte that has to follow it: why? */
UNLIKELY int stopped(struct ps_http1 *p, struct reader r, enum state state, int error) {
    const int limit = limit_passed(p, r, state);
    if (limit < 0) return limit;
    return r.at < r.len ? error : suspended(p, r, state);
}

/* The same where CR LF has to follow. */
UNLIKELY int stopped_at_line_end(struct ps_http1 *p, struct reader r, enum state state, int error) {
    const bool lone_cr = r.len - r.at == 1 && r.base[r.at] == '\r';
    return lone_cr && limit_passed(p, r, state) == 0 ? suspended(p, r, state) : stopped(p, r, state, error);
}

PS_INLINE bool at_crlf(const struct reader *r) { return r->len - r->at >= 2 && memcmp(r->base + r->at, "\r\n", 2) == 0; }

/* CR LF stands at r->at: on to the next line. Where that begins behind the head's limit, no_name says so. */
PS_INLINE int end_line(const struct ps_http1 *p, struct reader *r, enum state state) {
    if (r->at - r->line > (state < NAME ? p->limits.line_bytes : p->limits.field_bytes)) return limit_passed(p, *r, state);
    r->line = r->at += 2;
    return READ;
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

#if PS_SCAN_VECTORS
/* Stops at digits and the rarer tchar as well. Setting 0x20 maps only "A".."Z" onto "a".."z", and leaves "-". */
static inline ps_vec stops_common_name(ps_vec v) {
    const ps_vec no_letters = ps_vec_ge(ps_vec_sub(ps_vec_or(v, ps_vec_all(0x20)), 'a'), 26);
    return ps_vec_without(no_letters, ps_vec_eq(v, '-'));
}
#endif

static inline bool is_tchar(uint8_t c) { return ps_tchar[c] != 0; }

/* Where the token ends, which `usual` should follow. */
PS_INLINE size_t scan_token(const uint8_t *base, size_t at, size_t end, uint8_t usual) {
    at = ps_scan(base, at, end, PS_SCAN_STOPS(stops_common_name), is_tchar);
    return at < end && base[at] == usual ? at : ps_scan_portable(base, at, end, is_tchar);
}

PS_INLINE uint32_t load4(const void *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

PS_INLINE uint64_t load8(const void *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Whether n bytes of a name or value are `lower` (letters and "-"), in any case, for n from 4 to 24. Setting 0x20 maps no other
 * byte that may stand there onto those. The words overlap where n is no multiple of theirs. */
PS_INLINE bool is_word(const uint8_t *bytes, const char *lower, size_t n) {
    const uint32_t spaces4 = 0x20202020;
    const uint64_t spaces8 = 0x2020202020202020;
    if (n < 8)
        return (((load4(bytes) | spaces4) ^ load4(lower)) | ((load4(bytes + n - 4) | spaces4) ^ load4(lower + n - 4))) == 0;
    uint64_t differ = ((load8(bytes) | spaces8) ^ load8(lower)) | ((load8(bytes + n - 8) | spaces8) ^ load8(lower + n - 8));
    if (n > 16) differ |= (load8(bytes + 8) | spaces8) ^ load8(lower + 8);
    return differ == 0;
}

#define IS_WORD(bytes, lower) is_word((bytes), (lower), sizeof(lower) - 1)

/* --- request line ----------------------------------------------------------------------------------------------------- */

static inline struct ps_span at_offset(const uint8_t *base, uint32_t offset, uint32_t len) {
    return ps_span(base + offset, len);
}

/* RFC 9112, section 2.2: a server SHOULD ignore at least one empty line before the request line. */
static int skip_empty_line(struct ps_http1 *p, struct ps_span in) {
    if (in.len == 0) return MORE;
    if (in.ptr[0] == '\r') {
        if (in.len == 1) return MORE;
        if (in.ptr[1] != '\n') return PS_EREQUESTLINE;
        p->start = 2;
    }
    p->state = METHOD;
    return READ;
}

UNLIKELY int no_method(struct ps_http1 *p, struct reader r) {
    if (r.at <= PS_HTTP1_METHOD_MAX) return stopped(p, r, METHOD, PS_EREQUESTLINE);
    const int limit = limit_passed(p, r, METHOD);
    return limit < 0 ? limit : PS_EMETHOD;
}

PS_INLINE int read_method(struct ps_http1 *p, struct reader *r) {
    r->at = scan_token(r->base, r->at, ps_min(r->len, PS_HTTP1_METHOD_MAX + 1), ' ');
    if (r->at == r->len || r->at == 0 || r->base[r->at] != ' ' || r->at > PS_HTTP1_METHOD_MAX) return no_method(p, *r);
    p->seen.method_len = (uint32_t)r->at++;
    p->seen.target = (uint32_t)r->at;
    return READ;
}

#if PS_SCAN_VECTORS
static inline ps_vec stops_path(ps_vec v) {
    return ps_vec_or(ps_vec_or(ps_vec_eq(v, '%'), ps_vec_eq(v, '?')), ps_vec_or(ps_vec_eq(v, '#'), ps_vec_eq(v, ' ')));
}
#endif

static inline bool is_plain_in_path(uint8_t c) { return c != '%' && c != '?' && c != '#' && c != ' '; }

/* The target's path begins `from` bytes into the input; a space stands behind the target, at `to`. A fragment never travels
 * (RFC 9110, section 7.1), and a "%" that is no escape is one the next reader may decode otherwise. */
static int split_path(struct ps_http1_parsed *seen, struct ps_span in, size_t from, size_t to) {
    const uint8_t *base = in.ptr;
    size_t at = from;
    while (base[at = ps_scan(base, at, in.len, PS_SCAN_STOPS(stops_path), is_plain_in_path)] == '%') {
        if (!ps_is_escape(ps_span(base + at, to - at))) return PS_ETARGET;
        at += 3;
    }
    seen->path = (uint32_t)from;
    seen->path_len = (uint32_t)(at - from);
    if (at == to) return READ;
    seen->query = (uint32_t)at + 1;
    seen->query_len = (uint32_t)(to - at) - 1;
    return memchr(base + at, '#', to - at) == NULL ? READ : PS_ETARGET;
}

/* The length of "http://" or "https://" at the front, in any case; 0 for any other scheme, and for none. */
static size_t scheme_run(struct ps_span s) {
    const struct ps_span schemes[] = {PS_LIT("http://"), PS_LIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (s.len >= schemes[i].len && ps_span_eq_lower(ps_span(s.ptr, schemes[i].len), schemes[i])) return schemes[i].len;
    return 0;
}

static inline bool ends_authority(uint8_t c) { return c == '/' || c == '?' || c == '#'; }

static int read_absolute_form(struct ps_http1_parsed *seen, struct ps_span in) {
    const struct ps_span target = at_offset(in.ptr, seen->target, seen->target_len);
    const size_t scheme = scheme_run(target);
    if (scheme == 0) return PS_ETARGET;
    size_t path = scheme;
    while (path < target.len && !ends_authority(target.ptr[path])) path++;
    const struct ps_span authority = ps_span(target.ptr + scheme, path - scheme);
    if (!ps_http1_is_authority(authority)) return PS_ETARGET;
    seen->form = PS_FORM_ABSOLUTE;
    seen->authority = seen->target + (uint32_t)scheme;
    seen->authority_len = (uint32_t)authority.len;
    const int rc = split_path(seen, in, seen->target + path, seen->target + target.len);
    if (seen->path_len == 0) { /* an empty path is "/" (RFC 9110, section 4.2.3): the last one of "://" serves */
        seen->path = seen->authority - 1;
        seen->path_len = 1;
    }
    return rc;
}

static int read_form(struct ps_http1_parsed *seen, struct ps_span in) {
    const struct ps_span method = at_offset(in.ptr, 0, seen->method_len);
    if (ps_span_eq(method, PS_LIT("CONNECT"))) return PS_ETARGET; /* its target is an authority; we are no proxy */
    const uint8_t first = in.ptr[seen->target];
    if (first == '/') return split_path(seen, in, seen->target, (size_t)seen->target + seen->target_len);
    if (first != '*') return read_absolute_form(seen, in);
    seen->form = PS_FORM_ASTERISK;
    return seen->target_len == 1 && ps_span_eq(method, PS_LIT("OPTIONS")) ? READ : PS_ETARGET;
}

/* No space behind a target: white space of another kind breaks the line, any other byte the target. */
UNLIKELY int no_target(struct ps_http1 *p, struct reader r) {
    const uint8_t next = r.at < r.len ? r.base[r.at] : ' ';
    const bool line = next == ' ' || next == '\t' || next == '\r' || next == '\n' || r.at == p->seen.target;
    return stopped(p, r, TARGET, line ? PS_EREQUESTLINE : PS_ETARGET);
}

PS_INLINE int read_target(struct ps_http1 *p, struct reader *r) {
    r->at = ps_scan_visible(r->base, r->at, r->len);
    const bool fits = r->at <= ps_min(p->limits.line_bytes, r->head_end);
    if (!fits || r->at == p->seen.target || r->at == r->len || r->base[r->at] != ' ') return no_target(p, *r);
    p->seen.target_len = (uint32_t)(r->at++ - p->seen.target);
    return read_form(&p->seen, ps_span(r->base, r->len));
}

enum { VERSION_LEN = 8 };

/* How far the bytes from `version` on have the shape of a version; up to `at` they have. */
static size_t version_run(const uint8_t *base, size_t version, size_t at, size_t end) {
    static const char shape[VERSION_LEN + 1] = "HTTP/0.0"; /* "0" stands for any digit */
    for (; at < end && at - version < VERSION_LEN; at++) {
        const uint8_t wanted = (uint8_t)shape[at - version];
        if (wanted == '0' ? !ps_is_digit(base[at]) : base[at] != wanted) break;
    }
    return at;
}

/* HTTP/1.2 and HTTP/2.0 may differ in what we rely on (RFC 9110, section 2.5): only what is known is served. */
PS_INLINE int read_version(struct ps_http1 *p, struct reader *r) {
    const size_t version = (size_t)p->seen.target + p->seen.target_len + 1;
    const bool usual = r->len - version >= VERSION_LEN && memcmp(r->base + version, "HTTP/1.1", VERSION_LEN) == 0;
    r->at = usual ? version + VERSION_LEN : version_run(r->base, version, r->at, r->len);
    if (r->at - version < VERSION_LEN) return stopped(p, *r, VERSION, PS_EREQUESTLINE);
    if (!at_crlf(r)) return stopped_at_line_end(p, *r, VERSION, PS_EREQUESTLINE);
    const int rc = end_line(p, r, VERSION);
    if (rc < 0) return rc;
    p->seen.minor = (uint8_t)(r->base[version + 7] - '0');
    return r->base[version + 5] == '1' && p->seen.minor <= 1 ? READ : PS_EVERSION;
}

PS_INLINE int read_request_line(struct ps_http1 *p, struct reader *r) {
    int rc = READ;
    switch (p->state) {
    case METHOD:
        if ((rc = read_method(p, r)) <= 0) return rc;
        /* fall through */
    case TARGET:
        if ((rc = read_target(p, r)) <= 0) return rc;
        /* fall through */
    case VERSION: return read_version(p, r);
    default: return READ; /* it was read by an earlier call */
    }
}

/* --- what fields say -------------------------------------------------------------------------------------------------- */

static int note_host(struct ps_http1_parsed *seen, struct ps_span value, const struct ps_http1_field *f) {
    if (seen->host || !ps_http1_is_authority(value)) return PS_EHOST;
    seen->host = true;
    if (seen->form == PS_FORM_ABSOLUTE) return READ; /* the target overrides Host (RFC 9112, section 3.2.2) */
    seen->authority = f->value;
    seen->authority_len = f->value_len;
    return READ;
}

/* Two equal lengths could be read as one (RFC 9110, section 8.6), but a sender of two is not to be trusted with either. */
static int note_content_length(struct ps_http1_parsed *seen, struct ps_span value) {
    if (seen->length || seen->chunked || !ps_parse_decimal(value, &seen->content_length)) return PS_ELENGTH;
    seen->length = true;
    return READ;
}

/* What is wrong with codings that are not just "chunked": an unknown one before it is PS_ECODING; chunked twice, with
 * parameters or not last, a list with holes, or no token are PS_ETRANSFER. */
static int coding_error(struct ps_span value) {
    bool chunked = false;
    for (bool last = false; !last;) {
        const uint8_t *comma = value.len != 0 ? memchr(value.ptr, ',', value.len) : NULL;
        last = comma == NULL;
        struct ps_span element = ps_take(&value, last ? value.len : (size_t)(comma - value.ptr));
        if (!last) ps_drop(&value, 1);
        const uint8_t *parameters = element.len != 0 ? memchr(element.ptr, ';', element.len) : NULL;
        if (parameters != NULL) element.len = (size_t)(parameters - element.ptr);
        element = ps_trim(element);
        if (chunked || !ps_is_token(element)) return PS_ETRANSFER;
        chunked = ps_span_eq_lower(element, PS_LIT("chunked"));
        if (chunked && parameters != NULL) return PS_ETRANSFER;
    }
    return PS_ECODING;
}

static int note_transfer_encoding(struct ps_http1_parsed *seen, struct ps_span value) {
    if (seen->minor == 0 || seen->chunked || seen->length) return PS_ETRANSFER;
    if (!ps_span_eq_lower(value, PS_LIT("chunked"))) return coding_error(value);
    seen->chunked = true;
    return READ;
}

/* True for one of the options that concern us. */
static bool note_option(struct ps_http1_parsed *seen, struct ps_span option) {
    bool *flag = NULL;
    switch (option.len) {
    case 5: flag = IS_WORD(option.ptr, "close") ? &seen->close : NULL; break;
    case 7: flag = IS_WORD(option.ptr, "upgrade") ? &seen->upgrade_listed : NULL; break;
    case 10: flag = IS_WORD(option.ptr, "keep-alive") ? &seen->keep_alive : NULL; break;
    default: break;
    }
    if (flag == NULL) return false;
    *flag = true;
    return true;
}

static int note_connection(struct ps_http1_parsed *seen, struct ps_span value) {
    struct ps_span option;
    if (note_option(seen, value)) return READ; /* nearly always there is one */
    while (ps_list_next(&value, &option))
        if (!note_option(seen, option) && !ps_is_token(option)) return PS_EFIELD;
    return READ;
}

static int note_expect(struct ps_http1_parsed *seen, struct ps_span value) {
    struct ps_span expectation;
    if (seen->minor == 0) return READ; /* ignored: RFC 9110, section 10.1.1 */
    while (ps_list_next(&value, &expectation)) {
        if (!ps_span_eq_lower(expectation, PS_LIT("100-continue"))) return PS_EEXPECT;
        seen->expect_continue = true;
    }
    return READ;
}

/* The lengths of the names that matter, as bits: most fields need no more than this one test. */
static const uint32_t known_lengths = 1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 14 | 1u << 17;

PS_INLINE int note_field(struct ps_http1_parsed *seen, const uint8_t *base, const struct ps_http1_field *f) {
    const uint8_t *name = base + f->name;
    const struct ps_span value = at_offset(base, f->value, f->value_len);
    if (f->name_len > 17 || (known_lengths >> f->name_len & 1) == 0) return READ;
    switch (f->name_len) {
    case 4: return IS_WORD(name, "host") ? note_host(seen, value, f) : READ;
    case 6: return IS_WORD(name, "expect") ? note_expect(seen, value) : READ;
    case 7:
        if (IS_WORD(name, "upgrade")) seen->upgrade_named = true;
        return READ;
    case 10: return IS_WORD(name, "connection") ? note_connection(seen, value) : READ;
    case 14: return IS_WORD(name, "content-length") ? note_content_length(seen, value) : READ;
    default: return IS_WORD(name, "transfer-encoding") ? note_transfer_encoding(seen, value) : READ;
    }
}

/* --- field lines ------------------------------------------------------------------------------------------------------ */

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

/* No name and ":" at r.at, or no room for it: the input's end, or an error. */
UNLIKELY int no_name(struct ps_http1 *p, struct reader r) {
    if (r.line > r.head_end) return PS_EHEADLONG; /* the line before passed it, and nothing behind that counts */
    if (r.at > r.line) return r.field == r.fields_end ? PS_EFIELDS : stopped(p, r, NAME, PS_EFIELD);
    if (r.at < r.len && is_blank(r.base[r.at]) && r.field != p->table) return PS_EFOLD;
    return stopped_at_line_end(p, r, NAME, PS_EFIELD);
}

PS_INLINE int read_name(struct ps_http1 *p, struct reader *r) {
    r->at = scan_token(r->base, r->at, r->len, ':');
    if (r->at == r->len || r->base[r->at] != ':' || r->at == r->line || r->field == r->fields_end)
        return r->at == r->line && at_crlf(r) ? LAST : no_name(p, *r);
    r->field->name = (uint32_t)r->line;
    r->field->name_len = (uint32_t)(r->at - r->line);
    r->at++;
    return READ;
}

PS_INLINE int read_space(struct ps_http1 *p, struct reader *r) {
    if (r->len - r->at >= 2 && r->base[r->at] == ' ' && r->base[r->at + 1] > ' ') {
        r->at++; /* nearly always one space */
    } else {
        r->at = ps_scan_portable(r->base, r->at, r->len, is_blank);
        if (r->at == r->len) return stopped(p, *r, SPACE, PS_EFIELD);
    }
    r->field->value = (uint32_t)r->at;
    return READ;
}

/* Without the white space at the end of base[from..to). */
static size_t trimmed(const uint8_t *base, size_t from, size_t to) {
    while (to > from && is_blank(base[to - 1])) to--;
    return to;
}

PS_INLINE int read_value(struct ps_http1 *p, struct reader *r) {
    struct ps_http1_field *f = r->field;
    r->at = ps_scan_field(r->base, r->at, r->len);
    if (!at_crlf(r)) return stopped_at_line_end(p, *r, VALUE, PS_EFIELD);
    const size_t end = r->base[r->at - 1] <= ' ' ? trimmed(r->base, f->value, r->at) : r->at;
    const int rc = end_line(p, r, VALUE);
    if (rc < 0) return rc;
    f->value_len = (uint32_t)end - f->value;
    r->field++;
    return note_field(&p->seen, r->base, f);
}

/* All lines to the empty one, which is LAST. */
PS_INLINE int read_fields(struct ps_http1 *p, struct reader *r) {
    enum state state = p->state < NAME ? NAME : p->state;
    int rc;
    for (;; state = NAME) {
        switch (state) {
        case NAME:
            if ((rc = read_name(p, r)) != READ) return rc;
            /* fall through */
        case SPACE:
            if ((rc = read_space(p, r)) <= 0) return rc;
            /* fall through */
        default:
            if ((rc = read_value(p, r)) <= 0) return rc;
        }
    }
}

/* --- head ------------------------------------------------------------------------------------------------------------- */

PS_INLINE int finish(struct ps_http1 *p, const struct reader *r, struct ps_http1_head *head) {
    const struct ps_http1_parsed *seen = &p->seen;
    if (seen->minor == 1 && !seen->host) return PS_EHOST;
    p->n_fields = (uint32_t)(r->field - p->table);
    const uint32_t version = seen->target + seen->target_len + 1;
    *head = (struct ps_http1_head){
        .bytes = ps_span(r->base, r->at + 2),
        .method = at_offset(r->base, 0, seen->method_len),
        .target = at_offset(r->base, seen->target, seen->target_len),
        .path = at_offset(r->base, seen->path, seen->path_len),
        .query = at_offset(r->base, seen->query, seen->query_len),
        .authority = at_offset(r->base, seen->authority, seen->authority_len),
        .protocol = at_offset(r->base, version, VERSION_LEN),
        .fields = p->table,
        .n_fields = p->n_fields,
        .minor = seen->minor,
        .form = seen->form,
        .body = seen->chunked  ? PS_BODY_CHUNKED
                : seen->length ? PS_BODY_LENGTH
                               : PS_BODY_NONE,
        .keep_alive = !seen->close && (seen->minor == 1 || seen->keep_alive),
        .expect_continue = seen->expect_continue,
        .upgrade = seen->upgrade_listed && seen->upgrade_named && seen->minor == 1, /* RFC 9110, section 7.8 */
        .content_length = seen->chunked ? -1 : seen->content_length,
    };
    p->state = DONE;
    return LAST;
}

/* From where the last call left off. */
static int read_head(struct ps_http1 *p, struct ps_span in, struct ps_http1_head *head) {
    struct reader r = {
        .base = in.ptr,
        .len = ps_min(in.len, (size_t)p->limits.head_bytes + 2), /* all that an empty line at the limit needs */
        .at = p->scanned,
        .line = p->line,
        .head_end = p->limits.head_bytes,
        .field = p->table + p->n_fields,
        .fields_end = p->table + p->limits.fields,
    };
    assert(r.len >= r.at); /* less than an earlier call was given */
    int rc = read_request_line(p, &r);
    if (rc == READ) rc = read_fields(p, &r);
    return rc == LAST ? finish(p, &r, head) : rc;
}

void ps_http1_init(struct ps_http1 *p, const struct ps_http1_limits *limits, struct ps_http1_field *table) {
    *p = (struct ps_http1){.limits = *limits, .table = table};
    if (p->limits.head_bytes > HEAD_MAX) p->limits.head_bytes = HEAD_MAX;
    ps_http1_reset(p);
}

int ps_http1_next(struct ps_http1 *p, struct ps_span *in, struct ps_http1_head *head) {
    assert(p->state != DONE); /* reset was forgotten */
    if (p->error < 0) return p->error;
    int rc = p->state == EMPTY_LINE ? skip_empty_line(p, *in) : READ;
    if (rc == READ) rc = read_head(p, ps_span(in->ptr + p->start, in->len - p->start), head);
    if (rc < 0) p->error = rc;
    if (rc != LAST) return rc;
    ps_drop(in, p->start + head->bytes.len);
    return 1;
}

void ps_http1_reset(struct ps_http1 *p) {
    p->n_fields = p->line = p->scanned = 0;
    p->start = 0;
    p->state = EMPTY_LINE;
    p->error = 0;
    p->seen = (struct ps_http1_parsed){0};
}
