/* server/timers: deadlines in queues of equal length. */
#include "harness.h"

#include "server/timers.h"

static const uint32_t durations[PS_WAITS] = {[PS_WAIT_HEAD] = 10, [PS_WAIT_BODY] = 20, [PS_WAIT_IDLE] = 5, [PS_WAIT_WRITE] = 0};

static void nothing_is_due_at_first(void) {
    struct ps_timers t;
    ps_timers_init(&t, durations);
    CHECK(ps_timers_next(&t) == PS_NEVER);
    CHECK(ps_timers_expired(&t, UINT64_MAX - 1) == NULL);
}

static void a_timer_expires_once_and_not_before(void) {
    struct ps_timers t;
    struct ps_timer timer = {0};
    ps_timers_init(&t, durations);
    CHECK(!ps_timer_armed(&timer));
    ps_timer_arm(&t, &timer, PS_WAIT_HEAD, 100);
    CHECK(ps_timer_armed(&timer));
    CHECK_INT(timer.wait, PS_WAIT_HEAD);
    CHECK_INT(ps_timers_next(&t), 110);
    CHECK(ps_timers_expired(&t, 109) == NULL);
    CHECK(ps_timers_expired(&t, 110) == &timer);
    CHECK(!ps_timer_armed(&timer));
    CHECK(ps_timers_expired(&t, 1000) == NULL);
    CHECK(ps_timers_next(&t) == PS_NEVER);
}

static void the_soonest_of_all_queues_is_next(void) {
    struct ps_timers t;
    struct ps_timer a = {0}, b = {0}, c = {0};
    ps_timers_init(&t, durations);
    ps_timer_arm(&t, &a, PS_WAIT_BODY, 100);
    ps_timer_arm(&t, &b, PS_WAIT_HEAD, 105);
    ps_timer_arm(&t, &c, PS_WAIT_HEAD, 106);
    CHECK_INT(ps_timers_next(&t), 115);
    CHECK(ps_timers_expired(&t, 115) == &b);
    CHECK_INT(ps_timers_next(&t), 116);
    CHECK(ps_timers_expired(&t, 119) == &c);
    CHECK(ps_timers_expired(&t, 119) == NULL);
    CHECK(ps_timers_expired(&t, 120) == &a);
}

static void arming_anew_starts_anew(void) {
    struct ps_timers t;
    struct ps_timer a = {0}, b = {0};
    ps_timers_init(&t, durations);
    ps_timer_arm(&t, &a, PS_WAIT_HEAD, 100);
    ps_timer_arm(&t, &b, PS_WAIT_HEAD, 101);
    ps_timer_arm(&t, &a, PS_WAIT_HEAD, 105); /* behind b now */
    CHECK_INT(ps_timers_next(&t), 111);
    ps_timer_arm(&t, &b, PS_WAIT_IDLE, 105); /* another queue */
    CHECK_INT(ps_timers_next(&t), 110);
    CHECK(ps_timers_expired(&t, 110) == &b);
    CHECK(ps_timers_expired(&t, 115) == &a);
}

static void disarmed_timers_are_gone(void) {
    struct ps_timers t;
    struct ps_timer timers[3] = {0};
    ps_timers_init(&t, durations);
    ps_timer_disarm(&timers[0]); /* never armed */
    for (int i = 0; i < 3; i++) ps_timer_arm(&t, &timers[i], PS_WAIT_HEAD, 100 + (uint64_t)i);
    ps_timer_disarm(&timers[1]);
    ps_timer_disarm(&timers[1]);
    CHECK(ps_timers_expired(&t, 1000) == &timers[0]);
    CHECK(ps_timers_expired(&t, 1000) == &timers[2]);
    CHECK(ps_timers_expired(&t, 1000) == NULL);
}

static void a_wait_without_a_limit_is_never_armed(void) {
    struct ps_timers t;
    struct ps_timer timer = {0};
    ps_timers_init(&t, durations);
    ps_timer_arm(&t, &timer, PS_WAIT_HEAD, 100);
    ps_timer_arm(&t, &timer, PS_WAIT_WRITE, 100);
    CHECK(!ps_timer_armed(&timer));
    CHECK(ps_timers_next(&t) == PS_NEVER);
}

int main(void) {
    RUN(nothing_is_due_at_first);
    RUN(a_timer_expires_once_and_not_before);
    RUN(the_soonest_of_all_queues_is_next);
    RUN(arming_anew_starts_anew);
    RUN(disarmed_timers_are_gone);
    RUN(a_wait_without_a_limit_is_never_armed);
    return harness_report();
}
