//! The requests of ioctl(2) that a file system answers.

/// How many bytes can be read.
pub const FIONREAD: u32 = 0x541b;
/// Set or clear `O_NONBLOCK`.
pub const FIONBIO: u32 = 0x5421;
/// Clear close-on-exec.
pub const FIONCLEX: u32 = 0x5450;
/// Set close-on-exec.
pub const FIOCLEX: u32 = 0x5451;
/// Set or clear `O_ASYNC`.
pub const FIOASYNC: u32 = 0x5452;
/// The size of the file's bytes on disk.
pub const FIOQSIZE: u32 = 0x5460;
/// Ask a terminal for its settings (what isatty(3) uses).
pub const TCGETS: u32 = 0x5401;
/// Map a block of the file to a block of the device.
pub const FIBMAP: u32 = 1;
/// The block size.
pub const FIGETBSZ: u32 = 2;
/// Stop all writing.
pub const FIFREEZE: u32 = 0xc004_5877;
/// Allow writing again.
pub const FITHAW: u32 = 0xc004_5878;
/// Where the file's extents are.
pub const FS_IOC_FIEMAP: u32 = 0xc020_660b;
/// Share all bytes of another file.
pub const FICLONE: u32 = 0x4004_9409;
/// Share a range of another file.
pub const FICLONERANGE: u32 = 0x4020_940d;
/// Share ranges that are equal.
pub const FIDEDUPERANGE: u32 = 0xc018_9436;
/// Get the inode flags.
pub const FS_IOC_GETFLAGS: u32 = 0x8008_6601;
/// Set the inode flags.
pub const FS_IOC_SETFLAGS: u32 = 0x4008_6602;
/// Get the generation number.
pub const FS_IOC_GETVERSION: u32 = 0x8008_7601;
/// Get the extended inode flags.
pub const FS_IOC_FSGETXATTR: u32 = 0x801c_581f;
/// Set the extended inode flags.
pub const FS_IOC_FSSETXATTR: u32 = 0x401c_5820;

/// Inode flag: synchronous updates.
pub const FS_SYNC_FL: u32 = 0x08;
/// Inode flag: the file cannot change.
pub const FS_IMMUTABLE_FL: u32 = 0x10;
/// Inode flag: the file can only grow.
pub const FS_APPEND_FL: u32 = 0x20;
/// Inode flag: not to be dumped.
pub const FS_NODUMP_FL: u32 = 0x40;
/// Inode flag: the access time stays.
pub const FS_NOATIME_FL: u32 = 0x80;
/// Inode flag: direct access to persistent memory.
pub const FS_DAX_FL: u32 = 0x0200_0000;
/// Inode flag: what is made in it belongs to its project.
pub const FS_PROJINHERIT_FL: u32 = 0x2000_0000;
