//! What the locks of all files of an instance share: the graph of who waits for whom, and how many locks there may be.
//!
//! Only record locks wait in the graph: `blocked_hash` and `posix_locks_deadlock` of `fs/locks.c`.

use crate::sync::primitives::atomic::{AtomicUsize, Ordering};

use super::{Owner, Range};
use crate::abi::{Errno, Result};
use crate::sync::lock::{Mutex, rank};

/// How far the chain of waiting owners is followed (`MAX_DEADLK_ITERATIONS`).
const MAX_CHAIN: usize = 10;

/// How many record locks an instance holds at most, unless told otherwise.
const DEFAULT_LIMIT: usize = 1 << 20;

/// The table of an instance. The file system's superblock has one.
#[derive(Debug)]
pub struct LockTable {
    waits: Mutex<Waits, { rank::DEADLOCK }>,
    /// How many records are held, changed by each file for its own.
    held: AtomicUsize,
    limit: usize,
}

/// One owner that waits for another.
#[derive(Debug)]
struct Wait {
    ticket: u64,
    waiter: Owner,
    holder: Owner,
    /// The file whose locks it waits for, as an address.
    file: usize,
    range: Range,
}

#[derive(Debug, Default)]
struct Waits {
    /// In the order in which they came.
    list: Vec<Wait>,
    next: u64,
}

impl Default for LockTable {
    fn default() -> LockTable {
        LockTable::with_limit(DEFAULT_LIMIT)
    }
}

impl LockTable {
    /// A table of an instance that holds at most `limit` record locks.
    pub const fn with_limit(limit: usize) -> LockTable {
        let waits = Mutex::new(Waits { list: Vec::new(), next: 0 });
        LockTable { waits, held: AtomicUsize::new(0), limit }
    }

    /// How many record locks are held.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Sets up to `want` records aside, and tells how many: `want`, or 0 at the limit.
    pub(super) fn take(&self, want: usize) -> usize {
        let had = self.held.fetch_add(want, Ordering::Relaxed);
        if had.checked_add(want).is_some_and(|sum| sum <= self.limit) {
            return want;
        }
        self.held.fetch_sub(want, Ordering::Relaxed);
        0
    }

    /// Of `room` records that were set aside, `grown` were used; or it is negative, and records are gone.
    pub(super) fn settle(&self, room: usize, grown: isize) {
        self.held.fetch_sub(room.wrapping_add_signed(-grown), Ordering::Relaxed);
    }

    /// Ends all waits for locks of `holder` on that range of the file: it is changed, and the waiters are woken.
    pub(super) fn loosened(&self, holder: Owner, file: usize, range: Range) {
        let gone = |w: &Wait| w.file == file && w.holder == holder && w.range.overlaps(range);
        self.waits.lock().list.retain(|wait| !gone(wait));
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waits.lock().list.len()
    }
}

/// One call that waits for a record lock, as the table sees it: gone when it is dropped.
#[derive(Debug)]
pub(super) struct Edge<'a> {
    table: &'a LockTable,
    /// How many waits of the table are for the file.
    waits: &'a AtomicUsize,
    ticket: Option<u64>,
}

impl<'a> Edge<'a> {
    /// A call that does not wait yet. `waits` is the file's count of waits.
    pub(super) fn new(table: &'a LockTable, waits: &'a AtomicUsize) -> Edge<'a> {
        Edge { table, waits, ticket: None }
    }

    /// Notes that `waiter` waits for `holder`, and no longer for whom it did before. The caller holds the lock of the
    /// file, so the holder still holds.
    ///
    /// A wait for an open file description is not kept: no single cage has to wake up for it to be released.
    /// `EDEADLK`: the holder waits for the waiter, by way of others or not. `ENOLCK`: no memory.
    pub(super) fn wait(&mut self, waiter: Owner, holder: Owner, file: usize, range: Range) -> Result<()> {
        let mut waits = self.table.waits.lock();
        self.end(&mut waits);
        if waits.deadlock(waiter, holder) {
            return Err(Errno::EDEADLK);
        }
        if matches!(holder, Owner::Description(_)) {
            return Ok(());
        }
        waits.list.try_reserve(1).map_err(|_| Errno::ENOLCK)?;
        let ticket = waits.next;
        waits.next += 1;
        waits.list.push(Wait { ticket, waiter, holder, file, range });
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.ticket = Some(ticket);
        Ok(())
    }

    fn end(&mut self, waits: &mut Waits) {
        if let Some(ticket) = self.ticket.take() {
            // If the holder has let go, the wait is no longer there.
            if let Ok(at) = waits.list.binary_search_by_key(&ticket, |wait| wait.ticket) {
                waits.list.remove(at);
            }
            self.waits.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Edge<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            let table = self.table;
            self.end(&mut table.waits.lock());
        }
    }
}

impl Waits {
    /// Whether a wait of `caller` for `holder` closes a circle. Open file descriptions are not told so: their wait may
    /// be ended by any cage that has them (`posix_locks_deadlock`).
    fn deadlock(&self, caller: Owner, holder: Owner) -> bool {
        if matches!(caller, Owner::Description(_)) {
            return false;
        }
        let mut at = holder;
        for _ in 0..=MAX_CHAIN {
            // Of several waits of one owner the kernel's hash table finds the newest.
            match self.list.iter().rev().find(|wait| wait.waiter == at) {
                None => return false,
                Some(wait) if wait.holder == caller => return true,
                Some(wait) => at = wait.holder,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Owner::{Cage, Description};

    /// Waits that are made one after the other, all for the first file.
    struct Graph<'a>(&'a LockTable, &'a AtomicUsize, Vec<Edge<'a>>);

    impl Graph<'_> {
        fn wait(&mut self, waiter: Owner, holder: Owner) -> Result<()> {
            let mut edge = Edge::new(self.0, self.1);
            edge.wait(waiter, holder, 0, Range::WHOLE)?;
            self.2.push(edge);
            Ok(())
        }
    }

    #[test]
    fn a_circle_is_refused() {
        let (table, count) = (LockTable::default(), AtomicUsize::new(0));
        let mut graph = Graph(&table, &count, Vec::new());
        graph.wait(Cage(1), Cage(2)).unwrap();
        graph.wait(Cage(2), Cage(3)).unwrap();
        assert_eq!(graph.wait(Cage(3), Cage(1)), Err(Errno::EDEADLK));
        drop(graph.2.remove(0));
        assert_eq!((table.waiting(), count.load(Ordering::Relaxed)), (1, 1));
        graph.wait(Cage(3), Cage(1)).unwrap();
        assert_eq!(graph.wait(Cage(1), Cage(2)), Err(Errno::EDEADLK));
        table.loosened(Cage(1), 1, Range::WHOLE);
        assert_eq!(graph.wait(Cage(1), Cage(2)), Err(Errno::EDEADLK));
        table.loosened(Cage(3), 0, Range { start: 5, end: 5 });
        assert_eq!(table.waiting(), 1);
        graph.wait(Cage(1), Cage(2)).unwrap();
        graph.2.clear();
        assert_eq!((table.waiting(), count.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn descriptions_take_part_only_as_waiters_in_between() {
        let (table, count) = (LockTable::default(), AtomicUsize::new(0));
        let mut graph = Graph(&table, &count, Vec::new());
        graph.wait(Cage(1), Description(1)).unwrap();
        assert_eq!(table.waiting(), 0);
        graph.wait(Description(1), Cage(1)).unwrap();
        assert_eq!(table.waiting(), 1);
        assert_eq!(graph.wait(Cage(1), Description(1)), Err(Errno::EDEADLK));
    }

    #[test]
    fn long_chains_are_not_followed_to_the_end() {
        let (table, count) = (LockTable::default(), AtomicUsize::new(0));
        let mut graph = Graph(&table, &count, Vec::new());
        for n in 0..20 {
            graph.wait(Cage(n), Cage(n + 1)).unwrap();
        }
        assert_eq!(graph.wait(Cage(20), Cage(10)), Err(Errno::EDEADLK));
        assert_eq!(graph.wait(Cage(20), Cage(9)), Err(Errno::EDEADLK));
        assert!(graph.wait(Cage(20), Cage(8)).is_ok());
    }

    #[test]
    fn the_limit_counts() {
        let table = LockTable::with_limit(3);
        assert_eq!((table.take(2), table.take(2), table.take(1)), (2, 0, 1));
        table.settle(2, 2);
        table.settle(1, 1);
        table.settle(0, -3);
        assert_eq!(table.held(), 0);
    }
}
