//! Handlers that trap: the host ends a handler that copies from or to `TRAP`, in the middle of all that it holds.

use crate::basic::*;
use crate::shim::{at, exit, fork, sys, wait};

const TRAP: u64 = 0x7472_6170_7472_6170;
const TRAPPED: i32 = -0x1fff_0003;

pub fn run() {
    let fd = create(b"/tmp/trap\0");
    gives!(sys(18, &[fd, at(b"contents"), 8, 0]), 8);
    // The file, to write.
    gives!(sys(18, &[fd, TRAP, 8, 0]), TRAPPED);
    intact(fd);
    // The file, to read; and the offset.
    gives!(sys(17, &[fd, TRAP, 8, 0]), TRAPPED);
    gives!(sys(8, &[fd, 0, 0]), 0);
    gives!(sys(0, &[fd, TRAP, 8]), TRAPPED);
    intact(fd);
    // A pipe.
    let mut ends = [0_i32; 2];
    gives!(sys(22, &[at(ends.as_mut_ptr())]), 0);
    let [reads, writes] = ends.map(|fd| fd as u64);
    gives!(sys(1, &[writes, TRAP, 4]), TRAPPED);
    gives!(sys(1, &[writes, at(b"pipe"), 4]), 4);
    gives!(sys(0, &[reads, TRAP, 4]), TRAPPED);
    let mut buf = [0_u8; 8];
    gives!(sys(0, &[reads, at(buf.as_mut_ptr()), 8]), 4);
    holds!(buf[..4] == *b"pipe");
    // The numbers of foreign descriptors.
    gives!(sys(53, &[1, 1, 0, TRAP]), EFAULT);
    // Paths and structures.
    gives!(sys(4, &[TRAP, at(buf.as_mut_ptr())]), TRAPPED);
    gives!(sys(4, &[at(b"/tmp/trap\0"), TRAP]), TRAPPED);
    gives!(sys(217, &[sys(2, &[at(b"/tmp\0"), 0o200000, 0]) as u64, TRAP, 512]), TRAPPED);
    // Another cage's handlers, from which ours are not told apart.
    let child = fork();
    if child == 0 {
        sys(8, &[fd, 0, 0]);
        sys(18, &[fd, TRAP, 8, 0]);
        sys(0, &[fd, TRAP, 8]);
        exit(0);
    }
    gives!(wait(child), 0);
    intact(fd);
    // Memory is still reclaimed: without that these would not fit.
    for _ in 0..64 {
        let big = create(b"/tmp/big\0");
        gives!(sys(285, &[big, 0, 0, 256 << 10]), 0);
        close(big);
        gives!(sys(87, &[at(b"/tmp/big\0")]), 0);
    }
    close(fd);
}

/// Others can still do everything with the file.
fn intact(fd: u64) {
    let mut buf = [0_u8; 8];
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 8, 0]), 8);
    holds!(buf == *b"contents");
    gives!(sys(18, &[fd, at(b"contents"), 8, 0]), 8);
    gives!(sys(8, &[fd, 0, 0]), 0);
    gives!(sys(0, &[fd, at(buf.as_mut_ptr()), 8]), 8);
}
