#include "protocol/answer.h"

#include <stdio.h>

#include "base/bytes.h"
#include "codec/http1_write.h"

int ps_answer_begin(struct ps_request *rq, const struct ps_response *head, size_t length, bool more,
                    struct ps_answer_plan *plan) {
    struct ps_answer *a = &rq->answer;
    if (a->status != 0) return PS_EORDER;
    a->status = head->status;
    a->bodyless = rq->is_head || head->status == 204 || head->status == 304;
    a->remaining = head->content_length;
    plan->delimiter = PS_DELIMITER_OPEN;
    plan->length = head->content_length;
    if (head->status == 204) {
        plan->delimiter = PS_DELIMITER_NONE; /* RFC 9110, section 8.6: no Content-Length in a 204, not even the application's */
    } else if (head->content_length >= 0) {
        plan->delimiter = PS_DELIMITER_LENGTH;
    } else if (a->bodyless && (more || length == 0 || head->status == 304)) {
        plan->delimiter = PS_DELIMITER_NONE; /* the length the same GET would have had is not known: say none */
    } else if (!more) {
        plan->delimiter = PS_DELIMITER_LENGTH;
        plan->length = a->remaining = (int64_t)length;
    }
    return 0;
}

int ps_answer_count(struct ps_request *rq, struct ps_span *body, bool more) {
    struct ps_answer *a = &rq->answer;
    int rc = 0;
    if (a->status == 0) return PS_EORDER;
    if (a->ended) {
        bool excess = body->len != 0 && !a->bodyless;
        body->len = 0;
        return excess ? PS_ELONG : 0;
    }
    if (a->bodyless) {
        body->len = 0;
        a->ended = !more;
        return 0;
    }
    if (a->remaining >= 0) {
        if (body->len > (uint64_t)a->remaining) {
            body->len = (size_t)a->remaining;
            rc = PS_ELONG;
        }
        a->remaining -= (int64_t)body->len;
        if (!more && a->remaining > 0) rc = PS_ESHORT;
    }
    a->ended = !more || a->remaining == 0;
    return rc;
}

int ps_answer_refusal(int err, struct ps_response *head, char text[PS_REFUSAL_MAX], struct ps_span *body) {
    int status = ps_err_status(err);
    const char *reason = ps_http1_reason(status);
    int n = snprintf(text, PS_REFUSAL_MAX, "%d %s", status, reason);
    int rc = ps_response_begin(head, ps_span(text, (size_t)n));
    if (rc == 0) rc = ps_response_add(head, PS_LIT("Content-Type"), PS_LIT("text/plain; charset=utf-8"));
    /* Told apart by their remedy: a full queue empties, a broken request does not mend. */
    if (rc == 0 && status == 503) rc = ps_response_add(head, PS_LIT("Retry-After"), PS_LIT("1"));
    n = snprintf(text, PS_REFUSAL_MAX, "%d %s: %s\n", status, reason, ps_err_text(err));
    *body = ps_span(text, ps_min((size_t)n, PS_REFUSAL_MAX - 1));
    return rc;
}
