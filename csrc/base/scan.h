/* scan.h - how far bytes of a class run, sixteen at a time. For field.c and the hot parsers; others call field.h.
 *
 * Inline, because a head is dozens of short runs and a call for each would cost more than the run. A class is a pair of
 * predicates: `stops` marks, for sixteen bytes at once, those outside the class (it may mark too many, where the caller goes
 * on a byte at a time); `allowed` says it of one byte. The vector words below have one meaning on both machines, so that a
 * class is written once. SSE2 is part of every x86-64, NEON of every arm64: nothing is chosen at run time. */
#ifndef PS_BASE_SCAN_H
#define PS_BASE_SCAN_H

#include "base/span.h"

#if defined(PS_SCAN_PORTABLE) /* for tests of what other machines run */
#define PS_SCAN_VECTORS 0
#elif defined(__SSE2__)
#define PS_SCAN_VECTORS 1
#include <emmintrin.h>
typedef __m128i ps_vec; /* 16 bytes; the comparisons answer 0xFF or 0 in each */
static inline ps_vec ps_vec_load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
static inline ps_vec ps_vec_all(uint8_t c) { return _mm_set1_epi8((char)c); }
static inline ps_vec ps_vec_eq(ps_vec a, uint8_t c) { return _mm_cmpeq_epi8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_le(ps_vec a, uint8_t c) { return _mm_cmpeq_epi8(_mm_min_epu8(a, ps_vec_all(c)), a); }
static inline ps_vec ps_vec_ge(ps_vec a, uint8_t c) { return _mm_cmpeq_epi8(_mm_max_epu8(a, ps_vec_all(c)), a); }
static inline ps_vec ps_vec_sub(ps_vec a, uint8_t c) { return _mm_sub_epi8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_or(ps_vec a, ps_vec b) { return _mm_or_si128(a, b); }
static inline ps_vec ps_vec_without(ps_vec a, ps_vec b) { return _mm_andnot_si128(b, a); } /* a and not b */
/* A comparison as a number, the first byte lowest: an equal number of bits for each. */
typedef uint32_t ps_mask;
static inline ps_mask ps_vec_mask(ps_vec a) { return (ps_mask)_mm_movemask_epi8(a); }
static inline size_t ps_mask_first(ps_mask m) { return (unsigned)__builtin_ctz(m); }       /* m is not 0 */
static inline ps_mask ps_mask_drop(ps_mask m, size_t n) { return m >> n; }                  /* the first n, 1 to 16 */
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define PS_SCAN_VECTORS 1
#include <arm_neon.h>
typedef uint8x16_t ps_vec;
static inline ps_vec ps_vec_load(const uint8_t *p) { return vld1q_u8(p); }
static inline ps_vec ps_vec_all(uint8_t c) { return vdupq_n_u8(c); }
static inline ps_vec ps_vec_eq(ps_vec a, uint8_t c) { return vceqq_u8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_le(ps_vec a, uint8_t c) { return vcleq_u8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_ge(ps_vec a, uint8_t c) { return vcgeq_u8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_sub(ps_vec a, uint8_t c) { return vsubq_u8(a, ps_vec_all(c)); }
static inline ps_vec ps_vec_or(ps_vec a, ps_vec b) { return vorrq_u8(a, b); }
static inline ps_vec ps_vec_without(ps_vec a, ps_vec b) { return vbicq_u8(a, b); }
typedef uint64_t ps_mask;
static inline ps_mask ps_vec_mask(ps_vec a) { /* NEON has no movemask; narrowing by 4 keeps a nibble of each byte */
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(a), 4)), 0);
}
static inline size_t ps_mask_first(ps_mask m) { return (unsigned)__builtin_ctzll(m) / 4; }
static inline ps_mask ps_mask_drop(ps_mask m, size_t n) { return m >> 4 * (n - 1) >> 4; } /* a shift by 64 is undefined */
#else
#define PS_SCAN_VECTORS 0
#endif

#if PS_SCAN_VECTORS
typedef ps_vec ps_scan_stops(ps_vec bytes);
#define PS_SCAN_STOPS(stops) stops
#else
typedef void ps_scan_stops(void);
#define PS_SCAN_STOPS(stops) NULL
#endif
typedef bool ps_scan_allowed(uint8_t byte);

/* Folds the predicates into the loop, and keeps a parser's struct of offsets in registers: no call takes its address. */
#define PS_INLINE static inline __attribute__((always_inline))

/* The offset of the first byte outside the class in base[at..end), or `end`. */
PS_INLINE size_t ps_scan_portable(const uint8_t *base, size_t at, size_t end, ps_scan_allowed *allowed) {
    while (at < end && allowed(base[at])) at++;
    return at;
}

/* The same; all of base[0..end) must be readable: the last bytes are read together with some already read. */
PS_INLINE size_t ps_scan(const uint8_t *base, size_t at, size_t end, ps_scan_stops *stops, ps_scan_allowed *allowed) {
#if PS_SCAN_VECTORS
    if (end >= 16) {
        const size_t last = end - 16;
        ps_mask mask = 0;
        for (; at <= last; at += 16) {
            mask = ps_vec_mask(stops(ps_vec_load(base + at)));
            if (mask != 0) return at + ps_mask_first(mask);
        }
        mask = ps_mask_drop(ps_vec_mask(stops(ps_vec_load(base + last))), at - last);
        return mask != 0 ? at + ps_mask_first(mask) : end;
    }
#else
    (void)stops;
#endif
    return ps_scan_portable(base, at, end, allowed);
}

/* --- the classes of field.h ------------------------------------------------------------------------------------------ */

static inline bool ps_is_field_byte(uint8_t c) { return c >= 0x20 ? c != 0x7F : c == '\t'; }
static inline bool ps_is_visible(uint8_t c) { return c > 0x20 && c < 0x7F; }

#if PS_SCAN_VECTORS
/* Stops at HTAB as well: it is rare, and telling it apart would cost every sixteen bytes a fifth more. */
static inline ps_vec ps_stops_field(ps_vec v) { return ps_vec_or(ps_vec_le(v, 0x1F), ps_vec_eq(v, 0x7F)); }

static inline ps_vec ps_stops_visible(ps_vec v) { /* 0x7F..0xFF and 0x00..0x20 are one range once 0x7F is taken off */
    return ps_vec_le(ps_vec_sub(v, 0x7F), 0xA1);
}
#endif

PS_INLINE size_t ps_scan_field(const uint8_t *base, size_t at, size_t end) {
    while ((at = ps_scan(base, at, end, PS_SCAN_STOPS(ps_stops_field), ps_is_field_byte)) < end && base[at] == '\t') at++;
    return at;
}

PS_INLINE size_t ps_scan_visible(const uint8_t *base, size_t at, size_t end) {
    return ps_scan(base, at, end, PS_SCAN_STOPS(ps_stops_visible), ps_is_visible);
}

#endif
