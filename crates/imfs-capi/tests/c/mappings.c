// mmap, munmap, msync: mappings agree with reads and writes.
#include "check.h"
#include <sys/mman.h>

int main(void)
{
    imfs_init();
    put_file(0, "/file", "hello");
    int fd = imfs_open(0, "/file", O_RDWR, 0);
    char *shared = imfs_mmap(0, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = imfs_mmap(0, NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED && shared != private);
    CHECK(memcmp(shared, "hello\0", 6) == 0 && memcmp(private, "hello\0", 6) == 0);
    shared[0] = 'J';
    private[1] = '!';
    CHECK(has_bytes(0, "/file", "Jello"));
    GIVES(5, imfs_pwrite(0, fd, "world", 5, 0));
    CHECK(memcmp(shared, "world", 5) == 0 && private[1] == '!');
    OK(imfs_msync(0, shared, 4096, MS_SYNC));
    FAILS(EINVAL, imfs_msync(0, shared, 4096, MS_SYNC | MS_ASYNC));
    // The file lives as long as its mappings.
    OK(imfs_close(0, fd));
    OK(imfs_unlink(0, "/file"));
    CHECK(memcmp(shared, "world", 5) == 0);
    OK(imfs_munmap(0, shared, 4096));
    FAILS(EINVAL, imfs_munmap(0, private + 1, 4096));
    OK(imfs_munmap(0, private, 100));

    char *memory = imfs_mmap(0, NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && memory[8191] == 0);
    fd = imfs_open(0, "/file", O_CREAT | O_WRONLY, 0644);
    errno = 0;
    CHECK(imfs_mmap(0, NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    CHECK(imfs_mmap(0, NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(imfs_mmap(0, NULL, 4096, PROT_READ, MAP_SHARED, 99, 0) == MAP_FAILED && errno == EBADF);
    CHECK(imfs_mmap(-1, NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
    // The end of the cage unmaps what is left.
    OK(imfs_exit(0));
    imfs_init();
    return verdict();
}
