//! Raw system calls, without what the C library adds to them, and the structures that they fill.

use crate::outcome::{Attributes, FsStat, Outcome, Stamp};
use std::ffi::CString;

/// The errno of the last failure.
pub(super) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// A path as the kernel takes it.
///
/// # Panics
/// When there is a NUL in it, which no system call could pass.
pub(super) fn c(path: &crate::args::Bytes) -> CString {
    CString::new(path.0.clone()).expect("no NUL in a path")
}

/// Makes a system call and gives its value or its errno.
macro_rules! sys {
    ($nr:ident $(, $arg:expr)* $(,)?) => {{
        // SAFETY: pointers among the arguments are to live values of the size that the call expects.
        let r = unsafe { libc::syscall(libc::$nr $(, $arg)*) };
        if r == -1 { Err($crate::kernel::raw::errno()) } else { Ok(r) }
    }};
}
pub(super) use sys;

/// The value or the errno, nothing else.
pub(super) fn plain(r: Result<i64, i32>) -> Outcome {
    match r {
        Ok(v) => Outcome::value(v),
        Err(e) => Outcome::error(e),
    }
}

/// The value with a note, or the errno.
pub(super) fn noted(r: Result<i64, i32>, note: impl FnOnce(i64) -> String) -> Outcome {
    match r {
        Ok(v) => Outcome::noted(v, note(v)),
        Err(e) => Outcome::error(e),
    }
}

/// `struct stat` as attributes.
pub(super) fn attributes(st: &libc::stat) -> Attributes {
    let stamp = |sec, nsec| Stamp { sec, nsec: nsec as u32 };
    Attributes {
        mode: st.st_mode,
        nlink: st.st_nlink,
        uid: st.st_uid,
        gid: st.st_gid,
        rdev: (libc::major(st.st_rdev), libc::minor(st.st_rdev)),
        size: st.st_size,
        blocks: st.st_blocks,
        blksize: st.st_blksize,
        times: [
            stamp(st.st_atime, st.st_atime_nsec),
            stamp(st.st_mtime, st.st_mtime_nsec),
            stamp(st.st_ctime, st.st_ctime_nsec),
        ],
        btime: None,
    }
}

/// `struct statx` as attributes; what the mask leaves out is zero.
pub(super) fn statx_attributes(st: &libc::statx) -> Attributes {
    let stamp = |t: libc::statx_timestamp| Stamp { sec: t.tv_sec, nsec: t.tv_nsec };
    Attributes {
        mode: u32::from(st.stx_mode),
        nlink: u64::from(st.stx_nlink),
        uid: st.stx_uid,
        gid: st.stx_gid,
        rdev: (st.stx_rdev_major, st.stx_rdev_minor),
        size: st.stx_size as i64,
        blocks: st.stx_blocks as i64,
        blksize: i64::from(st.stx_blksize),
        times: [stamp(st.stx_atime), stamp(st.stx_mtime), stamp(st.stx_ctime)],
        btime: (st.stx_mask & libc::STATX_BTIME != 0).then(|| stamp(st.stx_btime)),
    }
}

/// `struct statfs` of the kernel, word for word: the C library's binding hides `f_flags`.
pub(super) type RawStatfs = [i64; 15];

/// `struct statfs` as the comparison sees it.
pub(super) fn fs_stat(st: &RawStatfs) -> FsStat {
    FsStat {
        magic: st[0],
        sizes: (st[1], st[9]),
        blocks: (st[2] as u64, st[3] as u64, st[4] as u64),
        files: (st[5] as u64, st[6] as u64),
        namelen: st[8],
        flags: st[10],
    }
}

/// A value of a plain C structure, all zero.
pub(super) fn zeroed<T: Plain>() -> T {
    // SAFETY: `Plain` types consist of integers only.
    unsafe { std::mem::zeroed() }
}

/// C structures for which zero is a value.
pub(super) trait Plain {}
impl Plain for libc::stat {}
impl Plain for libc::statx {}
impl Plain for libc::flock {}
impl Plain for libc::sockaddr_un {}
