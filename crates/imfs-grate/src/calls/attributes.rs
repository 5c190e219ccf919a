//! Calls that tell or change what a file is: status, permissions, owners, times.

use imfs::abi::{AT_FDCWD, Access, AtFlags, Errno, Result, SetTime, Stat, StatxMask};

use crate::call::{Call, calls};
use crate::layout;
use crate::memory::Place;

calls! {
    4 stat(path: Path, buf: Struct) |c| put_stat(c.cage().stat(path)?, buf);
    5 fstat(fd: Fd, buf: Struct) |c| put_stat(c.cage().fstat(fd)?, buf);
    6 lstat(path: Path, buf: Struct) |c| put_stat(c.cage().lstat(path)?, buf);
    262 fstatat(dir: Dir, path: Path, buf: Struct, flags: At) |c|
        put_stat(c.cage().fstatat(dir, path, flags)?, buf);
    332 statx(dir: Dir, path: Path, flags: At, mask: Word, buf: Struct) |c|
        buf.put(&c.cage().statx(dir, path, flags, StatxMask::from_bits_retain(mask))?.encode());
    137 statfs(path: Path, buf: Struct) |c| buf.put(&layout::write_statfs(&c.cage().statfs(path)?));
    138 fstatfs(fd: Fd, buf: Struct) |c| buf.put(&layout::write_statfs(&c.cage().fstatfs(fd)?));
    21 access(path: Path, mode: Word) |c| c.cage().access(path, Access::from_bits_retain(mode));
    269 faccessat(dir: Dir, path: Path, mode: Word) |c|
        c.cage().faccessat(dir, path, Access::from_bits_retain(mode), AtFlags::empty());
    439 faccessat2(dir: Dir, path: Path, mode: Word, flags: At) |c|
        c.cage().faccessat(dir, path, Access::from_bits_retain(mode), flags);
    90 chmod(path: Path, mode: Perm) |c| c.cage().chmod(path, mode);
    91 fchmod(fd: Fd, mode: Perm) |c| c.cage().fchmod(fd, mode);
    268 fchmodat(dir: Dir, path: Path, mode: Perm) |c| c.cage().fchmodat(dir, path, mode, AtFlags::empty());
    452 fchmodat2(dir: Dir, path: Path, mode: Perm, flags: At) |c| c.cage().fchmodat(dir, path, mode, flags);
    92 chown(path: Path, uid: Word, gid: Word) |c| c.cage().chown(path, uid, gid);
    93 fchown(fd: Fd, uid: Word, gid: Word) |c| c.cage().fchown(fd, uid, gid);
    94 lchown(path: Path, uid: Word, gid: Word) |c| c.cage().lchown(path, uid, gid);
    260 fchownat(dir: Dir, path: Path, uid: Word, gid: Word, flags: At) |c|
        c.cage().fchownat(dir, path, uid, gid, flags);
    280 utimensat(dir: Dir, path: PathOrNull, times: Struct, flags: At) |c|
        set_times(c, dir, path, given(times, |times| layout::read_times(&times.get()?)), flags);
    261 futimesat(dir: Dir, path: PathOrNull, times: Struct) |c|
        set_times(c, dir, path, given(times, |times| layout::read_timevals(&times.get()?)), AtFlags::empty());
    235 utimes(path: Path, times: Struct) |c|
        set_times(c, AT_FDCWD, Some(path), given(times, |times| layout::read_timevals(&times.get()?)), AtFlags::empty());
    132 utime(path: Path, times: Struct) |c|
        set_times(c, AT_FDCWD, Some(path), given(times, |times| Ok(layout::read_utimbuf(&times.get()?))), AtFlags::empty());
    95 umask(mask: Perm) |c| Ok(c.cage().umask(mask).bits());
}

fn put_stat(stat: Stat, buf: Place) -> Result<()> {
    buf.put(&layout::write_stat(&stat)?)
}

/// Two times, read by `read` if there are any; else both are now.
fn given(times: Place, read: impl FnOnce(Place) -> Result<(SetTime, SetTime)>) -> Result<(SetTime, SetTime)> {
    if times.is_null() { Ok((SetTime::Now, SetTime::Now)) } else { read(times) }
}

/// utimensat(2): without a path it is about the descriptor (`do_utimes`).
fn set_times(
    call: &Call<'_>,
    dir: i32,
    path: Option<&[u8]>,
    times: Result<(SetTime, SetTime)>,
    flags: AtFlags,
) -> Result<()> {
    let (atime, mtime) = times?;
    match path {
        Some(path) => call.cage().utimensat(dir, path, atime, mtime, flags),
        None if dir == AT_FDCWD => Err(Errno::EFAULT),
        None if !flags.is_empty() => Err(Errno::EINVAL),
        None => call.cage().futimens(dir, atime, mtime),
    }
}
