/* listener.h - a listening socket in the loop: accepts while the server wants connections. */
#ifndef PS_SERVER_LISTENER_H
#define PS_SERVER_LISTENER_H

#include "server/server.h"

/* Starts and stops accepting; harmless where it is so already. 0, PS_ENOMEM or PS_EIO. */
int ps_listener_start(struct ps_listener *l);
void ps_listener_stop(struct ps_listener *l);

/* Takes what waits in the queue now, as far as the limits allow. */
void ps_listener_accept(struct ps_listener *l);

#endif
