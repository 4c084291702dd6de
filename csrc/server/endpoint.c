#include "server/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/bytes.h"

static uint8_t put_decimal(char *out, unsigned value) {
    uint8_t digits[20];
    struct ps_span text = ps_format_decimal(value, digits);
    memcpy(out, text.ptr, text.len);
    return (uint8_t)text.len;
}

/* By hand: this is done for every connection, and inet_ntop goes through printf. */
static void format_ipv4(struct ps_endpoint *e, const uint8_t octets[4]) {
    uint8_t at = 0;
    for (int i = 0; i < 4; i++) {
        if (i != 0) e->address[at++] = '.';
        at = (uint8_t)(at + put_decimal(e->address + at, octets[i]));
    }
    e->address_len = at;
}

static void format_ipv6(struct ps_endpoint *e, const struct in6_addr *address) {
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        format_ipv4(e, address->s6_addr + 12);
        return;
    }
    if (inet_ntop(AF_INET6, address, e->address, sizeof e->address) != NULL) e->address_len = (uint8_t)strlen(e->address);
}

void ps_endpoint_format(struct ps_endpoint *e, const struct sockaddr_storage *address) {
    *e = (struct ps_endpoint){0};
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        format_ipv4(e, (const uint8_t *)&in->sin_addr);
        e->port_len = put_decimal(e->port, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
        format_ipv6(e, &in->sin6_addr);
        e->port_len = put_decimal(e->port, ntohs(in->sin6_port));
    }
}

bool ps_endpoint_is_any(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET) return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
    if (address->ss_family == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return false;
}
