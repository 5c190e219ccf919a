//! Every system call of a cage as plain data, with a constructor of the same name and a printed form that can be pasted.
//!
//! Knows nothing of how a call is made: `kernel` and `cage` each hold one `match` over it.

use crate::args::*;
use imfs::abi::ioctl::FIONREAD;
use std::fmt;

macro_rules! calls {
    ($($(#[$m:meta])* $name:ident $var:ident ($($field:ident: $ty:ty [$show:ident]),*);)*) => {
        /// One system call, or one of the few acts of a process that matter to files.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Call {
            $($(#[$m])* $var { $($field: $ty),* },)*
        }

        $($(#[$m])* #[allow(clippy::too_many_arguments)]
        pub fn $name($($field: impl Arg<$ty>),*) -> Call {
            Call::$var { $($field: $field.get()),* }
        })*

        impl fmt::Display for Call {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Call::$var { $($field),* } => {
                        let args: Vec<String> = vec![$($show($field)),*];
                        write!(f, "{}({})", stringify!($name), args.join(", "))
                    })*
                }
            }
        }
    };
}

calls! {
    /// open(2)
    open Open(path: Bytes [plain], flags: i32 [oflags], mode: u32 [oct]);
    /// openat(2)
    openat Openat(dir: i32 [dirfd], path: Bytes [plain], flags: i32 [oflags], mode: u32 [oct]);
    /// openat2(2)
    openat2 Openat2(dir: i32 [dirfd], path: Bytes [plain], flags: u64 [oflags64], mode: u64 [oct], how: u64 [resolve]);
    /// creat(2)
    creat Creat(path: Bytes [plain], mode: u32 [oct]);
    /// close(2)
    close Close(fd: i32 [plain]);
    /// close_range(2)
    close_range CloseRange(first: u32 [plain], last: u32 [plain], flags: u32 [plain]);
    /// mkdir(2)
    mkdir Mkdir(path: Bytes [plain], mode: u32 [oct]);
    /// mkdirat(2)
    mkdirat Mkdirat(dir: i32 [dirfd], path: Bytes [plain], mode: u32 [oct]);
    /// mknod(2)
    mknod Mknod(path: Bytes [plain], mode: u32 [oct], dev: u64 [plain]);
    /// mknodat(2)
    mknodat Mknodat(dir: i32 [dirfd], path: Bytes [plain], mode: u32 [oct], dev: u64 [plain]);
    /// link(2)
    link Link(old: Bytes [plain], new: Bytes [plain]);
    /// linkat(2)
    linkat Linkat(olddir: i32 [dirfd], old: Bytes [plain], newdir: i32 [dirfd], new: Bytes [plain], flags: i32 [atflags]);
    /// symlink(2)
    symlink Symlink(target: Bytes [plain], path: Bytes [plain]);
    /// symlinkat(2)
    symlinkat Symlinkat(target: Bytes [plain], dir: i32 [dirfd], path: Bytes [plain]);
    /// readlink(2)
    readlink Readlink(path: Bytes [plain], size: usize [plain]);
    /// readlinkat(2)
    readlinkat Readlinkat(dir: i32 [dirfd], path: Bytes [plain], size: usize [plain]);
    /// unlink(2)
    unlink Unlink(path: Bytes [plain]);
    /// unlinkat(2); the only flag is AT_REMOVEDIR, 0x200
    unlinkat Unlinkat(dir: i32 [dirfd], path: Bytes [plain], flags: i32 [plain]);
    /// rmdir(2)
    rmdir Rmdir(path: Bytes [plain]);
    /// rename(2)
    rename Rename(old: Bytes [plain], new: Bytes [plain]);
    /// renameat(2)
    renameat Renameat(olddir: i32 [dirfd], old: Bytes [plain], newdir: i32 [dirfd], new: Bytes [plain]);
    /// renameat2(2)
    renameat2 Renameat2(olddir: i32 [dirfd], old: Bytes [plain], newdir: i32 [dirfd], new: Bytes [plain], flags: u32 [rename_flags]);
    /// chdir(2)
    chdir Chdir(path: Bytes [plain]);
    /// fchdir(2)
    fchdir Fchdir(fd: i32 [plain]);
    /// getcwd(2)
    getcwd Getcwd(size: usize [plain]);
    /// chroot(2)
    chroot Chroot(path: Bytes [plain]);
    /// access(2)
    access Access(path: Bytes [plain], mode: i32 [plain]);
    /// faccessat(2), the old system call without flags
    faccessat Faccessat(dir: i32 [dirfd], path: Bytes [plain], mode: i32 [plain]);
    /// faccessat2(2)
    faccessat2 Faccessat2(dir: i32 [dirfd], path: Bytes [plain], mode: i32 [plain], flags: i32 [plain]);
    /// truncate(2)
    truncate Truncate(path: Bytes [plain], len: i64 [plain]);
    /// bind(2) of a UNIX socket to a path; the socket itself is closed again at once
    bind Bind(path: Bytes [plain]);
    /// read(2)
    read Read(fd: i32 [plain], len: usize [plain]);
    /// write(2)
    write Write(fd: i32 [plain], data: Data [plain]);
    /// pread(2)
    pread Pread(fd: i32 [plain], len: usize [plain], off: i64 [plain]);
    /// pwrite(2)
    pwrite Pwrite(fd: i32 [plain], data: Data [plain], off: i64 [plain]);
    /// readv(2)
    readv Readv(fd: i32 [plain], lens: Vec<usize> [plain]);
    /// writev(2)
    writev Writev(fd: i32 [plain], parts: Vec<Data> [plain]);
    /// preadv(2)
    preadv Preadv(fd: i32 [plain], lens: Vec<usize> [plain], off: i64 [plain]);
    /// pwritev(2)
    pwritev Pwritev(fd: i32 [plain], parts: Vec<Data> [plain], off: i64 [plain]);
    /// preadv2(2)
    preadv2 Preadv2(fd: i32 [plain], lens: Vec<usize> [plain], off: i64 [plain], flags: i32 [plain]);
    /// pwritev2(2)
    pwritev2 Pwritev2(fd: i32 [plain], parts: Vec<Data> [plain], off: i64 [plain], flags: i32 [plain]);
    /// lseek(2)
    lseek Lseek(fd: i32 [plain], off: i64 [plain], whence: i32 [plain]);
    /// ftruncate(2)
    ftruncate Ftruncate(fd: i32 [plain], len: i64 [plain]);
    /// fallocate(2)
    fallocate Fallocate(fd: i32 [plain], mode: i32 [falloc], off: i64 [plain], len: i64 [plain]);
    /// copy_file_range(2)
    copy_file_range CopyFileRange(from: i32 [plain], from_off: Option<i64> [plain], to: i32 [plain], to_off: Option<i64> [plain], len: usize [plain], flags: u32 [plain]);
    /// sendfile(2)
    sendfile Sendfile(to: i32 [plain], from: i32 [plain], off: Option<i64> [plain], count: usize [plain]);
    /// ioctl FICLONE
    ficlone Ficlone(to: i32 [plain], from: i32 [plain]);
    /// ioctl FICLONERANGE
    ficlonerange Ficlonerange(to: i32 [plain], from: i32 [plain], from_off: u64 [plain], len: u64 [plain], to_off: u64 [plain]);
    /// ioctl(2) with no argument, an int, or a place for what is given back
    ioctl Ioctl(fd: i32 [plain], request: u32 [plain], arg: i32 [plain]);
    /// ioctl(2) FS_IOC_FSSETXATTR
    fssetxattr Fssetxattr(fd: i32 [plain], xflags: u32 [plain], extsize: u32 [plain], projid: u32 [plain]);
    /// fsync(2)
    fsync Fsync(fd: i32 [plain]);
    /// fdatasync(2)
    fdatasync Fdatasync(fd: i32 [plain]);
    /// syncfs(2)
    syncfs Syncfs(fd: i32 [plain]);
    /// sync_file_range(2)
    sync_file_range SyncFileRange(fd: i32 [plain], off: i64 [plain], len: i64 [plain], flags: u32 [plain]);
    /// posix_fadvise(2)
    fadvise Fadvise(fd: i32 [plain], off: i64 [plain], len: i64 [plain], advice: i32 [plain]);
    /// readahead(2)
    readahead Readahead(fd: i32 [plain], off: i64 [plain], count: usize [plain]);
    /// stat(2)
    stat Stat(path: Bytes [plain]);
    /// lstat(2)
    lstat Lstat(path: Bytes [plain]);
    /// fstat(2)
    fstat Fstat(fd: i32 [plain]);
    /// fstatat(2)
    fstatat Fstatat(dir: i32 [dirfd], path: Bytes [plain], flags: i32 [atflags]);
    /// statx(2)
    statx Statx(dir: i32 [dirfd], path: Bytes [plain], flags: i32 [atflags], mask: u32 [plain]);
    /// statfs(2)
    statfs Statfs(path: Bytes [plain]);
    /// fstatfs(2)
    fstatfs Fstatfs(fd: i32 [plain]);
    /// statfs(2), of which only the free blocks are looked at
    free_blocks FreeBlocks(path: Bytes [plain]);
    /// chmod(2)
    chmod Chmod(path: Bytes [plain], mode: u32 [oct]);
    /// fchmod(2)
    fchmod Fchmod(fd: i32 [plain], mode: u32 [oct]);
    /// fchmodat(2), the old system call without flags
    fchmodat Fchmodat(dir: i32 [dirfd], path: Bytes [plain], mode: u32 [oct]);
    /// fchmodat2(2)
    fchmodat2 Fchmodat2(dir: i32 [dirfd], path: Bytes [plain], mode: u32 [oct], flags: i32 [atflags]);
    /// chown(2)
    chown Chown(path: Bytes [plain], uid: u32 [plain], gid: u32 [plain]);
    /// lchown(2)
    lchown Lchown(path: Bytes [plain], uid: u32 [plain], gid: u32 [plain]);
    /// fchown(2)
    fchown Fchown(fd: i32 [plain], uid: u32 [plain], gid: u32 [plain]);
    /// fchownat(2)
    fchownat Fchownat(dir: i32 [dirfd], path: Bytes [plain], uid: u32 [plain], gid: u32 [plain], flags: i32 [atflags]);
    /// utimensat(2); no path is the descriptor itself, no times are the present
    utimensat Utimensat(dir: i32 [dirfd], path: Option<Bytes> [plain], times: Option<[Time; 2]> [plain], flags: i32 [atflags]);
    /// umask(2)
    umask Umask(mask: u32 [oct]);
    /// setxattr(2)
    setxattr Setxattr(path: Bytes [plain], name: Bytes [plain], value: Data [plain], flags: i32 [plain]);
    /// lsetxattr(2)
    lsetxattr Lsetxattr(path: Bytes [plain], name: Bytes [plain], value: Data [plain], flags: i32 [plain]);
    /// fsetxattr(2)
    fsetxattr Fsetxattr(fd: i32 [plain], name: Bytes [plain], value: Data [plain], flags: i32 [plain]);
    /// getxattr(2)
    getxattr Getxattr(path: Bytes [plain], name: Bytes [plain], size: usize [plain]);
    /// lgetxattr(2)
    lgetxattr Lgetxattr(path: Bytes [plain], name: Bytes [plain], size: usize [plain]);
    /// fgetxattr(2)
    fgetxattr Fgetxattr(fd: i32 [plain], name: Bytes [plain], size: usize [plain]);
    /// listxattr(2)
    listxattr Listxattr(path: Bytes [plain], size: usize [plain]);
    /// llistxattr(2)
    llistxattr Llistxattr(path: Bytes [plain], size: usize [plain]);
    /// flistxattr(2)
    flistxattr Flistxattr(fd: i32 [plain], size: usize [plain]);
    /// removexattr(2)
    removexattr Removexattr(path: Bytes [plain], name: Bytes [plain]);
    /// lremovexattr(2)
    lremovexattr Lremovexattr(path: Bytes [plain], name: Bytes [plain]);
    /// fremovexattr(2)
    fremovexattr Fremovexattr(fd: i32 [plain], name: Bytes [plain]);
    /// getdents64(2) once; names are sorted, the order is the file system's own
    getdents Getdents(fd: i32 [plain], size: usize [plain]);
    /// getdents64(2) with a buffer of this size until the end; all names, sorted
    readdir Readdir(fd: i32 [plain], size: usize [plain]);
    /// lseek(2) of a directory to where the entry `name` was left by an earlier `getdents` or `readdir` of this process
    seekdir Seekdir(fd: i32 [plain], name: Bytes [plain]);
    /// pipe(2)
    pipe Pipe();
    /// pipe2(2)
    pipe2 Pipe2(flags: i32 [oflags]);
    /// poll(2) with a timeout of zero
    poll Poll(fds: Vec<(i32, i16)> [plain]);
    /// dup(2)
    dup Dup(fd: i32 [plain]);
    /// dup2(2)
    dup2 Dup2(fd: i32 [plain], new: i32 [plain]);
    /// dup3(2)
    dup3 Dup3(fd: i32 [plain], new: i32 [plain], flags: i32 [oflags]);
    /// fcntl(2) with an integer argument
    fcntl Fcntl(fd: i32 [plain], cmd: i32 [plain], arg: i64 [plain]);
    /// fcntl(2) with a `struct flock`: F_SETLK, F_SETLKW, F_GETLK and their F_OFD_ forms
    lock Lock(fd: i32 [plain], cmd: i32 [plain], kind: i32 [plain], whence: i32 [plain], start: i64 [plain], len: i64 [plain]);
    /// flock(2)
    flock Flock(fd: i32 [plain], op: i32 [plain]);
    /// mmap(2); later calls name the mapping by its slot
    mmap Mmap(slot: usize [plain], fd: i32 [plain], off: i64 [plain], len: usize [plain], prot: i32 [plain], flags: i32 [plain]);
    /// a load from a mapping
    map_read MapRead(slot: usize [plain], off: usize [plain], len: usize [plain]);
    /// a store to a mapping
    map_write MapWrite(slot: usize [plain], off: usize [plain], data: Data [plain]);
    /// a store to a mapping that ends where the file does: see [`crate::compare::as_answered`]
    map_write_within MapWriteWithin(slot: usize [plain], off: usize [plain], data: Data [plain]);
    /// msync(2)
    msync Msync(slot: usize [plain], off: usize [plain], len: usize [plain], flags: i32 [plain]);
    /// munmap(2) of the whole mapping
    munmap Munmap(slot: usize [plain]);
    /// fork(2): process `child` comes to be
    fork Fork(child: usize [plain]);
    /// What execve(2) does to files: descriptors with FD_CLOEXEC are closed; effective capabilities are those of the user
    exec Exec();
    /// _exit(2)
    exit Exit();
    /// setgroups(2), setresgid(2) and setresuid(2) to a known user, see [`crate::users`]
    user User(who: usize [plain]);
    /// setuid(2)
    setuid Setuid(uid: u32 [plain]);
    /// setgid(2)
    setgid Setgid(gid: u32 [plain]);
    /// setreuid(2)
    setreuid Setreuid(ruid: u32 [plain], euid: u32 [plain]);
    /// setregid(2)
    setregid Setregid(rgid: u32 [plain], egid: u32 [plain]);
    /// setresuid(2)
    setresuid Setresuid(ruid: u32 [plain], euid: u32 [plain], suid: u32 [plain]);
    /// setresgid(2)
    setresgid Setresgid(rgid: u32 [plain], egid: u32 [plain], sgid: u32 [plain]);
    /// setfsuid(2)
    setfsuid Setfsuid(uid: u32 [plain]);
    /// setfsgid(2)
    setfsgid Setfsgid(gid: u32 [plain]);
    /// setgroups(2)
    setgroups Setgroups(groups: Vec<u32> [plain]);
    /// Who the process is: getresuid(2), getresgid(2), getgroups(2), capget(2)
    whoami Whoami();
    /// capset(2): the effective set becomes exactly these bits
    caps Caps(mask: u64 [plain]);
    /// setrlimit(2) RLIMIT_NOFILE
    nofile Nofile(limit: u64 [plain]);
    /// Nothing but the passing of time: the stamps of later calls differ from those of earlier ones
    tick Tick();
}

/// ioctl(2) FIONREAD
pub fn fionread(fd: i32) -> Call {
    ioctl(fd, FIONREAD, 0)
}

impl Call {
    /// Whether the call can move a time stamp, so that a moment must pass before it to tell which call did.
    pub fn moves_stamps(&self) -> bool {
        use Call::*;
        let quiet = matches!(
            self,
            User { .. }
                | Setuid { .. }
                | Setgid { .. }
                | Setreuid { .. }
                | Setregid { .. }
                | Setresuid { .. }
                | Setresgid { .. }
                | Setfsuid { .. }
                | Setfsgid { .. }
                | Setgroups { .. }
                | Whoami {}
                | Caps { .. }
                | Umask { .. }
                | Nofile { .. }
                | Fork { .. }
                | Tick {}
                | Close { .. }
                | Stat { .. }
                | Lstat { .. }
                | Fstat { .. }
                | Fstatat { .. }
                | Statx { .. }
                | Statfs { .. }
                | Fstatfs { .. }
                | FreeBlocks { .. }
                | Access { .. }
                | Faccessat { .. }
                | Faccessat2 { .. }
                | Chdir { .. }
                | Fchdir { .. }
                | Chroot { .. }
                | Getcwd { .. }
                | Lseek { .. }
                | Dup { .. }
                | Dup2 { .. }
                | Dup3 { .. }
                | Fcntl { .. }
                | Lock { .. }
                | Flock { .. }
                | Poll { .. }
                | Exec {}
                | CloseRange { .. }
                | Ioctl { request: FIONREAD, .. }
                | Seekdir { .. }
        );
        !quiet
    }

    /// Whether the call, quiet as it is, may go through symbolic links, whose access time moves.
    pub fn walks(&self) -> bool {
        use Call::*;
        matches!(
            self,
            Stat { .. }
                | Lstat { .. }
                | Fstatat { .. }
                | Statx { .. }
                | Statfs { .. }
                | FreeBlocks { .. }
                | Access { .. }
                | Faccessat { .. }
                | Faccessat2 { .. }
                | Chdir { .. }
                | Chroot { .. }
        )
    }
}
