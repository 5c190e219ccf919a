//! The record locks of one file: who holds which bytes, what conflicts, and how a request changes it
//! (`posix_lock_inode` and `posix_test_lock` of `fs/locks.c`).
//!
//! Plain data: no waiting, no knowledge of deadlocks. Locks of cages and of open file descriptions stand in one list
//! and conflict with each other. What one owner holds is kept in its only normal form: ranges in ascending order,
//! none overlapping, and neighbours that touch are of different kinds.

use super::Range;
use crate::abi::{Errno, LockKind, Result};

/// Who holds a record lock. Locks of one owner never conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A cage: the traditional locks of `F_SETLK`.
    Cage(u64),
    /// An open file description: the locks of `F_OFD_SETLK`.
    Description(u64),
}

/// A lock that is held or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// In a lock that is held, `Read` or `Write`.
    pub(super) kind: LockKind,
    pub(super) range: Range,
}

/// A lock that stands in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) owner: Owner,
    /// What `F_GETLK` tells as `l_pid`.
    pub(super) pid: i32,
    pub(super) record: Record,
}

#[derive(Debug)]
struct Holder {
    owner: Owner,
    pid: i32,
    /// In normal form, and never empty.
    held: Vec<Record>,
}

/// How a request changed the locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// How many more records there are.
    pub(super) grown: isize,
    /// Something is no longer locked, or no longer exclusively: those who wait may try again.
    pub(super) loosened: bool,
}

/// All record locks of a file. Owners stand in the order in which they got their first lock.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<Holder>);

impl Records {
    /// The first lock that keeps `owner` from getting this one. `Unlock` asks for any lock of `owner` itself, as
    /// `F_OFD_GETLK` does since Linux 6.6.
    pub(super) fn conflict(&self, owner: Owner, new: Record) -> Option<Conflict> {
        let own = new.kind == LockKind::Unlock;
        let others = self.0.iter().filter(|holder| (holder.owner == owner) == own);
        let matches = |old: &&Record| new.kind != LockKind::Read || old.kind == LockKind::Write;
        others
            .flat_map(|holder| {
                holder.overlapping(new.range).iter().find(matches).map(|r| holder.conflict(*r))
            })
            .next()
    }

    /// Gives `owner` a lock of this kind on the range, or takes its locks there away. The caller has looked for
    /// conflicts. `room` is how many records may come on top.
    ///
    /// `ENOLCK`: no room or no memory; nothing has changed. It does not happen if no record is split or added.
    pub(super) fn apply(&mut self, owner: Owner, pid: i32, new: Record, room: usize) -> Result<Change> {
        let Some(at) = self.0.iter().position(|holder| holder.owner == owner) else {
            return self.first(owner, pid, new, room);
        };
        let holder = &mut self.0[at];
        let change = holder.apply(new, room)?;
        holder.pid = pid;
        if holder.held.is_empty() {
            self.0.remove(at);
        }
        Ok(change)
    }

    fn first(&mut self, owner: Owner, pid: i32, new: Record, room: usize) -> Result<Change> {
        if new.kind == LockKind::Unlock {
            return Ok(Change::default());
        }
        let mut held = Vec::new();
        if room == 0 || held.try_reserve_exact(1).is_err() || self.0.try_reserve(1).is_err() {
            return Err(Errno::ENOLCK);
        }
        held.push(new);
        self.0.push(Holder { owner, pid, held });
        Ok(Change { grown: 1, loosened: false })
    }

    #[cfg(test)]
    pub(super) fn of(&self, owner: Owner) -> &[Record] {
        self.0.iter().find(|holder| holder.owner == owner).map_or(&[], |holder| &holder.held)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|holder| holder.held.len()).sum()
    }
}

impl Holder {
    fn conflict(&self, record: Record) -> Conflict {
        Conflict { owner: self.owner, pid: self.pid, record }
    }

    /// Where the records stand that overlap `range`.
    fn span(&self, range: Range) -> (usize, usize) {
        let from = self.held.partition_point(|r| r.range.end < range.start);
        let to = from + self.held[from..].partition_point(|r| r.range.start <= range.end);
        (from, to)
    }

    fn overlapping(&self, range: Range) -> &[Record] {
        let (from, to) = self.span(range);
        &self.held[from..to]
    }

    /// Replaces all records that overlap `new` by what is left of the outermost two and by `new` itself, which takes
    /// in neighbours of its kind.
    fn apply(&mut self, new: Record, room: usize) -> Result<Change> {
        let (mut from, mut to) = self.span(new.range);
        let loosened = new.kind != LockKind::Write && self.held[from..to].iter().any(|r| r.kind != new.kind);

        let Range { mut start, mut end } = new.range;
        let (mut left, mut right) = (None, None);
        if let [first, ..] = self.held[from..to]
            && first.range.start < start
        {
            if first.kind == new.kind {
                start = first.range.start;
            } else {
                left = Some(Record { range: Range { end: start - 1, ..first.range }, ..first });
            }
        } else if from > 0
            && self.held[from - 1].kind == new.kind
            && self.held[from - 1].range.end == start - 1
        {
            from -= 1;
            start = self.held[from].range.start;
        }
        if let [.., last] = self.held[from..to]
            && last.range.end > end
        {
            if last.kind == new.kind {
                end = last.range.end;
            } else {
                right = Some(Record { range: Range { start: end + 1, ..last.range }, ..last });
            }
        } else if let Some(next) = self.held.get(to)
            && next.kind == new.kind
            && next.range.start - 1 == end
        {
            to += 1;
            end = next.range.end;
        }
        let middle = (new.kind != LockKind::Unlock).then_some(Record { range: Range { start, end }, ..new });
        let grown = self.replace(from, to, [left, middle, right], room)?;
        Ok(Change { grown, loosened })
    }

    /// Puts what there is of `new` in the place of the records `from..to`.
    fn replace(&mut self, from: usize, to: usize, new: [Option<Record>; 3], room: usize) -> Result<isize> {
        let (mut records, mut count) = ([Record { kind: LockKind::Unlock, range: Range::WHOLE }; 3], 0);
        for record in new.into_iter().flatten() {
            records[count] = record;
            count += 1;
        }
        let more = count.saturating_sub(to - from);
        if more > room || self.held.try_reserve(more).is_err() {
            return Err(Errno::ENOLCK);
        }
        self.held.splice(from..to, records[..count].iter().copied());
        Ok(count as isize - (to - from) as isize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockKind::{Read, Unlock, Write};

    const A: Owner = Owner::Cage(1);
    const B: Owner = Owner::Description(1);

    fn record(kind: LockKind, start: i64, end: i64) -> Record {
        Record { kind, range: Range { start, end } }
    }

    fn apply(records: &mut Records, owner: Owner, kind: LockKind, start: i64, end: i64) -> Change {
        records.apply(owner, 7, record(kind, start, end), 2).unwrap()
    }

    #[test]
    fn a_lock_is_split_and_joined_again() {
        let mut records = Records::default();
        assert_eq!(apply(&mut records, A, Write, 0, i64::MAX), Change { grown: 1, loosened: false });
        assert_eq!(apply(&mut records, A, Read, 3, 5), Change { grown: 2, loosened: true });
        assert_eq!(records.of(A), [record(Write, 0, 2), record(Read, 3, 5), record(Write, 6, i64::MAX)]);
        assert_eq!(apply(&mut records, A, Write, 3, 5), Change { grown: -2, loosened: false });
        assert_eq!(records.of(A), [record(Write, 0, i64::MAX)]);
        assert_eq!(apply(&mut records, A, Unlock, 10, 19), Change { grown: 1, loosened: true });
        assert_eq!(apply(&mut records, A, Unlock, 10, 19), Change { grown: 0, loosened: false });
        assert_eq!(apply(&mut records, A, Unlock, 0, i64::MAX), Change { grown: -2, loosened: true });
        assert_eq!(records.count(), 0);
    }

    #[test]
    fn neighbours_of_one_kind_join() {
        let mut records = Records::default();
        apply(&mut records, A, Read, 0, 4);
        apply(&mut records, A, Read, 10, 14);
        apply(&mut records, A, Write, 15, 19);
        apply(&mut records, A, Read, 5, 9);
        assert_eq!(records.of(A), [record(Read, 0, 14), record(Write, 15, 19)]);
    }

    #[test]
    fn conflicts_are_between_owners_and_with_writers() {
        let mut records = Records::default();
        apply(&mut records, A, Read, 0, 9);
        apply(&mut records, A, Write, 20, 29);
        assert_eq!(records.conflict(A, record(Write, 0, i64::MAX)), None);
        assert_eq!(records.conflict(B, record(Read, 0, 19)), None);
        assert_eq!(records.conflict(B, record(Write, 10, 19)), None);
        let found =
            |owner, kind, start, end| records.conflict(owner, record(kind, start, end)).map(|c| c.record);
        assert_eq!(found(B, Write, 9, 100), Some(record(Read, 0, 9)));
        assert_eq!(found(B, Read, 9, 100), Some(record(Write, 20, 29)));
        assert_eq!(found(A, Unlock, 25, 25), Some(record(Write, 20, 29)));
        assert_eq!(found(B, Unlock, 25, 25), None);
    }

    #[test]
    fn owners_are_looked_through_in_the_order_of_their_first_lock() {
        let mut records = Records::default();
        apply(&mut records, B, Read, 50, 59);
        apply(&mut records, A, Read, 0, 9);
        let other = Owner::Cage(2);
        assert_eq!(records.conflict(other, record(Write, 0, i64::MAX)).unwrap().owner, B);
        apply(&mut records, B, Unlock, 50, 59);
        apply(&mut records, B, Read, 50, 59);
        assert_eq!(records.conflict(other, record(Write, 0, i64::MAX)).unwrap().owner, A);
    }

    #[test]
    fn without_room_nothing_changes() {
        let mut records = Records::default();
        assert_eq!(records.apply(A, 7, record(Read, 0, 9), 0), Err(Errno::ENOLCK));
        apply(&mut records, A, Read, 0, 9);
        assert_eq!(records.apply(A, 7, record(Write, 4, 4), 1), Err(Errno::ENOLCK));
        assert_eq!(records.apply(A, 7, record(Unlock, 4, 4), 0), Err(Errno::ENOLCK));
        assert_eq!(records.of(A), [record(Read, 0, 9)]);
        assert!(records.apply(A, 7, record(Write, 0, 9), 0).is_ok());
        assert!(records.apply(A, 7, record(Unlock, 4, 9), 0).is_ok());
        assert_eq!(records.of(A), [record(Write, 0, 3)]);
    }
}
