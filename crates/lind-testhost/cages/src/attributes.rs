//! Calls about attributes.

use crate::basic::*;
use crate::shim::{at, sys};

#[derive(Default)]
#[repr(C)]
struct Stat {
    dev: u64,
    ino: u64,
    mode: u32,
    nlink: u32,
    uid: u32,
    gid: u32,
    rdev: u64,
    size: u64,
    blksize: i32,
    blocks: u32,
    times: [u64; 6],
}

pub fn run() {
    let fd = create(b"/tmp/a\0");
    gives!(sys(1, &[fd, at(b"12345"), 5]), 5);
    let mut stat = Stat::default();
    gives!(sys(4, &[at(b"/tmp/a\0"), at(&raw mut stat)]), 0);
    holds!(stat.mode == 0o100644 && stat.nlink == 1 && stat.size == 5 && stat.blocks == 8);
    holds!(stat.blksize == 4096 && stat.ino != 0 && stat.dev != 0);
    // Time is real: after the middle of 2025.
    holds!(stat.times[2] > 1_750_000_000);
    gives!(sys(4, &[at(b"/tmp/a\0"), WILD]), EFAULT);
    gives!(sys(4, &[WILD, at(&raw mut stat)]), EFAULT);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    gives!(sys(5, &[88, at(&raw mut stat)]), EBADF);
    gives!(sys(6, &[at(b"/tmp/none\0"), at(&raw mut stat)]), ENOENT);
    gives!(sys(262, &[CWD, at(b"/tmp/a\0"), at(&raw mut stat), 0]), 0);
    gives!(sys(262, &[CWD, at(b"/tmp/a\0"), at(&raw mut stat), 0x8000_0000]), EINVAL);
    let mut statx = [0_u8; 256];
    gives!(sys(332, &[CWD, at(b"/tmp/a\0"), 0, 0x7ff, at(statx.as_mut_ptr())]), 0);
    holds!(statx[40] == 5);
    gives!(sys(332, &[CWD, at(b"/tmp/a\0"), 0, 0x7ff, WILD]), EFAULT);
    let mut statfs = [0_u64; 14];
    gives!(sys(137, &[at(b"/\0"), at(statfs.as_mut_ptr())]), 0);
    holds!(statfs[0] == 0x0102_1994 && statfs[1] == 4096 && statfs[8] == 255);
    gives!(sys(138, &[fd, at(statfs.as_mut_ptr())]), 0);
    gives!(sys(138, &[88, at(statfs.as_mut_ptr())]), EBADF);

    gives!(sys(21, &[at(b"/tmp/a\0"), 4]), 0);
    gives!(sys(21, &[at(b"/tmp/a\0"), 1]), -13);
    gives!(sys(21, &[at(b"/tmp/a\0"), 8]), EINVAL);
    gives!(sys(269, &[CWD, at(b"/tmp/a\0"), 0]), 0);
    gives!(sys(439, &[CWD, at(b"/tmp/a\0"), 0, 0x200]), 0);
    gives!(sys(90, &[at(b"/tmp/a\0"), 0o600]), 0);
    gives!(sys(91, &[fd, 0o640]), 0);
    gives!(sys(268, &[CWD, at(b"/tmp/a\0"), 0o755]), 0);
    gives!(sys(452, &[CWD, at(b"/tmp/a\0"), 0o711, 0]), 0);
    gives!(sys(90, &[at(b"/tmp/none\0"), 0o600]), ENOENT);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    gives!(stat.mode, 0o100711);
    let same = u64::from(u32::MAX);
    gives!(sys(92, &[at(b"/tmp/a\0"), same, same]), 0);
    gives!(sys(93, &[fd, same, same]), 0);
    gives!(sys(94, &[at(b"/tmp/a\0"), same, same]), 0);
    gives!(sys(260, &[CWD, at(b"/tmp/a\0"), same, same, 0]), 0);
    gives!(sys(93, &[88, 0, 0]), EBADF);
    let times = [7_i64, 8, 9, 10];
    gives!(sys(280, &[CWD, at(b"/tmp/a\0"), at(times.as_ptr()), 0]), 0);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    holds!(stat.times[..4] == [7, 8, 9, 10]);
    gives!(sys(280, &[fd, 0, 0, 0]), 0);
    gives!(sys(280, &[CWD, at(b"/tmp/a\0"), WILD, 0]), EFAULT);
    let bad = [7_i64, -1, 9, 10];
    gives!(sys(280, &[CWD, at(b"/tmp/a\0"), at(bad.as_ptr()), 0]), EINVAL);
    let times = [11_i64, 12, 13, 14];
    gives!(sys(261, &[CWD, at(b"/tmp/a\0"), at(times.as_ptr())]), 0);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    holds!(stat.times[..4] == [11, 12_000, 13, 14_000]);
    gives!(sys(261, &[fd, 0, at(times.as_ptr())]), 0);
    gives!(sys(261, &[CWD, 0, at(times.as_ptr())]), EFAULT);
    let times = [21_i64, 999_999, 23, 0];
    gives!(sys(235, &[at(b"/tmp/a\0"), at(times.as_ptr())]), 0);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    holds!(stat.times[..4] == [21, 999_999_000, 23, 0]);
    let bad = [7_i64, 1_000_000, 9, 10];
    gives!(sys(235, &[at(b"/tmp/a\0"), at(bad.as_ptr())]), EINVAL);
    gives!(sys(235, &[at(b"/tmp/none\0"), 0]), ENOENT);
    let times = [31_i64, 32];
    gives!(sys(132, &[at(b"/tmp/a\0"), at(times.as_ptr())]), 0);
    gives!(sys(5, &[fd, at(&raw mut stat)]), 0);
    holds!(stat.times[..4] == [31, 0, 32, 0]);
    gives!(sys(132, &[at(b"/tmp/a\0"), WILD]), EFAULT);
    gives!(sys(132, &[at(b"/tmp/a\0"), 0]), 0);
    gives!(sys(95, &[0o77]), 0o22);
    gives!(sys(95, &[0o22]), 0o77);
    close(fd);
}
