// fork, exec, exit, interrupt, copies of descriptor tables, limits.
#include "check.h"
#include <pthread.h>

static void *blocked_reader(void *ends)
{
    char byte;
    errno = 0;
    ssize_t n = imfs_read(3, ((int *)ends)[0], &byte, 1);
    return (void *)(long)(n == -1 ? errno : 0);
}

// Waits until the cage's blocked call has ended, whatever that takes: before it blocks there is nothing to end.
static void *end_of(pthread_t thread, int (*end)(int), int cage)
{
    void *result;
    for (;;) {
        end(cage);
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 20000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(thread, &result, &soon) == 0)
            return result;
    }
}

int main(void)
{
    char buf[8];
    imfs_init();
    OK(imfs_mkdir(1, "/home", 0755));
    OK(imfs_chdir(1, "/home"));
    imfs_umask(1, 027);
    put_file(1, "file", "abcdef");
    int fd = imfs_open(1, "file", O_RDONLY, 0), shut = imfs_open(1, "file", O_RDONLY | O_CLOEXEC, 0);
    OK(imfs_fork(1, 2));
    FAILS(EEXIST, imfs_fork(1, 2));
    FAILS(EINVAL, imfs_fork(1, -2));
    // One description: one offset.
    GIVES(2, imfs_read(1, fd, buf, 2));
    GIVES(4, imfs_read(2, fd, buf, 8));
    CHECK(memcmp(buf, "cdef", 4) == 0);
    GIVES(027, imfs_umask(2, 022));
    CHECK(has_bytes(2, "file", "abcdef"));
    OK(imfs_exec(2));
    FAILS(EBADF, imfs_close(2, shut));
    OK(imfs_close(1, shut));
    OK(imfs_close(2, fd));
    GIVES(0, imfs_read(1, fd, buf, 2));
    OK(imfs_exit(2));
    FAILS(ESRCH, imfs_exit(2));
    // Used again it is a new cage.
    FAILS(ENOENT, imfs_open(2, "file", O_RDONLY, 0));

    // A copy replaces what was there.
    GIVES(3, imfs_open(2, "/home", O_RDONLY, 0));
    GIVES(4, imfs_open(2, "/home", O_RDONLY, 0));
    imfs_copy_fd_tables(1, 2);
    OK(imfs_lseek(2, fd, 0, SEEK_SET));
    GIVES(6, imfs_read(1, fd, buf, 8));
    FAILS(EBADF, imfs_close(2, 4));
    imfs_copy_fd_tables(1, 1);
    OK(imfs_lseek(1, fd, 0, SEEK_SET));
    errno = 0;
    imfs_copy_fd_tables(1, -1);
    GIVES(EINVAL, errno);

    OK(imfs_set_nofile(2, 5));
    GIVES(4, imfs_dup(2, fd));
    FAILS(EMFILE, imfs_dup(2, fd));

    int ends[2];
    OK(imfs_pipe(3, ends));
    pthread_t reader;
    CHECK(pthread_create(&reader, NULL, blocked_reader, ends) == 0);
    GIVES(EINTR, (long)end_of(reader, imfs_interrupt, 3));
    CHECK(pthread_create(&reader, NULL, blocked_reader, ends) == 0);
    long error = (long)end_of(reader, imfs_exit, 3);
    // If it had not come to wait yet, its writer was gone, or the cage was a new one.
    CHECK(error == EINTR || error == 0 || error == EBADF);
    imfs_init();
    return verdict();
}
