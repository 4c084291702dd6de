#include "protocol/protocol.h"

#include "base/bytes.h"

static const struct ps_protocol *const protocols[] = {&ps_proto_http1, &ps_proto_fcgi};

const struct ps_protocol *ps_protocol_find(struct ps_span name) {
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        const char *candidate = protocols[i]->name;
        if (ps_span_eq(name, ps_span(candidate, strlen(candidate)))) return protocols[i];
    }
    return NULL;
}

struct ps_span ps_authority_host(struct ps_span authority) {
    size_t n = authority.len;
    while (n > 0 && ps_is_digit(authority.ptr[n - 1])) n--;
    return n > 0 && authority.ptr[n - 1] == ':' ? ps_span(authority.ptr, n - 1) : authority;
}
