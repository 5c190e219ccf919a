/*
 * Two cages and a pipe between them, as after fork(2): here a cage is a thread.
 *
 *     cc -o pipe pipe.c $(pkg-config --cflags --libs imfs) -lpthread && ./pipe
 */
#include <imfs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WRITER = 1, READER = 2 };
static int ends[2];

static void *reader(void *unused)
{
    (void)unused;
    char line[64];
    ssize_t n;
    imfs_close(READER, ends[1]);
    /* Waits for the writer; 0 is the end: the last writing descriptor is closed. */
    while ((n = imfs_read(READER, ends[0], line, sizeof line)) > 0)
        printf("read: %.*s", (int)n, line);
    imfs_exit(READER);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    if (imfs_pipe(WRITER, ends) != 0 || imfs_fork(WRITER, READER) != 0) {
        perror("imfs");
        return 1;
    }
    pthread_create(&thread, NULL, reader, NULL);
    imfs_close(WRITER, ends[0]);
    for (int i = 1; i <= 3; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "message %d\n", i);
        imfs_write(WRITER, ends[1], line, (size_t)len);
    }
    imfs_exit(WRITER);
    pthread_join(thread, NULL);
    return 0;
}
