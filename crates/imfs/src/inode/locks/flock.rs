//! The locks of flock(2) on one file: whole, owned by open file descriptions, apart from record locks
//! (`flock_lock_inode` of `fs/locks.c`).
//!
//! Plain data: no waiting.

use crate::abi::{Errno, FlockOp, LockKind, Result};

/// The kind of lock that an `operation` asks for, and whether to wait for it.
///
/// `EINVAL`: it is not exactly one of `SH`, `EX` and `UN`, with or without `NB`.
pub fn flock_request(operation: FlockOp) -> Result<(LockKind, bool)> {
    let kind = match operation.difference(FlockOp::NB) {
        FlockOp::SH => LockKind::Read,
        FlockOp::EX => LockKind::Write,
        FlockOp::UN => LockKind::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    Ok((kind, !operation.contains(FlockOp::NB)))
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The description has what it asked for; if not, it must wait, and holds nothing meanwhile.
    pub(super) done: bool,
    /// Those who wait may try again.
    pub(super) loosened: bool,
}

/// All locks of flock(2) on a file: which description holds which kind.
#[derive(Debug, Default)]
pub(super) struct Flocks(Vec<(u64, LockKind)>);

impl Flocks {
    /// Gives the description a lock of this kind, or takes its lock away. As in the kernel, a lock of another kind
    /// is given up first, and stays lost if the new one cannot be had.
    ///
    /// `ENOLCK`: no memory; nothing has changed.
    pub(super) fn apply(&mut self, description: u64, kind: LockKind) -> Result<Outcome> {
        let old = self.0.iter().position(|held| held.0 == description);
        if old.is_some_and(|at| self.0[at].1 == kind) {
            return Ok(Outcome { done: true, loosened: false });
        }
        if kind != LockKind::Unlock && old.is_none() {
            self.0.try_reserve(1).map_err(|_| Errno::ENOLCK)?;
        }
        if let Some(at) = old {
            self.0.remove(at);
        }
        let done = kind == LockKind::Unlock || !self.conflicts(kind);
        if done && kind != LockKind::Unlock {
            self.0.push((description, kind));
        }
        Ok(Outcome { done, loosened: old.is_some() })
    }

    fn conflicts(&self, kind: LockKind) -> bool {
        self.0.iter().any(|held| kind == LockKind::Write || held.1 == LockKind::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockKind::{Read, Unlock, Write};

    const DONE: Outcome = Outcome { done: true, loosened: false };
    const FREED: Outcome = Outcome { done: true, loosened: true };

    #[test]
    fn operations() {
        assert_eq!(flock_request(FlockOp::SH), Ok((Read, true)));
        assert_eq!(flock_request(FlockOp::EX | FlockOp::NB), Ok((Write, false)));
        assert_eq!(flock_request(FlockOp::UN | FlockOp::NB), Ok((Unlock, false)));
        for bad in [0, 3, 4, 9, 16, 1 << 31 | 1] {
            assert_eq!(flock_request(FlockOp::from_bits_retain(bad)), Err(Errno::EINVAL));
        }
    }

    #[test]
    fn shared_and_exclusive() {
        let mut locks = Flocks::default();
        assert_eq!(locks.apply(1, Read), Ok(DONE));
        assert_eq!(locks.apply(2, Read), Ok(DONE));
        assert_eq!(locks.apply(3, Write), Ok(Outcome { done: false, loosened: false }));
        assert_eq!(locks.apply(3, Unlock), Ok(DONE));
        assert_eq!(locks.apply(1, Unlock), Ok(FREED));
        assert_eq!(locks.apply(2, Write), Ok(FREED));
        assert_eq!(locks.apply(2, Write), Ok(DONE));
        assert_eq!(locks.apply(1, Read), Ok(Outcome { done: false, loosened: false }));
    }

    #[test]
    fn a_conversion_that_fails_loses_the_old_lock() {
        let mut locks = Flocks::default();
        locks.apply(1, Read).unwrap();
        locks.apply(2, Read).unwrap();
        assert_eq!(locks.apply(1, Write), Ok(Outcome { done: false, loosened: true }));
        assert_eq!(locks.apply(2, Write), Ok(FREED));
    }
}
