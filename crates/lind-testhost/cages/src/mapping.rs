//! Files in memory.

use crate::basic::*;
use crate::shim::{at, exit, fork, host, sys, wait};

const PAGE: u64 = 4096;
const READ_WRITE: u64 = 3;
const SHARED: u64 = 1;
const PRIVATE: u64 = 2;
const ANONYMOUS: u64 = 0x20;

fn bytes(offset: i32) -> &'static mut [u8] {
    // SAFETY: two pages that were just mapped.
    unsafe { core::slice::from_raw_parts_mut(offset as u32 as *mut u8, 2 * PAGE as usize) }
}

pub fn run() {
    let fd = create(b"/tmp/mapped\0");
    gives!(sys(18, &[fd, at(b"in the file"), 11, PAGE]), 11);
    let private = sys(9, &[0, 2 * PAGE, READ_WRITE, PRIVATE, fd, 0]);
    let map = bytes(private);
    holds!(map[4096..4107] == *b"in the file" && map[..4096].iter().all(|byte| *byte == 0));
    holds!(map[4107..].iter().all(|byte| *byte == 0));
    map[4096] = b'I';
    let shared = sys(9, &[0, 2 * PAGE, READ_WRITE, SHARED, fd, 0]);
    let map = bytes(shared);
    holds!(map[4096..4107] == *b"in the file");
    map[4096..4099].copy_from_slice(b"IN ");
    map[0] = b'0';
    let mut buf = [0_u8; 16];
    gives!(sys(26, &[host(shared as u32), 2 * PAGE, 4]), 0);
    gives!(sys(26, &[host(shared as u32), 2 * PAGE, 5]), EINVAL);
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 16, PAGE]), 11);
    holds!(buf[..11] == *b"IN the file");
    // What is written is seen, after msync at the latest.
    gives!(sys(18, &[fd, at(b"it"), 2, PAGE + 3]), 2);
    gives!(sys(26, &[host(shared as u32), 2 * PAGE, 4]), 0);
    holds!(map[4096..4101] == *b"IN it");
    // A child shares it.
    let child = fork();
    if child == 0 {
        bytes(shared)[1] = b'1';
        exit(0);
    }
    gives!(wait(child), 0);
    gives!(bytes(shared)[1], b'1');
    bytes(shared)[2] = b'2';
    gives!(sys(11, &[host(shared as u32), 2 * PAGE]), 0);
    gives!(sys(11, &[host(private as u32), 2 * PAGE]), 0);
    gives!(sys(17, &[fd, at(buf.as_mut_ptr()), 3, 0]), 3);
    holds!(buf[..3] == *b"012");

    let anonymous = sys(9, &[0, 2 * PAGE, READ_WRITE, PRIVATE | ANONYMOUS, u64::MAX, 0]);
    bytes(anonymous).fill(9);
    gives!(sys(9, &[0, 0, READ_WRITE, SHARED, fd, 0]), EINVAL);
    gives!(sys(9, &[0, PAGE, READ_WRITE, SHARED, fd, 1]), EINVAL);
    gives!(sys(9, &[0, PAGE, READ_WRITE, SHARED, 77, 0]), EBADF);
    let read_only = sys(2, &[at(b"/tmp/mapped\0"), RDONLY, 0]) as u64;
    gives!(sys(9, &[0, PAGE, READ_WRITE, SHARED, read_only, 0]), -13);
    let shared = sys(9, &[0, PAGE, 1, SHARED, read_only, 0]) as u32;
    gives!(sys(10, &[host(shared), PAGE, READ_WRITE]), -13);
    gives!(sys(11, &[host(shared), PAGE]), 0);
    let private = sys(9, &[0, PAGE, 1, PRIVATE, read_only, 0]) as u32;
    gives!(sys(10, &[host(private), PAGE, READ_WRITE]), 0);
    gives!(sys(11, &[host(private), PAGE]), 0);
    close(read_only);
    let directory = sys(2, &[at(b"/tmp\0"), RDONLY, 0]) as u64;
    gives!(sys(9, &[0, PAGE, 1, PRIVATE, directory, 0]), -19);
    close(directory);
    at_exit(fd);
    close(fd);
}

/// What nobody unmapped is written at exit.
fn at_exit(fd: u64) {
    let child = fork();
    if child == 0 {
        let shared = sys(9, &[0, 2 * PAGE, READ_WRITE, SHARED, fd, 0]);
        sys(3, &[fd]);
        bytes(shared)[5] = b'5';
        exit(0);
    }
    gives!(wait(child), 0);
    let mut byte = 0_u8;
    gives!(sys(17, &[fd, at(&raw mut byte), 1, 5]), 1);
    gives!(byte, b'5');
}
