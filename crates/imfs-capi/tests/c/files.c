// open, read, write, seek, vectors, truncate, close: the bytes of files.
#include "check.h"
#include <linux/openat2.h>
#include <sys/uio.h>

static void opening(void)
{
    int fd = imfs_open(0, "/a", O_CREAT | O_EXCL | O_RDWR, 0640);
    GIVES(3, fd);
    FAILS(EEXIST, imfs_open(0, "/a", O_CREAT | O_EXCL | O_RDWR, 0640));
    FAILS(ENOENT, imfs_open(0, "/none", O_RDONLY, 0));
    FAILS(ENOTDIR, imfs_open(0, "/a/b", O_RDONLY, 0));
    FAILS(ENOTDIR, imfs_open(0, "/a", O_DIRECTORY, 0));
    FAILS(EISDIR, imfs_open(0, "/", O_WRONLY, 0));
    GIVES(4, imfs_creat(0, "/b", 0600));
    FAILS(EBADF, imfs_read(0, 4, (char[1]){0}, 1));
    int dir = imfs_open(0, "/", O_RDONLY | O_DIRECTORY, 0);
    GIVES(6, imfs_openat(0, dir, "a", O_RDONLY, 0));
    FAILS(EBADF, imfs_openat(0, 77, "a", O_RDONLY, 0));
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    GIVES(7, imfs_openat2(0, dir, "a", &how, sizeof how));
    FAILS(EXDEV, imfs_openat2(0, dir, "/a", &how, sizeof how));
    FAILS(EINVAL, imfs_openat2(0, dir, "a", &how, 8));
    struct {
        struct open_how how;
        unsigned long more;
    } longer = {how, 0};
    GIVES(8, imfs_openat2(0, dir, "a", &longer, sizeof longer));
    longer.more = 1;
    FAILS(E2BIG, imfs_openat2(0, dir, "a", &longer, sizeof longer));
    OK(imfs_close(0, 4));
    GIVES(4, imfs_open(0, "/", O_TMPFILE | O_RDWR, 0600));
    FAILS(EBADF, imfs_close(0, 99));
    OK(imfs_close_range(0, 4, 8, 0));
    FAILS(EBADF, imfs_close(0, 4));
    FAILS(EINVAL, imfs_close_range(0, 5, 4, 0));
    OK(imfs_close(0, 3));
}

static void bytes(void)
{
    char buf[64] = "";
    int fd = imfs_open(0, "/bytes", O_CREAT | O_RDWR, 0644);
    GIVES(5, imfs_write(0, fd, "hello", 5));
    GIVES(0, imfs_read(0, fd, buf, sizeof buf));
    GIVES(1, imfs_lseek(0, fd, 1, SEEK_SET));
    GIVES(4, imfs_read(0, fd, buf, sizeof buf));
    CHECK(memcmp(buf, "ello", 4) == 0);
    GIVES(3, imfs_pwrite(0, fd, "LLO", 3, 2));
    GIVES(5, imfs_pread(0, fd, buf, sizeof buf, 0));
    CHECK(memcmp(buf, "heLLO", 5) == 0);
    FAILS(EINVAL, imfs_pread(0, fd, buf, 1, -1));
    FAILS(EINVAL, imfs_lseek(0, fd, -1, SEEK_SET));
    FAILS(EINVAL, imfs_lseek(0, fd, 0, 99));
    FAILS(EBADF, imfs_lseek(0, 99, 0, 99));

    struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
    OK(imfs_ftruncate(0, fd, 0));
    OK(imfs_lseek(0, fd, 0, SEEK_SET));
    GIVES(5, imfs_writev(0, fd, out, 3));
    GIVES(5, imfs_pwritev(0, fd, out, 3, 5));
    GIVES(5, imfs_pwritev2(0, fd, out, 3, -1, 0));
    GIVES(5, imfs_pwritev2(0, fd, out, 3, 0, RWF_APPEND));
    FAILS(EOPNOTSUPP, imfs_pwritev2(0, fd, out, 3, 0, 0x4000));
    char a[3], b[9];
    struct iovec in[] = {{a, 3}, {b, 9}};
    GIVES(12, imfs_preadv(0, fd, in, 2, 0));
    CHECK(memcmp(a, "abc", 3) == 0 && memcmp(b, "deabcdeab", 9) == 0);
    OK(imfs_lseek(0, fd, 0, SEEK_SET));
    GIVES(12, imfs_readv(0, fd, in, 2));
    GIVES(3, imfs_preadv2(0, fd, in, 2, -1, 0));
    GIVES(12, imfs_preadv2(0, fd, in, 2, 1, 0));
    FAILS(EINVAL, imfs_readv(0, fd, in, -1));
    FAILS(EINVAL, imfs_readv(0, fd, in, 1025));
    FAILS(EBADF, imfs_readv(0, 99, in, -1));

    OK(imfs_truncate(0, "/bytes", 1 << 20));
    FAILS(EINVAL, imfs_truncate(0, "/bytes", -1));
    FAILS(EISDIR, imfs_truncate(0, "/", 0));
    GIVES(0, imfs_lseek(0, fd, 0, SEEK_DATA));
    GIVES(4096, imfs_lseek(0, fd, 0, SEEK_HOLE));
    FAILS(ENXIO, imfs_lseek(0, fd, 4096, SEEK_DATA));
    OK(imfs_fsync(0, fd));
    OK(imfs_fdatasync(0, fd));
    OK(imfs_syncfs(0, fd));
    imfs_sync(0);
    OK(imfs_close(0, fd));
    CHECK(imfs_open(0, "/bytes", O_WRONLY | O_APPEND | O_TRUNC, 0) == fd);
    GIVES(1, imfs_write(0, fd, "x", 1));
    GIVES(1, imfs_write(0, fd, "y", 1));
    OK(imfs_close(0, fd));
    CHECK(has_bytes(0, "/bytes", "xy"));
}

// Every size around the places where the store changes its form.
static void sizes(void)
{
    static char from[20000], to[20000];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (char)(i * 7 + i / 256);
    const size_t lens[] = {0, 1, 63, 64, 65, 255, 256, 4095, 4096, 4097, 8192, 12289, 20000};
    int fd = imfs_open(0, "/sizes", O_CREAT | O_RDWR, 0644);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        OK(imfs_ftruncate(0, fd, 0));
        GIVES(lens[i], imfs_pwrite(0, fd, from, lens[i], 0));
        memset(to, 0, sizeof to);
        GIVES(lens[i], imfs_pread(0, fd, to, sizeof to, 0));
        CHECK(memcmp(from, to, lens[i]) == 0);
    }
    OK(imfs_close(0, fd));
}

int main(void)
{
    imfs_init();
    opening();
    bytes();
    sizes();
    return verdict();
}
