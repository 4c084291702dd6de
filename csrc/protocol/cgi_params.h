/* cgi_params.h - the request a front server describes by CGI variables (RFC 3875, section 4.1), as FastCGI carries them.
 *
 * Fronts differ in what they send (docs/fronts.md); what is made of it here is the same for all:
 *   - HTTP_NAME becomes the header "name", repeated ones kept apart. HTTP_CONTENT_LENGTH and HTTP_CONTENT_TYPE repeat the CGI
 *     variables and are dropped.
 *   - CONTENT_LENGTH absent, empty or "-1": the length is known when the body has ended.
 *   - The path is SCRIPT_NAME + PATH_INFO. With a configured mount it is split there. Without one, a split the front made (both
 *     parts there, at a "/") is kept; else all of it is PATH_INFO, for a stock nginx, Apache or HAProxy puts the whole path into
 *     SCRIPT_NAME.
 *   - Of a variable sent twice, the last one counts. */
#ifndef PS_PROTOCOL_CGI_PARAMS_H
#define PS_PROTOCOL_CGI_PARAMS_H

#include "protocol/protocol.h"

/* Takes one variable into the request. `name` and `value` lie in the request's own memory, which is changed in place.
 * 0, PS_EFIELD for a header that cannot be one, PS_EFIELDS for too many. */
int ps_cgi_param(struct ps_request *rq, const struct ps_protocol_env *env, struct ps_span name, struct ps_span value);

/* Completes the request once every variable was taken: path, scheme, defaults, method, length. The arena must have room for
 * script_name and path_info once more. 0, PS_EVARIABLE or PS_ELENGTH. */
int ps_cgi_finish(struct ps_request *rq, const struct ps_protocol_env *env);

#endif
