//! utimensat(2), futimens(3), utimes(2), lutimes(3), futimes(3), utime(2).

use imfs::abi::{AT_FDCWD, AtFlags, Result, SetTime, Timespec};
use libc::{c_char, c_int, timespec, timeval, utimbuf};

use crate::arguments::{At, AtSet, Int, MaybeArray, MaybeText, Text};

/// utimensat(2); a NULL `path` means `dirfd` itself, as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_utimensat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    times: *const timespec,
    flags: c_int,
) -> c_int {
    call!(utimensat(
        cage_id, dirfd: At, path: MaybeText, times: MaybeArray<timespec, 2>, flags: AtSet
    ) => |cage| {
        let (atime, mtime) = nanoseconds(times)?;
        match path {
            Some(path) => cage.utimensat(dirfd, path, atime, mtime, flags),
            None if !flags.is_empty() => Err(imfs::abi::Errno::EINVAL),
            None => cage.futimens(dirfd, atime, mtime),
        }
    })
}

/// futimens(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_futimens(cage_id: c_int, fd: c_int, times: *const timespec) -> c_int {
    call!(futimens(cage_id, fd: Int, times: MaybeArray<timespec, 2>) => |cage| {
        let (atime, mtime) = nanoseconds(times)?;
        cage.futimens(fd, atime, mtime)
    })
}

/// utimes(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_utimes(cage_id: c_int, path: *const c_char, times: *const timeval) -> c_int {
    call!(utimes(cage_id, path: Text, times: MaybeArray<timeval, 2>) => |cage| {
        let (atime, mtime) = microseconds(times)?;
        cage.utimensat(AT_FDCWD, path, atime, mtime, AtFlags::empty())
    })
}

/// lutimes(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lutimes(cage_id: c_int, path: *const c_char, times: *const timeval) -> c_int {
    call!(lutimes(cage_id, path: Text, times: MaybeArray<timeval, 2>) => |cage| {
        let (atime, mtime) = microseconds(times)?;
        cage.utimensat(AT_FDCWD, path, atime, mtime, AtFlags::SYMLINK_NOFOLLOW)
    })
}

/// futimes(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_futimes(cage_id: c_int, fd: c_int, times: *const timeval) -> c_int {
    call!(futimes(cage_id, fd: Int, times: MaybeArray<timeval, 2>) => |cage| {
        let (atime, mtime) = microseconds(times)?;
        cage.futimens(fd, atime, mtime)
    })
}

/// utime(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_utime(cage_id: c_int, path: *const c_char, times: *const utimbuf) -> c_int {
    call!(utime(cage_id, path: Text, times: MaybeArray<utimbuf, 1>) => |cage| {
        let set = |sec| SetTime::Set(Timespec { sec, nsec: 0 });
        let (atime, mtime) =
            times.map_or((SetTime::Now, SetTime::Now), |[times]| (set(times.actime), set(times.modtime)));
        cage.utimensat(AT_FDCWD, path, atime, mtime, AtFlags::empty())
    })
}

/// The times of utimensat(2), now if there are none.
fn nanoseconds(times: Option<[timespec; 2]>) -> Result<(SetTime, SetTime)> {
    let Some([atime, mtime]) = times else { return Ok((SetTime::Now, SetTime::Now)) };
    Ok((SetTime::from_raw(atime.tv_sec, atime.tv_nsec)?, SetTime::from_raw(mtime.tv_sec, mtime.tv_nsec)?))
}

/// The times of utimes(2), now if there are none.
fn microseconds(times: Option<[timeval; 2]>) -> Result<(SetTime, SetTime)> {
    let Some([atime, mtime]) = times else { return Ok((SetTime::Now, SetTime::Now)) };
    let set = |time: timeval| Timespec::from_micros(time.tv_sec, time.tv_usec).map(SetTime::Set);
    Ok((set(atime)?, set(mtime)?))
}
