#include "codec/http1.h"

#include "base/bytes.h"
#include "base/scan.h"

#include <assert.h>

/* The grammar's elements in order. A state is entered where the one before left off, and again where the input ended in it. */
enum state { EMPTY_LINE, METHOD, TARGET, VERSION, NAME, SPACE, VALUE, DONE };

enum { HEAD_MAX = 1 << 30 }; /* offsets have 32 bits */

/* What the functions below answer beside a ps_err. */
enum { MORE = 0, READ = 1, LAST = 2 };

/* One call's view of the input. Offsets count from the first byte of the head. */
struct reader {
    const uint8_t *base;
    size_t len;      /* bytes there, cut off where the head must have ended */
    size_t at;       /* where reading goes on */
    size_t line;     /* start of the line being read */
    size_t line_end; /* no byte of this line may stand here or further on, but for its CR LF */
    size_t head_end; /* the same for the head, and its CR LF too */
};

/* --- limits and pauses ------------------------------------------------------------------------------------------------ */

static void begin_line(const struct ps_http1 *p, struct reader *r, size_t line) {
    r->line = line;
    r->line_end = ps_min(line + (p->state < NAME ? p->limits.line_bytes : p->limits.field_bytes), r->head_end);
}

/* Which limit the bytes up to r->at passed first: so no split of the input changes the answer. */
static int over_limit(const struct ps_http1 *p, const struct reader *r) {
    if (r->at <= r->line_end) return PS_EHEADLONG; /* only its CR LF passed it */
    const bool request_line = p->state < NAME;
    const size_t limit = request_line ? p->limits.line_bytes : p->limits.field_bytes;
    if (limit > r->head_end - r->line) return PS_EHEADLONG;
    return request_line ? PS_ETARGETLONG : PS_EFIELDLONG;
}

/* A run of bytes stopped at r->at, and not before the byte that has to follow it: why? */
static int stopped(struct ps_http1 *p, const struct reader *r, enum state state, int error) {
    if (r->at > r->line_end) return over_limit(p, r);
    if (r->at < r->len) return error;
    p->state = (uint8_t)state;
    return MORE;
}

/* The same where CR LF has to follow. */
static int stopped_at_line_end(struct ps_http1 *p, const struct reader *r, enum state state, int error) {
    const bool lone_cr = r->len - r->at == 1 && r->base[r->at] == '\r';
    if (!lone_cr || r->at > r->line_end) return stopped(p, r, state, error);
    p->state = (uint8_t)state;
    return MORE;
}

/* CR LF stands at r->at. Leaves r->at behind it, at the start of a field line. */
static inline int end_line(struct ps_http1 *p, struct reader *r) {
    if (r->at > r->line_end || r->at + 2 > r->head_end) return over_limit(p, r);
    p->state = NAME;
    r->at += 2;
    begin_line(p, r, r->at);
    return READ;
}

static inline bool at_crlf(const struct reader *r) {
    return r->len - r->at >= 2 && r->base[r->at] == '\r' && r->base[r->at + 1] == '\n';
}

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

static int read_method(struct ps_http1 *p, struct reader *r) {
    const size_t stop = ps_min(r->len, PS_HTTP1_METHOD_MAX + 1);
    while (r->at < stop && ps_tchar[r->base[r->at]]) r->at++;
    if (r->at > PS_HTTP1_METHOD_MAX && r->at <= r->line_end) return PS_EMETHOD;
    if (r->at == r->len || r->base[r->at] != ' ' || r->at == 0) return stopped(p, r, METHOD, PS_EREQUESTLINE);
    p->seen.method_len = (uint32_t)r->at++;
    p->seen.target = (uint32_t)r->at;
    return READ;
}

#if PS_SCAN_VECTORS
static inline ps_vec stops_path(ps_vec v) {
    return ps_vec_or(ps_vec_or(ps_vec_eq(v, '%'), ps_vec_eq(v, '?')), ps_vec_eq(v, '#'));
}
#endif

static inline bool is_plain_in_path(uint8_t c) { return c != '%' && c != '?' && c != '#'; }

/* Path and query lie in base[from..to), visible ASCII. A fragment never travels (RFC 9110, section 7.1), and a "%" that is no
 * escape is one the next reader may decode otherwise. */
static int split_path(struct ps_http1_parsed *seen, const uint8_t *base, size_t from, size_t to) {
    size_t at = from;
    while ((at = ps_scan(base, at, to, PS_SCAN_STOPS(stops_path), is_plain_in_path)) < to && base[at] != '?') {
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

static int read_absolute_form(struct ps_http1_parsed *seen, const uint8_t *base) {
    const struct ps_span target = at_offset(base, seen->target, seen->target_len);
    const size_t scheme = scheme_run(target);
    if (scheme == 0) return PS_ETARGET;
    size_t path = scheme;
    while (path < target.len && !ends_authority(target.ptr[path])) path++;
    const struct ps_span authority = ps_span(target.ptr + scheme, path - scheme);
    if (!ps_http1_is_authority(authority)) return PS_ETARGET;
    seen->form = PS_FORM_ABSOLUTE;
    seen->authority = seen->target + (uint32_t)scheme;
    seen->authority_len = (uint32_t)authority.len;
    const int rc = split_path(seen, base, seen->target + path, seen->target + target.len);
    if (seen->path_len == 0) { /* an empty path is "/" (RFC 9110, section 4.2.3): the last one of "://" serves */
        seen->path = seen->authority - 1;
        seen->path_len = 1;
    }
    return rc;
}

static int read_form(struct ps_http1_parsed *seen, const uint8_t *base) {
    const struct ps_span method = at_offset(base, 0, seen->method_len);
    if (ps_span_eq(method, PS_LIT("CONNECT"))) return PS_ETARGET; /* its target is an authority; we are no proxy */
    const uint8_t *target = base + seen->target;
    if (target[0] == '/') {
        seen->form = PS_FORM_ORIGIN;
        return split_path(seen, base, seen->target, (size_t)seen->target + seen->target_len);
    }
    if (target[0] != '*') return read_absolute_form(seen, base);
    seen->form = PS_FORM_ASTERISK;
    return seen->target_len == 1 && ps_span_eq(method, PS_LIT("OPTIONS")) ? READ : PS_ETARGET;
}

static int read_target(struct ps_http1 *p, struct reader *r) {
    r->at = ps_scan_visible(r->base, r->at, r->len);
    if (r->at == r->len) return stopped(p, r, TARGET, PS_ETARGET);
    const uint8_t next = r->base[r->at];
    if (next == '\t' || next == '\r' || next == '\n' || r->at == p->seen.target)
        return stopped(p, r, TARGET, PS_EREQUESTLINE);
    if (next != ' ' || r->at > r->line_end) return stopped(p, r, TARGET, PS_ETARGET);
    p->seen.target_len = (uint32_t)(r->at++ - p->seen.target);
    return read_form(&p->seen, r->base);
}

enum { VERSION_LEN = 8 };

static int read_version_bytes(struct ps_http1 *p, struct reader *r, size_t version) {
    static const char shape[VERSION_LEN + 1] = "HTTP/0.0"; /* "0" stands for any digit */
    for (; r->at - version < VERSION_LEN; r->at++) {
        if (r->at == r->len) return stopped(p, r, VERSION, PS_EREQUESTLINE);
        const uint8_t c = r->base[r->at], wanted = (uint8_t)shape[r->at - version];
        if (wanted == '0' ? !ps_is_digit(c) : c != wanted) return stopped(p, r, VERSION, PS_EREQUESTLINE);
    }
    return READ;
}

/* HTTP/1.2 and HTTP/2.0 may differ in what we rely on (RFC 9110, section 2.5): only what is known is served. */
static int read_version(struct ps_http1 *p, struct reader *r) {
    const size_t version = (size_t)p->seen.target + p->seen.target_len + 1;
    if (r->len - version >= VERSION_LEN && memcmp(r->base + version, "HTTP/1.1", VERSION_LEN) == 0) {
        r->at = version + VERSION_LEN;
    } else {
        const int rc = read_version_bytes(p, r, version);
        if (rc <= 0) return rc;
    }
    if (!at_crlf(r)) return stopped_at_line_end(p, r, VERSION, PS_EREQUESTLINE);
    if (r->at > r->line_end) return over_limit(p, r);
    const uint8_t minor = (uint8_t)(r->base[version + 7] - '0');
    if (r->base[version + 5] != '1' || minor > 1) return PS_EVERSION;
    p->seen.minor = minor;
    return end_line(p, r);
}

static int read_request_line(struct ps_http1 *p, struct reader *r) {
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

static int note_connection(struct ps_http1_parsed *seen, struct ps_span value) {
    struct ps_span option;
    while (ps_list_next(&value, &option)) {
        if (!ps_is_token(option)) return PS_EFIELD;
        if (ps_span_eq_lower(option, PS_LIT("keep-alive"))) seen->keep_alive = true;
        if (ps_span_eq_lower(option, PS_LIT("close"))) seen->close = true;
        if (ps_span_eq_lower(option, PS_LIT("upgrade"))) seen->upgrade_listed = true;
    }
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

static inline uint64_t load(const void *p, size_t n) {
    uint64_t word = 0;
    memcpy(&word, p, n);
    return word;
}

/* Whether a name of n bytes is `lower` (letters and "-"), in any case. Setting 0x20 in both maps no other tchar onto those. The
 * words overlap where n is no multiple; with n constant all of `lower` is, too. */
static inline bool is_name(const uint8_t *name, const char *lower, size_t n) {
    const size_t word = n >= 8 ? 8 : 4;
    const uint64_t spaces = load("        ", word);
    uint64_t differ = (load(name + n - word, word) | spaces) ^ load(lower + n - word, word);
    for (size_t i = 0; i + word < n; i += word) differ |= (load(name + i, word) | spaces) ^ load(lower + i, word);
    return differ == 0;
}

#define IS_NAME(name, lower) is_name((name), (lower), sizeof(lower) - 1)

static inline int note_field(struct ps_http1_parsed *seen, const uint8_t *base, const struct ps_http1_field *f) {
    const uint8_t *name = base + f->name;
    const struct ps_span value = at_offset(base, f->value, f->value_len);
    switch (f->name_len) {
    case 4: return IS_NAME(name, "host") ? note_host(seen, value, f) : READ;
    case 6: return IS_NAME(name, "expect") ? note_expect(seen, value) : READ;
    case 7:
        if (IS_NAME(name, "upgrade")) seen->upgrade_named = true;
        return READ;
    case 10: return IS_NAME(name, "connection") ? note_connection(seen, value) : READ;
    case 14: return IS_NAME(name, "content-length") ? note_content_length(seen, value) : READ;
    case 17: return IS_NAME(name, "transfer-encoding") ? note_transfer_encoding(seen, value) : READ;
    default: return READ;
    }
}

/* --- field lines ------------------------------------------------------------------------------------------------------ */

#if PS_SCAN_VECTORS
/* Stops at digits and the rarer tchar as well. Setting 0x20 maps only "A".."Z" onto "a".."z", and leaves "-". */
static inline ps_vec stops_common_name(ps_vec v) {
    const ps_vec letters = ps_vec_le(ps_vec_sub(ps_vec_or(v, ps_vec_all(0x20)), 'a'), 'z' - 'a');
    return ps_vec_eq(ps_vec_or(letters, ps_vec_eq(v, '-')), 0);
}
#endif

static inline bool is_tchar(uint8_t c) { return ps_tchar[c] != 0; }

static inline size_t scan_name(const uint8_t *base, size_t at, size_t end) {
    return ps_scan_portable(base, ps_scan(base, at, end, PS_SCAN_STOPS(stops_common_name), is_tchar), end, is_tchar);
}

/* No name and ":" at r->at: the head's end, the input's end, or an error. */
static int no_name(struct ps_http1 *p, const struct reader *r) {
    const bool full = p->n_fields == p->limits.fields;
    if (r->at > r->line) return full ? PS_EFIELDS : stopped(p, r, NAME, PS_EFIELD);
    if (at_crlf(r)) return LAST;
    if (r->at < r->len && (r->base[r->at] == ' ' || r->base[r->at] == '\t') && p->n_fields != 0) return PS_EFOLD;
    return stopped_at_line_end(p, r, NAME, PS_EFIELD);
}

static inline int read_name(struct ps_http1 *p, struct reader *r) {
    r->at = scan_name(r->base, r->at, r->len);
    if (r->at == r->len || r->base[r->at] != ':' || r->at == r->line || p->n_fields == p->limits.fields)
        return no_name(p, r);
    struct ps_http1_field *f = &p->table[p->n_fields];
    f->name = (uint32_t)r->line;
    f->name_len = (uint32_t)(r->at++ - r->line);
    return READ;
}

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static inline int read_space(struct ps_http1 *p, struct reader *r) {
    while (r->at < r->len && is_blank(r->base[r->at])) r->at++;
    if (r->at == r->len) return stopped(p, r, SPACE, PS_EFIELD);
    p->table[p->n_fields].value = (uint32_t)r->at;
    return READ;
}

static inline int read_value(struct ps_http1 *p, struct reader *r) {
    r->at = ps_scan_field(r->base, r->at, r->len);
    if (!at_crlf(r)) return stopped_at_line_end(p, r, VALUE, PS_EFIELD);
    struct ps_http1_field *f = &p->table[p->n_fields];
    size_t end = r->at;
    while (end > f->value && is_blank(r->base[end - 1])) end--;
    f->value_len = (uint32_t)(end - f->value);
    const int rc = end_line(p, r);
    if (rc < 0) return rc;
    p->n_fields++;
    return note_field(&p->seen, r->base, f);
}

/* READ: a field line. LAST: the empty line, not yet consumed. */
static inline int read_field(struct ps_http1 *p, struct reader *r) {
    int rc;
    switch (p->state) {
    case NAME:
        if ((rc = read_name(p, r)) != READ) return rc;
        /* fall through */
    case SPACE:
        if ((rc = read_space(p, r)) <= 0) return rc;
        /* fall through */
    default: return read_value(p, r);
    }
}

/* --- head ------------------------------------------------------------------------------------------------------------- */

static int finish(const struct ps_http1 *p, const struct reader *r, struct ps_http1_head *head) {
    const struct ps_http1_parsed *seen = &p->seen;
    if (seen->minor == 1 && !seen->host) return PS_EHOST;
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
        .body = seen->chunked ? PS_BODY_CHUNKED : seen->length ? PS_BODY_LENGTH : PS_BODY_NONE,
        .keep_alive = !seen->close && (seen->minor == 1 || seen->keep_alive),
        .expect_continue = seen->expect_continue,
        .upgrade = seen->upgrade_listed && seen->upgrade_named && seen->minor == 1, /* RFC 9110, section 7.8 */
        .content_length = seen->chunked ? -1 : seen->content_length,
    };
    return LAST;
}

static int read_head(struct ps_http1 *p, struct reader *r, struct ps_http1_head *head) {
    int rc = read_request_line(p, r);
    while (rc == READ) rc = read_field(p, r);
    return rc == LAST ? finish(p, r, head) : rc;
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
    if (rc == READ) {
        struct reader r = {.base = in->ptr + p->start, .at = p->scanned, .head_end = p->limits.head_bytes};
        r.len = ps_min(in->len - p->start, r.head_end + 2);
        assert(r.len >= r.at); /* less than an earlier call was given */
        begin_line(p, &r, p->line);
        rc = read_head(p, &r, head);
        p->line = (uint32_t)r.line;
        p->scanned = (uint32_t)r.at;
    }
    if (rc < 0) p->error = rc;
    if (rc != LAST) return rc;
    ps_drop(in, p->start + head->bytes.len);
    p->state = DONE;
    return 1;
}

void ps_http1_reset(struct ps_http1 *p) {
    p->n_fields = p->line = p->scanned = 0;
    p->start = 0;
    p->state = EMPTY_LINE;
    p->error = 0;
    p->seen = (struct ps_http1_parsed){0};
}
