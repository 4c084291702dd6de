/* endpoint.h - socket addresses as text, as CGI variables and ASGI scopes want them. */
#ifndef PS_SERVER_ENDPOINT_H
#define PS_SERVER_ENDPOINT_H

#include <sys/socket.h>

#include "base/request.h"

/* Both parts stay empty for a unix socket. An IPv4 address that reached an IPv6 socket (::ffff:a.b.c.d) is written as IPv4. */
void ps_endpoint_format(struct ps_endpoint *e, const struct sockaddr_storage *address);

/* True for 0.0.0.0 and ::. */
bool ps_endpoint_is_any(const struct sockaddr_storage *address);

#endif
