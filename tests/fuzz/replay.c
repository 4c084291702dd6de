/* replay.c - runs a fuzz target over the files of folders, without a fuzzer: each seed is a regression test of every build.
 *
 *   replay_TARGET FOLDER...     prints how many inputs ran; a finding ends the program, as the target decided */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The memory has exactly the size of the file, so that a read past the end is seen. */
static int replay(FILE *file) {
    if (fseek(file, 0, SEEK_END) != 0) return -1;
    long size = ftell(file);
    if (size < 0) return -1;
    rewind(file);
    uint8_t *data = malloc((size_t)size);
    int rc = fread(data, 1, (size_t)size, file) == (size_t)size ? 0 : -1;
    if (rc == 0) LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return rc;
}

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    int rc = replay(file);
    fclose(file);
    return rc;
}

/* The number of files that ran, or -1. */
static int replay_folder(const char *folder) {
    DIR *dir = opendir(folder);
    if (dir == NULL) return -1;
    int ran = 0;
    for (struct dirent *entry; ran >= 0 && (entry = readdir(dir)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ran = replay_file(path) == 0 ? ran + 1 : -1;
        if (ran < 0) perror(path);
    }
    closedir(dir);
    return ran;
}

int main(int argc, char **argv) {
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int ran = replay_folder(argv[i]);
        if (ran < 0) return EXIT_FAILURE;
        total += ran;
    }
    printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
