//! Calls by path.

use crate::basic::*;
use crate::shim::{at, sys};

/// A path of `n` bytes that all say where one is: `././.`
fn long(n: usize, room: &mut [u8]) -> u64 {
    for (index, byte) in room[..n].iter_mut().enumerate() {
        *byte = if index % 2 == 0 { b'.' } else { b'/' };
    }
    room[n] = 0;
    at(room.as_ptr())
}

pub fn run() {
    gives!(sys(83, &[at(b"/p\0"), 0o755]), 0);
    gives!(sys(83, &[at(b"/p\0"), 0o755]), EEXIST);
    gives!(sys(83, &[WILD, 0o755]), EFAULT);
    gives!(sys(83, &[0, 0o755]), EFAULT);
    gives!(sys(80, &[at(b"/p\0")]), 0);
    gives!(sys(80, &[at(b"/absent\0")]), ENOENT);
    let mut buf = [0_u8; 16];
    gives!(sys(79, &[at(buf.as_mut_ptr()), 16]), 3);
    holds!(buf[..3] == *b"/p\0");
    gives!(sys(79, &[at(buf.as_mut_ptr()), 2]), -34);
    gives!(sys(79, &[WILD, 16]), EFAULT);

    let fd = gives!(sys(2, &[at(b"file\0"), CREAT_RDWR, 0o644]), 3) as u64;
    close(fd);
    gives!(sys(2, &[at(b"\xff\xfe not UTF-8\0"), CREAT_RDWR, 0o644]), 3);
    close(3);
    gives!(sys(2, &[at(b"absent\0"), RDONLY, 0]), ENOENT);
    gives!(sys(257, &[CWD, at(b"file\0"), RDWR, 0]), 3);
    close(3);
    gives!(sys(257, &[77, at(b"file\0"), RDWR, 0]), EBADF);
    gives!(sys(85, &[at(b"created\0"), 0o600]), 3);
    close(3);
    let how = [RDWR, 0, 8];
    gives!(sys(437, &[CWD, at(b"file\0"), at(how.as_ptr()), 24]), 3);
    close(3);
    gives!(sys(437, &[CWD, at(b"/p/file\0"), at(how.as_ptr()), 24]), -18);
    gives!(sys(437, &[CWD, at(b"file\0"), at(how.as_ptr()), 8]), EINVAL);
    gives!(sys(437, &[CWD, at(b"file\0"), WILD, 24]), EFAULT);

    let dir = gives!(sys(2, &[at(b"/p\0"), 0o200000, 0]), 3) as u64;
    gives!(sys(258, &[dir, at(b"d\0"), 0o700]), 0);
    gives!(sys(81, &[dir]), 0);
    gives!(sys(81, &[99]), EBADF);
    gives!(sys(264, &[dir, at(b"created\0"), dir, at(b"moved\0")]), 0);
    gives!(sys(316, &[dir, at(b"moved\0"), dir, at(b"file\0"), 1]), EEXIST);
    gives!(sys(316, &[dir, at(b"moved\0"), dir, at(b"file\0"), 2]), 0);
    gives!(sys(82, &[at(b"moved\0"), at(b"created\0")]), 0);
    gives!(sys(82, &[at(b"moved\0"), WILD]), EFAULT);
    gives!(sys(86, &[at(b"file\0"), at(b"linked\0")]), 0);
    gives!(sys(265, &[dir, at(b"file\0"), dir, at(b"linked\0"), 0]), EEXIST);
    gives!(sys(88, &[at(b"file\0"), at(b"symlink\0")]), 0);
    gives!(sys(266, &[at(b"file\0"), dir, at(b"symlink\0")]), EEXIST);
    gives!(sys(89, &[at(b"symlink\0"), at(buf.as_mut_ptr()), 16]), 4);
    holds!(buf[..4] == *b"file");
    gives!(sys(89, &[at(b"symlink\0"), at(buf.as_mut_ptr()), 2]), 2);
    gives!(sys(89, &[at(b"file\0"), at(buf.as_mut_ptr()), 16]), EINVAL);
    gives!(sys(89, &[at(b"symlink\0"), at(buf.as_mut_ptr()), 0]), EINVAL);
    gives!(sys(267, &[dir, at(b"symlink\0"), WILD, 16]), EFAULT);
    gives!(sys(133, &[at(b"fifo\0"), 0o10644, 0]), 0);
    gives!(sys(259, &[dir, at(b"fifo\0"), 0o10644, 0]), EEXIST);
    gives!(sys(76, &[at(b"file\0"), 5000]), 0);
    gives!(sys(76, &[at(b"file\0"), -1_i64 as u64]), EINVAL);
    gives!(sys(87, &[at(b"fifo\0")]), 0);
    gives!(sys(87, &[at(b"d\0")]), -21);
    gives!(sys(263, &[dir, at(b"linked\0"), 0]), 0);
    gives!(sys(263, &[dir, at(b"d\0"), 0x200]), 0);
    gives!(sys(84, &[at(b"d\0")]), ENOENT);
    close(dir);
    paths_of_all_lengths();
    gives!(sys(80, &[at(b"/\0")]), 0);
    gives!(sys(161, &[at(b"/p\0")]), 0);
    gives!(sys(2, &[at(b"/file\0"), RDONLY, 0]), 3);
    close(3);
    // Out of it again, as root can.
    gives!(sys(80, &[at(b"..\0")]), 0);
    gives!(sys(161, &[at(b".\0")]), 0);
    gives!(sys(2, &[at(b"/p/file\0"), RDONLY, 0]), 3);
    close(3);
}

fn paths_of_all_lengths() {
    static mut ROOM: [u8; 8192] = [0; 8192];
    // SAFETY: one thread.
    let room = unsafe { &mut *(&raw mut ROOM) };
    for n in [255, 256, 257, 1023, 3999, 4095] {
        let n = n | 1;
        gives!(sys(21, &[long(n, room), 0]), 0);
        // At the end of a page, and over it.
        let start = 4096 - (room.as_ptr() as usize & 4095);
        for before in [1_usize, 7, 255, 256] {
            let from = (start + 4096 - before) & 4095;
            gives!(sys(21, &[long(n.min(3001), &mut room[from..]), 0]), 0);
        }
    }
    gives!(sys(21, &[long(4096, room), 0]), ENAMETOOLONG);
    let mut name = [b'n'; 257];
    name[255] = 0;
    gives!(sys(83, &[at(name.as_ptr()), 0o755]), 0);
    gives!(sys(84, &[at(name.as_ptr())]), 0);
    name[255] = b'n';
    name[256] = 0;
    gives!(sys(83, &[at(name.as_ptr()), 0o755]), ENAMETOOLONG);
}
