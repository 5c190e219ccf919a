// A program that was written against the original: its declarations stand here, there is no header of ours, and nothing but its calls.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct I_DIR I_DIR;
int imfs_open(int cage_id, const char *path, int flags, mode_t mode);
int imfs_openat(int cage_id, int dirfd, const char *path, int flags, mode_t mode);
int imfs_creat(int cage_id, const char *path, mode_t mode);
ssize_t imfs_read(int cage_id, int fd, void *buf, size_t count);
ssize_t imfs_write(int cage_id, int fd, const void *buf, size_t count);
int imfs_close(int cage_id, int fd);
int imfs_mkdir(int cage_id, const char *path, mode_t mode);
int imfs_mkdirat(int cage_id, int fd, const char *path, mode_t mode);
int imfs_rmdir(int cage_id, const char *path);
int imfs_remove(int cage_id, const char *path);
int imfs_link(int cage_id, const char *oldpath, const char *newpath);
int imfs_linkat(int cage_id, int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags);
int imfs_unlink(int cage_id, const char *path);
off_t imfs_lseek(int cage_id, int fd, off_t offset, int whence);
int imfs_dup(int cage_id, int oldfd);
int imfs_dup2(int cage_id, int oldfd, int newfd);
ssize_t imfs_pwrite(int cage_id, int fd, const void *buf, size_t count, off_t offset);
ssize_t imfs_pread(int cage_id, int fd, void *buf, size_t count, off_t offset);
int imfs_lstat(int cage_id, const char *pathname, struct stat *statbuf);
int imfs_stat(int cage_id, const char *pathname, struct stat *statbuf);
int imfs_fstat(int cage_id, int fd, struct stat *statbuf);
I_DIR *imfs_opendir(int cage_id, const char *name);
struct dirent *imfs_readdir(int cage_id, I_DIR *dirstream);
ssize_t imfs_readv(int cage_id, int fd, const struct iovec *iov, int count);
ssize_t imfs_preadv(int cage_id, int fd, const struct iovec *iov, int count, off_t offset);
ssize_t imfs_writev(int cage_id, int fd, const struct iovec *iov, int count);
ssize_t imfs_pwritev(int cage_id, int fd, const struct iovec *iov, int count, off_t offset);
int imfs_symlink(int cage_id, const char *oldpath, const char *newpath);
int imfs_rename(int cage_id, const char *oldpath, const char *newpath);
int imfs_chown(int cage_id, const char *pathname, uid_t owner, gid_t group);
int imfs_chmod(int cage_id, const char *pathname, mode_t mode);
int imfs_fchmod(int cage_id, int fd, mode_t mode);
int imfs_mkfifo(int cage_id, const char *pathname, mode_t mode);
int imfs_mknod(int cage_id, const char *pathname, mode_t mode, dev_t dev);
int imfs_bind(int cage_id, int sockfd, const struct sockaddr *addr, socklen_t addrlen);
int imfs_pathconf(int cage_id, const char *pathname, int name);
int imfs_fpathconf(int cage_id, int fd, int name);
int imfs_pipe(int cage_id, int pipefd[2]);
int imfs_pipe2(int cage_id, int pipefd[2], int flags);
int imfs_fcntl(int cage_id, int fd, int op, int arg);
void imfs_copy_fd_tables(int srcfd, int dstfd);
void imfs_init(void);

#define CAGEID 0

static int failures;
#define OK(call) ((call) ? (void)0 : (void)(failures++, fprintf(stderr, "%d: %s: %s\n", __LINE__, #call, strerror(errno))))

int main(void)
{
    struct stat st;
    char buf[16] = "";
    struct iovec iov = {buf, sizeof buf};
    int ends[2];
    imfs_init();
    OK(imfs_mkdir(CAGEID, "/dir", 0755) == 0);
    int dir = imfs_open(CAGEID, "/dir", O_RDONLY, 0);
    OK(dir == 3);
    OK(imfs_mkdirat(CAGEID, dir, "sub", 0755) == 0 && imfs_rmdir(CAGEID, "/dir/sub") == 0);
    int fd = imfs_creat(CAGEID, "/testfile.txt", 0644);
    OK(imfs_write(CAGEID, fd, "hello", 5) == 5 && imfs_close(CAGEID, fd) == 0);
    fd = imfs_openat(CAGEID, dir, "../testfile.txt", O_RDWR, 0);
    OK(imfs_read(CAGEID, fd, buf, 16) == 5 && imfs_lseek(CAGEID, fd, 0, SEEK_SET) == 0);
    OK(imfs_readv(CAGEID, fd, &iov, 1) == 5 && imfs_preadv(CAGEID, fd, &iov, 1, 1) == 4);
    iov.iov_len = 2;
    OK(imfs_writev(CAGEID, fd, &iov, 1) == 2 && imfs_pwritev(CAGEID, fd, &iov, 1, 0) == 2);
    OK(imfs_pwrite(CAGEID, fd, "x", 1, 9) == 1 && imfs_pread(CAGEID, fd, buf, 16, 0) == 10);
    OK(imfs_dup(CAGEID, fd) > fd && imfs_dup2(CAGEID, fd, 20) == 20);
    OK(imfs_link(CAGEID, "/testfile.txt", "/dir/b") == 0);
    OK(imfs_linkat(CAGEID, dir, "b", dir, "c", 0) == 0 && imfs_unlink(CAGEID, "/dir/c") == 0);
    OK(imfs_symlink(CAGEID, "b", "/dir/l") == 0 && imfs_lstat(CAGEID, "/dir/l", &st) == 0 && S_ISLNK(st.st_mode));
    OK(imfs_stat(CAGEID, "/dir/l", &st) == 0 && st.st_size == 10 && imfs_fstat(CAGEID, fd, &st) == 0);
    OK(imfs_rename(CAGEID, "/dir/b", "/dir/d") == 0 && imfs_remove(CAGEID, "/dir/l") == 0);
    OK(imfs_chown(CAGEID, "/dir/d", 1, 2) == 0 && imfs_chmod(CAGEID, "/dir/d", 0600) == 0);
    OK(imfs_fchmod(CAGEID, fd, 0644) == 0);
    OK(imfs_mkfifo(CAGEID, "/dir/f", 0600) == 0 && imfs_mknod(CAGEID, "/dir/n", S_IFREG | 0600, 0) == 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/dir/s"};
    OK(imfs_bind(CAGEID, 0, (struct sockaddr *)&at, sizeof at) == 0);
    OK(imfs_pathconf(CAGEID, "/dir", _PC_NAME_MAX) == 255 && imfs_fpathconf(CAGEID, fd, _PC_PATH_MAX) == 4096);
    OK(imfs_pipe(CAGEID, ends) == 0 && imfs_pipe2(CAGEID, ends, O_CLOEXEC) == 0);
    OK(imfs_fcntl(CAGEID, fd, F_GETFL, 0) != -1);
    imfs_copy_fd_tables(CAGEID, 1);
    OK(imfs_write(1, ends[1], "abc", 3) == 3 && imfs_read(CAGEID, ends[0], buf, 16) == 3);
    // The original has no way to close it.
    static I_DIR *stream;
    stream = imfs_opendir(CAGEID, "/dir");
    int names = 0;
    while (imfs_readdir(CAGEID, stream) != NULL)
        names++;
    OK(names == 6);
    return failures != 0;
}
