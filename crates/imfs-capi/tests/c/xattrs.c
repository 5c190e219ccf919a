// getxattr, setxattr, listxattr, removexattr, in three forms.
#include "check.h"
#include <sys/xattr.h>

int main(void)
{
    char buf[64];
    imfs_init();
    put_file(0, "/file", "");
    OK(imfs_symlink(0, "file", "/link"));
    int fd = imfs_open(0, "/file", O_RDWR, 0);
    OK(imfs_setxattr(0, "/link", "user.one", "1", 1, 0));
    FAILS(EEXIST, imfs_setxattr(0, "/file", "user.one", "1", 1, XATTR_CREATE));
    FAILS(ENODATA, imfs_fsetxattr(0, fd, "user.two", "2", 1, XATTR_REPLACE));
    OK(imfs_fsetxattr(0, fd, "user.two", "second", 6, XATTR_CREATE));
    OK(imfs_lsetxattr(0, "/link", "trusted.three", NULL, 0, 0));
    GIVES(6, imfs_getxattr(0, "/file", "user.two", NULL, 0));
    GIVES(6, imfs_fgetxattr(0, fd, "user.two", buf, sizeof buf));
    CHECK(memcmp(buf, "second", 6) == 0);
    FAILS(ERANGE, imfs_getxattr(0, "/file", "user.two", buf, 5));
    FAILS(ENODATA, imfs_getxattr(0, "/file", "user.none", buf, 5));
    FAILS(EOPNOTSUPP, imfs_getxattr(0, "/file", "strange.name", buf, 5));
    GIVES(0, imfs_lgetxattr(0, "/link", "trusted.three", buf, 5));
    GIVES(18, imfs_listxattr(0, "/file", NULL, 0));
    GIVES(18, imfs_flistxattr(0, fd, buf, sizeof buf));
    CHECK(strlen(buf) == 8 && strlen(buf + 9) == 8);
    GIVES(14, imfs_llistxattr(0, "/link", buf, sizeof buf));
    CHECK(strcmp(buf, "trusted.three") == 0);
    FAILS(ERANGE, imfs_listxattr(0, "/file", buf, 17));
    OK(imfs_removexattr(0, "/link", "user.one"));
    OK(imfs_fremovexattr(0, fd, "user.two"));
    OK(imfs_lremovexattr(0, "/link", "trusted.three"));
    FAILS(ENODATA, imfs_removexattr(0, "/file", "user.one"));
    GIVES(0, imfs_listxattr(0, "/file", buf, sizeof buf));

    struct {
        uint64_t value;
        uint32_t size, flags;
        uint64_t more;
    } args = {(uint64_t)(uintptr_t)"fourth", 6, XATTR_CREATE, 0};
    OK(imfs_setxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", &args, 16));
    FAILS(EEXIST, imfs_setxattrat(0, AT_FDCWD, "/file", 0, "user.four", &args, sizeof args));
    FAILS(EINVAL, imfs_getxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", &args, 16));
    args.value = (uint64_t)(uintptr_t)buf, args.size = sizeof buf, args.flags = 0;
    GIVES(6, imfs_getxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", &args, 16));
    CHECK(memcmp(buf, "fourth", 6) == 0);
    FAILS(EINVAL, imfs_getxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", &args, 15));
    FAILS(EFAULT, imfs_getxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", NULL, 16));
    args.more = 1;
    FAILS(E2BIG, imfs_getxattrat(0, fd, "", AT_EMPTY_PATH, "user.four", &args, sizeof args));
    GIVES(10, imfs_listxattrat(0, AT_FDCWD, "/link", 0, buf, sizeof buf));
    GIVES(0, imfs_listxattrat(0, AT_FDCWD, "/link", AT_SYMLINK_NOFOLLOW, buf, sizeof buf));
    OK(imfs_removexattrat(0, AT_FDCWD, "/file", 0, "user.four"));
    FAILS(EINVAL, imfs_removexattrat(0, AT_FDCWD, "/file", 0x10000, "user.four"));

    FAILS(EFAULT, imfs_setxattr(0, "/file", "user.x", NULL, 3, 0));
    FAILS(E2BIG, imfs_setxattr(0, "/file", "user.x", buf, 65537, 0));
    FAILS(EBADF, imfs_fgetxattr(0, 99, "user.x", buf, 3));
    return verdict();
}
