/* histogram.h - latencies in log-linear buckets: each power of two is cut into 128 equal parts, so that a value is known to
 * better than 1 % from nanoseconds to hours in a table of fixed size, and adding one is a few instructions. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_PART_BITS = 7, HISTOGRAM_PARTS = 1 << HISTOGRAM_PART_BITS };
enum { HISTOGRAM_BUCKETS = (64 - HISTOGRAM_PART_BITS + 1) * HISTOGRAM_PARTS };

struct histogram {
    uint64_t count, sum, max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* Values below 128 have a bucket each; above, the 7 bits behind the leading one choose it. */
static inline size_t histogram_index(uint64_t value) {
    if (value < HISTOGRAM_PARTS) return (size_t)value;
    unsigned shift = (unsigned)(63 - __builtin_clzll(value)) - HISTOGRAM_PART_BITS;
    return (size_t)shift * HISTOGRAM_PARTS + (size_t)(value >> shift);
}

/* The smallest value of a bucket: the inverse of histogram_index. */
static inline uint64_t histogram_floor(size_t index) {
    if (index < 2 * HISTOGRAM_PARTS) return index;
    unsigned shift = (unsigned)(index / HISTOGRAM_PARTS) - 1;
    return (uint64_t)(index - (size_t)shift * HISTOGRAM_PARTS) << shift;
}

static inline void histogram_add(struct histogram *h, uint64_t value) {
    h->count++;
    h->sum += value;
    if (value > h->max) h->max = value;
    h->bucket[histogram_index(value)]++;
}

/* The value below which a share (0 to 1) of those added lies; 0 when there is none. */
static inline uint64_t histogram_quantile(const struct histogram *h, double share) {
    uint64_t wanted = (uint64_t)((double)h->count * share), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > wanted) return histogram_floor(i);
    }
    return h->max;
}

#endif
