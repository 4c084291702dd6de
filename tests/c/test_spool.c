/* server/spool: bodies in memory, and above a limit in a file without a name. */
#define _GNU_SOURCE
#include "harness.h"

#include "base/err.h"
#include "server/spool.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 1000 };

static char folder[] = "/tmp/penstock-spool-XXXXXX";
static uint8_t bytes[5 * LIMIT];

static void make_bytes(void) {
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
}

static int entries(void) {
    int n = 0;
    DIR *d = opendir(folder);
    while (d != NULL && readdir(d) != NULL) n++;
    closedir(d);
    return n - 2;
}

static void check_file(int fd, size_t len) {
    uint8_t read_back[sizeof bytes];
    struct stat st;
    CHECK(fd >= 0);
    CHECK_INT(read(fd, read_back, sizeof read_back), len);
    CHECK_SPAN(ps_span(read_back, len), ps_span(bytes, len));
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(entries(), 0);
    close(fd);
}

static void small_bodies_stay_in_memory(void) {
    struct ps_spool s;
    ps_spool_init(&s, LIMIT, folder);
    CHECK(s.memory.data == NULL);
    CHECK_INT(ps_spool_write(&s, ps_span(bytes, 400), LIMIT), 0);
    const uint8_t *memory = s.memory.data;
    CHECK_INT(ps_spool_write(&s, ps_span(bytes + 400, 600), LIMIT), 0);
    CHECK(s.memory.data == memory); /* its size was known: it never moved */
    CHECK(s.fd == -1 && s.size == LIMIT);
    CHECK_SPAN(ps_buf_span(&s.memory), ps_span(bytes, LIMIT));
    CHECK_INT(ps_spool_take_file(&s), -1);
    ps_spool_free(&s);
    CHECK(s.memory.data == NULL && s.size == 0);
}

static void one_byte_more_goes_to_a_file(void) {
    struct ps_spool s;
    ps_spool_init(&s, LIMIT, folder);
    for (size_t i = 0; i <= LIMIT; i++) CHECK_INT(ps_spool_write(&s, ps_span(bytes + i, 1), -1), 0);
    CHECK(s.fd >= 0 && s.memory.data == NULL);
    CHECK_INT(ps_spool_write(&s, ps_span(bytes + LIMIT + 1, 3000), -1), 0);
    CHECK_INT(s.size, LIMIT + 3001);
    int fd = ps_spool_take_file(&s);
    CHECK(s.fd == -1 && s.size == 0);
    CHECK_INT(ps_spool_take_file(&s), -1);
    ps_spool_free(&s);
    check_file(fd, LIMIT + 3001);
}

static void a_length_that_says_so_goes_there_at_once(void) {
    struct ps_spool s;
    ps_spool_init(&s, LIMIT, folder);
    CHECK_INT(ps_spool_write(&s, ps_span(bytes, 1), LIMIT + 1), 0);
    CHECK(s.fd >= 0);
    ps_spool_free(&s);
    CHECK(s.fd == -1);
    ps_spool_init(&s, 0, folder);
    CHECK_INT(ps_spool_write(&s, ps_span(bytes, 1), -1), 0);
    check_file(ps_spool_take_file(&s), 1);
    ps_spool_free(&s);
}

static void a_folder_that_takes_no_files(void) {
    static const char *const bad[] = {"/nonexistent/folder", "/dev/null", "/proc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ps_spool s;
        harness_context("%s", bad[i]);
        ps_spool_init(&s, LIMIT, bad[i]);
        CHECK_INT(ps_spool_write(&s, ps_span(bytes, LIMIT), -1), 0);
        CHECK_INT(ps_spool_write(&s, ps_span(bytes, 1), -1), PS_EIO);
        CHECK(errno != 0 && s.fd == -1);
        ps_spool_free(&s);
    }
    struct ps_spool s;
    char long_name[5000];
    memset(long_name, '/', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ps_spool_init(&s, 0, long_name);
    CHECK_INT(ps_spool_write(&s, ps_span(bytes, 1), -1), PS_EIO);
    ps_spool_free(&s);
}

/* In a child, for the limit is the process's. */
static void a_disk_that_is_full(void) {
    const pid_t pid = fork();
    if (pid == 0) {
        struct ps_spool s;
        ps_spool_init(&s, 0, folder);
        signal(SIGXFSZ, SIG_IGN); /* as Python does */
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){2000, 2000}) < 0) _exit(2);
        if (ps_spool_write(&s, ps_span(bytes, 1500), -1) != 0) _exit(3);
        if (ps_spool_write(&s, ps_span(bytes, 1500), -1) != PS_EIO || errno != EFBIG) _exit(4);
        if (s.size != 1500) _exit(5);
        ps_spool_free(&s);
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
}

int main(void) {
    make_bytes();
    if (mkdtemp(folder) == NULL) return 2;
    RUN(small_bodies_stay_in_memory);
    RUN(one_byte_more_goes_to_a_file);
    RUN(a_length_that_says_so_goes_there_at_once);
    RUN(a_folder_that_takes_no_files);
    RUN(a_disk_that_is_full);
    rmdir(folder);
    return harness_report();
}
