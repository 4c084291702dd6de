/* idle.h - opens connections that were of use once and are then kept, as browsers keep them. */
#ifndef BENCH_LOAD_IDLE_H
#define BENCH_LOAD_IDLE_H

#include "run.h"

/* Opens load->connections one after the other, each has one request answered, prints {"idle": N} and holds them until stdin
 * ends; then prints {"closed": N}, those that the server did not hold so long.
 * 0; -1 with a message on stderr when a connection or an answer failed. */
int idle_run(const struct load *load);

#endif
