#include "base/date.h"

#include "base/bytes.h"

enum { SECONDS_A_DAY = 86400, DAYS_IN_400_YEARS = 146097 };

/* The years an IMF-fixdate can write: 0000-01-01 to the last second of 9999. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND INT64_C(253402300799)

struct date {
    unsigned year, month, day; /* the month from 0 */
};

/* The date of a day counted from 0000-03-01. In years that begin in March the leap day is the last, and the months before a
 * month, in fives of 153 days, have (153 * month + 2) / 5 days. */
static struct date date_of(unsigned day) {
    const unsigned century = day / DAYS_IN_400_YEARS, in_era = day % DAYS_IN_400_YEARS;
    const unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / (DAYS_IN_400_YEARS - 1)) / 365;
    const unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    const unsigned march = (5 * in_year + 2) / 153;
    const bool next_year = march >= 10;
    return (struct date){century * 400 + year + next_year, next_year ? march - 10 : march + 2,
                         in_year - (153 * march + 2) / 5 + 1};
}

void ps_date_format(int64_t unix_seconds, uint8_t out[PS_DATE_LEN]) {
    static const char shape[PS_DATE_LEN + 1] = "Sun, 00 Jan 0000 00:00:00 GMT";
    static const char days[] = "WedThuFriSatSunMonTue", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t late = unix_seconds < LAST_SECOND ? unix_seconds : LAST_SECOND;
    const int64_t seconds = late > FIRST_SECOND ? late : FIRST_SECOND;
    /* One leap cycle earlier than 0000-03-01, so that January and February of the year 0 are no special case. */
    const int64_t since = seconds - FIRST_SECOND + (int64_t)(DAYS_IN_400_YEARS - 60) * SECONDS_A_DAY;
    const unsigned day = (unsigned)(since / SECONDS_A_DAY), second = (unsigned)(since % SECONDS_A_DAY);
    const struct date date = date_of(day);
    memcpy(out, shape, PS_DATE_LEN);
    memcpy(out, days + 3 * (day % 7), 3);
    ps_put_decimal(out + 5, date.day, 2);
    memcpy(out + 8, months + 3 * date.month, 3);
    ps_put_decimal(out + 12, date.year - 400, 4);
    ps_put_decimal(out + 17, second / 3600, 2);
    ps_put_decimal(out + 20, second / 60 % 60, 2);
    ps_put_decimal(out + 23, second % 60, 2);
}
