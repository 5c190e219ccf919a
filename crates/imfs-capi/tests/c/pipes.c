// A writer and a reader cage: the reader has a copy of the writer's descriptors, as after a fork. Here both are threads.
#include "check.h"
#include <pthread.h>
#include <sys/uio.h>

enum { MESSAGES = 10 };
static int pipefd[2];

static void *reader(void *unused)
{
    (void)unused;
    OK(imfs_close(1, pipefd[1]));
    for (int i = 0; i < MESSAGES; i++) {
        char want[64], got[64] = "";
        size_t len = (size_t)snprintf(want, sizeof want, "Message #%02d: Hello from writer!", i) + 1;
        GIVES(len, imfs_read(1, pipefd[0], got, len));
        CHECK(strcmp(want, got) == 0);
    }
    // Blocks until the last writer has closed.
    GIVES(0, imfs_read(1, pipefd[0], (char[8]){0}, 8));
    OK(imfs_close(1, pipefd[0]));
    return NULL;
}

static void *large_reader(void *fd)
{
    static char got[1 << 16];
    size_t total = 0;
    ssize_t n;
    while ((n = imfs_read(1, (int)(long)fd, got, sizeof got)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            CHECK(got[i] == (char)((total + i) / 1000));
        total += n;
    }
    GIVES(0, n);
    return (void *)total;
}

int main(void)
{
    imfs_init();
    OK(imfs_pipe(0, pipefd));
    CHECK(pipefd[0] == 3 && pipefd[1] == 4);
    imfs_copy_fd_tables(0, 1);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, reader, NULL) == 0);
    OK(imfs_close(0, pipefd[0]));
    for (int i = 0; i < MESSAGES; i++) {
        char message[64];
        size_t len = (size_t)snprintf(message, sizeof message, "Message #%02d: Hello from writer!", i) + 1;
        GIVES(len, imfs_write(0, pipefd[1], message, len));
    }
    OK(imfs_close(0, pipefd[1]));
    CHECK(pthread_join(thread, NULL) == 0);

    // More than a pipe holds: the writer blocks as well.
    enum { LARGE = 1000000 };
    static char bytes[LARGE];
    for (int i = 0; i < LARGE; i++)
        bytes[i] = (char)(i / 1000);
    OK(imfs_pipe2(0, pipefd, O_CLOEXEC));
    imfs_copy_fd_tables(0, 1);
    OK(imfs_close(1, pipefd[1]));
    CHECK(pthread_create(&thread, NULL, large_reader, (void *)(long)pipefd[0]) == 0);
    struct iovec parts[] = {{bytes, 1}, {bytes + 1, LARGE - 1}};
    GIVES(LARGE, imfs_writev(0, pipefd[1], parts, 2));
    OK(imfs_close(0, pipefd[1]));
    void *total;
    CHECK(pthread_join(thread, &total) == 0);
    GIVES(LARGE, (long)total);

    // No reader left: an error, and no signal.
    OK(imfs_exit(1));
    OK(imfs_pipe(0, pipefd));
    OK(imfs_close(0, pipefd[0]));
    FAILS(EPIPE, imfs_write(0, pipefd[1], "x", 1));
    FAILS(EINVAL, imfs_pipe2(0, pipefd, O_TRUNC));
    FAILS(ESPIPE, imfs_lseek(0, pipefd[1], 0, SEEK_SET));

    // A FIFO in the tree, without waiting.
    OK(imfs_mkfifo(0, "/fifo", 0600));
    FAILS(ENXIO, imfs_open(0, "/fifo", O_WRONLY | O_NONBLOCK, 0));
    int in = imfs_open(0, "/fifo", O_RDONLY | O_NONBLOCK, 0), out = imfs_open(0, "/fifo", O_WRONLY, 0);
    GIVES(0 + 2, imfs_write(0, out, "ab", 2));
    char got[4];
    GIVES(2, imfs_read(0, in, got, 4));
    FAILS(EAGAIN, imfs_read(0, in, got, 4));
    imfs_init();
    return verdict();
}
