//! What a call gave, in a form in which both sides can be compared: a value or an errno, and a line about the rest.
//!
//! Both sides fill the same plain structures and let this module write the line, so that a difference in the text is a
//! difference in what a program would have seen. Inode numbers and absolute times never enter it.

use std::fmt;

/// The result of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The value, or the negative errno.
    pub ret: i64,
    /// What else the caller saw: bytes read, attributes, names.
    pub note: String,
}

impl Outcome {
    /// A value and nothing else.
    pub fn value(ret: i64) -> Self {
        Outcome { ret, note: String::new() }
    }

    /// A value with what the caller saw.
    pub fn noted(ret: i64, note: String) -> Self {
        Outcome { ret, note }
    }

    /// A failure.
    pub fn error(errno: i32) -> Self {
        Outcome { ret: -i64::from(errno), note: String::new() }
    }

    /// The case itself cannot go on: a mistake in the case, or a side that hangs.
    pub fn broken(why: &str) -> Self {
        Outcome { ret: Self::BROKEN, note: why.into() }
    }

    /// Memory that is touched where nothing is mapped.
    pub(crate) const FAULT: Self = Outcome { ret: -(libc::EFAULT as i64), note: String::new() };

    const BROKEN: i64 = -99_999;

    /// Whether the case could not go on here.
    pub fn is_broken(&self) -> bool {
        self.ret == Self::BROKEN
    }

    /// Where in a directory a descriptor stands after an entry is the file system's own matter.
    pub(crate) fn in_directory(mut self, mode: u32, whence: i32) -> Self {
        if mode & libc::S_IFMT == libc::S_IFDIR && whence == libc::SEEK_CUR && self.ret > 2 {
            self = Self::noted(3, "(some place)".into());
        }
        self
    }

    /// Whether the call failed.
    pub fn is_error(&self) -> bool {
        self.ret < 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_broken() {
            return f.write_str(&self.note);
        }
        if self.ret < 0 && self.ret > -4096 {
            f.write_str(errno_name(-self.ret as i32))?;
        } else {
            write!(f, "{}", self.ret)?;
        }
        if !self.note.is_empty() {
            write!(f, " {}", self.note)?;
        }
        Ok(())
    }
}

macro_rules! errnos {
    ($($n:ident)*) => { &[$((libc::$n, stringify!($n))),*] };
}

const ERRNOS: &[(i32, &str)] = errnos!(EPERM ENOENT EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY
    EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
    ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENODATA EOVERFLOW EOPNOTSUPP EADDRINUSE EDQUOT);

/// The name of an errno that file calls give.
pub fn errno_name(errno: i32) -> &'static str {
    ERRNOS.iter().find(|(n, _)| *n == errno).map_or("(an errno without a name here)", |(_, name)| name)
}

/// A point in time as both sides report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stamp {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds.
    pub nsec: u32,
}

/// The moments at which a case let time pass. A stamp is compared by the interval into which it falls; one outside
/// of the case was set by a call, and is compared as it is.
#[derive(Clone, Debug, Default)]
pub struct Ticks(pub Vec<Stamp>);

impl Ticks {
    /// `t0`, `t1`, ... for a stamp taken during the case, and the number itself for any other.
    pub fn class(&self, s: Stamp) -> String {
        let later = s.sec > self.0.first().map_or(0, |f| f.sec) + 3600;
        match self.0.iter().rposition(|t| *t <= s) {
            Some(i) if !later => format!("t{i}"),
            _ => format!("{}.{:09}", s.sec, s.nsec),
        }
    }
}

/// The attributes of an object.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// `st_mode`, with the type.
    pub mode: u32,
    /// Link count.
    pub nlink: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Major and minor number.
    pub rdev: (u32, u32),
    /// Size in bytes.
    pub size: i64,
    /// Blocks of 512 bytes.
    pub blocks: i64,
    /// Preferred block size.
    pub blksize: i64,
    /// atime, mtime, ctime.
    pub times: [Stamp; 3],
    /// Birth time, where it was asked for and given.
    pub btime: Option<Stamp>,
}

/// The letter of `ls` for a file type.
pub fn kind(mode: u32) -> &'static str {
    match mode & libc::S_IFMT {
        libc::S_IFREG => "reg",
        libc::S_IFDIR => "dir",
        libc::S_IFLNK => "lnk",
        libc::S_IFIFO => "fifo",
        libc::S_IFSOCK => "sock",
        libc::S_IFCHR => "chr",
        libc::S_IFBLK => "blk",
        _ => "?",
    }
}

/// Who a process is: real, effective, saved and file-system ids; groups in order; capabilities, of those that IMFS
/// knows.
pub fn identity(
    uids: [u32; 4],
    gids: [u32; 4],
    mut groups: Vec<u32>,
    permitted: u64,
    effective: u64,
) -> String {
    let known = imfs::inode::Capabilities::all().bits();
    groups.sort_unstable();
    let (permitted, effective) = (permitted & known, effective & known);
    format!("{uids:?} {gids:?} {groups:?} {permitted:#x} {effective:#x}")
}

impl Attributes {
    /// One line that says all of it.
    pub fn line(&self, ticks: &Ticks) -> String {
        let mut s = format!(
            "{} {:04o} {}:{} nlink={} size={} blocks={}",
            kind(self.mode),
            self.mode & 0o7777,
            self.uid,
            self.gid,
            self.nlink,
            self.size,
            self.blocks
        );
        if self.rdev != (0, 0) {
            s += &format!(" rdev={}:{}", self.rdev.0, self.rdev.1);
        }
        if self.blksize != 4096 {
            s += &format!(" blksize={}", self.blksize);
        }
        for (name, t) in ["a", "m", "c"].iter().zip(self.times) {
            s += &format!(" {name}={}", ticks.class(t));
        }
        if let Some(b) = self.btime {
            s += &format!(" b={}", ticks.class(b));
        }
        s
    }
}

/// Bytes as they are when they are few, else their number, a hash and the beginning.
pub fn bytes(b: &[u8]) -> String {
    if b.len() <= 80 {
        return format!("\"{}\"", b.escape_ascii());
    }
    format!("{} bytes, hash {:016x}, \"{}\"...", b.len(), hash(b), b[..24].escape_ascii())
}

/// Up to where data and holes are told apart: in the last page that a file can have the kernel finds neither.
pub(crate) const MAPPED: i64 = i64::MAX - 8192;

/// FNV-1a.
pub fn hash(b: &[u8]) -> u64 {
    b.iter().fold(0xcbf2_9ce4_8422_2325, |h, x| (h ^ u64::from(*x)).wrapping_mul(0x100_0000_01b3))
}

/// The names in a list of xattrs, sorted.
pub fn name_list(b: &[u8]) -> String {
    let mut names: Vec<_> =
        b.split(|c| *c == 0).filter(|n| !n.is_empty()).map(|n| n.escape_ascii().to_string()).collect();
    names.sort();
    names.join(" ")
}

/// One directory entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name.
    pub name: Vec<u8>,
    /// `d_type`.
    pub kind: u8,
    /// `d_off`: where the entry after it is.
    pub next: i64,
}

/// Entries in the order of their names.
pub fn entries(list: &[Entry]) -> String {
    let mut names: Vec<_> = list.iter().map(|e| format!("{}:{}", e.name.escape_ascii(), e.kind)).collect();
    names.sort();
    names.join(" ")
}

/// Splits what getdents64 wrote.
pub fn parse_dirents(buf: &[u8]) -> Vec<Entry> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 19 <= buf.len() {
        let len = usize::from(u16::from_ne_bytes([buf[at + 16], buf[at + 17]]));
        let record = &buf[at..at + len];
        let name = record[19..].split(|c| *c == 0).next().unwrap_or_default().to_vec();
        let next = i64::from_ne_bytes(record[8..16].try_into().expect("eight bytes"));
        out.push(Entry { name, kind: record[18], next });
        at += len;
    }
    out
}

/// What statfs tells, without the file system's identity.
#[derive(Clone, Debug, Default)]
pub struct FsStat {
    /// Magic number.
    pub magic: i64,
    /// Block size, fragment size.
    pub sizes: (i64, i64),
    /// Blocks: all, free, available.
    pub blocks: (u64, u64, u64),
    /// Inodes: all, free.
    pub files: (u64, u64),
    /// Longest name.
    pub namelen: i64,
    /// Mount flags.
    pub flags: i64,
}

impl FsStat {
    /// The free blocks alone. (A tmpfs gives the inode of a removed directory free only after those of removed files
    /// of it that are open.)
    pub fn free_blocks(&self) -> String {
        format!("{} {}", self.blocks.1, self.blocks.2)
    }

    /// One line that says all of it.
    pub fn line(&self) -> String {
        format!(
            "type={:#x} bsize={} frsize={} blocks={}/{}/{} files={}/{} namelen={} flags={:#x}",
            self.magic,
            self.sizes.0,
            self.sizes.1,
            self.blocks.0,
            self.blocks.1,
            self.blocks.2,
            self.files.0,
            self.files.1,
            self.namelen,
            self.flags
        )
    }
}
