//! What cages answer, as outcomes.

use crate::outcome::{Attributes, FsStat, Outcome, Stamp, Ticks, bytes, kind, name_list};
use imfs::Cage;
use imfs::abi::{Errno, Stat, Statfs, Statx, StatxMask, Timespec, Whence};

type Answer<T> = Result<T, Errno>;

/// Success is 0.
pub(super) fn unit(r: Answer<()>) -> Outcome {
    noted(r.map(|()| 0), |_| String::new())
}

/// A number of bytes or a descriptor.
pub(super) fn value<T: TryInto<i64>>(r: Answer<T>) -> Outcome {
    noted(r, |_| String::new())
}

/// A value with a note.
pub(super) fn noted<T: TryInto<i64>>(r: Answer<T>, note: impl FnOnce(i64) -> String) -> Outcome {
    match r {
        Ok(v) => {
            let v = v.try_into().unwrap_or(i64::MAX);
            Outcome::noted(v, note(v))
        }
        Err(e) => Outcome::error(e.raw()),
    }
}

/// What is read into a buffer of this size.
pub(super) fn into_buffer(len: usize, call: impl FnOnce(&mut [u8]) -> Answer<usize>) -> Outcome {
    let mut buf = vec![0; len.min(16 << 20)];
    let r = call(&mut buf);
    noted(r, |n| bytes(&buf[..(n as usize).min(buf.len())]))
}

/// Names that are read into a buffer of this size.
pub(super) fn into_list(len: usize, call: impl FnOnce(&mut [u8]) -> Answer<usize>) -> Outcome {
    let mut buf = vec![0; len];
    let r = call(&mut buf);
    noted(r, |n| name_list(&buf[..(n as usize).min(buf.len())]))
}

fn stamp(t: Timespec) -> Stamp {
    Stamp { sec: t.sec, nsec: t.nsec }
}

/// `struct stat`.
pub(super) fn attributes(st: &Stat) -> Attributes {
    Attributes {
        mode: st.mode,
        nlink: st.nlink,
        uid: st.uid,
        gid: st.gid,
        rdev: (st.rdev.major(), st.rdev.minor()),
        size: st.size,
        blocks: st.blocks,
        blksize: st.blksize,
        times: [stamp(st.atime), stamp(st.mtime), stamp(st.ctime)],
        btime: None,
    }
}

/// `struct statx`.
pub(super) fn statx_attributes(st: &Statx) -> Attributes {
    Attributes {
        mode: u32::from(st.mode),
        nlink: u64::from(st.nlink),
        uid: st.uid,
        gid: st.gid,
        rdev: (st.rdev.major(), st.rdev.minor()),
        size: st.size as i64,
        blocks: st.blocks as i64,
        blksize: i64::from(st.blksize),
        times: [stamp(st.atime), stamp(st.mtime), stamp(st.ctime)],
        btime: st.mask.contains(StatxMask::BTIME).then(|| stamp(st.btime)),
    }
}

/// The answer of a stat call.
pub(super) fn stat(r: Answer<Stat>, ticks: &Ticks) -> Outcome {
    match r {
        Ok(st) => Outcome::noted(0, attributes(&st).line(ticks)),
        Err(e) => Outcome::error(e.raw()),
    }
}

/// The answer of a statfs call, of which `line` is looked at.
pub(super) fn statfs(r: Answer<Statfs>, line: impl FnOnce(&FsStat) -> String) -> Outcome {
    match r {
        Ok(s) => {
            let fs = FsStat {
                magic: s.kind,
                sizes: (s.bsize, s.frsize),
                blocks: (s.blocks, s.bfree, s.bavail),
                files: (s.files, s.ffree),
                namelen: s.namelen,
                flags: s.flags,
            };
            Outcome::noted(0, line(&fs))
        }
        Err(e) => Outcome::error(e.raw()),
    }
}

/// What each open descriptor is, in order.
pub(super) fn descriptors(cage: &Cage, ticks: &Ticks) -> Vec<String> {
    let mut lines = Vec::new();
    for fd in 3..1024 {
        let Ok(fd_flags) = cage.getfd(fd) else { continue };
        let fl = cage.getfl(fd).map_or(-1, |f| i64::from(f.bits()));
        let st = cage.fstat(fd);
        let about = match &st {
            Ok(st) => attributes(st).line(ticks),
            Err(e) => format!("errno {}", e.raw()),
        };
        let is_dir = st.is_ok_and(|st| kind(st.mode) == "dir");
        let at = cage.lseek(fd, 0, Whence::Cur).unwrap_or_else(|e| -i64::from(e.raw()));
        let at = if is_dir && at > 0 { "some".into() } else { at.to_string() };
        lines.push(format!("fd {fd} fdflags={} flags={fl:#o} at={at} {about}", fd_flags.bits()));
    }
    lines
}
