//! flock(2), and the record locks of fcntl(2).

use std::sync::Arc;

use imfs::Cage;
use imfs::abi::fcntl::*;
use imfs::abi::{Errno, Flock, FlockOp, LockKind, OFlags, Result, Whence};
use imfs::cage::FcntlArg;

use super::fixture::{CLOSED, World, file, mode, open};

const WRITE: LockKind = LockKind::Write;
const READ: LockKind = LockKind::Read;
const UNLOCK: LockKind = LockKind::Unlock;

fn set(cage: &Cage, fd: i32, command: i32, kind: LockKind, start: i64, len: i64) -> Result<i32> {
    cage.fcntl(fd, command, FcntlArg::Lock(&mut Flock::new(kind, start, len)))
}

/// Who is in the way of a write lock on the whole file, and from where to where.
fn in_the_way(cage: &Cage, fd: i32) -> Option<(i32, i64, i64)> {
    let mut lock = Flock::new(WRITE, 0, 0);
    cage.getlk(fd, F_GETLK, &mut lock).unwrap();
    (lock.kind != F_UNLCK).then_some((lock.pid, lock.start, lock.len))
}

/// Runs `waits` on a thread, and `then` once it waits.
fn once_it_waits<R: Send>(cage: &Cage, waits: impl FnOnce() -> R + Send, then: impl FnOnce()) -> R {
    std::thread::scope(|scope| {
        let thread = scope.spawn(waits);
        while cage.interrupts().blocked() == 0 {
            assert!(!thread.is_finished(), "it did not wait");
            std::thread::yield_now();
        }
        then();
        thread.join().unwrap()
    })
}

/// Two cages, the second a child of the first, which has file 3 open with 100 bytes.
fn family() -> (World, Arc<Cage>) {
    let world = World::new();
    assert_eq!(file(&world.root, "/file", &[0; 100]), 3);
    let child = world.fs.fork(1, 2).unwrap();
    (world, child)
}

#[test]
fn record_locks_belong_to_the_cage() {
    let (world, child) = family();
    let root = &world.root;
    assert_eq!(set(root, 3, F_SETLK, WRITE, 10, 20), Ok(0));
    assert_eq!(set(&child, 3, F_SETLK, READ, 29, 1), Err(Errno::EAGAIN));
    assert_eq!(set(&child, 3, F_SETLK, READ, 30, 1), Ok(0));
    assert_eq!(in_the_way(&child, 3), Some((1, 10, 20)));
    assert_eq!(in_the_way(root, 3), Some((2, 30, 1)));
    // Any descriptor of the file that is closed takes the locks with it.
    let other = open(root, "/file");
    root.close(other).unwrap();
    assert_eq!(in_the_way(&child, 3), None);
    world.fs.exit(2).unwrap();
    assert_eq!(in_the_way(root, 3), None);
}

#[test]
fn ranges_count_from_the_offset_and_from_the_end() {
    let (world, child) = family();
    let root = &world.root;
    root.lseek(3, 40, Whence::Set).unwrap();
    let from = |whence: Whence, start, len| {
        let whence = whence.raw() as i16;
        root.setlk(3, F_SETLK, &Flock { whence, ..Flock::new(WRITE, start, len) })
    };
    assert_eq!(from(Whence::Cur, 2, -2), Ok(()));
    assert_eq!(in_the_way(&child, 3), Some((1, 40, 2)));
    set(root, 3, F_SETLK, UNLOCK, 0, 0).unwrap();
    assert_eq!(from(Whence::End, -10, 0), Ok(()));
    assert_eq!(in_the_way(&child, 3), Some((1, 90, 0)));
    assert_eq!(from(Whence::Cur, -41, 1), Err(Errno::EINVAL));
    assert_eq!(from(Whence::End, i64::MAX, 1), Err(Errno::EOVERFLOW));
    assert_eq!(from(Whence::Data, 0, 1), Err(Errno::EINVAL));
}

#[test]
fn locks_of_descriptions_are_shared_by_descriptors_and_gone_with_the_last() {
    let (world, child) = family();
    let root = &world.root;
    assert_eq!(set(root, 3, F_OFD_SETLK, WRITE, 0, 0), Ok(0));
    assert_eq!(set(&child, 3, F_OFD_SETLK, READ, 0, 0), Ok(0));
    let other = open(root, "/file");
    assert_eq!(set(root, other, F_OFD_SETLK, WRITE, 0, 1), Err(Errno::EAGAIN));
    assert_eq!(in_the_way(root, other), Some((-1, 0, 0)));
    root.close(3).unwrap();
    assert_eq!(set(root, other, F_OFD_SETLK, WRITE, 0, 1), Err(Errno::EAGAIN));
    child.close(3).unwrap();
    assert_eq!(set(root, other, F_OFD_SETLK, WRITE, 0, 1), Ok(0));
}

#[test]
fn a_lock_needs_a_descriptor_that_is_open_for_it() {
    let World { root, .. } = World::new();
    open(&root, "/file");
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let writer = root.open("/file", OFlags::WRONLY, mode(0)).unwrap();
    let neither = root.open("/file", OFlags::ACCMODE, mode(0)).unwrap();
    let path = root.open("/file", OFlags::PATH, mode(0)).unwrap();
    assert_eq!(set(&root, reader, F_SETLK, WRITE, 0, 0), Err(Errno::EBADF));
    assert_eq!(set(&root, writer, F_SETLK, READ, 0, 0), Err(Errno::EBADF));
    assert_eq!(set(&root, neither, F_SETLK, READ, 0, 0), Err(Errno::EBADF));
    assert_eq!(set(&root, neither, F_SETLK, UNLOCK, 0, 0), Ok(0));
    assert_eq!(set(&root, path, F_SETLK, UNLOCK, 0, 0), Err(Errno::EBADF));
    assert_eq!(set(&root, CLOSED, F_SETLK, UNLOCK, 0, 0), Err(Errno::EBADF));
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    let [pipe, _] = root.pipe().unwrap();
    assert_eq!(set(&root, dir, F_SETLK, READ, 0, 0), Ok(0));
    assert_eq!(set(&root, pipe, F_SETLK, READ, 0, 0), Ok(0));
}

#[test]
fn a_waiting_call_gets_the_lock_or_is_interrupted() {
    let (world, child) = family();
    let root = &world.root;
    set(root, 3, F_SETLK, WRITE, 0, 0).unwrap();
    let wait = || set(&child, 3, F_SETLKW, READ, 5, 1);
    assert_eq!(once_it_waits(&child, wait, || child.interrupt()), Err(Errno::EINTR));
    let unlock = || assert_eq!(set(root, 3, F_SETLK, UNLOCK, 0, 10), Ok(0));
    assert_eq!(once_it_waits(&child, wait, unlock), Ok(0));
    assert_eq!(in_the_way(root, 3), Some((2, 5, 1)));
}

#[test]
fn a_descriptor_that_was_closed_while_it_waited_gets_no_lock() {
    let (world, child) = family();
    let root = &world.root;
    set(root, 3, F_SETLK, WRITE, 0, 0).unwrap();
    let result = once_it_waits(
        &child,
        || set(&child, 3, F_SETLKW, WRITE, 0, 0),
        || {
            child.close(3).unwrap();
            set(root, 3, F_SETLK, UNLOCK, 0, 0).unwrap();
        },
    );
    assert_eq!(result, Err(Errno::EBADF));
    assert_eq!(in_the_way(root, 3), None);
}

#[test]
fn a_cage_that_exits_no_longer_waits() {
    let (world, child) = family();
    let root = &world.root;
    set(root, 3, F_SETLK, WRITE, 0, 0).unwrap();
    let result =
        once_it_waits(&child, || set(&child, 3, F_SETLKW, WRITE, 0, 0), || world.fs.exit(2).unwrap());
    assert_eq!(result, Err(Errno::EINTR));
    set(root, 3, F_SETLK, UNLOCK, 0, 0).unwrap();
    assert_eq!(in_the_way(root, 3), None);
}

#[test]
fn waiting_in_a_circle_is_refused() {
    let (world, child) = family();
    // Each has a byte and waits for the other's. Who comes second is refused, and gives its own up.
    let wait_for = |cage: &Cage, own, other| {
        let result = set(cage, 3, F_SETLKW, WRITE, other, 1);
        set(cage, 3, F_SETLK, UNLOCK, own, 1).unwrap();
        result
    };
    set(&world.root, 3, F_SETLK, WRITE, 0, 1).unwrap();
    set(&child, 3, F_SETLK, WRITE, 1, 1).unwrap();
    let results = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| wait_for(&child, 1, 0));
        let ours = wait_for(&world.root, 0, 1);
        [ours, theirs.join().unwrap()]
    });
    assert!(results.contains(&Ok(0)) && results.contains(&Err(Errno::EDEADLK)), "{results:?}");
}

#[test]
fn flocks_are_of_descriptions_and_apart_from_record_locks() {
    let (world, child) = family();
    let root = &world.root;
    let other = open(root, "/file");
    let now = FlockOp::NB;
    set(&child, 3, F_SETLK, WRITE, 0, 0).unwrap();
    assert_eq!(root.flock(3, FlockOp::EX), Ok(()));
    assert_eq!(child.flock(3, FlockOp::EX | now), Ok(()));
    assert_eq!(root.flock(other, FlockOp::SH | now), Err(Errno::EWOULDBLOCK));
    assert_eq!(
        once_it_waits(root, || root.flock(other, FlockOp::SH), || root.interrupt()),
        Err(Errno::EINTR)
    );
    let downgrade = || child.flock(3, FlockOp::SH).unwrap();
    assert_eq!(once_it_waits(root, || root.flock(other, FlockOp::SH), downgrade), Ok(()));
    root.close(3).unwrap();
    assert_eq!(root.flock(other, FlockOp::EX | now), Err(Errno::EWOULDBLOCK));
    child.close(3).unwrap();
    assert_eq!(root.flock(other, FlockOp::EX | now), Ok(()));
}

#[test]
fn flock_checks_in_the_order_of_the_kernel() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let neither = root.open("/file", OFlags::ACCMODE, mode(0)).unwrap();
    let op = FlockOp::from_bits_retain;
    assert_eq!(root.flock(CLOSED, op(32)), Ok(()));
    assert_eq!(root.flock(CLOSED, op(64 | 1)), Err(Errno::EINVAL));
    assert_eq!(root.flock(CLOSED, FlockOp::SH), Err(Errno::EBADF));
    assert_eq!(root.flock(fd, op(0)), Err(Errno::EINVAL));
    assert_eq!(root.flock(fd, FlockOp::SH | FlockOp::EX), Err(Errno::EINVAL));
    assert_eq!(root.flock(neither, FlockOp::SH), Err(Errno::EBADF));
    assert_eq!(root.flock(neither, FlockOp::UN), Ok(()));
}
