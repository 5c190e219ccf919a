//! close(2), close_range(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let opened = || -> Vec<Step> { chain([(0..8).map(|_| open("/", O_RDONLY, 0).into()).collect(), seq![dup2(3, 100), fork(1)]]) };
    for (first, last) in [(3, 5), (5, 3), (3, u32::MAX), (4, 4), (9, 50), (50, 99), (100, 100), (200, 300), (10, u32::MAX), (u32::MAX, u32::MAX), (3, 2), (1 << 31, u32::MAX)] {
        for flags in [0, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE, 1, 8, 0xffff_ffff] {
            t.add(format!("{first} to {last} flags {flags:#x}"), opened(), seq![close_range(first, last, flags), open("/", O_RDONLY, 0), p1(fcntl(4, F_GETFD, 0))]);
        }
    }
    for fd in [3, 100, 11, 99, -1, 1 << 30] {
        t.add(format!("close {fd}"), opened(), seq![close(fd), close(fd), open("/", O_RDONLY, 0), p1(close(fd))]);
    }
    t.add("exec after cloexec", opened(), seq![close_range(4, 6, CLOSE_RANGE_CLOEXEC), exec(), open("/", O_RDONLY, 0)]);
    t
}
