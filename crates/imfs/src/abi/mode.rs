//! The mode word of an inode: its type and its permission bits.

use bitflags::bitflags;

bitflags! {
    /// The low twelve bits of `st_mode` (inode(7)).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Mode: u32 {
        /// Set-user-id.
        const SUID = 0o4000;
        /// Set-group-id.
        const SGID = 0o2000;
        /// Sticky: only owners remove names from the directory.
        const SVTX = 0o1000;
        /// The owner can do all.
        const RWXU = 0o700;
        /// The owner can read.
        const RUSR = 0o400;
        /// The owner can write.
        const WUSR = 0o200;
        /// The owner can execute.
        const XUSR = 0o100;
        /// The group can do all.
        const RWXG = 0o070;
        /// The group can read.
        const RGRP = 0o040;
        /// The group can write.
        const WGRP = 0o020;
        /// The group can execute.
        const XGRP = 0o010;
        /// The others can do all.
        const RWXO = 0o007;
        /// The others can read.
        const ROTH = 0o004;
        /// The others can write.
        const WOTH = 0o002;
        /// The others can execute.
        const XOTH = 0o001;
        /// Keep the bits without a name.
        const _ = !0;
    }
}

impl Mode {
    /// All twelve bits (`S_IALLUGO`).
    pub const ALLUGO: Mode = Mode::from_bits_retain(0o7777);
    /// The nine permission bits (`S_IRWXUGO`).
    pub const RWXUGO: Mode = Mode::from_bits_retain(0o777);
    /// Somebody can execute (`S_IXUGO`).
    pub const XUGO: Mode = Mode::from_bits_retain(0o111);

    /// The twelve bits of a `mode_t`, without the type or any bit above it.
    pub const fn from_raw(raw: u32) -> Mode {
        Mode::from_bits_retain(raw & 0o7777)
    }

    /// These bits without those of a umask (of which only the nine permission bits count).
    pub const fn masked(self, umask: Mode) -> Mode {
        Mode::from_bits_retain(self.bits() & !(umask.bits() & 0o777))
    }
}

/// The type of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FileType {
    /// A FIFO, or a pipe.
    Fifo = 1,
    /// A character device.
    CharDevice = 2,
    /// A directory.
    Directory = 4,
    /// A block device.
    BlockDevice = 6,
    /// A regular file.
    Regular = 8,
    /// A symbolic link.
    Symlink = 10,
    /// A socket.
    Socket = 12,
}

impl FileType {
    /// The bits of `st_mode` that hold the type (`S_IFMT`).
    pub const MASK: u32 = 0o170000;

    /// The type bits of a `st_mode`; `None` if they name no type (as 0 does).
    pub const fn from_mode(mode: u32) -> Option<FileType> {
        FileType::from_dtype(((mode & FileType::MASK) >> 12) as u8)
    }

    /// The type bits of `st_mode`, such as `S_IFREG`.
    pub const fn mode_bits(self) -> u32 {
        (self as u32) << 12
    }

    /// The `d_type` of a directory entry, such as `DT_REG`.
    pub const fn dtype(self) -> u8 {
        self as u8
    }

    /// The type of a `d_type`; `None` for `DT_UNKNOWN` and for numbers without a meaning.
    pub const fn from_dtype(dtype: u8) -> Option<FileType> {
        Some(match dtype {
            1 => FileType::Fifo,
            2 => FileType::CharDevice,
            4 => FileType::Directory,
            6 => FileType::BlockDevice,
            8 => FileType::Regular,
            10 => FileType::Symlink,
            12 => FileType::Socket,
            _ => return None,
        })
    }

    /// `st_mode` of an inode of this type with these bits.
    pub const fn with(self, mode: Mode) -> u32 {
        self.mode_bits() | (mode.bits() & 0o7777)
    }

    /// A character or block device.
    pub const fn is_device(self) -> bool {
        matches!(self, FileType::CharDevice | FileType::BlockDevice)
    }
}
