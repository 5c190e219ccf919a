//! Files as every program uses them.

use crate::shim::{at, sys};

pub const RDONLY: u64 = 0;
pub const RDWR: u64 = 2;
pub const CREAT_RDWR: u64 = 0o102;
pub const CREAT_TRUNC_WRONLY: u64 = 0o1101;
pub const CWD: u64 = -100_i64 as u64;

pub const ENOENT: i32 = -2;
pub const EBADF: i32 = -9;
pub const EFAULT: i32 = -14;
pub const EEXIST: i32 = -17;
pub const EINVAL: i32 = -22;
pub const ENAMETOOLONG: i32 = -36;

/// An address where no cage has memory.
pub const WILD: u64 = 0x10;

/// Opens for reading and writing, and creates.
pub fn create(path: &[u8]) -> u64 {
    sys(2, &[at(path), CREAT_RDWR, 0o644]) as u64
}

pub fn close(fd: u64) {
    gives!(sys(3, &[fd]), 0);
}

pub fn run() {
    let path = b"/tmp/file\0";
    let fd = gives!(sys(2, &[at(path), CREAT_RDWR, 0o644]), 3) as u64;
    gives!(sys(1, &[fd, at(b"hello, world"), 12]), 12);
    gives!(sys(8, &[fd, 0, 0]), 0);
    let mut buf = [0_u8; 64];
    gives!(sys(0, &[fd, at(buf.as_mut_ptr()), 64]), 12);
    holds!(buf[..12] == *b"hello, world" && buf[12] == 0);
    gives!(sys(3, &[fd]), 0);
    gives!(sys(3, &[fd]), EBADF);
    // Foreign descriptors are the runtime's.
    gives!(sys(1, &[1, at(b"out\n"), 4]), 4);
    gives!(sys(1, &[2, at(b"err\n"), 4]), 4);
    gives!(sys(0, &[0, at(buf.as_mut_ptr()), 64]), 5);
    holds!(buf[..5] == *b"input");
}

/// Copies a file, a little at a time.
pub fn copy(from: &[u8], to: &[u8]) {
    let mut path = [0_u8; 4096];
    let mut name = |text: &[u8]| {
        path[..text.len()].copy_from_slice(text);
        path[text.len()] = 0;
        at(path.as_ptr())
    };
    let input = sys(2, &[name(from), RDONLY, 0]);
    holds!(input >= 3);
    let output = sys(2, &[name(to), CREAT_TRUNC_WRONLY, 0o755]);
    holds!(output >= 3);
    let mut buf = [0_u8; 1000];
    loop {
        let read = sys(0, &[input as u64, at(buf.as_mut_ptr()), buf.len() as u64]);
        if read <= 0 {
            gives!(read, 0);
            break;
        }
        gives!(sys(1, &[output as u64, at(buf.as_ptr()), read as u64]), read);
    }
}
