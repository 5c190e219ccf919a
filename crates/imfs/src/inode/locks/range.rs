//! The bytes that a record lock covers, and how `struct flock` names them.

use crate::abi::{Errno, Flock, Result, Whence};

/// Bytes from `start` up to and including `end`; an `end` of `i64::MAX` means however far the file grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first byte, never negative.
    pub start: i64,
    /// The last byte, never before `start`.
    pub end: i64,
}

impl Range {
    /// Every byte that a file can have (`0..=OFFSET_MAX`).
    pub const WHOLE: Range = Range { start: 0, end: i64::MAX };

    /// The bytes that a `struct flock` names, for a descriptor at offset `pos` of a file of `size` bytes
    /// (`flock64_to_posix_lock` of `fs/locks.c`).
    ///
    /// `EINVAL`: an unknown `whence`, or the range starts before byte 0. `EOVERFLOW`: it reaches past the last byte
    /// that a file can have.
    pub fn from_flock(lock: &Flock, pos: i64, size: i64) -> Result<Range> {
        let base = match Whence::from_raw(lock.whence.into()) {
            Some(Whence::Set) => 0,
            Some(Whence::Cur) => pos,
            Some(Whence::End) => size,
            _ => return Err(Errno::EINVAL),
        };
        let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
        if start < 0 {
            return Err(Errno::EINVAL);
        }
        match lock.len {
            0 => Ok(Range { start, end: i64::MAX }),
            len if len > 0 => Ok(Range { start, end: start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)? }),
            len if start + len < 0 => Err(Errno::EINVAL),
            len => Ok(Range { start: start + len, end: start - 1 }),
        }
    }

    /// `l_len` of these bytes, counted from `start`.
    pub const fn flock_len(self) -> i64 {
        if self.end == i64::MAX { 0 } else { self.end - self.start + 1 }
    }

    /// Some byte lies in both.
    pub const fn overlaps(self, other: Range) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(whence: i16, start: i64, len: i64) -> Result<(i64, i64)> {
        let lock = Flock { kind: 0, whence, start, len, pid: 0 };
        Range::from_flock(&lock, 100, 1000).map(|r| (r.start, r.end))
    }

    #[test]
    fn whence_and_length() {
        const MAX: i64 = i64::MAX;
        assert_eq!(range(0, 5, 10), Ok((5, 14)));
        assert_eq!(range(1, 5, 1), Ok((105, 105)));
        assert_eq!(range(2, -5, 0), Ok((995, MAX)));
        assert_eq!(range(0, 5, -5), Ok((0, 4)));
        assert_eq!(range(0, MAX, 1), Ok((MAX, MAX)));
        assert_eq!(range(0, 0, MAX), Ok((0, MAX - 1)));
        assert_eq!(range(0, 1, MAX), Ok((1, MAX)));
        assert_eq!(range(0, MAX, -MAX), Ok((0, MAX - 1)));
        assert_eq!(range(3, 0, 0), Err(Errno::EINVAL));
        assert_eq!(range(-1, 0, 0), Err(Errno::EINVAL));
        assert_eq!(range(0, -1, 0), Err(Errno::EINVAL));
        assert_eq!(range(1, i64::MIN, 0), Err(Errno::EINVAL));
        assert_eq!(range(0, 5, -6), Err(Errno::EINVAL));
        assert_eq!(range(0, 0, i64::MIN), Err(Errno::EINVAL));
        assert_eq!(range(2, MAX, 1), Err(Errno::EOVERFLOW));
        assert_eq!(range(0, 2, MAX), Err(Errno::EOVERFLOW));
    }
}
