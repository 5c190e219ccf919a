// Record locks, locks of descriptions, flock: among cages, with and without waiting.
#include "check.h"
#include <pthread.h>
#include <sys/file.h>

static int lock(int cage, int fd, int op, short type, off_t start, off_t len)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return imfs_fcntl_ptr(cage, fd, op, &lock);
}

static void *waits(void *fd)
{
    OK(lock(2, (int)(long)fd, F_SETLKW, F_WRLCK, 0, 10));
    return NULL;
}

int main(void)
{
    imfs_init();
    put_file(1, "/file", "0123456789");
    int one = imfs_open(1, "/file", O_RDWR, 0), two = imfs_open(2, "/file", O_RDWR, 0);
    OK(lock(1, one, F_SETLK, F_WRLCK, 0, 10));
    FAILS(EAGAIN, lock(2, two, F_SETLK, F_RDLCK, 5, 1));
    OK(lock(2, two, F_SETLK, F_RDLCK, 10, 1));
    struct flock found = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 1};
    OK(imfs_fcntl_ptr(2, two, F_GETLK, &found));
    CHECK(found.l_type == F_WRLCK && found.l_start == 0 && found.l_len == 10 && found.l_pid == 1);
    FAILS(EFAULT, imfs_fcntl_ptr(1, one, F_SETLK, NULL));
    FAILS(EFAULT, imfs_fcntl(1, one, F_SETLK, 0));
    FAILS(EBADF, imfs_fcntl(1, 99, F_SETLK, 0));
    FAILS(EINVAL, lock(1, one, F_SETLK, 77, 0, 1));

    pthread_t waiter;
    CHECK(pthread_create(&waiter, NULL, waits, (void *)(long)two) == 0);
    OK(lock(1, one, F_SETLK, F_UNLCK, 0, 0));
    CHECK(pthread_join(waiter, NULL) == 0);
    FAILS(EAGAIN, lock(1, one, F_SETLK, F_RDLCK, 0, 1));
    // Locks go with any descriptor of the file that closes.
    OK(imfs_close(2, imfs_dup(2, two)));
    OK(lock(1, one, F_SETLK, F_WRLCK, 0, 0));
    OK(imfs_exit(1));

    one = imfs_open(1, "/file", O_RDWR, 0);
    OK(lock(1, one, F_OFD_SETLK, F_WRLCK, 0, 0));
    int other = imfs_open(1, "/file", O_RDWR, 0);
    FAILS(EAGAIN, lock(1, other, F_OFD_SETLK, F_WRLCK, 0, 0));
    OK(imfs_close(1, one));
    OK(lock(1, other, F_OFD_SETLKW, F_WRLCK, 0, 0));

    OK(imfs_flock(1, other, LOCK_EX));
    FAILS(EWOULDBLOCK, imfs_flock(2, two, LOCK_SH | LOCK_NB));
    OK(imfs_flock(1, other, LOCK_UN));
    OK(imfs_flock(2, two, LOCK_SH));
    FAILS(EINVAL, imfs_flock(2, two, 0));
    uint64_t hint = 2;
    OK(imfs_fcntl_ptr(1, other, F_SET_RW_HINT, &hint));
    hint = 0;
    OK(imfs_fcntl_ptr(1, other, F_GET_RW_HINT, &hint));
    GIVES(2, hint);
    imfs_init();
    return verdict();
}
