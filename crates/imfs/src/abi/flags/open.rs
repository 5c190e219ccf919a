//! Flags of the open(2) family and of descriptors.

use bitflags::bitflags;

bitflags! {
    /// The `flags` of open(2), and the file status flags of `F_GETFL`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OFlags: u32 {
        /// Open for reading only: no bit at all.
        const RDONLY = 0;
        /// Open for writing only.
        const WRONLY = 1;
        /// Open for reading and writing.
        const RDWR = 2;
        /// The bits that hold the access mode.
        const ACCMODE = 3;
        /// Create the file if it does not exist.
        const CREAT = 0o100;
        /// With `CREAT`: fail if the name exists.
        const EXCL = 0o200;
        /// Do not make a terminal the controlling one.
        const NOCTTY = 0o400;
        /// Cut an existing regular file to length 0.
        const TRUNC = 0o1000;
        /// Each write goes to the end of the file.
        const APPEND = 0o2000;
        /// Do not block.
        const NONBLOCK = 0o4000;
        /// Each write reaches the store with its data (`O_SYNC` without the metadata bit).
        const DSYNC = 0o10000;
        /// Signal-driven I/O.
        const ASYNC = 0o20000;
        /// Bypass the page cache.
        const DIRECT = 0o40000;
        /// Offsets of 64 bits; the kernel sets it by itself on x86-64.
        const LARGEFILE = 0o100000;
        /// Fail unless the name is a directory.
        const DIRECTORY = 0o200000;
        /// Fail if the last component is a symbolic link.
        const NOFOLLOW = 0o400000;
        /// Reading does not update the access time.
        const NOATIME = 0o1000000;
        /// Close the descriptor on execve(2).
        const CLOEXEC = 0o2000000;
        /// Each write reaches the store with data and metadata.
        const SYNC = 0o4010000;
        /// A descriptor that only names the object.
        const PATH = 0o10000000;
        /// An unnamed regular file in the given directory.
        const TMPFILE = 0o20200000;
        /// Keep the bits without a name.
        const _ = !0;
    }
}

impl OFlags {
    /// The other name of `NONBLOCK`.
    pub const NDELAY: OFlags = OFlags::NONBLOCK;
    /// The other name of `SYNC`.
    pub const RSYNC: OFlags = OFlags::SYNC;
    /// The bit of `SYNC` that `DSYNC` lacks (`__O_SYNC`).
    pub const SYNC_BIT: OFlags = OFlags::from_bits_retain(0o4000000);
    /// The bit of `TMPFILE` that `DIRECTORY` lacks (`__O_TMPFILE`).
    pub const TMPFILE_BIT: OFlags = OFlags::from_bits_retain(0o20000000);
    /// The flags that `F_SETFL` can change (`SETFL_MASK` of `fs/fcntl.c`).
    pub const SETFL_MASK: OFlags = OFlags::APPEND
        .union(OFlags::NONBLOCK)
        .union(OFlags::DIRECT)
        .union(OFlags::NOATIME)
        .union(OFlags::ASYNC);
    /// All flags that open(2) knows (`VALID_OPEN_FLAGS`); openat2(2) refuses the others.
    pub const VALID_OPEN: OFlags = OFlags::ACCMODE
        .union(OFlags::CREAT)
        .union(OFlags::EXCL)
        .union(OFlags::NOCTTY)
        .union(OFlags::TRUNC)
        .union(OFlags::APPEND)
        .union(OFlags::NONBLOCK)
        .union(OFlags::SYNC)
        .union(OFlags::ASYNC)
        .union(OFlags::DIRECT)
        .union(OFlags::LARGEFILE)
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NOATIME)
        .union(OFlags::CLOEXEC)
        .union(OFlags::PATH)
        .union(OFlags::TMPFILE);

    /// The access mode alone: `RDONLY`, `WRONLY`, `RDWR`, or 3 (which opens for ioctl only, yet needs both rights).
    pub const fn access_mode(self) -> OFlags {
        self.intersection(OFlags::ACCMODE)
    }

    /// A descriptor of this access mode can be read (`FMODE_READ`; says nothing of `PATH`).
    pub const fn readable(self) -> bool {
        matches!(self.bits() & 3, 0 | 2)
    }

    /// A descriptor of this access mode can be written (`FMODE_WRITE`; says nothing of `PATH`).
    pub const fn writable(self) -> bool {
        matches!(self.bits() & 3, 1 | 2)
    }

    /// Asks for an unnamed file: the `TMPFILE` bit, whether `DIRECTORY` is there (as it must) or not.
    pub const fn is_tmpfile(self) -> bool {
        self.intersects(OFlags::TMPFILE_BIT)
    }
}

bitflags! {
    /// The `resolve` flags of openat2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ResolveFlags: u64 {
        /// Cross no mount point.
        const NO_XDEV = 0x01;
        /// Follow no magic link.
        const NO_MAGICLINKS = 0x02;
        /// Follow no symbolic link at all.
        const NO_SYMLINKS = 0x04;
        /// Stay beneath the starting directory.
        const BENEATH = 0x08;
        /// Treat the starting directory as the root.
        const IN_ROOT = 0x10;
        /// Succeed only if the lookup needs no blocking.
        const CACHED = 0x20;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The descriptor flags of `F_GETFD`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FdFlags: u32 {
        /// Close on execve(2).
        const CLOEXEC = 1;
        /// Keep the bits without a name.
        const _ = !0;
    }
}

impl ResolveFlags {
    /// All flags that openat2(2) knows (`VALID_RESOLVE_FLAGS`).
    pub const VALID: ResolveFlags = ResolveFlags::from_bits_retain(0x3f);
}
