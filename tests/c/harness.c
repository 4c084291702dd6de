#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "harness.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- checks ---------------------------------------------------------------------------------------------------------- */

enum { FAILURES_PRINTED = 50 }; /* a fault in a table-driven test fails thousands of times */

static long passed_checks, failed_checks;
static char context[512];
static const char *running = "";

static void die(const char *what) {
    perror(what);
    exit(2);
}

void harness_context(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

static bool count(bool passed, const char *file, int line, const char *text) {
    if (passed) {
        passed_checks++;
        return true;
    }
    if (++failed_checks > FAILURES_PRINTED) return false;
    fprintf(stderr, "%s:%d: %s", file, line, running);
    if (context[0] != '\0') fprintf(stderr, " [%s]", context);
    fprintf(stderr, ": %s\n", text);
    return false;
}

bool harness_check(bool passed, const char *file, int line, const char *text) { return count(passed, file, line, text); }

/* Formats only when the check failed: most never do. */
static bool compare(bool passed, const char *file, int line, const char *text, const char *got, const char *wanted) {
    if (passed) return count(true, file, line, text);
    struct text message = {0};
    text_add(&message, "%s\n     got: %s\n  wanted: %s", text, got, wanted);
    count(false, file, line, text_str(&message));
    text_free(&message);
    return false;
}

bool harness_check_int(long long got, long long wanted, const char *file, int line, const char *text) {
    char numbers[2][24];
    snprintf(numbers[0], sizeof numbers[0], "%lld", got);
    snprintf(numbers[1], sizeof numbers[1], "%lld", wanted);
    return compare(got == wanted, file, line, text, numbers[0], numbers[1]);
}

bool harness_check_str(const char *got, const char *wanted, const char *file, int line, const char *text) {
    return compare(strcmp(got, wanted) == 0, file, line, text, got, wanted);
}

bool harness_check_span(struct ps_span got, struct ps_span wanted, const char *file, int line, const char *text) {
    if (ps_span_eq(got, wanted)) return count(true, file, line, text);
    struct text shown[2] = {{0}, {0}};
    text_add_escaped(&shown[0], got);
    text_add_escaped(&shown[1], wanted);
    compare(false, file, line, text, text_str(&shown[0]), text_str(&shown[1]));
    text_free(&shown[0]);
    text_free(&shown[1]);
    return false;
}

void harness_run(const char *name, void (*function)(void)) {
    running = name;
    context[0] = '\0';
    function();
    guarded_free_all();
    running = "";
}

int harness_report(void) {
    printf("%ld passed, %ld failed\n", passed_checks, failed_checks);
    return failed_checks == 0 && passed_checks > 0 ? 0 : 1;
}

uint64_t random_next(struct random_source *r) {
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(0x2545F4914F6CDD1D) >> 8; /* the low bits are the weak ones */
}

/* --- guarded memory -------------------------------------------------------------------------------------------------- */

enum { STALE = 0xDB };

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

struct guard guard_open(size_t capacity) {
    size_t page = page_size();
    struct guard g = {.capacity = (capacity + page - 1) / page * page};
    uint8_t *all = mmap(NULL, g.capacity + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) die("mmap");
    g.first = all + page;
    if (g.capacity != 0 && mprotect(g.first, g.capacity, PROT_READ | PROT_WRITE) != 0) die("mprotect");
    return g;
}

void guard_close(struct guard *g) {
    if (g->first == NULL) return;
    munmap(g->first - page_size(), g->capacity + 2 * page_size());
    *g = (struct guard){0};
}

static struct ps_span place(struct guard *g, size_t offset, const void *bytes, size_t len) {
    memset(g->first, STALE, g->capacity);
    if (len != 0) memcpy(g->first + offset, bytes, len);
    return ps_span(g->first + offset, len);
}

struct ps_span guard_set_end(struct guard *g, const void *bytes, size_t len) { return place(g, g->capacity - len, bytes, len); }

struct ps_span guard_set_start(struct guard *g, const void *bytes, size_t len) { return place(g, 0, bytes, len); }

static struct guard *guards;
static size_t n_guards;

static struct guard *remember(struct guard g) {
    guards = realloc(guards, (n_guards + 1) * sizeof *guards);
    if (guards == NULL) die("realloc");
    guards[n_guards] = g;
    return &guards[n_guards++];
}

struct ps_span guarded(const void *bytes, size_t len) { return guard_set_end(remember(guard_open(len)), bytes, len); }

struct ps_span guarded_start(const void *bytes, size_t len) { return guard_set_start(remember(guard_open(len)), bytes, len); }

void guarded_free_all(void) {
    for (size_t i = 0; i < n_guards; i++) guard_close(&guards[i]);
    free(guards);
    guards = NULL;
    n_guards = 0;
}

/* --- text ------------------------------------------------------------------------------------------------------------ */

void text_add(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) die("vsnprintf");
    size_t need = t->len + (size_t)n + 1;
    if (need > t->cap) {
        t->cap = need * 2;
        t->chars = realloc(t->chars, t->cap);
        if (t->chars == NULL) die("realloc");
    }
    va_start(args, format);
    vsnprintf(t->chars + t->len, (size_t)n + 1, format, args);
    va_end(args);
    t->len += (size_t)n;
}

void text_add_escaped(struct text *t, struct ps_span bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        const char *named = c == '\r' ? "\\r" : c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\\' ? "\\\\" : NULL;
        if (named != NULL)
            text_add(t, "%s", named);
        else
            text_add(t, c > 0x20 && c < 0x7F ? "%c" : "\\x%02x", c);
    }
}

const char *text_str(const struct text *t) { return t->chars != NULL ? t->chars : ""; }

void text_clear(struct text *t) {
    t->len = 0;
    if (t->chars != NULL) t->chars[0] = '\0';
}

void text_free(struct text *t) {
    free(t->chars);
    *t = (struct text){0};
}

/* --- corpus ---------------------------------------------------------------------------------------------------------- */

/* The byte an escape stands for; `at` is behind the backslash and moves past the escape. -1 where it is malformed. */
static int escape(const char **at) {
    static const char names[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
    const char *name = **at != '\0' ? strchr(names, **at) : NULL;
    if (name != NULL) {
        ++*at;
        return bytes[name - names];
    }
    if (**at != 'x') return -1;
    const int high = ps_hex((uint8_t)(*at)[1]);
    const int low = high < 0 ? -1 : ps_hex((uint8_t)(*at)[2]);
    if (low < 0) return -1;
    *at += 3;
    return high << 4 | low;
}

long corpus_unescape(const char *text, uint8_t *out) {
    long n = 0;
    while (*text != '\0') {
        int c = (uint8_t)*text++;
        if (c == '\\') c = escape(&text);
        if (c < 0) return -1;
        out[n++] = (uint8_t)c;
    }
    return n;
}

static void bad_line(const char *path, int line, const char *what) {
    fprintf(stderr, "%s:%d: %s\n", path, line, what);
    exit(2);
}

static char *read_whole(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die(path);
    if (fseek(file, 0, SEEK_END) != 0) die(path);
    long size = ftell(file);
    if (size < 0) die(path);
    rewind(file);
    char *content = malloc((size_t)size + 1);
    if (content == NULL) die("malloc");
    if (fread(content, 1, (size_t)size, file) != (size_t)size) die(path);
    content[size] = '\0';
    fclose(file);
    return content;
}

static char *strip(char *s) {
    while (*s == ' ' || *s == '\t') s++;
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t')) s[--n] = '\0';
    return s;
}

/* Appends the unescaped text `times` times to the wire of the case. */
static bool add_wire(struct corpus_case *c, char *text, long times) {
    long n = corpus_unescape(text, (uint8_t *)text);
    if (n < 0 || times < 0) return false;
    uint8_t *wire = realloc((void *)(uintptr_t)c->wire.ptr, c->wire.len + (size_t)n * (size_t)times + 1);
    if (wire == NULL) die("realloc");
    for (long i = 0; i < times; i++) memcpy(wire + c->wire.len + i * n, text, (size_t)n);
    c->wire = ps_span(wire, c->wire.len + (size_t)n * (size_t)times);
    return true;
}

static void add_line(struct corpus_case *c, const char *key, const char *value) {
    c->lines = realloc(c->lines, (c->n_lines + 1) * sizeof *c->lines);
    if (c->lines == NULL) die("realloc");
    c->lines[c->n_lines++] = (struct corpus_line){key, value};
    if (strcmp(key, "name") == 0) c->name = value;
}

static void read_line(struct corpus_case *c, char *line, const char *path, int number) {
    char *colon = strchr(line, ':');
    if (colon == NULL) bad_line(path, number, "no \"key: value\"");
    *colon = '\0';
    char *value = strip(colon + 1);
    char *star = strchr(line, '*');
    if (star != NULL) *star = '\0';
    if (strcmp(line, "wire") != 0) {
        if (star != NULL) bad_line(path, number, "only wire lines repeat");
        add_line(c, line, value);
        return;
    }
    char *end = NULL;
    long times = star != NULL ? strtol(star + 1, &end, 10) : 1;
    if (end != NULL && *end != '\0') bad_line(path, number, "a repetition that is no number");
    if (!add_wire(c, value, times)) bad_line(path, number, "a malformed escape");
}

static struct corpus_case *add_case(struct corpus *c, int line) {
    c->cases = realloc(c->cases, (c->n_cases + 1) * sizeof *c->cases);
    if (c->cases == NULL) die("realloc");
    c->cases[c->n_cases] = (struct corpus_case){.line = line};
    return &c->cases[c->n_cases++];
}

static void check_names(const struct corpus *c, const char *path) {
    for (size_t i = 0; i < c->n_cases; i++) {
        if (c->cases[i].name == NULL) bad_line(path, c->cases[i].line, "a case without a name");
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->cases[i].name, c->cases[j].name) == 0) bad_line(path, c->cases[i].line, "a name used twice");
    }
}

struct corpus corpus_load(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "tests/corpus/%s.txt", name);
    struct corpus c = {.source = read_whole(path)};
    struct corpus_case *current = NULL;
    int number = 1;
    for (char *line = c.source, *next; line != NULL && *line != '\0'; line = next, number++) {
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        if (*line == '#') continue;
        if (*strip(line) == '\0') {
            current = NULL;
            continue;
        }
        if (current == NULL) current = add_case(&c, number);
        read_line(current, line, path, number);
    }
    check_names(&c, path);
    return c;
}

void corpus_free(struct corpus *c) {
    for (size_t i = 0; i < c->n_cases; i++) {
        free((void *)(uintptr_t)c->cases[i].wire.ptr);
        free(c->cases[i].lines);
    }
    free(c->cases);
    free(c->source);
    *c = (struct corpus){0};
}

const char *corpus_value(const struct corpus_case *c, const char *key, size_t i) {
    for (size_t k = 0; k < c->n_lines; k++)
        if (strcmp(c->lines[k].key, key) == 0 && i-- == 0) return c->lines[k].value;
    return NULL;
}

/* --- delivery -------------------------------------------------------------------------------------------------------- */

enum { EDGE = 64, LONG_STEP = 61 }; /* for long wires; a prime, so that the cuts fall everywhere in the lines */

/* Moves on to the end of the next piece. */
static bool advance(struct delivery *d) {
    if (d->at >= d->wire.len) return false;
    size_t end = ps_min(d->at + d->step, d->wire.len);
    if (d->at < d->cut && end > d->cut) end = d->cut;
    d->at = end;
    return true;
}

static struct ps_span set(struct delivery *d, size_t from) {
    const uint8_t *bytes = d->wire.ptr + from;
    return d->front ? guard_set_start(d->guard, bytes, d->at - from) : guard_set_end(d->guard, bytes, d->at - from);
}

bool delivery_next(struct delivery *d, struct ps_span *piece) {
    size_t from = d->at;
    if (!advance(d)) return false;
    *piece = set(d, from);
    return true;
}

bool delivery_next_joined(struct delivery *d, size_t consumed, struct ps_span *bytes) {
    if (!advance(d)) return false;
    *bytes = set(d, consumed);
    return true;
}

struct deliverer {
    const char *name;
    struct guard guard;
    void (*run)(struct delivery *, void *);
    void *ctx;
};

static void deliver_one(struct deliverer *to, struct delivery d) {
    if (d.cut != 0)
        harness_context("%s, cut at %zu", to->name, d.cut);
    else
        harness_context("%s, %s", to->name, d.way);
    d.guard = &to->guard;
    if (d.step == 0) d.step = SIZE_MAX / 2;
    to->run(&d, to->ctx);
}

static struct ps_span joined(struct ps_span a, struct ps_span b) {
    uint8_t *both = malloc(a.len + b.len + 1);
    if (both == NULL) die("malloc");
    if (a.len != 0) memcpy(both, a.ptr, a.len);
    if (b.len != 0) memcpy(both + a.len, b.ptr, b.len);
    return ps_span(both, a.len + b.len);
}

void deliver(const char *name, struct ps_span wire, struct ps_span tail, void (*run)(struct delivery *, void *), void *ctx) {
    struct ps_span both = joined(wire, tail);
    struct deliverer to = {name, guard_open(both.len), run, ctx};
    bool is_long = wire.len > DELIVERY_EVERY_BYTE;
    deliver_one(&to, (struct delivery){.way = "whole", .wire = wire});
    deliver_one(&to, (struct delivery){.way = "whole, guarded in front", .wire = wire, .front = true});
    for (size_t cut = 1; cut < wire.len; cut++)
        if (!is_long || cut < EDGE || wire.len - cut < EDGE || cut % LONG_STEP == 0)
            deliver_one(&to, (struct delivery){.way = "cut", .wire = wire, .cut = cut});
    deliver_one(&to, (struct delivery){.way = "byte by byte", .wire = wire, .step = is_long ? LONG_STEP : 1});
    if (tail.len != 0) deliver_one(&to, (struct delivery){.way = "with a tail", .wire = both, .tail = tail.len});
    guard_close(&to.guard);
    free((void *)(uintptr_t)both.ptr);
    harness_context("%s", "");
}
