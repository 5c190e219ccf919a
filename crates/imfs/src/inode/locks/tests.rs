//! The locks of one file as the cage layer sees them, with callers that wait.

use super::*;
use std::thread;

/// Of cages that nobody interrupts.
static ANY: Interrupts = Interrupts::new();

#[derive(Default)]
struct File {
    slot: LockSlot,
    table: LockTable,
}

/// A cage with one descriptor of the file, open for reading and writing.
fn caller(id: u64) -> Caller {
    Caller { cage: id, pid: id as i32, description: 100 + id, access: OFlags::RDWR, pos: 10, size: 50 }
}

fn lock(kind: LockKind, start: i64, len: i64) -> Flock {
    Flock::new(kind, start, len)
}

impl File {
    fn set(&self, id: u64, command: i32, kind: LockKind, start: i64, len: i64) -> Result<()> {
        self.slot.set(&self.table, &caller(id), command, &lock(kind, start, len), &ANY)
    }

    fn get(&self, id: u64, command: i32, kind: LockKind) -> Result<Flock> {
        let mut flock = lock(kind, 0, 0);
        self.slot.get(&caller(id), command, &mut flock).map(|()| flock)
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

use LockKind::{Read, Unlock, Write};
use fcntl::{F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETLK, F_SETLKW};

#[test]
fn arguments_are_checked_in_the_order_of_the_kernel() {
    let file = File::default();
    let set = |access, command, lock| {
        let caller = Caller { access, ..caller(1) };
        file.slot.set(&file.table, &caller, command, &lock, &ANY)
    };
    let write = lock(Write, 0, 0);
    assert_eq!(set(OFlags::RDONLY, F_SETLK, write), Err(Errno::EBADF));
    assert_eq!(set(OFlags::WRONLY, F_SETLK, lock(Read, 0, 0)), Err(Errno::EBADF));
    assert_eq!(set(OFlags::RDONLY, F_SETLK, lock(Unlock, 0, 0)), Ok(()));
    assert_eq!(set(OFlags::RDONLY, F_SETLK, Flock { kind: 3, ..write }), Err(Errno::EINVAL));
    assert_eq!(
        set(OFlags::RDONLY, F_SETLK, Flock { kind: 3, start: 1, len: i64::MAX, ..write }),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        set(OFlags::RDWR, F_SETLK, Flock { kind: 3, start: 2, len: i64::MAX, ..write }),
        Err(Errno::EOVERFLOW)
    );
    assert_eq!(set(OFlags::RDONLY, F_OFD_SETLK, Flock { pid: 1, ..write }), Err(Errno::EBADF));
    assert_eq!(set(OFlags::RDWR, F_OFD_SETLK, Flock { pid: 1, ..write }), Err(Errno::EINVAL));
    assert_eq!(set(OFlags::RDWR, F_SETLK, Flock { pid: 1, ..write }), Ok(()));
    assert_eq!(set(OFlags::RDWR, F_SETLK + 100, write), Err(Errno::EINVAL));
    assert_eq!(file.get(1, F_GETLK, Unlock), Err(Errno::EINVAL));
    let mut ofd = Flock { pid: 1, ..write };
    assert_eq!(file.slot.get(&caller(1), F_OFD_GETLK, &mut ofd), Err(Errno::EINVAL));
}

#[test]
fn the_answer_names_the_lock_in_the_way() {
    let file = File::default();
    assert_eq!(file.get(2, F_GETLK, Write), Ok(lock(Unlock, 0, 0)));
    let current = Flock { kind: fcntl::F_WRLCK, whence: 1, start: 5, len: 5, pid: 99 };
    file.slot.set(&file.table, &caller(1), F_SETLK, &current, &ANY).unwrap();
    assert_eq!(file.get(2, F_GETLK, Read), Ok(Flock { pid: 1, ..lock(Write, 15, 5) }));
    assert_eq!(file.get(1, F_GETLK, Read), Ok(lock(Unlock, 0, 0)));
    assert_eq!(file.get(1, F_OFD_GETLK, Read), Ok(Flock { pid: 1, ..lock(Write, 15, 5) }));
    file.slot.close(&file.table, 1);
    file.set(1, F_OFD_SETLK, Read, 7, 0).unwrap();
    assert_eq!(file.get(1, F_GETLK, Write), Ok(Flock { pid: -1, ..lock(Read, 7, 0) }));
    assert_eq!(file.get(1, F_OFD_GETLK, Unlock), Ok(Flock { pid: -1, ..lock(Read, 7, 0) }));
    assert_eq!(file.get(2, F_OFD_GETLK, Unlock), Ok(lock(Unlock, 0, 0)));
    // Without a conflict all but the type stays as it was.
    let mut asked = Flock { whence: 2, pid: 77, ..lock(Read, -5, 3) };
    file.slot.get(&caller(2), F_GETLK, &mut asked).unwrap();
    assert_eq!(asked, Flock { whence: 2, pid: 77, ..lock(Unlock, -5, 3) });
}

#[test]
fn a_close_frees_the_locks_of_the_cage_and_a_release_those_of_the_description() {
    let file = File::default();
    file.slot.close(&file.table, 1);
    file.slot.release(&file.table, 101);
    file.set(1, F_SETLK, Read, 0, 1).unwrap();
    file.set(1, F_OFD_SETLK, Read, 0, 1).unwrap();
    file.slot.flock(101, FlockOp::EX, &ANY).unwrap();
    assert_eq!(file.set(2, F_SETLK, Write, 0, 1), Err(Errno::EAGAIN));
    file.slot.close(&file.table, 1);
    assert_eq!(file.get(2, F_GETLK, Write).unwrap().pid, -1);
    assert_eq!(file.slot.flock(102, FlockOp::SH | FlockOp::NB, &ANY), Err(Errno::EWOULDBLOCK));
    file.slot.release(&file.table, 101);
    assert_eq!(file.set(2, F_SETLK, Write, 0, 1), Ok(()));
    assert_eq!(file.slot.flock(102, FlockOp::SH | FlockOp::NB, &ANY), Ok(()));
    file.slot.close(&file.table, 2);
    assert_eq!(file.table.held(), 0);
}

#[test]
fn the_limit_stops_splits_and_new_locks_but_no_unlocking() {
    let file = File { table: LockTable::with_limit(2), ..File::default() };
    file.set(1, F_SETLK, Write, 0, 10).unwrap();
    assert_eq!(file.set(1, F_SETLK, Read, 5, 1), Err(Errno::ENOLCK));
    assert_eq!(file.set(2, F_SETLK, Write, 50, 1), Err(Errno::ENOLCK));
    assert_eq!(file.table.held(), 1);
    assert_eq!(file.set(1, F_SETLK, Unlock, 5, 100), Ok(()));
    assert_eq!(file.set(1, F_SETLK, Unlock, 0, 0), Ok(()));
    assert_eq!(file.table.held(), 0);
}

#[test]
fn waiters_get_the_lock_one_after_the_other() {
    let file = File::default();
    file.set(1, F_SETLK, Write, 0, 10).unwrap();
    let granted = AtomicUsize::new(0);
    let wait = |id: u64, command, start| {
        let (file, granted) = (&file, &granted);
        move || {
            file.set(id, command, Write, start, 10).unwrap();
            granted.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        scope.spawn(wait(2, F_SETLKW, 5));
        scope.spawn(wait(3, F_OFD_SETLKW, 0));
        until(|| file.table.waiting() == 2);
        // Only bytes that nobody waits for.
        file.set(1, F_SETLK, Unlock, 15, 10).unwrap();
        assert_eq!((file.table.waiting(), granted.load(Ordering::SeqCst)), (2, 0));
        file.slot.close(&file.table, 1);
        until(|| granted.load(Ordering::SeqCst) == 1);
        assert_eq!(file.set(1, F_SETLK, Write, 5, 5), Err(Errno::EAGAIN));
        file.slot.close(&file.table, 2);
        file.slot.release(&file.table, 103);
        until(|| granted.load(Ordering::SeqCst) == 2);
    });
    assert_eq!(file.table.waiting(), 0);
}

#[test]
fn downgrading_lets_readers_in() {
    let file = File::default();
    file.set(1, F_SETLK, Write, 0, 10).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| file.set(2, F_SETLKW, Read, 5, 1));
        until(|| file.table.waiting() == 1);
        file.set(1, F_SETLK, Read, 0, 0).unwrap();
        assert_eq!(reader.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_circle_over_two_files_is_a_deadlock() {
    let (table, a, b) = (LockTable::default(), LockSlot::new(), LockSlot::new());
    let set = |slot: &LockSlot, id| slot.set(&table, &caller(id), F_SETLKW, &lock(Write, 0, 0), &ANY);
    set(&a, 1).unwrap();
    set(&b, 2).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| set(&b, 1));
        until(|| table.waiting() == 1);
        assert_eq!(set(&a, 2), Err(Errno::EDEADLK));
        b.close(&table, 2);
        assert_eq!(first.join().unwrap(), Ok(()));
    });
    assert_eq!(table.waiting(), 0);
}

#[test]
fn waits_can_be_interrupted() {
    let file = File::default();
    file.set(1, F_SETLK, Write, 0, 0).unwrap();
    file.slot.flock(101, FlockOp::SH, &ANY).unwrap();
    file.slot.flock(102, FlockOp::SH, &ANY).unwrap();
    let cage = Interrupts::new();
    thread::scope(|scope| {
        let record =
            scope.spawn(|| file.slot.set(&file.table, &caller(2), F_SETLKW, &lock(Read, 0, 1), &cage));
        let flock = scope.spawn(|| file.slot.flock(102, FlockOp::EX, &cage));
        until(|| cage.blocked() == 2);
        cage.interrupt();
        assert_eq!(record.join().unwrap(), Err(Errno::EINTR));
        assert_eq!(flock.join().unwrap(), Err(Errno::EINTR));
    });
    assert_eq!(file.table.waiting(), 0);
    // The shared lock was given up for the exclusive one.
    assert_eq!(file.slot.flock(101, FlockOp::EX | FlockOp::NB, &ANY), Ok(()));
}

#[test]
fn a_flock_waits_for_the_last_holder() {
    let file = File::default();
    file.slot.flock(101, FlockOp::SH, &ANY).unwrap();
    file.slot.flock(102, FlockOp::SH, &ANY).unwrap();
    let cage = Interrupts::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.slot.flock(103, FlockOp::EX, &cage));
        until(|| cage.blocked() == 1);
        file.slot.flock(101, FlockOp::UN, &ANY).unwrap();
        assert_eq!(cage.blocked(), 1);
        file.slot.release(&file.table, 102);
        assert_eq!(writer.join().unwrap(), Ok(()));
    });
}

#[test]
fn many_threads_exclude_each_other() {
    let (threads, rounds) = if cfg!(miri) { (3, 5) } else { (4, 300) };
    let (file, inside) = (File::default(), [const { AtomicUsize::new(0) }; 2]);
    thread::scope(|scope| {
        for id in 1..=threads {
            let (file, inside) = (&file, &inside);
            scope.spawn(move || {
                for round in 0..rounds {
                    let at = (id + round) as usize % 2;
                    let command = [F_SETLKW, F_OFD_SETLKW][round as usize / 2 % 2];
                    file.set(id, command, Write, at as i64, 1).unwrap();
                    assert_eq!(inside[at].fetch_add(1, Ordering::SeqCst), 0);
                    assert_eq!(inside[at].fetch_sub(1, Ordering::SeqCst), 1);
                    file.set(id, command, Unlock, 0, 0).unwrap();
                }
            });
        }
    });
    assert_eq!((file.table.held(), file.table.waiting()), (0, 0));
}
