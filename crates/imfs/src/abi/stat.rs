//! What stat(2) tells.

use super::{Dev, FileType, Mode, Timespec};

/// `struct stat` as plain values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The device that holds the inode.
    pub dev: Dev,
    /// The number of the inode.
    pub ino: u64,
    /// How many names it has.
    pub nlink: u64,
    /// Type and permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The device that a device file stands for.
    pub rdev: Dev,
    /// Bytes.
    pub size: i64,
    /// The good size of a transfer.
    pub blksize: i64,
    /// Blocks of 512 bytes in use.
    pub blocks: i64,
    /// Last access.
    pub atime: Timespec,
    /// Last change of the bytes.
    pub mtime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
}

impl Stat {
    /// The size of the kernel's structure.
    pub const BYTES: usize = 144;

    /// The type.
    pub fn file_type(&self) -> Option<FileType> {
        FileType::from_mode(self.mode)
    }

    /// The permission bits.
    pub fn permissions(&self) -> Mode {
        Mode::from_raw(self.mode)
    }

    /// The x86-64 `struct stat` (`arch/x86/include/uapi/asm/stat.h`).
    pub fn encode(&self) -> [u8; Stat::BYTES] {
        let mut out = [0; Stat::BYTES];
        let mut put = |at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());
        put(0, self.dev.raw());
        put(8, self.ino);
        put(16, self.nlink);
        put(24, u64::from(self.mode) | u64::from(self.uid) << 32);
        put(32, u64::from(self.gid));
        put(40, self.rdev.raw());
        put(48, self.size as u64);
        put(56, self.blksize as u64);
        put(64, self.blocks as u64);
        for (at, time) in [(72, self.atime), (88, self.mtime), (104, self.ctime)] {
            put(at, time.sec as u64);
            put(at + 8, u64::from(time.nsec));
        }
        out
    }
}
