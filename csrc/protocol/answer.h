/* answer.h - what an answer may carry, counted: the rules about bodies that all protocols share (RFC 9110, sections 6.4, 8.6, 15).
 *
 * HEAD, 204 and 304 have no body whatever the application wrote. A declared length is kept to the byte: never more, and fewer
 * breaks the answer. A length that is known (the whole body is there) is declared. */
#ifndef PS_PROTOCOL_ANSWER_H
#define PS_PROTOCOL_ANSWER_H

#include "base/request.h"
#include "base/response.h"

/* How the end of the body is to be marked. */
enum ps_delimiter {
    PS_DELIMITER_NONE, /* there is no body, and no length to declare */
    PS_DELIMITER_LENGTH, /* declare `length` */
    PS_DELIMITER_OPEN /* not known beforehand: the protocol's own way */
};

struct ps_answer_plan {
    uint8_t delimiter; /* enum ps_delimiter */
    int64_t length;
};

/* Begins rq->answer. `length` and `more` describe the body at hand. 0 or PS_EORDER. */
int ps_answer_begin(struct ps_request *rq, const struct ps_response *head, size_t length, bool more,
                    struct ps_answer_plan *plan);

/* Counts `body`, cutting it to what may be sent (nothing, if bodyless); sets `ended` unless more follows or, with a declared
 * length, once all of it was there. 0; PS_ELONG: bytes were cut off, or came behind the end; PS_ESHORT: ended with bytes missing;
 * PS_EORDER: not begun. */
int ps_answer_count(struct ps_request *rq, struct ps_span *body, bool more);

/* A plain answer of the server's own for a ps_err: head and a line of text naming it, for requests that never reach an
 * application. `text` is filled and valid until the next call with the same buffer. 0 or <0. */
enum { PS_REFUSAL_MAX = 128 };
int ps_answer_refusal(int err, struct ps_response *head, char text[PS_REFUSAL_MAX], struct ps_span *body);

#endif
