/* field.h - the grammar of header fields (RFC 9110, section 5), the same for requests, trailers and responses.
 *
 *   field-name  = token = 1*tchar                     field-value = *( VCHAR / obs-text / SP / HTAB ), trimmed of SP and HTAB */
#ifndef PS_BASE_FIELD_H
#define PS_BASE_FIELD_H

#include "base/span.h"

/* A header: name as a token, value without the white space around it. */
struct ps_header {
    struct ps_span name, value;
};

/* 1 for each byte that is a tchar (RFC 9110, section 5.6.2). */
extern const uint8_t ps_tchar[256];

/* How many leading bytes of s are tchar. */
size_t ps_token_run(struct ps_span s);

/* How many leading bytes of s may stand in a field value: all but the controls 0x00-0x1F without HTAB, and 0x7F.
 * Vectorised (SSE2, NEON); ps_field_run_portable answers the same a byte at a time. */
size_t ps_field_run(struct ps_span s);
size_t ps_field_run_portable(struct ps_span s);

/* How many leading bytes of s are visible ASCII (0x21-0x7E), the bytes a request target is made of. Likewise. */
size_t ps_visible_run(struct ps_span s);
size_t ps_visible_run_portable(struct ps_span s);

bool ps_is_token(struct ps_span s);
/* Only bytes that may stand in a value; white space at its ends, which no reader sees, is no fault. */
bool ps_is_field_value(struct ps_span s);

/* Without the spaces and tabs at both ends. */
struct ps_span ps_trim(struct ps_span s);

/* Lists (RFC 9110, section 5.6.1): takes the next non-empty element off the front of *list, trimmed. False at the end.
 * Elements of quoted strings are not understood: for lists of tokens only (Connection, Transfer-Encoding, Expect). */
bool ps_list_next(struct ps_span *list, struct ps_span *element);

/* Writes the name in lower case to out, which has room for its length; the two may be the same memory. */
void ps_lower_into(uint8_t *out, struct ps_span name);

#endif
