//! Files as every program uses them.

use crate::shim::{at, sys};

const CREAT_RDWR: u64 = 0o102;

pub fn run() {
    let path = b"/tmp/file\0";
    let fd = gives!(sys(2, &[at(path), CREAT_RDWR, 0o644]), 3) as u64;
    gives!(sys(1, &[fd, at(b"hello, world"), 12]), 12);
    gives!(sys(8, &[fd, 0, 0]), 0);
    let mut buf = [0_u8; 64];
    gives!(sys(0, &[fd, at(buf.as_mut_ptr()), 64]), 12);
    holds!(buf[..12] == *b"hello, world" && buf[12] == 0);
    gives!(sys(3, &[fd]), 0);
    gives!(sys(3, &[fd]), -9);
}
