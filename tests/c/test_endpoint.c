/* server/endpoint: socket addresses as text. */
#include "harness.h"

#include "server/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static struct sockaddr_storage ipv4(const char *address, uint16_t port) {
    struct sockaddr_storage s = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&s;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    CHECK_INT(inet_pton(AF_INET, address, &in->sin_addr), 1);
    return s;
}

static struct sockaddr_storage ipv6(const char *address, uint16_t port) {
    struct sockaddr_storage s = {0};
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&s;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    CHECK_INT(inet_pton(AF_INET6, address, &in->sin6_addr), 1);
    return s;
}

static void check(struct sockaddr_storage s, const char *address, const char *port) {
    struct ps_endpoint e;
    memset(&e, 0xFF, sizeof e);
    ps_endpoint_format(&e, &s);
    CHECK_SPAN(ps_endpoint_address(&e), ps_span(address, strlen(address)));
    CHECK_SPAN(ps_endpoint_port(&e), ps_span(port, strlen(port)));
}

static void addresses_as_text(void) {
    check(ipv4("127.0.0.1", 8000), "127.0.0.1", "8000");
    check(ipv4("0.0.0.0", 0), "0.0.0.0", "0");
    check(ipv4("255.255.255.255", 65535), "255.255.255.255", "65535");
    check(ipv4("1.20.103.0", 9), "1.20.103.0", "9");
    check(ipv6("::1", 8000), "::1", "8000");
    check(ipv6("2001:db8:1:2:3:4:5:6", 65535), "2001:db8:1:2:3:4:5:6", "65535");
    check(ipv6("fedc:ba98:7654:3210:fedc:ba98:7654:3210", 1), "fedc:ba98:7654:3210:fedc:ba98:7654:3210", "1");
    check(ipv6("::ffff:192.0.2.1", 80), "192.0.2.1", "80"); /* IPv4 that reached an IPv6 socket */
}

static void a_unix_socket_has_none(void) {
    struct sockaddr_storage s = {0};
    ((struct sockaddr_un *)&s)->sun_family = AF_UNIX;
    memcpy(((struct sockaddr_un *)&s)->sun_path, "/run/x.sock", 12);
    check(s, "", "");
    check((struct sockaddr_storage){0}, "", "");
}

static void any_address_is_told_apart(void) {
    struct sockaddr_storage any4 = ipv4("0.0.0.0", 80), any6 = ipv6("::", 80), one4 = ipv4("0.0.0.1", 80),
                            one6 = ipv6("::1", 80);
    CHECK(ps_endpoint_is_any(&any4));
    CHECK(ps_endpoint_is_any(&any6));
    CHECK(!ps_endpoint_is_any(&one4));
    CHECK(!ps_endpoint_is_any(&one6));
    CHECK(!ps_endpoint_is_any(&(struct sockaddr_storage){0}));
}

int main(void) {
    RUN(addresses_as_text);
    RUN(a_unix_socket_has_none);
    RUN(any_address_is_told_apart);
    return harness_report();
}
