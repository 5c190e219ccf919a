// imfs.h: an in-memory file system with the calls of POSIX and Linux.
//
// Each call is the system call, or call of the C library, of the same name with a cage id in front: it has the parameters,
// results and errors of its man page, and fails with -1 (or NULL) and errno. Cages are what processes are to those: a table
// of descriptors, which start at 3, a working directory, a umask and credentials. A cage id that was not used before names a new
// cage of the default instance. NULL and misaligned pointers give EFAULT; a negative cage id gives EINVAL.
//
// The reference is docs/capi.md. This file is made of the library's source: see crates/imfs-capi/cbindgen.toml.

#ifndef IMFS_H
#define IMFS_H

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>

// Declared by headers that need _GNU_SOURCE or are not there in C99.
struct statx;
struct timespec;
struct timeval;
struct utimbuf;


// An open directory stream. It belongs to the cage that opened it, and every call on it names that.
typedef struct I_DIR I_DIR;

// An instance: a file system of its own.
typedef struct imfs_t imfs_t;

// How an instance is made. Zero in a field means its default; the whole structure should be set to zero first.
typedef struct imfs_options {
  // The most bytes in files. Default: no limit.
  uint64_t size;
  // The most inodes. Default: no limit.
  uint64_t inodes;
  // The most open file descriptions (ENFILE). Default: no limit.
  uint64_t files;
  // The lowest descriptor number that is too high in new cages (RLIMIT_NOFILE, EMFILE). Default: 1,048,576.
  uint32_t nofile;
  // The permission bits of the root directory. Default: 0777.
  mode_t mode;
  // The owner of the root directory.
  uid_t uid;
  // The group of the root directory.
  gid_t gid;
  // For later versions: zero (EINVAL).
  uint64_t reserved[4];
} imfs_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// access(2)
int imfs_access(int cage_id, const char *path, int mode);

// faccessat(2), with all flags of faccessat2(2).
int imfs_faccessat(int cage_id, int dirfd, const char *path, int mode, int flags);

// euidaccess(3)
int imfs_euidaccess(int cage_id, const char *path, int mode);

// chdir(2)
int imfs_chdir(int cage_id, const char *path);

// fchdir(2)
int imfs_fchdir(int cage_id, int fd);

// chroot(2)
int imfs_chroot(int cage_id, const char *path);

// getcwd(3), POSIX's part of it: a NULL `buf` gives EINVAL, since what is allocated here could not be given to free(3).
char *imfs_getcwd(int cage_id, char *buf, size_t size);

// umask(2)
mode_t imfs_umask(int cage_id, mode_t mask);

// chmod(2)
int imfs_chmod(int cage_id, const char *path, mode_t mode);

// fchmod(2)
int imfs_fchmod(int cage_id, int fd, mode_t mode);

// fchmodat(2), with all flags of fchmodat2(2).
int imfs_fchmodat(int cage_id, int dirfd, const char *path, mode_t mode, int flags);

// chown(2)
int imfs_chown(int cage_id, const char *path, uid_t owner, gid_t group);

// lchown(2)
int imfs_lchown(int cage_id, const char *path, uid_t owner, gid_t group);

// fchown(2)
int imfs_fchown(int cage_id, int fd, uid_t owner, gid_t group);

// fchownat(2)
int imfs_fchownat(int cage_id, int dirfd, const char *path, uid_t owner, gid_t group, int flags);

// copy_file_range(2)
ssize_t imfs_copy_file_range(int cage_id, int fd_in, off_t *off_in, int fd_out, off_t *off_out, size_t len, unsigned int flags);

// getuid(2)
uid_t imfs_getuid(int cage_id);

// geteuid(2)
uid_t imfs_geteuid(int cage_id);

// getgid(2)
gid_t imfs_getgid(int cage_id);

// getegid(2)
gid_t imfs_getegid(int cage_id);

// getresuid(2)
int imfs_getresuid(int cage_id, uid_t *ruid, uid_t *euid, uid_t *suid);

// getresgid(2)
int imfs_getresgid(int cage_id, gid_t *rgid, gid_t *egid, gid_t *sgid);

// setuid(2)
int imfs_setuid(int cage_id, uid_t uid);

// setgid(2)
int imfs_setgid(int cage_id, gid_t gid);

// seteuid(2)
int imfs_seteuid(int cage_id, uid_t euid);

// setegid(2)
int imfs_setegid(int cage_id, gid_t egid);

// setreuid(2)
int imfs_setreuid(int cage_id, uid_t ruid, uid_t euid);

// setregid(2)
int imfs_setregid(int cage_id, gid_t rgid, gid_t egid);

// setresuid(2)
int imfs_setresuid(int cage_id, uid_t ruid, uid_t euid, uid_t suid);

// setresgid(2)
int imfs_setresgid(int cage_id, gid_t rgid, gid_t egid, gid_t sgid);

// setfsuid(2): the old id, whether or not it could be changed.
int imfs_setfsuid(int cage_id, uid_t fsuid);

// setfsgid(2): the old id, whether or not it could be changed.
int imfs_setfsgid(int cage_id, gid_t fsgid);

// getgroups(2)
int imfs_getgroups(int cage_id, int size, gid_t *list);

// setgroups(2)
int imfs_setgroups(int cage_id, size_t size, const gid_t *list);

// opendir(3)
struct I_DIR *imfs_opendir(int cage_id, const char *name);

// fdopendir(3)
struct I_DIR *imfs_fdopendir(int cage_id, int fd);

// readdir(3)
struct dirent *imfs_readdir(int cage_id, struct I_DIR *dirp);

// telldir(3)
long imfs_telldir(int cage_id, struct I_DIR *dirp);

// seekdir(3)
void imfs_seekdir(int cage_id, struct I_DIR *dirp, long loc);

// rewinddir(3)
void imfs_rewinddir(int cage_id, struct I_DIR *dirp);

// dirfd(3)
int imfs_dirfd(int cage_id, struct I_DIR *dirp);

// closedir(3): the stream is gone, whatever the result.
int imfs_closedir(int cage_id, struct I_DIR *dirp);

// getdents64(2)
ssize_t imfs_getdents64(int cage_id, int fd, void *dirp, size_t count);

// dup(2)
int imfs_dup(int cage_id, int oldfd);

// dup2(2)
int imfs_dup2(int cage_id, int oldfd, int newfd);

// dup3(2)
int imfs_dup3(int cage_id, int oldfd, int newfd, int flags);

// fallocate(2)
int imfs_fallocate(int cage_id, int fd, int mode, off_t offset, off_t len);

// posix_fallocate(3): returns the error, and leaves `errno` alone.
int imfs_posix_fallocate(int cage_id, int fd, off_t offset, off_t len);

// posix_fadvise(2): returns the error, and leaves `errno` alone.
int imfs_posix_fadvise(int cage_id, int fd, off_t offset, off_t len, int advice);

// readahead(2)
ssize_t imfs_readahead(int cage_id, int fd, off_t offset, size_t count);

// sync_file_range(2)
int imfs_sync_file_range(int cage_id, int fd, off_t offset, off_t nbytes, unsigned int flags);

// fcntl(2) with an int. Operations that need a pointer give EFAULT here: they are for `imfs_fcntl_ptr`.
int imfs_fcntl(int cage_id, int fd, int op, int arg);

// fcntl(2) with whatever the operation takes: a pointer, or an int made one (`(void *)(intptr_t)n`).
int imfs_fcntl_ptr(int cage_id, int fd, int op, void *arg);

// flock(2)
int imfs_flock(int cage_id, int fd, int operation);

// Starts afresh: all cages of the default instance end, and an empty one takes its place. Need not be called: the first use
// of a cage id does it. Instances of `imfs_new` stay as they are.
void imfs_init(void);

// Makes an instance, with the defaults if `options` is NULL. Cages are put into it with `imfs_cage_new`. NULL: ENOMEM, EINVAL.
struct imfs_t *imfs_new(const struct imfs_options *options);

// Ends an instance: its cages end, and its memory is given back. EINVAL: there is no such instance (any more).
int imfs_free(struct imfs_t *fs);

// Makes a cage in an instance (the default one, if `fs` is NULL), at its root, as its superuser, without descriptors. Returns
// `cage_id`, or for -1 a free one beyond the original's 128. EEXIST: it names a cage. EINVAL: no such instance.
int imfs_cage_new(struct imfs_t *fs, int cage_id);

// The version of the library, such as "0.1.0".
const char *imfs_version(void);

// ioctl(2); `arg` is a pointer or a number, as the request asks.
int imfs_ioctl(int cage_id, int fd, unsigned long request, void *arg);

// link(2)
int imfs_link(int cage_id, const char *oldpath, const char *newpath);

// linkat(2)
int imfs_linkat(int cage_id, int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags);

// mkdir(2)
int imfs_mkdir(int cage_id, const char *path, mode_t mode);

// mkdirat(2)
int imfs_mkdirat(int cage_id, int dirfd, const char *path, mode_t mode);

// mknod(2)
int imfs_mknod(int cage_id, const char *path, mode_t mode, dev_t dev);

// mknodat(2)
int imfs_mknodat(int cage_id, int dirfd, const char *path, mode_t mode, dev_t dev);

// mkfifo(3)
int imfs_mkfifo(int cage_id, const char *path, mode_t mode);

// mkfifoat(3)
int imfs_mkfifoat(int cage_id, int dirfd, const char *path, mode_t mode);

// symlink(2)
int imfs_symlink(int cage_id, const char *target, const char *linkpath);

// symlinkat(2)
int imfs_symlinkat(int cage_id, const char *target, int newdirfd, const char *linkpath);

// bind(2) of a UNIX socket to a path: it makes the inode. There are no sockets in an IMFS, so `sockfd` is the caller's own
// and is not looked at.
int imfs_bind(int cage_id, int sockfd, const struct sockaddr *addr, socklen_t addrlen);

// mmap(2). What it returns is to be unmapped by `imfs_munmap` of this cage, which also ends with the cage, and not by
// munmap(2).
void *imfs_mmap(int cage_id, void *addr, size_t length, int prot, int flags, int fd, off_t offset);

// munmap(2), of what the cage has mapped.
int imfs_munmap(int cage_id, void *addr, size_t length);

// msync(2)
int imfs_msync(int cage_id, void *addr, size_t length, int flags);

// open(2)
int imfs_open(int cage_id, const char *path, int flags, mode_t mode);

// openat(2)
int imfs_openat(int cage_id, int dirfd, const char *path, int flags, mode_t mode);

// openat2(2): `how` has `size` bytes. What is beyond the fields known here must be zero (E2BIG).
long imfs_openat2(int cage_id, int dirfd, const char *path, void *how, size_t size);

// creat(2)
int imfs_creat(int cage_id, const char *path, mode_t mode);

// close(2)
int imfs_close(int cage_id, int fd);

// close_range(2)
int imfs_close_range(int cage_id, unsigned int first, unsigned int last, int flags);

// pathconf(3); -1 with `errno` as it was means that there is no limit, or no such option. The result is an int, as in the
// original.
int imfs_pathconf(int cage_id, const char *path, int name);

// fpathconf(3), as `imfs_pathconf`.
int imfs_fpathconf(int cage_id, int fd, int name);

// pipe(2)
int imfs_pipe(int cage_id, int *pipefd);

// pipe2(2)
int imfs_pipe2(int cage_id, int *pipefd, int flags);

// poll(2)
int imfs_poll(int cage_id, struct pollfd *fds, nfds_t nfds, int timeout);

// ppoll(2) without a signal mask.
int imfs_ppoll(int cage_id, struct pollfd *fds, nfds_t nfds, const struct timespec *timeout);

// select(2). Unlike the system call it leaves `timeout` as it is.
int imfs_select(int cage_id, int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, const struct timeval *timeout);

// pselect(2) without a signal mask.
int imfs_pselect(int cage_id, int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, const struct timespec *timeout);

// fork(2): makes the cage `child_id` with the descriptors of `cage_id`, for the same open file descriptions, and its places,
// umask and credentials. EEXIST: there is such a cage, or it was used.
int imfs_fork(int cage_id, int child_id);

// Gives the cage `dst` the descriptors of `src`, in the place of its own: what the original has for fork(2).
void imfs_copy_fd_tables(int src, int dst);

// What execve(2) does to a cage: descriptors with close-on-exec go, and saved ids become the effective ones.
int imfs_exec(int cage_id);

// _exit(2): ends the cage. Its waiting calls end (EINTR), its descriptors are closed, its locks dropped. The id is free then,
// and names a new cage when it is used again.
int imfs_exit(int cage_id);

// What a signal does: the waiting calls of the cage end with EINTR.
int imfs_interrupt(int cage_id);

// setrlimit(2) of RLIMIT_NOFILE: the lowest descriptor number that is too high.
int imfs_set_nofile(int cage_id, rlim_t limit);

// setrlimit(2) of RLIMIT_FSIZE: the size up to which the cage may make files grow (EFBIG; no signal is raised).
int imfs_set_fsize(int cage_id, rlim_t limit);

// read(2)
ssize_t imfs_read(int cage_id, int fd, void *buf, size_t count);

// pread(2)
ssize_t imfs_pread(int cage_id, int fd, void *buf, size_t count, off_t offset);

// readv(2)
ssize_t imfs_readv(int cage_id, int fd, const struct iovec *iov, int count);

// preadv(2)
ssize_t imfs_preadv(int cage_id, int fd, const struct iovec *iov, int count, off_t offset);

// preadv2(2)
ssize_t imfs_preadv2(int cage_id, int fd, const struct iovec *iov, int count, off_t offset, int flags);

// lseek(2)
off_t imfs_lseek(int cage_id, int fd, off_t offset, int whence);

// readlink(2)
ssize_t imfs_readlink(int cage_id, const char *path, char *buf, size_t bufsiz);

// readlinkat(2)
ssize_t imfs_readlinkat(int cage_id, int dirfd, const char *path, char *buf, size_t bufsiz);

// rename(2)
int imfs_rename(int cage_id, const char *oldpath, const char *newpath);

// renameat(2)
int imfs_renameat(int cage_id, int olddirfd, const char *oldpath, int newdirfd, const char *newpath);

// renameat2(2)
int imfs_renameat2(int cage_id, int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);

// sendfile(2)
ssize_t imfs_sendfile(int cage_id, int out_fd, int in_fd, off_t *offset, size_t count);

// Copies a host file or tree into the cage's file system at the same path, and makes missing parents.
int imfs_load_file(int cage_id, const char *path);

// Copies a file or tree of the cage's file system to `actual_path` on the host, and makes missing parents.
int imfs_dump_file(int cage_id, const char *path, const char *actual_path);

// Copies the host files and trees of a list separated by `:`, each a path or `imfs_path=host_path`.
int imfs_preloads(int cage_id, const char *preload_files);

// Copies a host file or tree into the default instance at the same path, and makes missing parents. Sets `errno` and says
// what went wrong on the standard error output.
void load_file(char *path);

// Copies a file or tree of the default instance to `actual_path` on the host. Failures as in `load_file`.
void dump_file(char *path, char *actual_path);

// Copies the host files and trees of a list separated by `:` into the default instance. Failures as in `load_file`.
void preloads(const char *preload_files);

// stat(2)
int imfs_stat(int cage_id, const char *path, struct stat *statbuf);

// lstat(2)
int imfs_lstat(int cage_id, const char *path, struct stat *statbuf);

// fstat(2)
int imfs_fstat(int cage_id, int fd, struct stat *statbuf);

// fstatat(2)
int imfs_fstatat(int cage_id, int dirfd, const char *path, struct stat *statbuf, int flags);

// statx(2): all that is known is given, whatever `mask` asks for.
int imfs_statx(int cage_id, int dirfd, const char *path, int flags, unsigned int mask, struct statx *statxbuf);

// statfs(2)
int imfs_statfs(int cage_id, const char *path, struct statfs *buf);

// fstatfs(2)
int imfs_fstatfs(int cage_id, int fd, struct statfs *buf);

// statvfs(3)
int imfs_statvfs(int cage_id, const char *path, struct statvfs *buf);

// fstatvfs(3)
int imfs_fstatvfs(int cage_id, int fd, struct statvfs *buf);

// sync(2): nothing is ever behind.
void imfs_sync(int cage_id);

// syncfs(2)
int imfs_syncfs(int cage_id, int fd);

// fsync(2)
int imfs_fsync(int cage_id, int fd);

// fdatasync(2)
int imfs_fdatasync(int cage_id, int fd);

// truncate(2)
int imfs_truncate(int cage_id, const char *path, off_t length);

// ftruncate(2)
int imfs_ftruncate(int cage_id, int fd, off_t length);

// unlink(2)
int imfs_unlink(int cage_id, const char *path);

// unlinkat(2)
int imfs_unlinkat(int cage_id, int dirfd, const char *path, int flags);

// rmdir(2)
int imfs_rmdir(int cage_id, const char *path);

// remove(3)
int imfs_remove(int cage_id, const char *path);

// utimensat(2); a NULL `path` means `dirfd` itself, as for the system call.
int imfs_utimensat(int cage_id, int dirfd, const char *path, const struct timespec *times, int flags);

// futimens(3)
int imfs_futimens(int cage_id, int fd, const struct timespec *times);

// utimes(2)
int imfs_utimes(int cage_id, const char *path, const struct timeval *times);

// lutimes(3)
int imfs_lutimes(int cage_id, const char *path, const struct timeval *times);

// futimes(3)
int imfs_futimes(int cage_id, int fd, const struct timeval *times);

// utime(2)
int imfs_utime(int cage_id, const char *path, const struct utimbuf *times);

// write(2)
ssize_t imfs_write(int cage_id, int fd, const void *buf, size_t count);

// pwrite(2)
ssize_t imfs_pwrite(int cage_id, int fd, const void *buf, size_t count, off_t offset);

// writev(2)
ssize_t imfs_writev(int cage_id, int fd, const struct iovec *iov, int count);

// pwritev(2)
ssize_t imfs_pwritev(int cage_id, int fd, const struct iovec *iov, int count, off_t offset);

// pwritev2(2)
ssize_t imfs_pwritev2(int cage_id, int fd, const struct iovec *iov, int count, off_t offset, int flags);

// getxattr(2)
ssize_t imfs_getxattr(int cage_id, const char *path, const char *name, void *value, size_t size);

// lgetxattr(2)
ssize_t imfs_lgetxattr(int cage_id, const char *path, const char *name, void *value, size_t size);

// fgetxattr(2)
ssize_t imfs_fgetxattr(int cage_id, int fd, const char *name, void *value, size_t size);

// setxattr(2)
int imfs_setxattr(int cage_id, const char *path, const char *name, const void *value, size_t size, int flags);

// lsetxattr(2)
int imfs_lsetxattr(int cage_id, const char *path, const char *name, const void *value, size_t size, int flags);

// fsetxattr(2)
int imfs_fsetxattr(int cage_id, int fd, const char *name, const void *value, size_t size, int flags);

// listxattr(2)
ssize_t imfs_listxattr(int cage_id, const char *path, char *list, size_t size);

// llistxattr(2)
ssize_t imfs_llistxattr(int cage_id, const char *path, char *list, size_t size);

// flistxattr(2)
ssize_t imfs_flistxattr(int cage_id, int fd, char *list, size_t size);

// removexattr(2)
int imfs_removexattr(int cage_id, const char *path, const char *name);

// lremovexattr(2)
int imfs_lremovexattr(int cage_id, const char *path, const char *name);

// fremovexattr(2)
int imfs_fremovexattr(int cage_id, int fd, const char *name);

// getxattrat(2), the system call: `args` is a `struct xattr_args` of `size` bytes.
ssize_t imfs_getxattrat(int cage_id, int dirfd, const char *path, int at_flags, const char *name, void *args, size_t size);

// setxattrat(2), the system call: `args` is a `struct xattr_args` of `size` bytes.
int imfs_setxattrat(int cage_id, int dirfd, const char *path, int at_flags, const char *name, void *args, size_t size);

// listxattrat(2), the system call.
ssize_t imfs_listxattrat(int cage_id, int dirfd, const char *path, int at_flags, char *list, size_t size);

// removexattrat(2), the system call.
int imfs_removexattrat(int cage_id, int dirfd, const char *path, int at_flags, const char *name);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IMFS_H */
