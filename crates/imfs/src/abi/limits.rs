//! Limits, the magic numbers of statfs(2), its mount flags, and the names of pathconf(3).

/// The longest path, with its terminating NUL.
pub const PATH_MAX: usize = 4096;
/// The longest name.
pub const NAME_MAX: usize = 255;
/// The bytes that a pipe writes in one piece.
pub const PIPE_BUF: usize = 4096;
/// The symbolic links that one lookup follows (`MAXSYMLINKS`).
pub const MAXSYMLINKS: usize = 40;
/// The most bytes that one read or write moves (`MAX_RW_COUNT`).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;
/// The most pieces of readv(2) (`UIO_MAXIOV`).
pub const IOV_MAX: usize = 1024;
/// The largest size of a file (`MAX_LFS_FILESIZE`).
pub const MAX_FILE_SIZE: u64 = i64::MAX as u64;
/// The largest `st_nlink`, as `LINK_MAX` of the VFS: `u32::MAX`.
pub const LINK_MAX: u32 = u32::MAX;
/// The longest name of an extended attribute, without NUL.
pub const XATTR_NAME_MAX: usize = 255;
/// The largest value of an extended attribute.
pub const XATTR_SIZE_MAX: usize = 65536;
/// The longest list of names that listxattr(2) gives.
pub const XATTR_LIST_MAX: usize = 65536;
/// The size of a page, and `st_blksize` of tmpfs.
pub const PAGE_SIZE: usize = 4096;

/// `f_type` of tmpfs.
pub const TMPFS_MAGIC: i64 = 0x0102_1994;
/// `f_type` of pipes.
pub const PIPEFS_MAGIC: i64 = 0x5049_5045;

/// `f_flags`: read only.
pub const ST_RDONLY: i64 = 0x0001;
/// `f_flags`: set-id bits are ignored.
pub const ST_NOSUID: i64 = 0x0002;
/// `f_flags`: device files cannot be opened.
pub const ST_NODEV: i64 = 0x0004;
/// `f_flags`: nothing can be executed.
pub const ST_NOEXEC: i64 = 0x0008;
/// `f_flags`: writes are synchronous.
pub const ST_SYNCHRONOUS: i64 = 0x0010;
/// `f_flags`: the other flags are valid; the kernel always sets it.
pub const ST_VALID: i64 = 0x0020;
/// `f_flags`: access times stay.
pub const ST_NOATIME: i64 = 0x0400;
/// `f_flags`: access times of directories stay.
pub const ST_NODIRATIME: i64 = 0x0800;
/// `f_flags`: access times are updated as `relatime` says.
pub const ST_RELATIME: i64 = 0x1000;
/// `f_flags`: no symbolic link is followed.
pub const ST_NOSYMFOLLOW: i64 = 0x2000;

/// pathconf(3): the most links of a file.
pub const PC_LINK_MAX: i32 = 0;
/// pathconf(3): the longest line of a terminal in canonical mode.
pub const PC_MAX_CANON: i32 = 1;
/// pathconf(3): the longest input queue of a terminal.
pub const PC_MAX_INPUT: i32 = 2;
/// pathconf(3): the longest name.
pub const PC_NAME_MAX: i32 = 3;
/// pathconf(3): the longest path.
pub const PC_PATH_MAX: i32 = 4;
/// pathconf(3): the bytes that a pipe writes in one piece.
pub const PC_PIPE_BUF: i32 = 5;
/// pathconf(3): only the privileged change owners.
pub const PC_CHOWN_RESTRICTED: i32 = 6;
/// pathconf(3): too long names are errors.
pub const PC_NO_TRUNC: i32 = 7;
/// pathconf(3): the character that disables a special one.
pub const PC_VDISABLE: i32 = 8;
/// pathconf(3): synchronous I/O.
pub const PC_SYNC_IO: i32 = 9;
/// pathconf(3): asynchronous I/O.
pub const PC_ASYNC_IO: i32 = 10;
/// pathconf(3): prioritized I/O.
pub const PC_PRIO_IO: i32 = 11;
/// pathconf(3): the bits that a file size needs.
pub const PC_FILESIZEBITS: i32 = 13;
/// pathconf(3): the step between transfer sizes.
pub const PC_REC_INCR_XFER_SIZE: i32 = 14;
/// pathconf(3): the largest transfer size.
pub const PC_REC_MAX_XFER_SIZE: i32 = 15;
/// pathconf(3): the smallest transfer size.
pub const PC_REC_MIN_XFER_SIZE: i32 = 16;
/// pathconf(3): the alignment of transfers.
pub const PC_REC_XFER_ALIGN: i32 = 17;
/// pathconf(3): the smallest allocation.
pub const PC_ALLOC_SIZE_MIN: i32 = 18;
/// pathconf(3): the longest target of a symbolic link.
pub const PC_SYMLINK_MAX: i32 = 19;
/// pathconf(3): whether symbolic links work.
pub const PC_2_SYMLINKS: i32 = 20;
