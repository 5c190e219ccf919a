// stat, statx, chmod, chown, utimensat, access, umask, statfs: what is known of files.
#include "check.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <utime.h>

static struct stat look(const char *path)
{
    struct stat st;
    memset(&st, 0xff, sizeof st);
    OK(imfs_stat(0, path, &st));
    return st;
}

static void looking(void)
{
    put_file(0, "/file", "12345");
    OK(imfs_symlink(0, "file", "/link"));
    struct stat st = look("/link"), other;
    CHECK(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644);
    CHECK(st.st_size == 5 && st.st_nlink == 1 && st.st_uid == 0 && st.st_gid == 0);
    CHECK(st.st_blocks == 8 && st.st_blksize == 4096 && st.st_rdev == 0);
    CHECK(st.st_mtim.tv_sec > 1000000000 && st.st_mtim.tv_nsec < 1000000000);
    OK(imfs_lstat(0, "/link", &other));
    CHECK(S_ISLNK(other.st_mode) && other.st_size == 4 && other.st_dev == st.st_dev);
    int fd = imfs_open(0, "/file", O_RDONLY, 0);
    OK(imfs_fstat(0, fd, &other));
    CHECK(other.st_ino == st.st_ino);
    OK(imfs_fstatat(0, AT_FDCWD, "/link", &other, AT_SYMLINK_NOFOLLOW));
    CHECK(S_ISLNK(other.st_mode));
    OK(imfs_fstatat(0, fd, "", &other, AT_EMPTY_PATH));
    CHECK(other.st_ino == st.st_ino);
    FAILS(EINVAL, imfs_fstatat(0, fd, "", &other, 0x10000));

    struct statx stx;
    OK(imfs_statx(0, AT_FDCWD, "/file", 0, STATX_BASIC_STATS | STATX_BTIME, &stx));
    CHECK(stx.stx_ino == st.st_ino && stx.stx_size == 5 && (stx.stx_mask & STATX_BTIME));
    CHECK(stx.stx_btime.tv_sec > 1000000000);
    FAILS(EINVAL, imfs_statx(0, AT_FDCWD, "/file", 0, 0x80000000u, &stx));
    OK(imfs_close(0, fd));
}

static void changing(void)
{
    int fd = imfs_open(0, "/file", O_RDWR, 0);
    OK(imfs_chmod(0, "/file", 0600));
    GIVES(0600, look("/file").st_mode & 07777);
    OK(imfs_fchmod(0, fd, 04755));
    GIVES(04755, look("/file").st_mode & 07777);
    OK(imfs_fchmodat(0, AT_FDCWD, "/file", 0644, 0));
    FAILS(EOPNOTSUPP, imfs_fchmodat(0, AT_FDCWD, "/link", 0644, AT_SYMLINK_NOFOLLOW));
    OK(imfs_chown(0, "/file", 10, 20));
    CHECK(look("/file").st_uid == 10 && look("/file").st_gid == 20);
    OK(imfs_fchown(0, fd, (uid_t)-1, 21));
    CHECK(look("/file").st_uid == 10 && look("/file").st_gid == 21);
    OK(imfs_lchown(0, "/link", 7, 8));
    OK(imfs_fchownat(0, AT_FDCWD, "/link", 30, 40, 0));
    struct stat st;
    OK(imfs_lstat(0, "/link", &st));
    CHECK(st.st_uid == 7 && look("/file").st_uid == 30);
    GIVES(022, imfs_umask(0, 077));
    OK(imfs_mkdir(0, "/masked", 0777));
    GIVES(0700, look("/masked").st_mode & 07777);
    GIVES(077, imfs_umask(0, 022));
    OK(imfs_close(0, fd));
}

static void times(void)
{
    struct timespec ns[2] = {{1, 2}, {3, 4}};
    OK(imfs_utimensat(0, AT_FDCWD, "/file", ns, 0));
    struct stat st = look("/file");
    CHECK(st.st_atim.tv_sec == 1 && st.st_atim.tv_nsec == 2 && st.st_mtim.tv_sec == 3 && st.st_mtim.tv_nsec == 4);
    ns[0].tv_nsec = UTIME_OMIT, ns[1].tv_nsec = UTIME_NOW;
    int fd = imfs_open(0, "/file", O_RDONLY, 0);
    OK(imfs_futimens(0, fd, ns));
    st = look("/file");
    CHECK(st.st_atim.tv_sec == 1 && st.st_mtim.tv_sec > 1000000000);
    ns[0].tv_nsec = 1000000000;
    FAILS(EINVAL, imfs_futimens(0, fd, ns));
    OK(imfs_utimensat(0, fd, NULL, NULL, 0));
    CHECK(look("/file").st_atim.tv_sec > 1000000000);

    struct timeval us[2] = {{5, 6}, {7, 8}};
    OK(imfs_utimes(0, "/file", us));
    CHECK(look("/file").st_atim.tv_nsec == 6000 && look("/file").st_mtim.tv_sec == 7);
    OK(imfs_lutimes(0, "/link", us));
    OK(imfs_lstat(0, "/link", &st));
    CHECK(st.st_mtim.tv_sec == 7);
    us[0].tv_usec = 1000000;
    FAILS(EINVAL, imfs_futimes(0, fd, us));
    OK(imfs_futimes(0, fd, NULL));
    struct utimbuf seconds = {9, 10};
    OK(imfs_utime(0, "/file", &seconds));
    CHECK(look("/file").st_atim.tv_sec == 9 && look("/file").st_mtim.tv_sec == 10);
    OK(imfs_close(0, fd));
}

static void permission(void)
{
    put_file(1, "/secret", "s");
    OK(imfs_chmod(1, "/secret", 0600));
    OK(imfs_setresuid(1, 1000, 1000, 1000));
    FAILS(EACCES, imfs_access(1, "/secret", R_OK));
    OK(imfs_access(1, "/secret", F_OK));
    FAILS(EACCES, imfs_faccessat(1, AT_FDCWD, "/secret", W_OK, AT_EACCESS));
    FAILS(EACCES, imfs_euidaccess(1, "/secret", R_OK));
    FAILS(EACCES, imfs_open(1, "/secret", O_RDONLY, 0));
    FAILS(EPERM, imfs_chmod(1, "/secret", 0644));
    FAILS(EINVAL, imfs_access(1, "/secret", 8));
    OK(imfs_access(0, "/secret", R_OK | W_OK));
}

static void space(void)
{
    struct statfs fs;
    struct statvfs vfs;
    OK(imfs_statfs(0, "/", &fs));
    CHECK(fs.f_type == 0x01021994 && fs.f_bsize == 4096 && fs.f_namelen == 255);
    int fd = imfs_open(0, "/", O_RDONLY, 0);
    OK(imfs_fstatfs(0, fd, &fs));
    OK(imfs_statvfs(0, "/", &vfs));
    OK(imfs_fstatvfs(0, fd, &vfs));
    CHECK(vfs.f_frsize == 4096 && vfs.f_namemax == 255 && vfs.f_files == fs.f_files);
    FAILS(ENOENT, imfs_statvfs(0, "/none", &vfs));
    OK(imfs_close(0, fd));
}

int main(void)
{
    imfs_init();
    looking();
    changing();
    times();
    permission();
    space();
    return verdict();
}
