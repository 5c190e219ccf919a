/*
 * Stages a file of the host in, works on it in memory, and takes one result out.
 *
 *     cc -o staging staging.c $(pkg-config --cflags --libs imfs) && ./staging INPUT OUTPUT
 */
#define _GNU_SOURCE
#include <imfs.h>
#include <ctype.h>
#include <stdio.h>

enum { CAGE = 0 };

/* Copies a file in upper case, with scratch files that the host never sees. */
static int shout(const char *from, const char *to)
{
    char bytes[4096];
    ssize_t n;
    int in = imfs_open(CAGE, from, O_RDONLY, 0);
    int scratch = imfs_open(CAGE, "/tmp", O_TMPFILE | O_RDWR, 0600);
    if (in < 0 || scratch < 0)
        return -1;
    while ((n = imfs_read(CAGE, in, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            bytes[i] = (char)toupper((unsigned char)bytes[i]);
        if (imfs_write(CAGE, scratch, bytes, (size_t)n) != n)
            return -1;
    }
    if (n < 0 || imfs_linkat(CAGE, scratch, "", AT_FDCWD, to, AT_EMPTY_PATH) != 0)
        return -1;
    imfs_close(CAGE, scratch);
    return imfs_close(CAGE, in);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s INPUT OUTPUT\n", argv[0]);
        return 2;
    }
    char list[8192];
    snprintf(list, sizeof list, "/work/input=%s", argv[1]);
    imfs_init();
    if (imfs_preloads(CAGE, list) != 0 || imfs_mkdir(CAGE, "/tmp", 01777) != 0 ||
        shout("/work/input", "/work/output") != 0 || imfs_dump_file(CAGE, "/work/output", argv[2]) != 0) {
        perror("staging");
        return 1;
    }
    struct stat st;
    imfs_stat(CAGE, "/work/output", &st);
    printf("%s: %lld bytes\n", argv[2], (long long)st.st_size);
    return 0;
}
