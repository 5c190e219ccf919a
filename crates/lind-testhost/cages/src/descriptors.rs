//! Calls about descriptors, of IMFS and of the runtime.

use crate::basic::*;
use crate::shim::{at, sys};

pub fn run() {
    let fd = create(b"/tmp/fd\0");
    gives!(fd, 3);
    gives!(sys(32, &[fd]), 4);
    gives!(sys(32, &[77]), EBADF);
    gives!(sys(33, &[fd, 9]), 9);
    gives!(sys(33, &[fd, -1_i64 as u64]), EBADF);
    gives!(sys(292, &[fd, 10, 0o2000000]), 10);
    gives!(sys(292, &[fd, fd, 0]), EINVAL);
    gives!(sys(72, &[10, 1, 0]), 1);
    gives!(sys(72, &[10, 2, 0]), 0);
    gives!(sys(72, &[10, 1, 0]), 0);
    gives!(sys(72, &[fd, 0, 20]), 20);
    gives!(sys(72, &[fd, 1030, 20]), 21);
    gives!(sys(72, &[fd, 3, 0]) & 3, 2);
    gives!(sys(72, &[fd, 4, 0o2000]), 0);
    gives!(sys(72, &[fd, 3, 0]) & 0o2000, 0o2000);
    gives!(sys(72, &[fd, 4, 0]), 0);
    gives!(sys(72, &[fd, 999, 0]), EINVAL);
    gives!(sys(72, &[77, 1, 0]), EBADF);
    gives!(sys(436, &[4, 30, 0]), 0);
    gives!(sys(436, &[5, 4, 0]), EINVAL);
    gives!(sys(3, &[9]), EBADF);
    locks(fd);
    let mut bytes = 0_i32;
    gives!(sys(18, &[fd, at(b"hello"), 5, 0]), 5);
    gives!(sys(16, &[fd, 0x541b, at(&raw mut bytes)]), 0);
    gives!(bytes, 5);
    gives!(sys(16, &[fd, 0x541b, WILD]), EFAULT);
    gives!(sys(16, &[fd, 0x1234, 0]), -25);
    gives!(sys(16, &[77, 0x541b, 0]), EBADF);
    close(fd);
    pipes();
    foreign();
}

fn locks(fd: u64) {
    gives!(sys(73, &[fd, 2]), 0);
    let other = create(b"/tmp/fd\0");
    gives!(sys(73, &[other, 6]), -11);
    gives!(sys(73, &[fd, 8]), 0);
    gives!(sys(73, &[fd, 77]), EINVAL);
    gives!(sys(73, &[99, 2]), EBADF);
    #[repr(C)]
    struct Flock {
        kind: i16,
        whence: i16,
        start: i64,
        len: i64,
        pid: i32,
    }
    let mut lock = Flock { kind: 1, whence: 0, start: 0, len: 10, pid: 0 };
    gives!(sys(72, &[fd, 6, at(&raw const lock)]), 0);
    gives!(sys(72, &[fd, 6, WILD]), EFAULT);
    // The same cage has no quarrel with itself; a description has.
    gives!(sys(72, &[other, 13, at(&raw const lock)]), 0);
    gives!(sys(72, &[other, 37, at(&raw const lock)]), -11);
    gives!(sys(72, &[other, 36, at(&raw mut lock)]), 0);
    holds!(lock.kind == 1 && lock.pid == crate::shim::cage_id() as i32);
    lock.whence = 9;
    gives!(sys(72, &[fd, 7, at(&raw const lock)]), EINVAL);
    close(other);
}

fn pipes() {
    let mut ends = [0_i32; 2];
    gives!(sys(22, &[at(ends.as_mut_ptr())]), 0);
    holds!(ends == [3, 4]);
    gives!(sys(1, &[4, at(b"pipe"), 4]), 4);
    let mut buf = [0_u8; 8];
    gives!(sys(0, &[3, at(buf.as_mut_ptr()), 8]), 4);
    holds!(buf[..4] == *b"pipe");
    gives!(sys(72, &[3, 1032, 0]), 65536);
    close(4);
    gives!(sys(0, &[3, at(buf.as_mut_ptr()), 8]), 0);
    close(3);
    gives!(sys(293, &[at(ends.as_mut_ptr()), 0o2004000]), 0);
    gives!(sys(0, &[3, at(buf.as_mut_ptr()), 8]), -11);
    gives!(sys(72, &[3, 1, 0]), 1);
    close(3);
    gives!(sys(1, &[4, at(b"pipe"), 4]), -32);
    close(4);
    gives!(sys(22, &[WILD]), EFAULT);
    // A failed pipe leaves nothing open.
    gives!(sys(293, &[at(ends.as_mut_ptr()), 1]), EINVAL);
    gives!(create(b"/tmp/fd\0"), 3);
    close(3);
}

/// Descriptors of the runtime's share the numbers.
fn foreign() {
    gives!(create(b"/tmp/fd\0"), 3);
    // A copy of stdout, at the lowest number that is free on both sides.
    gives!(sys(32, &[1]), 4);
    gives!(sys(1, &[4, at(b"copy\n"), 5]), 5);
    gives!(sys(72, &[1, 0, 11]), 11);
    gives!(sys(1, &[11, at(b"eleven\n"), 7]), 7);
    let mut ends = [0_i32; 2];
    gives!(sys(53, &[1, 1, 0, at(ends.as_mut_ptr())]), 0);
    holds!(ends == [5, 6]);
    gives!(sys(1, &[5, at(b"socket"), 6]), 6);
    let mut buf = [0_u8; 8];
    gives!(sys(0, &[6, at(buf.as_mut_ptr()), 8]), 6);
    holds!(buf[..6] == *b"socket");
    // stdout into a file and back.
    gives!(sys(33, &[3, 1]), 1);
    gives!(sys(1, &[1, at(b"into the file"), 13]), 13);
    gives!(sys(33, &[4, 1]), 1);
    gives!(sys(1, &[1, at(b"back\n"), 5]), 5);
    gives!(sys(17, &[3, at(buf.as_mut_ptr()), 8, 0]), 8);
    holds!(buf == *b"into the");
    // A foreign one over one of ours.
    gives!(sys(33, &[5, 3]), 3);
    gives!(sys(1, &[3, at(b"again"), 5]), 5);
    gives!(sys(0, &[6, at(buf.as_mut_ptr()), 8]), 5);
    for fd in [3, 4, 5, 6, 11] {
        close(fd);
        gives!(sys(1, &[fd, at(b"x"), 1]), EBADF);
    }
    // What the runtime does not know either.
    for number in [41, 43, 213, 284, 288, 290, 291] {
        holds!(sys(number, &[1, 1, 0, 0]) < 0);
    }
}
