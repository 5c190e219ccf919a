// fallocate, copy_file_range, clones, advice, pathconf.
#include "check.h"
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

int main(void)
{
    struct stat st;
    imfs_init();
    int fd = imfs_open(0, "/file", O_CREAT | O_RDWR, 0644);
    OK(imfs_fallocate(0, fd, 0, 0, 10000));
    OK(imfs_fstat(0, fd, &st));
    CHECK(st.st_size == 10000 && st.st_blocks == 24);
    OK(imfs_fallocate(0, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
    OK(imfs_fstat(0, fd, &st));
    CHECK(st.st_size == 10000 && st.st_blocks == 8);
    FAILS(EINVAL, imfs_fallocate(0, fd, 0, 0, 0));
    FAILS(EOPNOTSUPP, imfs_fallocate(0, fd, 0x4000, 0, 1));
    OK(imfs_posix_fallocate(0, fd, 0, 20000));
    GIVES(EBADF, imfs_posix_fallocate(0, 99, 0, 20000));
    GIVES(EINVAL, imfs_posix_fallocate(-1, fd, 0, 20000));
    OK(imfs_posix_fadvise(0, fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    GIVES(EINVAL, imfs_posix_fadvise(0, fd, 0, 0, 77));
    GIVES(EBADF, imfs_posix_fadvise(0, 99, 0, 0, 0));
    OK(imfs_readahead(0, fd, 0, 100));
    FAILS(EBADF, imfs_readahead(0, 99, 0, 100));
    OK(imfs_sync_file_range(0, fd, 0, 0, SYNC_FILE_RANGE_WRITE));
    FAILS(EINVAL, imfs_sync_file_range(0, fd, 0, 0, 0x100));

    int out = imfs_open(0, "/copy", O_CREAT | O_RDWR, 0644);
    GIVES(5, imfs_pwrite(0, fd, "hello", 5, 0));
    off_t from = 1, to = 3;
    GIVES(4, imfs_copy_file_range(0, fd, &from, out, &to, 4, 0));
    CHECK(from == 5 && to == 7);
    OK(imfs_lseek(0, fd, 0, SEEK_SET));
    GIVES(3, imfs_copy_file_range(0, fd, NULL, out, NULL, 3, 0));
    CHECK(has_bytes(0, "/copy", "helello"));
    FAILS(EINVAL, imfs_copy_file_range(0, fd, NULL, out, NULL, 3, 1));
    OK(imfs_ioctl(0, out, FICLONE, (void *)(intptr_t)fd));
    OK(imfs_fstat(0, out, &st));
    GIVES(20000, st.st_size);
    struct file_clone_range range = {.src_fd = fd, .src_length = 4096, .dest_offset = 8192};
    OK(imfs_ioctl(0, out, FICLONERANGE, &range));
    FAILS(EFAULT, imfs_ioctl(0, out, FICLONERANGE, NULL));

    GIVES(255, imfs_pathconf(0, "/file", _PC_NAME_MAX));
    GIVES(4096, imfs_fpathconf(0, fd, _PC_PIPE_BUF));
    FAILS(EINVAL, imfs_pathconf(0, "/file", 9999));
    errno = 0;
    GIVES(-1, imfs_pathconf(0, "/file", _PC_SYMLINK_MAX));
    GIVES(0, errno);
    OK(imfs_set_fsize(0, 30000));
    FAILS(EFBIG, imfs_ftruncate(0, fd, 30001));
    return verdict();
}
