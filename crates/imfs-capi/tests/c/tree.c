// mkdir, rmdir, link, symlink, rename, unlink, mknod, mkfifo, bind, readlink: names.
#include "check.h"
#include <stddef.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static mode_t mode_of(const char *path)
{
    struct stat st;
    return imfs_lstat(0, path, &st) == 0 ? st.st_mode : 0;
}

static void making(void)
{
    OK(imfs_mkdir(0, "/dir", 0755));
    FAILS(EEXIST, imfs_mkdir(0, "/dir", 0755));
    FAILS(ENOENT, imfs_mkdir(0, "/none/dir", 0755));
    int dir = imfs_open(0, "/dir", O_RDONLY | O_DIRECTORY, 0);
    OK(imfs_mkdirat(0, dir, "sub", 0700));
    OK(imfs_mkfifo(0, "/dir/fifo", 0600));
    OK(imfs_mkfifoat(0, dir, "fifo2", 0600));
    OK(imfs_mknod(0, "/dir/dev", S_IFCHR | 0600, makedev(1, 3)));
    OK(imfs_mknodat(0, dir, "file", S_IFREG | 0600, 0));
    CHECK(S_ISFIFO(mode_of("/dir/fifo2")) && S_ISCHR(mode_of("/dir/dev")) && S_ISREG(mode_of("/dir/file")));
    struct stat st;
    OK(imfs_stat(0, "/dir/dev", &st));
    CHECK(st.st_rdev == makedev(1, 3));

    OK(imfs_symlink(0, "../dir/file", "/dir/link"));
    OK(imfs_symlinkat(0, "file", dir, "link2"));
    char target[64];
    GIVES(11, imfs_readlink(0, "/dir/link", target, sizeof target));
    CHECK(memcmp(target, "../dir/file", 11) == 0);
    GIVES(2, imfs_readlinkat(0, dir, "link2", target, 2));
    FAILS(EINVAL, imfs_readlink(0, "/dir/link", target, 0));
    FAILS(EINVAL, imfs_readlink(0, "/dir/file", target, sizeof target));
    FAILS(ELOOP, imfs_open(0, "/dir/link", O_RDONLY | O_NOFOLLOW, 0));
    OK(imfs_close(0, dir));
}

static void binding(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dir/socket"};
    const struct sockaddr *address = (const struct sockaddr *)&at;
    OK(imfs_bind(0, 5, address, sizeof at));
    CHECK(S_ISSOCK(mode_of("/dir/socket")));
    FAILS(EADDRINUSE, imfs_bind(0, 5, address, sizeof at));
    FAILS(EINVAL, imfs_bind(0, 5, address, 1));
    FAILS(EINVAL, imfs_bind(0, 5, address, offsetof(struct sockaddr_un, sun_path)));
    FAILS(EINVAL, imfs_bind(0, 5, address, 4096));
    at.sun_family = AF_INET;
    FAILS(EAFNOSUPPORT, imfs_bind(0, 5, address, sizeof at));
    // A path without a NUL ends with the address.
    at.sun_family = AF_UNIX;
    OK(imfs_bind(0, 5, address, offsetof(struct sockaddr_un, sun_path) + strlen("/dir/sock")));
    CHECK(S_ISSOCK(mode_of("/dir/sock")));
    FAILS(ENXIO, imfs_open(0, "/dir/sock", O_RDONLY, 0));
}

static void moving(void)
{
    struct stat st;
    put_file(0, "/one", "1");
    OK(imfs_link(0, "/one", "/two"));
    FAILS(EEXIST, imfs_link(0, "/one", "/two"));
    int root = imfs_open(0, "/", O_RDONLY | O_DIRECTORY, 0);
    OK(imfs_linkat(0, root, "one", root, "three", 0));
    FAILS(EINVAL, imfs_linkat(0, root, "one", root, "four", 0x10000));
    OK(imfs_stat(0, "/three", &st));
    GIVES(3, st.st_nlink);
    OK(imfs_rename(0, "/three", "/3"));
    FAILS(ENOENT, imfs_rename(0, "/three", "/3"));
    OK(imfs_renameat(0, root, "3", root, "three"));
    FAILS(EEXIST, imfs_renameat2(0, root, "three", root, "two", RENAME_NOREPLACE));
    put_file(0, "/other", "other");
    OK(imfs_renameat2(0, root, "other", root, "three", RENAME_EXCHANGE));
    CHECK(has_bytes(0, "/other", "1") && has_bytes(0, "/three", "other"));
    FAILS(EINVAL, imfs_rename(0, "/dir", "/dir/sub/dir"));

    OK(imfs_unlink(0, "/two"));
    FAILS(ENOENT, imfs_unlink(0, "/two"));
    FAILS(EISDIR, imfs_unlink(0, "/dir"));
    OK(imfs_unlinkat(0, root, "other", 0));
    FAILS(ENOTEMPTY, imfs_rmdir(0, "/dir"));
    FAILS(ENOTDIR, imfs_rmdir(0, "/one"));
    OK(imfs_remove(0, "/dir/sub"));
    OK(imfs_remove(0, "/one"));
    OK(imfs_mkdir(0, "/empty", 0755));
    OK(imfs_unlinkat(0, root, "empty", AT_REMOVEDIR));
    OK(imfs_mkdir(0, "/empty", 0755));
    OK(imfs_rmdir(0, "/empty"));
    OK(imfs_close(0, root));
}

static void long_names(void)
{
    char path[5000];
    memset(path, 'n', sizeof path);
    path[0] = '/';
    path[256] = 0;
    put_file(0, path, "x");
    path[256] = 'n', path[257] = 0;
    FAILS(ENAMETOOLONG, imfs_mkdir(0, path, 0755));
    path[257] = 'n', path[4096] = 0;
    FAILS(ENAMETOOLONG, imfs_mkdir(0, path, 0755));
    FAILS(ENOENT, imfs_mkdir(0, "", 0755));
}

int main(void)
{
    imfs_init();
    making();
    binding();
    moving();
    long_names();
    return verdict();
}
