// opendir and its kin, getdents64, chdir, chroot, getcwd.
#include "check.h"

static void streams(void)
{
    OK(imfs_mkdir(0, "/d", 0755));
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        put_file(0, name, "");
    }
    I_DIR *dir = imfs_opendir(0, "/d");
    CHECK(dir != NULL);
    int seen[300] = {0}, count = 0, dots = 0;
    long middle = 0;
    char after[256] = "";
    struct dirent *entry;
    errno = 0;
    while ((entry = imfs_readdir(0, dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            dots++;
            CHECK(entry->d_type == DT_DIR);
            continue;
        }
        if (middle && !*after)
            strcpy(after, entry->d_name);
        CHECK(entry->d_type == DT_REG && entry->d_ino != 0);
        seen[atoi(entry->d_name)]++;
        if (++count == 150)
            middle = imfs_telldir(0, dir);
    }
    CHECK(errno == 0);
    GIVES(300, count);
    GIVES(2, dots);
    for (int i = 0; i < 300; i++)
        GIVES(1, seen[i]);
    imfs_seekdir(0, dir, middle);
    entry = imfs_readdir(0, dir);
    CHECK(entry != NULL && strcmp(entry->d_name, after) == 0);
    imfs_rewinddir(0, dir);
    entry = imfs_readdir(0, dir);
    CHECK(entry != NULL && strcmp(entry->d_name, ".") == 0);
    struct stat st;
    int fd = imfs_dirfd(0, dir);
    OK(imfs_fstat(0, fd, &st));
    CHECK(S_ISDIR(st.st_mode));
    OK(imfs_closedir(0, dir));
    FAILS(EBADF, imfs_fstat(0, fd, &st));

    FAILS_NULL(ENOENT, imfs_opendir(0, "/none"));
    FAILS_NULL(ENOTDIR, imfs_opendir(0, "/d/1"));
    fd = imfs_open(0, "/d/1", O_RDONLY, 0);
    FAILS_NULL(ENOTDIR, imfs_fdopendir(0, fd));
    OK(imfs_close(0, fd));
    FAILS_NULL(EBADF, imfs_fdopendir(0, fd));
    fd = imfs_open(0, "/d", O_RDONLY, 0);
    dir = imfs_fdopendir(0, fd);
    CHECK(dir != NULL && imfs_dirfd(0, dir) == fd);
    CHECK(imfs_readdir(0, dir) != NULL);
    OK(imfs_closedir(0, dir));
    FAILS(EBADF, imfs_close(0, fd));

    OK(imfs_mkdir(0, "/gone", 0755));
    dir = imfs_opendir(0, "/gone");
    OK(imfs_rmdir(0, "/gone"));
    errno = 0;
    CHECK(imfs_readdir(0, dir) == NULL && errno == 0);
    OK(imfs_closedir(0, dir));
}

static void records(void)
{
    char buf[1000];
    int fd = imfs_open(0, "/d", O_RDONLY | O_DIRECTORY, 0), count = 0;
    for (ssize_t n; (n = imfs_getdents64(0, fd, buf, sizeof buf)) > 0;) {
        for (ssize_t at = 0; at < n; at += ((struct dirent *)(buf + at))->d_reclen)
            count++;
    }
    GIVES(302, count);
    OK(imfs_lseek(0, fd, 0, SEEK_SET));
    FAILS(EINVAL, imfs_getdents64(0, fd, buf, 10));
    FAILS(EFAULT, imfs_getdents64(0, fd, NULL, 1000));
    FAILS(EBADF, imfs_getdents64(0, 99, buf, 1000));
    OK(imfs_close(0, fd));
}

static void places(void)
{
    char path[64];
    OK(imfs_mkdir(0, "/d/sub", 0755));
    OK(imfs_chdir(0, "/d/sub"));
    CHECK(imfs_getcwd(0, path, sizeof path) == path && strcmp(path, "/d/sub") == 0);
    FAILS_NULL(ERANGE, imfs_getcwd(0, path, 6));
    FAILS_NULL(EINVAL, imfs_getcwd(0, path, 0));
    FAILS_NULL(EINVAL, imfs_getcwd(0, NULL, 10));
    put_file(0, "here", "x");
    CHECK(has_bytes(0, "/d/sub/here", "x"));
    FAILS(ENOENT, imfs_chdir(0, "none"));
    FAILS(ENOTDIR, imfs_chdir(0, "here"));
    int fd = imfs_open(0, "..", O_RDONLY, 0);
    OK(imfs_fchdir(0, fd));
    CHECK(imfs_getcwd(0, path, sizeof path) && strcmp(path, "/d") == 0);
    OK(imfs_close(0, fd));
    OK(imfs_chroot(0, "/d/sub"));
    OK(imfs_chdir(0, "/"));
    CHECK(has_bytes(0, "/../here", "x"));
    CHECK(imfs_getcwd(0, path, sizeof path) && strcmp(path, "/") == 0);
}

int main(void)
{
    imfs_init();
    streams();
    records();
    places();
    return verdict();
}
