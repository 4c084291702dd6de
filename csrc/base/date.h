/* date.h - a time as HTTP writes it (IMF-fixdate; RFC 9110, section 5.6.7). No clock: the time is the caller's. */
#ifndef PS_BASE_DATE_H
#define PS_BASE_DATE_H

#include <stdint.h>

enum { PS_DATE_LEN = 29 };

/* "Sun, 06 Nov 1994 08:49:37 GMT", without NUL, of a time in seconds since 1970. What lies before the year 0 or after 9999 is
 * written as the first or the last second of them. */
void ps_date_format(int64_t unix_seconds, uint8_t out[PS_DATE_LEN]);

#endif
