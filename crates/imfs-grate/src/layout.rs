//! Structures as they stand in a cage's memory: the layouts of Lind's wasm32 libc.
//!
//! Those that are the kernel's own on x86-64 (statx, dirent64, flock, pollfd) are `imfs::abi`'s.

use imfs::abi::{Dev, Errno, Flock, Result, SetTime, Stat, Statfs, Timespec};

/// The size of `struct stat`.
pub(crate) const STAT: usize = 104;
/// The size of `struct statfs`.
pub(crate) const STATFS: usize = 112;
/// The size of `struct flock`.
pub(crate) const FLOCK: usize = 32;
/// The size of `struct timespec`, and of `struct timeval`.
pub(crate) const TIME: usize = 16;

/// Bytes of a structure at an offset.
fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    from.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn word(from: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(from, at))
}

fn half(from: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(from, at))
}

/// `struct stat`.
///
/// # Errors
/// EOVERFLOW: more blocks or links than it has room for.
pub(crate) fn write_stat(stat: &Stat) -> Result<[u8; STAT]> {
    let narrow = |wide: u64| u32::try_from(wide).map_err(|_| Errno::EOVERFLOW);
    let mut out = [0; STAT];
    let mut put = |at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    put(0, stat.dev.raw());
    put(8, stat.ino);
    put(16, pair(stat.mode, narrow(stat.nlink)?));
    put(24, pair(stat.uid, stat.gid));
    put(32, stat.rdev.raw());
    put(40, stat.size.cast_unsigned());
    put(48, pair(stat.blksize as u32, narrow(stat.blocks.cast_unsigned())?));
    for (at, time) in [(56, stat.atime), (72, stat.mtime), (88, stat.ctime)] {
        put(at, time.sec.cast_unsigned());
        put(at + 8, time.nsec.into());
    }
    Ok(out)
}

/// Reads a `struct stat` that the runtime wrote.
pub(crate) fn read_stat(from: &[u8; STAT]) -> Stat {
    let time = |at| Timespec { sec: word(from, at).cast_signed(), nsec: word(from, at + 8) as u32 };
    Stat {
        dev: Dev::from_raw(word(from, 0)),
        ino: word(from, 8),
        nlink: half(from, 20).into(),
        mode: half(from, 16),
        uid: half(from, 24),
        gid: half(from, 28),
        rdev: Dev::from_raw(word(from, 32)),
        size: word(from, 40).cast_signed(),
        blksize: half(from, 48).into(),
        blocks: half(from, 52).into(),
        atime: time(56),
        mtime: time(72),
        ctime: time(88),
    }
}

/// `struct statfs`.
pub(crate) fn write_statfs(statfs: &Statfs) -> [u8; STATFS] {
    // As the kernel's up to the flags, which are the first of the spare words here; it has one spare word less.
    let mut out = [0; STATFS];
    out.copy_from_slice(&statfs.encode()[..STATFS]);
    out
}

/// Two `struct timespec`, as utimensat(2) takes them.
///
/// # Errors
/// EINVAL
pub(crate) fn read_times(from: &[u8; 2 * TIME]) -> Result<(SetTime, SetTime)> {
    let time = |at| SetTime::from_raw(word(from, at).cast_signed(), word(from, at + 8).cast_signed());
    Ok((time(0)?, time(TIME)?))
}

/// A `struct timeval`, of which libcs differ in the width of the microseconds; the low half is theirs in any case.
fn timeval(from: &[u8], at: usize) -> (i64, i64) {
    (word(from, at).cast_signed(), half(from, at + 8).cast_signed().into())
}

/// The `struct timeval` of select(2), whose microseconds may be more than a second.
///
/// # Errors
/// EINVAL
pub(crate) fn read_timeout(from: &[u8; TIME]) -> Result<Timespec> {
    const MICROS: i64 = 1_000_000;
    let (sec, usec) = timeval(from, 0);
    Timespec::from_micros(sec.saturating_add(usec / MICROS), usec % MICROS)
}

/// The `struct timespec` of ppoll(2).
///
/// # Errors
/// EINVAL
pub(crate) fn read_timespec(from: &[u8; TIME]) -> Result<Timespec> {
    Timespec::new(word(from, 0).cast_signed(), word(from, 8).cast_signed())
}

/// Two `struct timeval`, as utimes(2) takes them.
///
/// # Errors
/// EINVAL
pub(crate) fn read_timevals(from: &[u8; 2 * TIME]) -> Result<(SetTime, SetTime)> {
    let time = |at| {
        let (sec, usec) = timeval(from, at);
        Timespec::from_micros(sec, usec).map(SetTime::Set)
    };
    Ok((time(0)?, time(TIME)?))
}

/// `struct utimbuf`: two times in seconds.
pub(crate) fn read_utimbuf(from: &[u8; TIME]) -> (SetTime, SetTime) {
    let time = |at| SetTime::Set(Timespec { sec: word(from, at).cast_signed(), nsec: 0 });
    (time(0), time(8))
}

/// `struct flock`, as on x86-64: type and whence of 16 bits, start and length of 64 at 8 and 16, the owner at 24.
pub(crate) fn read_flock(from: &[u8; FLOCK]) -> Flock {
    Flock {
        kind: i16::from_le_bytes(bytes(from, 0)),
        whence: i16::from_le_bytes(bytes(from, 2)),
        start: word(from, 8).cast_signed(),
        len: word(from, 16).cast_signed(),
        pid: half(from, 24).cast_signed(),
    }
}

/// The reverse of [`read_flock`].
pub(crate) fn write_flock(lock: &Flock) -> [u8; FLOCK] {
    let mut out = [0; FLOCK];
    out[..2].copy_from_slice(&lock.kind.to_le_bytes());
    out[2..4].copy_from_slice(&lock.whence.to_le_bytes());
    out[8..16].copy_from_slice(&lock.start.to_le_bytes());
    out[16..24].copy_from_slice(&lock.len.to_le_bytes());
    out[24..28].copy_from_slice(&lock.pid.to_le_bytes());
    out
}
