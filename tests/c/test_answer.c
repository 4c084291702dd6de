/* protocol/answer: which body an answer may have, counted; what a refusal says. */
#include "harness.h"

#include "protocol/answer.h"

static struct ps_response response(int status, int64_t length) {
    struct ps_response r;
    ps_response_init(&r);
    r.status = status;
    r.content_length = length;
    return r;
}

static void the_end_of_a_body_is_planned(void) {
    static const struct {
        bool head;
        int status;
        int64_t declared;
        size_t length;
        bool more;
        int delimiter;
        int64_t planned;
    } cases[] = {
        {false, 200, -1, 5, false, PS_DELIMITER_LENGTH, 5}, {false, 200, -1, 0, false, PS_DELIMITER_LENGTH, 0},
        {false, 200, -1, 5, true, PS_DELIMITER_OPEN, -1},   {false, 200, 9, 5, true, PS_DELIMITER_LENGTH, 9},
        {false, 200, 9, 5, false, PS_DELIMITER_LENGTH, 9},  {false, 204, -1, 5, false, PS_DELIMITER_NONE, -1},
        {false, 204, 9, 5, true, PS_DELIMITER_NONE, 9},     {false, 304, -1, 5, false, PS_DELIMITER_NONE, -1},
        {false, 304, 9, 0, false, PS_DELIMITER_LENGTH, 9},  {true, 200, -1, 5, false, PS_DELIMITER_LENGTH, 5},
        {true, 200, -1, 0, false, PS_DELIMITER_NONE, -1},   {true, 200, -1, 5, true, PS_DELIMITER_NONE, -1},
        {true, 200, 9, 0, false, PS_DELIMITER_LENGTH, 9},   {true, 204, 9, 0, false, PS_DELIMITER_NONE, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_request rq = {.is_head = cases[i].head};
        struct ps_response head = response(cases[i].status, cases[i].declared);
        struct ps_answer_plan plan;
        harness_context("case %zu", i);
        CHECK_INT(ps_answer_begin(&rq, &head, cases[i].length, cases[i].more, &plan), 0);
        CHECK_INT(plan.delimiter, cases[i].delimiter);
        if (plan.delimiter == PS_DELIMITER_LENGTH) CHECK_INT(plan.length, cases[i].planned);
        CHECK_INT(rq.answer.status, cases[i].status);
        CHECK_INT(rq.answer.bodyless, cases[i].head || cases[i].status != 200);
        CHECK_INT(ps_answer_begin(&rq, &head, 0, false, &plan), PS_EORDER);
    }
}

/* Pieces of a body ("!" behind the last) and what becomes of them. */
static void bodies_are_counted(void) {
    static const struct {
        bool head;
        int64_t declared;
        struct {
            const char *body;
            bool more;
            int rc;
            size_t sent;
            bool ended;
        } steps[4];
    } cases[] = {
        {false, 5, {{"hel", true, 0, 3, false}, {"lo", true, 0, 2, true}, {"", false, 0, 0, true}}},
        {false, 5, {{"hello", false, 0, 5, true}, {"x", false, PS_ELONG, 0, true}}},
        {false, 5, {{"hello you", true, PS_ELONG, 5, true}, {"", true, 0, 0, true}, {"x", true, PS_ELONG, 0, true}}},
        {false, 5, {{"hel", false, PS_ESHORT, 3, true}}},
        {false, 5, {{"hel", true, 0, 3, false}, {"", false, PS_ESHORT, 0, true}}},
        {false, 0, {{"", true, 0, 0, true}, {"", false, 0, 0, true}}},
        {false, -1, {{"hel", true, 0, 3, false}, {"", true, 0, 0, false}, {"lo", false, 0, 2, true}}},
        {true,
         5,
         {{"hel", true, 0, 0, false}, {"lo and more", true, 0, 0, false}, {"", false, 0, 0, true}, {"x", false, 0, 0, true}}},
        {true, -1, {{"hel", false, 0, 0, true}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_request rq = {.is_head = cases[i].head};
        struct ps_response head = response(200, cases[i].declared);
        struct ps_answer_plan plan;
        struct ps_span body = PS_LIT("early");
        CHECK_INT(ps_answer_count(&rq, &body, true), PS_EORDER);
        CHECK_INT(ps_answer_begin(&rq, &head, 3, true, &plan), 0);
        for (size_t k = 0; k < 4 && cases[i].steps[k].body != NULL; k++) {
            harness_context("case %zu, step %zu", i, k);
            body = ps_span(cases[i].steps[k].body, strlen(cases[i].steps[k].body));
            CHECK_INT(ps_answer_count(&rq, &body, cases[i].steps[k].more), cases[i].steps[k].rc);
            CHECK_INT(body.len, cases[i].steps[k].sent);
            CHECK_INT(rq.answer.ended, cases[i].steps[k].ended);
        }
    }
}

#define CODE(name, code, status, text) (code),
static const int codes[] = {PS_ERRORS(CODE)};
#undef CODE

static void every_error_can_be_answered(void) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct ps_response head;
        struct ps_span body;
        char text[PS_REFUSAL_MAX];
        if (ps_err_status(codes[i]) == 0) continue;
        harness_context("%s", ps_err_name(codes[i]));
        ps_response_init(&head);
        CHECK_INT(ps_answer_refusal(codes[i], &head, text, &body), 0);
        CHECK_INT(head.status, ps_err_status(codes[i]));
        CHECK(body.len > 10 && body.len < PS_REFUSAL_MAX - 1 && body.ptr[body.len - 1] == '\n');
        struct text fields = {0};
        text_add(&fields, "%.*s", (int)ps_response_fields(&head).len, (const char *)ps_response_fields(&head).ptr);
        CHECK_INT(strstr(text_str(&fields), "Retry-After: ") != NULL, head.status == 503);
        text_free(&fields);
        ps_response_free(&head);
    }
}

static void what_a_refusal_says(void) {
    struct ps_response head;
    struct ps_span body;
    char text[PS_REFUSAL_MAX];
    ps_response_init(&head);
    CHECK_INT(ps_answer_refusal(PS_EBUSY, &head, text, &body), 0);
    CHECK_SPAN(ps_response_reason(&head), PS_LIT("Service Unavailable"));
    CHECK_SPAN(ps_response_fields(&head), PS_LIT("Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n"));
    CHECK_SPAN(body, PS_LIT("503 Service Unavailable: more requests waiting than the limit\n"));
    ps_response_free(&head);
}

int main(void) {
    RUN(the_end_of_a_body_is_planned);
    RUN(bodies_are_counted);
    RUN(every_error_can_be_answered);
    RUN(what_a_refusal_says);
    return harness_report();
}
