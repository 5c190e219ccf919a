// dup, fcntl, poll, select, ioctl, sendfile.
#include "check.h"
#include <sys/ioctl.h>
#include <sys/select.h>

static void copies(void)
{
    put_file(0, "/file", "0123456789");
    int fd = imfs_open(0, "/file", O_RDWR, 0);
    GIVES(4, imfs_dup(0, fd));
    GIVES(9, imfs_dup2(0, fd, 9));
    GIVES(9, imfs_dup2(0, 9, 9));
    FAILS(EBADF, imfs_dup2(0, 99, 9));
    FAILS(EBADF, imfs_dup2(0, fd, -1));
    GIVES(10, imfs_dup3(0, fd, 10, O_CLOEXEC));
    FAILS(EINVAL, imfs_dup3(0, fd, fd, 0));
    GIVES(FD_CLOEXEC, imfs_fcntl(0, 10, F_GETFD, 0));
    GIVES(11, imfs_fcntl(0, fd, F_DUPFD, 11));
    GIVES(12, imfs_fcntl_ptr(0, fd, F_DUPFD_CLOEXEC, (void *)(intptr_t)12));
    OK(imfs_fcntl(0, 11, F_SETFD, FD_CLOEXEC));
    OK(imfs_fcntl(0, 11, F_SETFL, O_APPEND));
    GIVES(O_RDWR | O_APPEND, imfs_fcntl_ptr(0, fd, F_GETFL, NULL) & (O_ACCMODE | O_APPEND));
    OK(imfs_fcntl(0, fd, F_SETFL, 0));
    FAILS(EINVAL, imfs_fcntl(0, fd, 12345, 0));
    FAILS(EBADF, imfs_fcntl(0, 99, 12345, 0));
    FAILS(EBADF, imfs_fcntl(0, 99, F_GETFD, 0));
    OK(imfs_close_range(0, 4, ~0u, 0));
}

static void waiting(void)
{
    int ends[2];
    OK(imfs_pipe(0, ends));
    struct pollfd fds[] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 0}, {99, POLLIN, 0}};
    GIVES(2, imfs_poll(0, fds, 4, 0));
    CHECK(fds[0].revents == 0 && fds[1].revents == POLLOUT && fds[2].revents == 0 && fds[3].revents == POLLNVAL);
    GIVES(1, imfs_write(0, ends[1], "x", 1));
    GIVES(1, imfs_poll(0, fds, 1, -1));
    CHECK(fds[0].revents == POLLIN);
    struct timespec moment = {0, 1000000};
    GIVES(1, imfs_ppoll(0, fds, 1, NULL));
    GIVES(0, imfs_ppoll(0, fds + 2, 1, &moment));
    FAILS(EFAULT, imfs_poll(0, NULL, 1, 0));

    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(ends[0], &in);
    FD_SET(ends[1], &in);
    FD_SET(ends[1], &out);
    GIVES(2, imfs_select(0, ends[1] + 1, &in, &out, NULL, NULL));
    CHECK(FD_ISSET(ends[0], &in) && !FD_ISSET(ends[1], &in) && FD_ISSET(ends[1], &out));
    struct timeval instant = {0, 1000};
    FD_ZERO(&in);
    FD_SET(ends[1], &in);
    GIVES(0, imfs_select(0, ends[1] + 1, &in, NULL, NULL, &instant));
    CHECK(!FD_ISSET(ends[1], &in));
    FD_SET(99, &in);
    FAILS(EBADF, imfs_pselect(0, 100, &in, NULL, NULL, &moment));
    FAILS(EINVAL, imfs_select(0, -1, NULL, NULL, NULL, &instant));
    GIVES(0, imfs_select(0, 0, NULL, NULL, NULL, &instant));

    int bytes = 0, on = 1;
    OK(imfs_ioctl(0, ends[0], FIONREAD, &bytes));
    GIVES(1, bytes);
    FAILS(EFAULT, imfs_ioctl(0, ends[0], FIONREAD, NULL));
    FAILS(ENOTTY, imfs_ioctl(0, ends[0], TCGETS, &bytes));
    FAILS(EBADF, imfs_ioctl(0, 99, FIONBIO, NULL));
    OK(imfs_ioctl(0, ends[0], FIOCLEX, NULL));
    GIVES(FD_CLOEXEC, imfs_fcntl(0, ends[0], F_GETFD, 0));
    OK(imfs_ioctl(0, ends[0], FIONBIO, &on));
    char byte;
    GIVES(1, imfs_read(0, ends[0], &byte, 1));
    FAILS(EAGAIN, imfs_read(0, ends[0], &byte, 1));
    GIVES(65536, imfs_fcntl(0, ends[0], F_GETPIPE_SZ, 0));
    GIVES(4096, imfs_fcntl(0, ends[0], F_SETPIPE_SZ, 100));
    OK(imfs_close_range(0, ends[0], ends[1], 0));
}

static void sending(void)
{
    int in = imfs_open(0, "/file", O_RDONLY, 0), out = imfs_open(0, "/copy", O_CREAT | O_RDWR, 0644);
    off_t at = 2;
    GIVES(4, imfs_sendfile(0, out, in, &at, 4));
    GIVES(6, at);
    GIVES(10, imfs_sendfile(0, out, in, NULL, 100));
    CHECK(has_bytes(0, "/copy", "23450123456789"));
    at = -1;
    FAILS(EINVAL, imfs_sendfile(0, out, in, &at, 4));
    OK(imfs_close_range(0, in, out, 0));
}

int main(void)
{
    imfs_init();
    copies();
    waiting();
    sending();
    imfs_init();
    return verdict();
}
