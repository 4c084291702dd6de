/* libfcgi.c - hello with the C library of FastCGI's authors: N threads, each in FCGX_Accept_r's loop.
 *
 * A thread of libfcgi serves one connection until it ends, so as many kept connections as threads are served; the rest wait.
 *
 *   libfcgi PORT [THREADS] */
#include <arpa/inet.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BACKLOG = 4096 };

#define CGI "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"

/* libfcgi's own FCGX_OpenSocket binds every interface. */
static int listen_on(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void *serve(void *listener) {
    FCGX_Request request;
    FCGX_InitRequest(&request, *(int *)listener, 0);
    while (FCGX_Accept_r(&request) == 0) FCGX_PutStr(CGI, sizeof CGI - 1, request.out);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int listener = listen_on(atoi(argv[1]));
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    FCGX_Init();
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &listener) != 0) return 1;
    }
    serve(&listener);
}
