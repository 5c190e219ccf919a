// Arguments that no program should pass: they are answered.
#include "check.h"
#include <limits.h>
#include <sys/uio.h>

int main(void)
{
    struct stat st;
    char buf[64] = "";
    imfs_init();
    put_file(0, "/file", "x");
    int fd = imfs_open(0, "/file", O_RDWR, 0);

    const int bad_cages[] = {-1, -100, INT_MIN};
    for (size_t i = 0; i < sizeof bad_cages / sizeof *bad_cages; i++) {
        int cage = bad_cages[i];
        FAILS(EINVAL, imfs_open(cage, "/file", O_RDONLY, 0));
        FAILS(EINVAL, imfs_read(cage, fd, buf, 1));
        FAILS(EINVAL, imfs_stat(cage, "/file", &st));
        FAILS_NULL(EINVAL, imfs_opendir(cage, "/"));
        FAILS(EINVAL, imfs_fork(cage, 9));
        FAILS(EINVAL, imfs_fork(0, cage));
        FAILS(ESRCH, imfs_exit(cage));
    }
    const int bad_fds[] = {-1, INT_MIN, INT_MAX, 0, 1, 2, 4, 1 << 20, 1 << 26};
    for (size_t i = 0; i < sizeof bad_fds / sizeof *bad_fds; i++) {
        int bad = bad_fds[i];
        FAILS(EBADF, imfs_read(0, bad, buf, 1));
        FAILS(EBADF, imfs_write(0, bad, buf, 1));
        FAILS(EBADF, imfs_close(0, bad));
        FAILS(EBADF, imfs_fstat(0, bad, &st));
        FAILS(EBADF, imfs_dup(0, bad));
        FAILS(EBADF, imfs_fcntl(0, bad, F_GETFL, 0));
        FAILS(EBADF, imfs_openat(0, bad == -100 ? -1 : bad, "file", O_RDONLY, 0));
    }

    // NULL, where the kernel would fault.
    FAILS(EFAULT, imfs_open(0, NULL, O_RDONLY, 0));
    FAILS(EFAULT, imfs_stat(0, NULL, &st));
    FAILS(EFAULT, imfs_stat(0, "/file", NULL));
    FAILS(ENOENT, imfs_stat(0, "/none", NULL));
    FAILS(EFAULT, imfs_read(0, fd, NULL, 1));
    GIVES(0, imfs_read(0, fd, NULL, 0));
    FAILS(EBADF, imfs_read(0, 99, NULL, 1));
    FAILS(EFAULT, imfs_write(0, fd, NULL, 1));
    GIVES(0, imfs_write(0, fd, NULL, 0));
    FAILS(EFAULT, imfs_pwrite(0, fd, NULL, 1, 0));
    FAILS(EFAULT, imfs_readv(0, fd, NULL, 1));
    GIVES(0, imfs_readv(0, fd, NULL, 0));
    struct iovec null_part = {NULL, 1};
    FAILS(EFAULT, imfs_writev(0, fd, &null_part, 1));
    struct iovec endless[] = {{buf, SSIZE_MAX}, {buf, (size_t)-1}};
    FAILS(EINVAL, imfs_writev(0, fd, endless, 2));
    FAILS(EFAULT, imfs_rename(0, "/file", NULL));
    FAILS(EFAULT, imfs_pipe(0, NULL));
    FAILS(EFAULT, imfs_readlink(0, "/file", NULL, 5) == -1 && errno == EINVAL ? (errno = EFAULT, -1) : 0);
    FAILS(EFAULT, imfs_bind(0, 0, NULL, 20));
    FAILS(EFAULT, imfs_getresuid(0, NULL, NULL, NULL));
    FAILS(EFAULT, imfs_closedir(0, NULL));
    FAILS_NULL(EFAULT, imfs_readdir(0, NULL));
    FAILS_NULL(EFAULT, imfs_opendir(0, NULL));
    errno = 0;
    load_file(NULL);
    GIVES(EFAULT, errno);
    errno = 0;
    dump_file("/file", NULL);
    GIVES(EFAULT, errno);
    errno = 0;
    preloads(NULL);
    GIVES(EFAULT, errno);

    // Counts and sizes beyond everything.
    struct pollfd one = {fd, POLLIN, 0};
    FAILS(EINVAL, imfs_poll(0, &one, 1u << 28, 0));
    FAILS(EINVAL, imfs_poll(0, &one, (nfds_t)-1, 0));
    FAILS(EINVAL, imfs_select(0, INT_MAX, NULL, NULL, NULL, NULL));
    FAILS(E2BIG, imfs_setxattr(0, "/file", "user.x", buf, (size_t)-1, 0));
    FAILS(E2BIG, imfs_openat2(0, AT_FDCWD, "/file", buf, (size_t)-1));
    FAILS(EINVAL, imfs_getgroups(0, INT_MIN, NULL));
    FAILS(EINVAL, imfs_setgroups(0, 65537, &(gid_t){1}));
    FAILS(EINVAL, imfs_setgroups(0, (size_t)-1, &(gid_t){1}));
    GIVES(1, imfs_pread(0, fd, buf, (size_t)-1, 0));
    FAILS(EINVAL, imfs_readlink(0, "/file", buf, (size_t)-1));
    CHECK(imfs_getcwd(0, buf, (size_t)-1) == buf);
    OK(imfs_close_range(0, 1u << 30, ~0u, 0));

    // Misaligned.
    FAILS(EFAULT, imfs_stat(0, "/file", (struct stat *)(void *)(buf + 1)));
    FAILS(EFAULT, imfs_readv(0, fd, (const struct iovec *)(const void *)(buf + 1), 1));
    FAILS(EFAULT, imfs_pipe(0, (int *)(void *)(buf + 1)));

    // The bytes are those of before, and the next descriptor is too.
    GIVES(1, imfs_pread(0, fd, buf, 8, 0));
    GIVES(fd + 1, imfs_open(0, "/file", O_RDONLY, 0));
    imfs_init();
    return verdict();
}
