/* listener.h - a listening socket in the loop: accepts while the server wants connections. */
#ifndef PS_SERVER_LISTENER_H
#define PS_SERVER_LISTENER_H

#include "server/server.h"

/* Starts and stops accepting; harmless where it is so already. 0, PS_ENOMEM or PS_EIO. */
int ps_listener_start(struct ps_listener *l);
void ps_listener_stop(struct ps_listener *l);

/* Takes all that waits in the queue, as far as the limit of connections allows. */
void ps_listener_accept(struct ps_listener *l);

#endif
