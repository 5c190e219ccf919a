//! Extended attributes.

use crate::basic::*;
use crate::shim::{at, sys};

pub fn run() {
    let fd = create(b"/tmp/x\0");
    let (path, name) = (at(b"/tmp/x\0"), at(b"user.name\0"));
    let mut buf = [0_u8; 32];
    let room = at(buf.as_mut_ptr());
    gives!(sys(188, &[path, name, at(b"value"), 5, 0]), 0);
    gives!(sys(189, &[path, name, at(b"value"), 5, 1]), EEXIST);
    gives!(sys(190, &[fd, at(b"user.other\0"), at(b"o"), 1, 0]), 0);
    gives!(sys(188, &[path, name, WILD, 5, 0]), EFAULT);
    gives!(sys(188, &[path, WILD, room, 5, 0]), EFAULT);
    gives!(sys(188, &[path, name, room, 1 << 20, 0]), -7);
    gives!(sys(191, &[path, name, room, 32]), 5);
    holds!(buf[..5] == *b"value");
    gives!(sys(191, &[path, name, room, 2]), -34);
    gives!(sys(191, &[path, name, 0, 0]), 5);
    gives!(sys(192, &[path, at(b"user.none\0"), room, 32]), -61);
    gives!(sys(193, &[fd, name, WILD, 32]), EFAULT);
    gives!(sys(193, &[77, name, room, 32]), EBADF);
    gives!(sys(194, &[path, room, 32]), 21);
    gives!(sys(195, &[path, room, 8]), -34);
    gives!(sys(196, &[fd, 0, 0]), 21);
    gives!(sys(197, &[path, name]), 0);
    gives!(sys(198, &[path, name]), -61);
    gives!(sys(199, &[fd, at(b"user.other\0")]), 0);
    gives!(sys(194, &[path, room, 32]), 0);
    close(fd);
}
