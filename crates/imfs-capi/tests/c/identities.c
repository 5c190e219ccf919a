// getuid, setuid, setresuid, setgroups and their kin.
#include "check.h"

int main(void)
{
    imfs_init();
    GIVES(0, imfs_getuid(0));
    GIVES(0, imfs_geteuid(0));
    GIVES(0, imfs_getgid(0));
    GIVES(0, imfs_getegid(0));

    gid_t groups[] = {5, 6, 7}, got[8] = {0};
    OK(imfs_setgroups(0, 3, groups));
    GIVES(3, imfs_getgroups(0, 0, NULL));
    GIVES(3, imfs_getgroups(0, 8, got));
    CHECK(memcmp(groups, got, sizeof groups) == 0);
    FAILS(EINVAL, imfs_getgroups(0, 2, got));
    FAILS(EINVAL, imfs_getgroups(0, -1, got));
    FAILS(EFAULT, imfs_getgroups(0, 3, NULL));
    FAILS(EFAULT, imfs_setgroups(0, 3, NULL));

    uid_t r, e, s;
    OK(imfs_setresgid(0, 1, 2, 3));
    OK(imfs_getresgid(0, &r, &e, &s));
    CHECK(r == 1 && e == 2 && s == 3);
    OK(imfs_setregid(0, 2, 1));
    OK(imfs_setegid(0, 2));
    OK(imfs_setgid(0, 9));
    GIVES(9, imfs_getegid(0));
    GIVES(9, imfs_setfsgid(0, 8));
    GIVES(8, imfs_setfsgid(0, (gid_t)-1));
    FAILS(EINVAL, imfs_setegid(0, (gid_t)-1));

    OK(imfs_setresuid(0, 10, 11, 12));
    OK(imfs_getresuid(0, &r, &e, &s));
    CHECK(r == 10 && e == 11 && s == 12);
    FAILS(EPERM, imfs_setuid(0, 0));
    FAILS(EPERM, imfs_setresuid(0, 0, 0, 0));
    FAILS(EPERM, imfs_setgroups(0, 0, NULL));
    OK(imfs_seteuid(0, 12));
    GIVES(12, imfs_geteuid(0));
    OK(imfs_setreuid(0, 12, 10));
    GIVES(12, imfs_getuid(0));
    GIVES(10, imfs_setfsuid(0, 99));
    GIVES(10, imfs_setfsuid(0, 10));
    FAILS(EINVAL, imfs_seteuid(0, (uid_t)-1));

    // Other cages are other users.
    GIVES(0, imfs_getuid(1));
    OK(imfs_setuid(1, 500));
    GIVES(500, imfs_getuid(1));
    return verdict();
}
