//! Flags and small enumerations of the calls that work on an open file.

use bitflags::bitflags;

bitflags! {
    /// The `flags` of preadv2(2) and pwritev2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RwFlags: u32 {
        /// High priority: poll for the end of the operation.
        const HIPRI = 0x01;
        /// As `O_DSYNC`, for this write.
        const DSYNC = 0x02;
        /// As `O_SYNC`, for this write.
        const SYNC = 0x04;
        /// Do not wait.
        const NOWAIT = 0x08;
        /// As `O_APPEND`, for this write.
        const APPEND = 0x10;
        /// Write at the offset in spite of `O_APPEND`.
        const NOAPPEND = 0x20;
        /// A write that is not torn.
        const ATOMIC = 0x40;
        /// Do not keep the pages in the cache.
        const DONTCACHE = 0x80;
        /// Send no SIGPIPE.
        const NOSIGNAL = 0x100;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `mode` of fallocate(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FallocFlags: u32 {
        /// Leave the size of the file as it is.
        const KEEP_SIZE = 0x01;
        /// Free the range; reads give zeros.
        const PUNCH_HOLE = 0x02;
        /// Reserved by the kernel, never accepted.
        const NO_HIDE_STALE = 0x04;
        /// Take the range out of the file.
        const COLLAPSE_RANGE = 0x08;
        /// Turn the range to zeros.
        const ZERO_RANGE = 0x10;
        /// Put a hole in at the offset.
        const INSERT_RANGE = 0x20;
        /// Give the range its own copy of shared blocks.
        const UNSHARE_RANGE = 0x40;
        /// Turn the range to zeros that are written.
        const WRITE_ZEROES = 0x80;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The events of poll(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct PollFlags: u16 {
        /// There is data to read.
        const IN = 0x001;
        /// There is urgent data.
        const PRI = 0x002;
        /// Writing does not block.
        const OUT = 0x004;
        /// An error (only in the result).
        const ERR = 0x008;
        /// The other side hung up (only in the result).
        const HUP = 0x010;
        /// The descriptor is not open (only in the result).
        const NVAL = 0x020;
        /// As `IN`.
        const RDNORM = 0x040;
        /// Data of another priority to read.
        const RDBAND = 0x080;
        /// As `OUT`.
        const WRNORM = 0x100;
        /// Data of another priority can be written.
        const WRBAND = 0x200;
        /// Not used by Linux.
        const MSG = 0x400;
        /// The other side shut down writing.
        const RDHUP = 0x2000;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of close_range(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CloseRangeFlags: u32 {
        /// Unshare the descriptor table first.
        const UNSHARE = 2;
        /// Set close-on-exec in place of closing.
        const CLOEXEC = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of sync_file_range(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct SyncRangeFlags: u32 {
        /// Wait for earlier writes before.
        const WAIT_BEFORE = 1;
        /// Start to write.
        const WRITE = 2;
        /// Wait for the writes after.
        const WAIT_AFTER = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }
}

impl SyncRangeFlags {
    /// All flags that sync_file_range(2) knows.
    pub const VALID: SyncRangeFlags = SyncRangeFlags::from_bits_retain(7);
}

/// What the offset of lseek(2) counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Whence {
    /// The start of the file.
    Set = 0,
    /// The current offset.
    Cur = 1,
    /// The end of the file.
    End = 2,
    /// The next data at or after the offset.
    Data = 3,
    /// The next hole at or after the offset.
    Hole = 4,
}

impl Whence {
    /// The value of lseek(2)'s `whence`; `None` where the kernel says `EINVAL`.
    pub const fn from_raw(raw: i32) -> Option<Whence> {
        Some(match raw {
            0 => Whence::Set,
            1 => Whence::Cur,
            2 => Whence::End,
            3 => Whence::Data,
            4 => Whence::Hole,
            _ => return None,
        })
    }

    /// The number of lseek(2).
    pub const fn raw(self) -> i32 {
        self as i32
    }
}

/// The `advice` of posix_fadvise(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Fadvise {
    /// No advice.
    Normal = 0,
    /// Random access.
    Random = 1,
    /// Sequential access.
    Sequential = 2,
    /// Needed soon.
    WillNeed = 3,
    /// Not needed soon.
    DontNeed = 4,
    /// Used once.
    NoReuse = 5,
}

impl Fadvise {
    /// The value of posix_fadvise(2)'s `advice`; `None` where the kernel says `EINVAL`.
    pub const fn from_raw(raw: i32) -> Option<Fadvise> {
        Some(match raw {
            0 => Fadvise::Normal,
            1 => Fadvise::Random,
            2 => Fadvise::Sequential,
            3 => Fadvise::WillNeed,
            4 => Fadvise::DontNeed,
            5 => Fadvise::NoReuse,
            _ => return None,
        })
    }
}
