//! What statx(2) tells.

use super::{Dev, Timespec};
use bitflags::bitflags;

bitflags! {
    /// The `mask` of statx(2), and `stx_mask`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct StatxMask: u32 {
        /// The type in `mode`.
        const TYPE = 0x0001;
        /// The permission bits in `mode`.
        const MODE = 0x0002;
        /// `nlink`.
        const NLINK = 0x0004;
        /// `uid`.
        const UID = 0x0008;
        /// `gid`.
        const GID = 0x0010;
        /// `atime`.
        const ATIME = 0x0020;
        /// `mtime`.
        const MTIME = 0x0040;
        /// `ctime`.
        const CTIME = 0x0080;
        /// `ino`.
        const INO = 0x0100;
        /// `size`.
        const SIZE = 0x0200;
        /// `blocks`.
        const BLOCKS = 0x0400;
        /// All that stat(2) has.
        const BASIC_STATS = 0x07ff;
        /// `btime`.
        const BTIME = 0x0800;
        /// `mnt_id`.
        const MNT_ID = 0x1000;
        /// `dio_mem_align` and `dio_offset_align`.
        const DIOALIGN = 0x2000;
        /// `mnt_id` that is never used again.
        const MNT_ID_UNIQUE = 0x4000;
        /// `subvol`.
        const SUBVOL = 0x8000;
        /// The limits of atomic writes.
        const WRITE_ATOMIC = 0x0001_0000;
        /// The alignment of direct reads.
        const DIO_READ_ALIGN = 0x0002_0000;
        /// Refused by statx(2).
        const RESERVED = 0x8000_0000;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// `stx_attributes`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct StatxAttr: u64 {
        /// Compressed.
        const COMPRESSED = 0x0004;
        /// Cannot change.
        const IMMUTABLE = 0x0010;
        /// Can only grow.
        const APPEND = 0x0020;
        /// Not to be dumped.
        const NODUMP = 0x0040;
        /// Encrypted.
        const ENCRYPTED = 0x0800;
        /// Triggers a mount.
        const AUTOMOUNT = 0x1000;
        /// The root of a mount.
        const MOUNT_ROOT = 0x2000;
        /// Protected by fs-verity.
        const VERITY = 0x0010_0000;
        /// In direct access mode.
        const DAX = 0x0020_0000;
        /// Keep the bits without a name.
        const _ = !0;
    }
}

/// `struct statx` as plain values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statx {
    /// Which fields are filled in.
    pub mask: StatxMask,
    /// The good size of a transfer.
    pub blksize: u32,
    /// Attributes that are set.
    pub attributes: StatxAttr,
    /// Attributes that the file system knows.
    pub attributes_mask: StatxAttr,
    /// How many names it has.
    pub nlink: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Type and permission bits.
    pub mode: u16,
    /// The number of the inode.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Blocks of 512 bytes in use.
    pub blocks: u64,
    /// Last access.
    pub atime: Timespec,
    /// Creation.
    pub btime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
    /// Last change of the bytes.
    pub mtime: Timespec,
    /// The device that a device file stands for.
    pub rdev: Dev,
    /// The device that holds the inode.
    pub dev: Dev,
    /// The mount.
    pub mnt_id: u64,
    /// Memory alignment of direct I/O.
    pub dio_mem_align: u32,
    /// Offset alignment of direct I/O.
    pub dio_offset_align: u32,
}

impl Statx {
    /// The size of the kernel's structure.
    pub const BYTES: usize = 256;

    /// The kernel's `struct statx` (`include/uapi/linux/stat.h`), the same on all machines of this byte order.
    pub fn encode(&self) -> [u8; Statx::BYTES] {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let mut out = [0; Statx::BYTES];
        let mut put = |at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());
        put(0, pair(self.mask.bits(), self.blksize));
        put(8, self.attributes.bits());
        put(16, pair(self.nlink, self.uid));
        put(24, pair(self.gid, u32::from(self.mode)));
        put(32, self.ino);
        put(40, self.size);
        put(48, self.blocks);
        put(56, self.attributes_mask.bits());
        for (at, time) in [(64, self.atime), (80, self.btime), (96, self.ctime), (112, self.mtime)] {
            put(at, time.sec as u64);
            put(at + 8, u64::from(time.nsec));
        }
        put(128, pair(self.rdev.major(), self.rdev.minor()));
        put(136, pair(self.dev.major(), self.dev.minor()));
        put(144, self.mnt_id);
        put(152, pair(self.dio_mem_align, self.dio_offset_align));
        out
    }
}
