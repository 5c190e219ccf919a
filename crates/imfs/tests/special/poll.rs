//! poll(2), ppoll(2).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use imfs::abi::{Dev, Errno, FileType, OFlags, PollFd, PollFlags, Timespec};
use imfs::{Cage, Foreign};

use crate::{RW, fifo, mknod, read, root, until};

const IN: PollFlags = PollFlags::IN;
const OUT: PollFlags = PollFlags::OUT;
const BOTH: PollFlags = IN.union(OUT);

/// What a descriptor is ready for, of all that there is.
fn ready(cage: &Cage, fd: i32) -> PollFlags {
    let mut fds = [PollFd::new(fd, PollFlags::all())];
    let count = cage.poll(&mut fds, 0).unwrap();
    assert_eq!(count, usize::from(!fds[0].revents.is_empty()));
    fds[0].revents
}

const ALWAYS: PollFlags = BOTH.union(PollFlags::RDNORM).union(PollFlags::WRNORM);

#[test]
fn what_is_always_ready() {
    let (_fs, cage) = root();
    mknod(&cage, "/null", FileType::CharDevice, Dev::new(1, 3));
    mknod(&cage, "/random", FileType::CharDevice, Dev::new(1, 8));
    for path in ["/", "/null"] {
        assert_eq!(ready(&cage, cage.open(path, OFlags::RDONLY, RW).unwrap()), ALWAYS);
    }
    let file = cage.open("/file", OFlags::CREAT | OFlags::WRONLY, RW).unwrap();
    assert_eq!(ready(&cage, file), ALWAYS);
    let random = cage.open("/random", OFlags::RDWR, RW).unwrap();
    assert_eq!(ready(&cage, random), IN | PollFlags::RDNORM);
    let place = cage.open("/file", OFlags::PATH, RW).unwrap();
    assert_eq!(ready(&cage, place), PollFlags::NVAL);
    assert_eq!(ready(&cage, 99), PollFlags::NVAL);
    assert_eq!(ready(&cage, -5), PollFlags::empty());
}

#[test]
fn entries_are_told_what_they_asked_for() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    let file = cage.open("/", OFlags::RDONLY, RW).unwrap();
    let ask = |fd, events| PollFd { fd, events, revents: PollFlags::all() };
    let mut fds =
        [ask(r, BOTH), ask(w, OUT), ask(w, IN), ask(file, PollFlags::PRI), ask(99, IN), ask(-1, IN)];
    assert_eq!(cage.poll(&mut fds, -1), Ok(2));
    let none = PollFlags::empty();
    assert_eq!(fds.map(|fd| fd.revents), [none, OUT, none, none, PollFlags::NVAL, none]);
    cage.close(r).unwrap();
    let mut fds = [ask(w, none)];
    assert_eq!((cage.poll(&mut fds, -1), fds[0].revents), (Ok(1), PollFlags::ERR));
}

#[test]
fn a_call_waits_until_something_is_ready() {
    let (_fs, cage) = root();
    let pipes = [(); 3].map(|()| cage.pipe().unwrap());
    let poll = || {
        let mut fds = pipes.map(|[r, _]| PollFd::new(r, IN));
        let count = cage.poll(&mut fds, -1)?;
        Ok::<_, Errno>((count, fds.map(|fd| fd.revents)))
    };
    let none = PollFlags::empty();
    thread::scope(|scope| {
        let waiter = scope.spawn(poll);
        until(|| cage.interrupts().blocked() == 1);
        cage.write(pipes[1][1], b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), Ok((1, [none, IN, none])));
        // It looked, and took nothing.
        assert_eq!(read(&cage, pipes[1][0], 10).unwrap(), b"x");

        let waiters = [(); 2].map(|()| scope.spawn(poll));
        until(|| cage.interrupts().blocked() == 2);
        cage.close(pipes[2][1]).unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok((1, [none, none, PollFlags::HUP])));
        }
    });
}

#[test]
fn a_full_pipe_becomes_writable() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe2(OFlags::NONBLOCK).unwrap();
    cage.write(w, &[0; 65536]).unwrap();
    assert_eq!(ready(&cage, w), PollFlags::empty());
    // Less than a page does not make room.
    read(&cage, r, 4095).unwrap();
    assert_eq!(ready(&cage, w), PollFlags::empty());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| cage.poll(&mut [PollFd::new(w, OUT)], -1));
        until(|| cage.interrupts().blocked() == 1);
        read(&cage, r, 1).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(1));
    });
}

#[test]
fn a_waiting_poll_does_not_take_a_readers_turn() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    thread::scope(|scope| {
        let poller = scope.spawn(|| cage.poll(&mut [PollFd::new(r, IN)], -1));
        until(|| cage.interrupts().blocked() == 1);
        let readers = [(); 2].map(|()| scope.spawn(|| read(&cage, r, 1)));
        until(|| cage.interrupts().blocked() == 3);
        // The reader may be quicker than the poller, who then goes on waiting.
        cage.write(w, b"a").unwrap();
        cage.write(w, b"b").unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap().unwrap().len(), 1);
        }
        cage.write(w, b"c").unwrap();
        assert_eq!(poller.join().unwrap(), Ok(1));
    });
}

#[test]
fn fifos_that_nobody_writes_yet_have_not_hung_up() {
    let (_fs, cage) = root();
    fifo(&cage, "/f");
    let r = cage.open("/f", OFlags::RDONLY | OFlags::NONBLOCK, RW).unwrap();
    assert_eq!(ready(&cage, r), PollFlags::empty());
    let w = cage.open("/f", OFlags::WRONLY, RW).unwrap();
    assert_eq!(ready(&cage, r), PollFlags::empty());
    cage.close(w).unwrap();
    assert_eq!(ready(&cage, r), PollFlags::HUP);
}

#[test]
fn times_run_out() {
    let (_fs, cage) = root();
    let [r, _] = cage.pipe().unwrap();
    let mut fds = [PollFd::new(r, IN)];
    assert_eq!(cage.poll(&mut fds, 0), Ok(0));
    assert_eq!(cage.poll(&mut fds, 10), Ok(0));
    assert_eq!(cage.poll(&mut [], 10), Ok(0));
    assert_eq!(cage.ppoll(&mut fds, Some(Timespec { sec: 0, nsec: 1_000_000 })), Ok(0));
    assert_eq!(cage.ppoll(&mut fds, Some(Timespec { sec: -1, nsec: 0 })), Err(Errno::EINVAL));
    assert_eq!(cage.ppoll(&mut fds, Some(Timespec { sec: 0, nsec: 1_000_000_000 })), Err(Errno::EINVAL));
}

#[test]
fn interruptions_and_limits() {
    let (_fs, cage) = root();
    let [r, _] = cage.pipe().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| cage.poll(&mut [PollFd::new(r, IN)], -1));
        until(|| cage.interrupts().blocked() == 1);
        cage.interrupt();
        assert_eq!(waiter.join().unwrap(), Err(Errno::EINTR));
    });
    cage.set_nofile(10);
    assert_eq!(cage.poll(&mut [PollFd::new(-1, IN); 11], 0), Err(Errno::EINVAL));
    assert_eq!(cage.poll(&mut [PollFd::new(-1, IN); 10], 0), Ok(0));
}

#[test]
fn a_door_answers_for_foreign_descriptors() {
    let (_fs, cage) = root();
    let foreign = Foreign { kind: 7, number: 42, close: None };
    let fd = cage.add_foreign(foreign, 0, false).unwrap();
    assert_eq!(fd, 0);
    assert_eq!(ready(&cage, fd), ALWAYS);
    let [r, w] = cage.pipe().unwrap();
    let has_input = AtomicBool::new(false);
    let poll = |timeout| {
        let mut fds = [PollFd::new(fd, IN), PollFd::new(r, IN)];
        let count = cage.ppoll_with(&mut fds, timeout, &mut |kind, number, events| {
            assert_eq!((kind, number), (7, 42));
            assert!(events.contains(IN));
            if has_input.load(Ordering::Relaxed) { ALWAYS } else { OUT }
        });
        (count, fds.map(|fd| fd.revents))
    };
    let none = PollFlags::empty();
    assert_eq!(poll(Some(Timespec { sec: 0, nsec: 20_000_000 })), (Ok(0), [none; 2]));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| poll(None));
        until(|| cage.interrupts().blocked() == 1);
        has_input.store(true, Ordering::Relaxed);
        assert_eq!(waiter.join().unwrap(), (Ok(1), [IN, none]));
        has_input.store(false, Ordering::Relaxed);
        let waiter = scope.spawn(|| poll(None));
        until(|| cage.interrupts().blocked() == 1);
        cage.write(w, b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), (Ok(1), [none, IN]));
    });
}
