// Instances by handles, cages by ids, and starting afresh.
#include "check.h"

int main(void)
{
    struct stat st;
    // Without imfs_init all cages are there.
    put_file(0, "/file", "default");
    CHECK(has_bytes(128, "/file", "default") && has_bytes(70000, "/file", "default"));
    CHECK(has_bytes(0x7fffffff, "/file", "default"));

    imfs_t *a = imfs_new(NULL);
    struct imfs_options options = {.size = 8192, .inodes = 4, .nofile = 5, .mode = 0700, .uid = 7, .gid = 8};
    imfs_t *b = imfs_new(&options);
    CHECK(a != NULL && b != NULL && a != b);
    GIVES(200, imfs_cage_new(a, 200));
    FAILS(EEXIST, imfs_cage_new(a, 200));
    FAILS(EEXIST, imfs_cage_new(a, 0));
    GIVES(129, imfs_cage_new(b, -1));
    GIVES(130, imfs_cage_new(NULL, -1));
    CHECK(has_bytes(130, "/file", "default"));
    FAILS(EINVAL, imfs_cage_new(b, -2));

    FAILS(ENOENT, imfs_stat(200, "/file", &st));
    OK(imfs_stat(129, "/", &st));
    CHECK((st.st_mode & 07777) == 0700 && st.st_uid == 7 && st.st_gid == 8);
    put_file(129, "/file", "b");
    put_file(129, "/file2", "b");
    CHECK(has_bytes(0, "/file", "default") && has_bytes(129, "/file", "b"));
    int fd = imfs_open(129, "/file", O_WRONLY, 0);
    static char page[4096];
    FAILS(ENOSPC, imfs_pwrite(129, fd, page, sizeof page, 4096));
    GIVES(4, imfs_open(129, "/file2", O_RDONLY, 0));
    FAILS(EMFILE, imfs_open(129, "/file2", O_RDONLY, 0));
    OK(imfs_close(129, 4));
    put_file(200, "/file", "a");
    OK(imfs_fork(200, 201));
    CHECK(has_bytes(201, "/file", "a"));
    errno = 0;
    imfs_copy_fd_tables(129, 200);
    GIVES(EXDEV, errno);

    // Afresh: the default instance only.
    imfs_init();
    FAILS(ENOENT, imfs_stat(0, "/file", &st));
    CHECK(has_bytes(129, "/file", "b") && has_bytes(200, "/file", "a"));
    FAILS(ENOENT, imfs_stat(130, "/file", &st));

    OK(imfs_free(b));
    FAILS(EINVAL, imfs_free(b));
    FAILS(EINVAL, imfs_free(NULL));
    FAILS(EINVAL, imfs_free((imfs_t *)&st));
    FAILS(EINVAL, imfs_cage_new(b, -1));
    // The id is free, so it names a cage of the default instance.
    FAILS(ENOENT, imfs_stat(129, "/file", &st));
    OK(imfs_free(a));

    options.reserved[2] = 1;
    FAILS_NULL(EINVAL, imfs_new(&options));
    CHECK(strchr(imfs_version(), '.') != NULL);
    imfs_init();
    return verdict();
}
