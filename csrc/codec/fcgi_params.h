/* fcgi_params.h - FastCGI name-value pairs (FastCGI 1.0, section 3.4). No I/O, no allocation, no globals.
 *
 *   pair   = name-length value-length name value
 *   length = one byte 0..127, or four bytes big-endian with the top bit set (31 bits)
 *
 * PARAMS is a stream (section 5.2): a pair, even a length, may straddle records. So the content of the records is joined
 * first (up to a limit) and decoded after, when the stream has ended: the decoder wants the whole. */
#ifndef PS_CODEC_FCGI_PARAMS_H
#define PS_CODEC_FCGI_PARAMS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"

/* Takes the next pair off the front of `in`.
 * 1: `pair` borrows from `in`. 0: `in` is empty. PS_EPARAMS: a pair runs past the end; `in` is left at that pair. */
int ps_fcgi_params_next(struct ps_span *in, struct ps_header *pair);

/* Appends one pair. 0, PS_ELIMIT or PS_ENOMEM (nothing changes), PS_EPARAMS for a length of 2^31 or more. */
int ps_fcgi_params_encode(struct ps_buf *out, struct ps_span name, struct ps_span value);

#endif
