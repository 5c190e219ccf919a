//! Compares every constant and layout with those of the `libc` crate.

use super::*;

macro_rules! same {
    ($($ours:expr => $($theirs:ident)|+;)*) => {
        $($(assert_eq!($ours as u64 as u32, libc::$theirs as u64 as u32, stringify!($theirs));)+)*
    };
}

macro_rules! same_bits {
    ($ty:ident: $($ours:ident $theirs:ident),* $(,)?) => {
        $(assert_eq!($ty::$ours.bits() as u64, libc::$theirs as u32 as u64,
            concat!(stringify!($ty), "::", stringify!($ours)));)*
    };
}

#[test]
fn errno_values() {
    macro_rules! check {
        ($($name:ident)*) => { $(assert_eq!(Errno::$name.raw(), libc::$name, stringify!($name));)* };
    }
    check! {
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT
        ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG
        ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY
        ELOOP ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR
        EXFULL ENOANO EBADRQC EBADSLT EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK
        EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC
        ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ
        EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT
        EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
        ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
        EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM
        EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE
        ERFKILL EHWPOISON EWOULDBLOCK EDEADLOCK ENOTSUP
    }
}

#[test]
fn open_flags() {
    same_bits!(OFlags: RDONLY O_RDONLY, WRONLY O_WRONLY, RDWR O_RDWR, ACCMODE O_ACCMODE, CREAT O_CREAT, EXCL O_EXCL,
        NOCTTY O_NOCTTY, TRUNC O_TRUNC, APPEND O_APPEND, NONBLOCK O_NONBLOCK, NDELAY O_NDELAY, DSYNC O_DSYNC,
        ASYNC O_ASYNC, DIRECT O_DIRECT, DIRECTORY O_DIRECTORY, NOFOLLOW O_NOFOLLOW, NOATIME O_NOATIME,
        CLOEXEC O_CLOEXEC, SYNC O_SYNC, RSYNC O_RSYNC, PATH O_PATH, TMPFILE O_TMPFILE);
    // libc gives 0, as glibc does on 64-bit machines; the kernel's value is seen in F_GETFL.
    assert_eq!(OFlags::LARGEFILE.bits(), 0o100000);
    assert_eq!(ResolveFlags::NO_XDEV.bits(), libc::RESOLVE_NO_XDEV);
    assert_eq!(ResolveFlags::NO_MAGICLINKS.bits(), libc::RESOLVE_NO_MAGICLINKS);
    assert_eq!(ResolveFlags::NO_SYMLINKS.bits(), libc::RESOLVE_NO_SYMLINKS);
    assert_eq!(ResolveFlags::BENEATH.bits(), libc::RESOLVE_BENEATH);
    assert_eq!(ResolveFlags::IN_ROOT.bits(), libc::RESOLVE_IN_ROOT);
    assert_eq!(ResolveFlags::CACHED.bits(), libc::RESOLVE_CACHED);
    same_bits!(FdFlags: CLOEXEC FD_CLOEXEC);
    assert!(OFlags::RDONLY.readable() && !OFlags::RDONLY.writable());
    assert!(!OFlags::WRONLY.readable() && OFlags::WRONLY.writable());
    assert!(OFlags::RDWR.readable() && OFlags::RDWR.writable());
    assert!(!OFlags::ACCMODE.readable() && !OFlags::ACCMODE.writable());
    assert_eq!(OFlags::from_bits_retain(1 << 30).bits(), 1 << 30);
}

#[test]
fn path_flags() {
    same! { AT_FDCWD => AT_FDCWD; }
    same_bits!(AtFlags: SYMLINK_NOFOLLOW AT_SYMLINK_NOFOLLOW, REMOVEDIR AT_REMOVEDIR, EACCESS AT_EACCESS,
        SYMLINK_FOLLOW AT_SYMLINK_FOLLOW, NO_AUTOMOUNT AT_NO_AUTOMOUNT, EMPTY_PATH AT_EMPTY_PATH,
        RECURSIVE AT_RECURSIVE, STATX_SYNC_AS_STAT AT_STATX_SYNC_AS_STAT, STATX_FORCE_SYNC AT_STATX_FORCE_SYNC,
        STATX_DONT_SYNC AT_STATX_DONT_SYNC, STATX_SYNC_TYPE AT_STATX_SYNC_TYPE);
    same_bits!(RenameFlags: NOREPLACE RENAME_NOREPLACE, EXCHANGE RENAME_EXCHANGE, WHITEOUT RENAME_WHITEOUT);
    same_bits!(XattrFlags: CREATE XATTR_CREATE, REPLACE XATTR_REPLACE);
    same_bits!(Access: EXISTS F_OK, EXEC X_OK, WRITE W_OK, READ R_OK);
}

#[test]
fn file_flags() {
    same_bits!(RwFlags: HIPRI RWF_HIPRI, DSYNC RWF_DSYNC, SYNC RWF_SYNC, NOWAIT RWF_NOWAIT, APPEND RWF_APPEND,
        NOAPPEND RWF_NOAPPEND, ATOMIC RWF_ATOMIC, DONTCACHE RWF_DONTCACHE);
    same_bits!(FallocFlags: KEEP_SIZE FALLOC_FL_KEEP_SIZE, PUNCH_HOLE FALLOC_FL_PUNCH_HOLE,
        COLLAPSE_RANGE FALLOC_FL_COLLAPSE_RANGE, ZERO_RANGE FALLOC_FL_ZERO_RANGE,
        INSERT_RANGE FALLOC_FL_INSERT_RANGE, UNSHARE_RANGE FALLOC_FL_UNSHARE_RANGE);
    same_bits!(PollFlags: IN POLLIN, PRI POLLPRI, OUT POLLOUT, ERR POLLERR, HUP POLLHUP, NVAL POLLNVAL,
        RDNORM POLLRDNORM, RDBAND POLLRDBAND, WRNORM POLLWRNORM, WRBAND POLLWRBAND, RDHUP POLLRDHUP);
    same_bits!(CloseRangeFlags: UNSHARE CLOSE_RANGE_UNSHARE, CLOEXEC CLOSE_RANGE_CLOEXEC);
    same_bits!(SyncRangeFlags: WAIT_BEFORE SYNC_FILE_RANGE_WAIT_BEFORE, WRITE SYNC_FILE_RANGE_WRITE,
        WAIT_AFTER SYNC_FILE_RANGE_WAIT_AFTER);
    same_bits!(FlockOp: SH LOCK_SH, EX LOCK_EX, NB LOCK_NB, UN LOCK_UN);
    same! {
        Whence::Set => SEEK_SET; Whence::Cur => SEEK_CUR; Whence::End => SEEK_END;
        Whence::Data => SEEK_DATA; Whence::Hole => SEEK_HOLE;
        Fadvise::Normal => POSIX_FADV_NORMAL; Fadvise::Random => POSIX_FADV_RANDOM;
        Fadvise::Sequential => POSIX_FADV_SEQUENTIAL; Fadvise::WillNeed => POSIX_FADV_WILLNEED;
        Fadvise::DontNeed => POSIX_FADV_DONTNEED; Fadvise::NoReuse => POSIX_FADV_NOREUSE;
    }
    for raw in -1..7 {
        assert_eq!(Whence::from_raw(raw).map_or(raw, Whence::raw), raw);
        assert_eq!(Fadvise::from_raw(raw).map_or(raw, |a| a as i32), raw);
    }
}

#[test]
fn memory_flags() {
    same_bits!(ProtFlags: NONE PROT_NONE, READ PROT_READ, WRITE PROT_WRITE, EXEC PROT_EXEC);
    same_bits!(MapFlags: SHARED MAP_SHARED, PRIVATE MAP_PRIVATE, SHARED_VALIDATE MAP_SHARED_VALIDATE, TYPE MAP_TYPE,
        FIXED MAP_FIXED, ANONYMOUS MAP_ANONYMOUS, GROWSDOWN MAP_GROWSDOWN, DENYWRITE MAP_DENYWRITE,
        EXECUTABLE MAP_EXECUTABLE, LOCKED MAP_LOCKED, NORESERVE MAP_NORESERVE, POPULATE MAP_POPULATE,
        NONBLOCK MAP_NONBLOCK, STACK MAP_STACK, HUGETLB MAP_HUGETLB, SYNC MAP_SYNC,
        FIXED_NOREPLACE MAP_FIXED_NOREPLACE);
    same_bits!(MsyncFlags: ASYNC MS_ASYNC, INVALIDATE MS_INVALIDATE, SYNC MS_SYNC);
}

#[test]
fn commands() {
    macro_rules! check {
        ($module:ident: $($name:ident)*) => {
            $(assert_eq!($module::$name as u32, libc::$name as u32, stringify!($name));)*
        };
    }
    check!(fcntl: F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN
        F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETLEASE F_GETLEASE F_NOTIFY F_DUPFD_CLOEXEC F_SETPIPE_SZ
        F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS F_RDLCK F_WRLCK F_UNLCK);
    check!(ioctl: FIONREAD FIONBIO FIONCLEX FIOCLEX TCGETS FICLONE FICLONERANGE
        FS_IOC_GETFLAGS FS_IOC_SETFLAGS FS_IOC_GETVERSION);
}

#[test]
fn limits() {
    same! {
        PATH_MAX => PATH_MAX; PIPE_BUF => PIPE_BUF; TMPFS_MAGIC => TMPFS_MAGIC;
        ST_RDONLY => ST_RDONLY; ST_NOSUID => ST_NOSUID; ST_NODEV => ST_NODEV; ST_NOEXEC => ST_NOEXEC;
        ST_SYNCHRONOUS => ST_SYNCHRONOUS; ST_NOATIME => ST_NOATIME; ST_NODIRATIME => ST_NODIRATIME;
        ST_RELATIME => ST_RELATIME;
        PC_LINK_MAX => _PC_LINK_MAX; PC_MAX_CANON => _PC_MAX_CANON; PC_MAX_INPUT => _PC_MAX_INPUT;
        PC_NAME_MAX => _PC_NAME_MAX; PC_PATH_MAX => _PC_PATH_MAX; PC_PIPE_BUF => _PC_PIPE_BUF;
        PC_CHOWN_RESTRICTED => _PC_CHOWN_RESTRICTED; PC_NO_TRUNC => _PC_NO_TRUNC; PC_VDISABLE => _PC_VDISABLE;
        PC_SYNC_IO => _PC_SYNC_IO; PC_ASYNC_IO => _PC_ASYNC_IO; PC_PRIO_IO => _PC_PRIO_IO;
        PC_FILESIZEBITS => _PC_FILESIZEBITS; PC_REC_INCR_XFER_SIZE => _PC_REC_INCR_XFER_SIZE;
        PC_REC_MAX_XFER_SIZE => _PC_REC_MAX_XFER_SIZE; PC_REC_MIN_XFER_SIZE => _PC_REC_MIN_XFER_SIZE;
        PC_REC_XFER_ALIGN => _PC_REC_XFER_ALIGN; PC_ALLOC_SIZE_MIN => _PC_ALLOC_SIZE_MIN;
        PC_SYMLINK_MAX => _PC_SYMLINK_MAX; PC_2_SYMLINKS => _PC_2_SYMLINKS;
    }
}

#[test]
fn modes_and_types() {
    same_bits!(Mode: SUID S_ISUID, SGID S_ISGID, SVTX S_ISVTX, RWXU S_IRWXU, RUSR S_IRUSR, WUSR S_IWUSR,
        XUSR S_IXUSR, RWXG S_IRWXG, RGRP S_IRGRP, WGRP S_IWGRP, XGRP S_IXGRP, RWXO S_IRWXO, ROTH S_IROTH,
        WOTH S_IWOTH, XOTH S_IXOTH);
    macro_rules! check {
        ($($ty:ident $s:ident $d:ident),*) => {
            $(assert_eq!(FileType::$ty.mode_bits(), libc::$s);
            assert_eq!(FileType::$ty.dtype(), libc::$d);
            assert_eq!(FileType::from_mode(libc::S_IFMT & libc::$s | 0o7777), Some(FileType::$ty));)*
        };
    }
    check!(Fifo S_IFIFO DT_FIFO, CharDevice S_IFCHR DT_CHR, Directory S_IFDIR DT_DIR, BlockDevice S_IFBLK DT_BLK,
        Regular S_IFREG DT_REG, Symlink S_IFLNK DT_LNK, Socket S_IFSOCK DT_SOCK);
    assert_eq!(FileType::from_mode(0o777), None);
    assert_eq!(FileType::from_dtype(14), None);
    same! { UTIME_NOW => UTIME_NOW; UTIME_OMIT => UTIME_OMIT; }
    let dev = Dev::new(0x1234_5678, 0x9abc_def0);
    assert_eq!(dev.raw(), libc::makedev(dev.major(), dev.minor()));
}

#[test]
fn statx_flags() {
    same_bits!(StatxMask: TYPE STATX_TYPE, MODE STATX_MODE, NLINK STATX_NLINK, UID STATX_UID, GID STATX_GID,
        ATIME STATX_ATIME, MTIME STATX_MTIME, CTIME STATX_CTIME, INO STATX_INO, SIZE STATX_SIZE,
        BLOCKS STATX_BLOCKS, BASIC_STATS STATX_BASIC_STATS, BTIME STATX_BTIME, MNT_ID STATX_MNT_ID,
        DIOALIGN STATX_DIOALIGN, RESERVED STATX__RESERVED);
    same_bits!(StatxAttr: COMPRESSED STATX_ATTR_COMPRESSED, IMMUTABLE STATX_ATTR_IMMUTABLE, APPEND STATX_ATTR_APPEND,
        NODUMP STATX_ATTR_NODUMP, ENCRYPTED STATX_ATTR_ENCRYPTED, AUTOMOUNT STATX_ATTR_AUTOMOUNT,
        MOUNT_ROOT STATX_ATTR_MOUNT_ROOT, VERITY STATX_ATTR_VERITY, DAX STATX_ATTR_DAX);
}

/// Reads a host structure out of bytes of exactly its size.
///
/// # Safety
/// `T` must be plain old data: valid for every bit pattern.
unsafe fn read<T>(bytes: &[u8]) -> T {
    assert_eq!(bytes.len(), size_of::<T>());
    // SAFETY: the length is that of T, and the caller vouches that all bit patterns are a T.
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

fn time(n: i64) -> Timespec {
    Timespec { sec: n, nsec: n as u32 + 1 }
}

#[test]
fn stat_layout() {
    let stat = Stat {
        dev: Dev::new(1, 2),
        ino: 3,
        nlink: 4,
        mode: 5,
        uid: 6,
        gid: 7,
        rdev: Dev::new(8, 9),
        size: 10,
        blksize: 11,
        blocks: 12,
        atime: time(13),
        mtime: time(15),
        ctime: time(17),
    };
    // SAFETY: libc::stat is integers only.
    let host: libc::stat = unsafe { read(&stat.encode()) };
    assert_eq!((host.st_dev, host.st_ino, host.st_nlink), (libc::makedev(1, 2), 3, 4));
    assert_eq!((host.st_mode, host.st_uid, host.st_gid, host.st_rdev), (5, 6, 7, libc::makedev(8, 9)));
    assert_eq!((host.st_size, host.st_blksize, host.st_blocks), (10, 11, 12));
    assert_eq!((host.st_atime, host.st_atime_nsec, host.st_mtime), (13, 14, 15));
    assert_eq!((host.st_mtime_nsec, host.st_ctime, host.st_ctime_nsec), (16, 17, 18));
}

#[test]
fn statfs_layout() {
    let statfs = Statfs {
        kind: 1,
        bsize: 2,
        blocks: 3,
        bfree: 4,
        bavail: 5,
        files: 6,
        ffree: 7,
        fsid: [8, 9],
        namelen: 10,
        frsize: 11,
        flags: 12,
    };
    let bytes = statfs.encode();
    // SAFETY: libc::statfs is integers only.
    let host: libc::statfs = unsafe { read(&bytes) };
    assert_eq!((host.f_type, host.f_bsize, host.f_blocks, host.f_bfree), (1, 2, 3, 4));
    assert_eq!((host.f_bavail, host.f_files, host.f_ffree), (5, 6, 7));
    assert_eq!((host.f_namelen, host.f_frsize), (10, 11));
    assert_eq!(bytes[56..64], [8, 0, 0, 0, 9, 0, 0, 0]);
    assert_eq!(bytes[80], 12);
}

#[test]
fn statx_layout() {
    let statx = Statx {
        mask: StatxMask::from_bits_retain(1),
        blksize: 2,
        attributes: StatxAttr::from_bits_retain(3),
        attributes_mask: StatxAttr::from_bits_retain(4),
        nlink: 5,
        uid: 6,
        gid: 7,
        mode: 8,
        ino: 9,
        size: 10,
        blocks: 11,
        atime: time(12),
        btime: time(14),
        ctime: time(16),
        mtime: time(18),
        rdev: Dev::new(20, 21),
        dev: Dev::new(22, 23),
        mnt_id: 24,
        dio_mem_align: 25,
        dio_offset_align: 26,
    };
    // SAFETY: libc::statx is integers only.
    let host: libc::statx = unsafe { read(&statx.encode()) };
    assert_eq!((host.stx_mask, host.stx_blksize, host.stx_attributes), (1, 2, 3));
    assert_eq!((host.stx_attributes_mask, host.stx_nlink, host.stx_uid), (4, 5, 6));
    assert_eq!(
        (host.stx_gid, host.stx_mode, host.stx_ino, host.stx_size, host.stx_blocks),
        (7, 8, 9, 10, 11)
    );
    let times =
        [host.stx_atime, host.stx_btime, host.stx_ctime, host.stx_mtime].map(|t| (t.tv_sec, t.tv_nsec));
    assert_eq!(times, [(12, 13), (14, 15), (16, 17), (18, 19)]);
    assert_eq!((host.stx_rdev_major, host.stx_rdev_minor), (20, 21));
    assert_eq!((host.stx_dev_major, host.stx_dev_minor, host.stx_mnt_id), (22, 23, 24));
    assert_eq!((host.stx_dio_mem_align, host.stx_dio_offset_align), (25, 26));
}

#[test]
fn open_how_layout() {
    assert_eq!(OpenHow::BYTES, size_of::<libc::open_how>());
}
