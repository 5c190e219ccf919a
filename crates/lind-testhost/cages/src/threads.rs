//! Eight threads at once, in one cage.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::basic::*;
use crate::shim::{at, nap, sys, thread};

const THREADS: usize = 8;
const STACK: usize = 64 << 10;
const ROUNDS: u32 = 200;

static mut STACKS: [[u8; STACK]; THREADS] = [[0; STACK]; THREADS];
static DONE: AtomicU32 = AtomicU32::new(0);

/// A thread: works, checks, and ends.
pub fn thread_start(word: u32) {
    let mut path = *b"/tmp/thread-x\0";
    path[12] = b'a' + word as u8;
    for round in 0..ROUNDS {
        let fd = create(&path);
        let value = (round << 8 | word).to_le_bytes();
        gives!(sys(18, &[fd, at(value.as_ptr()), 4, 0]), 4);
        let mut back = [0_u8; 4];
        gives!(sys(17, &[fd, at(back.as_mut_ptr()), 4, 0]), 4);
        holds!(back == value);
        // All append to one file.
        let log = sys(2, &[at(b"/tmp/log\0"), 0o2101, 0o644]) as u64;
        gives!(sys(1, &[log, at(value.as_ptr()), 4]), 4);
        close(log);
        close(fd);
        let mut stat = [0_u8; 104];
        gives!(sys(4, &[at(path.as_ptr()), at(stat.as_mut_ptr())]), 0);
        gives!(sys(87, &[at(path.as_ptr())]), 0);
    }
    DONE.fetch_add(1, Ordering::SeqCst);
    sys(60, &[0]);
}

pub fn run() {
    for index in 0..THREADS {
        let stack = &raw mut STACKS;
        // SAFETY: only the address of the thread's own stack.
        let stack = unsafe { &raw mut (*stack)[index] };
        holds!(thread(stack as u32, STACK as u32, index as u32) > 0);
    }
    while DONE.load(Ordering::SeqCst) < THREADS as u32 {
        nap(1_000_000);
    }
    let mut stat = [0_u8; 104];
    gives!(sys(4, &[at(b"/tmp/log\0"), at(stat.as_mut_ptr())]), 0);
    let size = u64::from_le_bytes([stat[40], stat[41], stat[42], stat[43], 0, 0, 0, 0]);
    gives!(size, 4 * ROUNDS * THREADS as u32);
    // The cage lives as long as its last thread.
    gives!(create(b"/tmp/after\0"), 3);
}
