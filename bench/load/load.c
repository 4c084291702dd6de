/* load.c - load generator for HTTP/1.1 and FastCGI: one thread, epoll, closed loop, every answer judged, the result as JSON.
 *
 *   load --address 127.0.0.1:8000 --protocol http|fcgi --head FILE [--body FILE] --length BYTES [--status 200]
 *        [--connections 32] [--duration SECONDS | --requests N] [--expect FILE] [--close] [--idle] [--spin] [--grace SECONDS]
 *
 * HTTP: --head is the request head as it goes out. FastCGI: --head holds NAME=value lines, the params.
 * --expect compares every body with a file. --idle opens the connections, one answer each, and holds them until stdin ends.
 * --spin never sleeps (run.c says why). "work_s" of the result is CPU time without what was spun away. */
#include "idle.h"
#include "request.h"
#include "run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { FILE_LIMIT = 64 * 1024 * 1024 };

struct options {
    struct load load;
    const char *head, *body, *expect; /* files */
    struct ps_buf head_bytes, body_bytes, expected_bytes, request_bytes;
    bool idle;
};

static const struct option known[] = {
    {"address", required_argument, NULL, 'a'},
    {"protocol", required_argument, NULL, 'p'},
    {"head", required_argument, NULL, 'h'},
    {"body", required_argument, NULL, 'b'},
    {"length", required_argument, NULL, 'l'},
    {"status", required_argument, NULL, 's'},
    {"connections", required_argument, NULL, 'c'},
    {"duration", required_argument, NULL, 'd'},
    {"requests", required_argument, NULL, 'n'},
    {"expect", required_argument, NULL, 'e'},
    {"grace", required_argument, NULL, 'g'},
    {"close", no_argument, NULL, 'x'},
    {"idle", no_argument, NULL, 'i'},
    {"spin", no_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static uint64_t seconds(const char *text) { return (uint64_t)(atof(text) * 1e9); }

static uint64_t number(const char *text) { return strtoull(text, NULL, 10); }

static bool apply_option(struct options *o, int name, const char *value) {
    switch (name) {
    case 'a': return address_parse(value, &o->load.to);
    case 'p': o->load.want.protocol = strcmp(value, "fcgi") == 0 ? PROTOCOL_FCGI : PROTOCOL_HTTP; break;
    case 'h': o->head = value; break;
    case 'b': o->body = value; break;
    case 'l': o->load.want.length = number(value); break;
    case 's': o->load.want.status = (int)number(value); break;
    case 'c': o->load.connections = (uint32_t)number(value); break;
    case 'd': o->load.duration_ns = seconds(value); break;
    case 'n': o->load.requests = number(value); break;
    case 'e': o->expect = value; break;
    case 'g': o->load.grace_ns = seconds(value); break;
    case 'x': o->load.closes = true; break;
    case 'i': o->idle = true; break;
    case 'w': o->load.spins = true; break;
    default: return false;
    }
    return true;
}

static bool parse_options(int argc, char **argv, struct options *o) {
    *o = (struct options){.load = {.connections = 32, .grace_ns = seconds("5"), .want = {.status = 200}}};
    for (int name; (name = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (!apply_option(o, name, optarg)) return false;
    bool ends = o->idle || o->load.duration_ns != 0 || o->load.requests != 0;
    return optind == argc && o->head != NULL && o->load.to.len != 0 && o->load.connections != 0 && ends;
}

static void init_buffers(struct options *o) {
    struct ps_buf *all[] = {&o->head_bytes, &o->body_bytes, &o->expected_bytes, &o->request_bytes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ps_buf_init(all[i], FILE_LIMIT);
}

static void free_buffers(struct options *o) {
    struct ps_buf *all[] = {&o->head_bytes, &o->body_bytes, &o->expected_bytes, &o->request_bytes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ps_buf_free(all[i]);
}

static bool read_files(struct options *o) {
    return request_read_file(o->head, &o->head_bytes) && (o->body == NULL || request_read_file(o->body, &o->body_bytes)) &&
           (o->expect == NULL || request_read_file(o->expect, &o->expected_bytes));
}

static bool make_request(struct options *o) {
    struct ps_span head = ps_buf_span(&o->head_bytes), body = ps_buf_span(&o->body_bytes);
    if (o->load.want.protocol == PROTOCOL_HTTP) return request_http(head, body, &o->request_bytes);
    return request_fcgi(head, body, !o->load.closes, &o->request_bytes);
}

static bool prepare(struct options *o) {
    init_buffers(o);
    if (!read_files(o) || !make_request(o)) return false;
    o->load.request = ps_buf_span(&o->request_bytes);
    o->load.want.body = ps_buf_span(&o->expected_bytes);
    if (o->expect != NULL) o->load.want.length = o->load.want.body.len;
    return true;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double quantile_us(const struct tally *t, double share) { return (double)histogram_quantile(&t->latency, share) / 1e3; }

static void report(const struct tally *t) {
    const struct histogram *h = &t->latency;
    printf("{\"requests\": %llu, \"wrong\": %llu, \"lost\": %llu, \"retried\": %llu, \"reconnects\": %llu, ",
           (unsigned long long)h->count, (unsigned long long)t->wrong, (unsigned long long)t->lost,
           (unsigned long long)t->retried, (unsigned long long)t->reconnects);
    printf("\"bytes\": %llu, \"seconds\": %.6f, \"work_s\": %.6f, ", (unsigned long long)t->bytes, (double)t->elapsed_ns / 1e9,
           cpu_seconds() - (double)t->spun_ns / 1e9);
    printf("\"mean_us\": %.2f, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, ",
           h->count == 0 ? 0.0 : (double)h->sum / (double)h->count / 1e3, quantile_us(t, 0.5), quantile_us(t, 0.9),
           quantile_us(t, 0.99), (double)h->max / 1e3);
    printf("\"error\": \"%s\"}\n", t->error);
}

static int run_load(const struct load *load) {
    struct tally *tally = calloc(1, sizeof *tally);
    int rc = tally == NULL ? -1 : load_run(load, tally);
    if (rc < 0) {
        perror("load");
    } else {
        report(tally);
    }
    free(tally);
    return rc;
}

int main(int argc, char **argv) {
    struct options o;
    if (!parse_options(argc, argv, &o)) {
        fputs("usage: load --address HOST:PORT --head FILE --length BYTES --duration SECONDS (see load.c)\n", stderr);
        return 2;
    }
    int rc = !prepare(&o) ? -1 : o.idle ? idle_run(&o.load) : run_load(&o.load);
    free_buffers(&o);
    return rc < 0 ? 1 : 0;
}
