#include "idle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool send_all(int fd, struct ps_span request) {
    while (request.len != 0) {
        ssize_t n = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        ps_drop(&request, (size_t)n);
    }
    return true;
}

static const char *exchange(int fd, const struct load *load) {
    uint8_t input[65536];
    struct answer answer;
    enum answer_result rc = ANSWER_MORE;
    if (!send_all(fd, load->request)) return strerror(errno);
    answer_init(&answer);
    while (rc == ANSWER_MORE) {
        ssize_t n = recv(fd, input, sizeof input, 0);
        if (n <= 0) {
            answer.error = n == 0 ? "connection closed" : strerror(errno);
            break;
        }
        rc = answer_read(&answer, &load->want, ps_span(input, (size_t)n));
    }
    answer_free(&answer);
    return rc == ANSWER_DONE ? NULL : answer.error;
}

/* Reset instead of closed: ten thousand ports in TIME_WAIT would be missing in the next run. */
static void reset_all(const int *fds, uint32_t n) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (uint32_t i = 0; i < n; i++) {
        setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fds[i]);
    }
}

static uint32_t count_closed(const int *fds, uint32_t n) {
    uint32_t closed = 0;
    char byte;
    for (uint32_t i = 0; i < n; i++)
        if (recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN) closed++;
    return closed;
}

static void hold(const int *fds, uint32_t n) {
    char byte;
    printf("{\"idle\": %u}\n", n);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    printf("{\"closed\": %u}\n", count_closed(fds, n));
}

int idle_run(const struct load *load) {
    int *fds = calloc(load->connections, sizeof *fds);
    uint32_t n = 0;
    const char *error = fds == NULL ? strerror(errno) : NULL;
    for (; error == NULL && n < load->connections; n++) {
        fds[n] = address_connect(&load->to, 0);
        error = fds[n] < 0 ? strerror(errno) : exchange(fds[n], load);
        if (error != NULL && fds[n] >= 0) close(fds[n]);
        if (error != NULL) break;
    }
    if (error == NULL) {
        hold(fds, n);
    } else {
        fprintf(stderr, "connection %u: %s\n", n + 1, error);
    }
    if (fds != NULL) reset_all(fds, n);
    free(fds);
    return error == NULL ? 0 : -1;
}
