//! poll and select; and many cages that wait.

use crate::basic::*;
use crate::shim::{at, exit, fork, nap, sys, wait};

#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

pub fn run() {
    let mut ends = [0_i32; 2];
    gives!(sys(22, &[at(ends.as_mut_ptr())]), 0);
    let mut pair = [0_i32; 2];
    gives!(sys(53, &[1, 1, 0, at(pair.as_mut_ptr())]), 0);
    let mut fds = [
        PollFd { fd: ends[0], events: 1, revents: 77 },
        PollFd { fd: pair[0], events: 1, revents: 77 },
        PollFd { fd: -1, events: 1, revents: 77 },
    ];
    let place = at(fds.as_mut_ptr());
    gives!(sys(7, &[place, 3, 0]), 0);
    gives!(sys(7, &[place, 3, 20]), 0);
    holds!(fds.iter().all(|fd| fd.revents == 0));
    gives!(sys(1, &[pair[1] as u64, at(b"x"), 1]), 1);
    gives!(sys(7, &[place, 3, -1_i64 as u64]), 1);
    holds!(fds[1].revents == 1);
    gives!(sys(1, &[ends[1] as u64, at(b"x"), 1]), 1);
    gives!(sys(7, &[place, 3, -1_i64 as u64]), 2);
    fds[2].fd = 99;
    gives!(sys(7, &[place, 3, 0]), 3);
    gives!(fds[2].revents, 0x20);
    gives!(sys(7, &[WILD, 3, 0]), EFAULT);
    gives!(sys(7, &[place, 1 << 30, 0]), EINVAL);

    fds[2].fd = -1;
    gives!(sys(271, &[place, 3, 0, 0, 8]), 2);
    let (time, bad) = ([0_i64, 1000], [0_i64, 1_000_000_000]);
    gives!(sys(271, &[at(&raw mut fds[2]), 1, at(time.as_ptr()), 0, 8]), 0);
    gives!(sys(271, &[place, 3, at(bad.as_ptr()), 0, 8]), EINVAL);
    gives!(sys(271, &[place, 3, WILD, 0, 8]), EFAULT);

    let bit = |fd: i32| 1_u64 << fd;
    let (mut read, mut write) = ([0_u64; 16], [0_u64; 16]);
    read[0] = bit(ends[0]) | bit(pair[0]);
    write[0] = bit(ends[1]);
    let (reads, writes) = (at(read.as_mut_ptr()), at(write.as_mut_ptr()));
    gives!(sys(23, &[20, reads, writes, 0, at(time.as_ptr())]), 3);
    let mut byte = 0_u8;
    gives!(sys(0, &[ends[0] as u64, at(&raw mut byte), 1]), 1);
    write[0] = 0;
    gives!(sys(23, &[20, reads, writes, 0, 0]), 1);
    holds!(read[0] == bit(pair[0]));
    gives!(sys(270, &[20, reads, 0, 0, 0, 0]), 1);
    gives!(sys(270, &[20, reads, 0, 0, at(bad.as_ptr()), 0]), EINVAL);
    read[0] = bit(ends[0]);
    gives!(sys(270, &[20, reads, 0, 0, at(time.as_ptr()), 0]), 0);
    // Microseconds of select may be more than a second.
    let (more, negative) = ([0_i64, 1_000_001], [0_i64, -1]);
    write[0] = bit(ends[1]);
    gives!(sys(23, &[20, 0, writes, 0, at(more.as_ptr())]), 1);
    gives!(sys(23, &[20, 0, writes, 0, at(negative.as_ptr())]), EINVAL);
    read[0] = bit(19);
    gives!(sys(23, &[20, reads, 0, 0, at(time.as_ptr())]), EBADF);
    gives!(sys(23, &[-1_i64 as u64, reads, 0, 0, 0]), EINVAL);
    gives!(sys(23, &[20, WILD, 0, 0, at(time.as_ptr())]), EFAULT);
    for fd in ends.iter().chain(&pair) {
        close(*fd as u64);
    }
}

const CHILDREN: usize = 40;
const EINTR: i32 = -4;

/// Makes a call until it is not handed back for want of a worker.
fn again(mut call: impl FnMut() -> i32) -> i32 {
    loop {
        let result = call();
        if result != EINTR {
            return result;
        }
    }
}

/// Starts children, each of which says that it is there, then waits in `wait`. Returns once all are about to wait.
fn gather(wait: impl Fn(usize) -> bool) -> [i32; CHILDREN] {
    let mut gate = [0_i32; 2];
    gives!(sys(22, &[at(gate.as_mut_ptr())]), 0);
    let mut children = [0_i32; CHILDREN];
    for (index, child) in children.iter_mut().enumerate() {
        *child = fork();
        if *child == 0 {
            sys(1, &[gate[1] as u64, at(b"."), 1]);
            exit(i32::from(!wait(index)));
        }
    }
    for _ in 0..CHILDREN {
        let mut byte = 0_u8;
        gives!(again(|| sys(0, &[gate[0] as u64, at(&raw mut byte), 1])), 1);
    }
    nap(200_000_000);
    children
}

fn read_byte(fd: u64) -> bool {
    let mut byte = 0_u8;
    again(|| sys(0, &[fd, at(&raw mut byte), 1])) == 1
}

/// 40 children wait, for a FIFO or a lock; the parent, which is one call more than there are workers, wakes them.
pub fn crowd() {
    #[repr(C)]
    struct Flock {
        kind: i16,
        whence: i16,
        start: i64,
        len: i64,
        pid: i32,
    }
    let mut lock = Flock { kind: 1, whence: 0, start: 0, len: 0, pid: 0 };
    let file = create(b"/tmp/locked\0");
    gives!(sys(72, &[file, 6, at(&raw const lock)]), 0);
    gives!(sys(133, &[at(b"/tmp/fifo\0"), 0o10600, 0]), 0);
    let children = gather(|index| match index % 2 {
        0 => read_byte(again(|| sys(2, &[at(b"/tmp/fifo\0"), RDONLY, 0])) as u64),
        _ => again(|| sys(72, &[file, 7, at(&raw const lock)])) == 0,
    });
    // All workers that may wait for long do now; other calls still go through.
    gives!(sys(21, &[at(b"/tmp/fifo\0"), 0]), 0);
    let fifo = again(|| sys(2, &[at(b"/tmp/fifo\0"), RDWR, 0]));
    holds!(fifo >= 3);
    lock.kind = 2;
    gives!(sys(72, &[file, 6, at(&raw const lock)]), 0);
    let bytes = [b'x'; CHILDREN];
    gives!(again(|| sys(1, &[fifo as u64, at(bytes.as_ptr()), CHILDREN as u64])), CHILDREN);
    for child in children {
        gives!(wait(child), 0);
    }
}

/// The same with descriptors of the runtime: 40 children read from two sockets.
pub fn crowd_of_foreign() {
    let (mut one, mut other) = ([0_i32; 2], [0_i32; 2]);
    for pair in [&mut one, &mut other] {
        gives!(sys(53, &[1, 1, 0, at(pair.as_mut_ptr())]), 0);
    }
    let file = create(b"/tmp/file\0");
    let children = gather(|index| read_byte([one[0], other[0]][index % 2] as u64));
    gives!(sys(18, &[file, at(b"through"), 7, 0]), 7);
    // Descriptors that do not want to wait never do.
    gives!(sys(72, &[one[1] as u64, 4, 0o4000]), 0);
    let mut byte = 0_u8;
    gives!(sys(0, &[one[1] as u64, at(&raw mut byte), 1]), -11);
    // One byte at a time: several see it, one gets it.
    for pair in [one, other] {
        for _ in 0..CHILDREN / 2 {
            gives!(again(|| sys(1, &[pair[1] as u64, at(b"x"), 1])), 1);
        }
    }
    for child in children {
        gives!(wait(child), 0);
    }
    close(file);
}
