//! fsync(2), fdatasync(2), syncfs(2), sync_file_range(2), posix_fadvise(2), readahead(2), FIONREAD

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("rdonly", || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), fsync(3), fdatasync(3), syncfs(3), sync_file_range(3, 0, 0, 7), fadvise(3, 0, 0, 0), readahead(3, 0, 100), fionread(3)]);
    t.each_kind("wronly", || seq![open("/w/x", O_WRONLY | O_NONBLOCK, 0), fsync(3), fdatasync(3), syncfs(3), sync_file_range(3, 0, 0, 7), fadvise(3, 0, 0, 0), readahead(3, 0, 100), fionread(3)]);
    t.add("closed", seq![], seq![fsync(3), fdatasync(-1), syncfs(3), sync_file_range(3, 0, 0, 0), fadvise(3, 0, 0, 0), readahead(3, 0, 1), fionread(3)]);
    t.add("pipe", seq![pipe()], seq![fsync(3), fdatasync(4), syncfs(3), sync_file_range(3, 0, 0, 0), fadvise(3, 0, 0, 0), readahead(3, 0, 1), write(4, "abc"), fionread(3), fionread(4)]);
    for flags in [0, 1, 2, 4, 7, 8, 0xffff_ffff] {
        for (off, len) in [(0, 0), (0, 100), (-1, 1), (0, -1), (i64::MAX, 1), (5, i64::MAX)] {
            t.add(format!("sync_file_range {off} {len} {flags:#x}"), seq![creat("/f", 0o644), write(3, data(10_000, 1))], seq![sync_file_range(3, off, len, flags)]);
        }
    }
    for advice in -1..9 {
        for (off, len) in [(0, 0), (-5, 10), (0, -1), (1 << 40, 1)] {
            t.add(format!("fadvise {advice} {off} {len}"), seq![creat("/f", 0o644), write(3, data(10_000, 1))], seq![fadvise(3, off, len, advice), fstat(3)]);
        }
    }
    for off in [0, 5000, -1, i64::MAX] {
        t.add(format!("readahead {off}"), seq![creat("/f", 0o644), write(3, data(10_000, 1)), open("/f", O_RDONLY, 0)], seq![readahead(4, off, 5000), readahead(3, off, 10), readahead(4, off, 0)]);
    }
    for at in [0, 5, 10, 100] {
        t.add(format!("FIONREAD at {at}"), seq![creat("/f", 0o644), write(3, "0123456789"), open("/f", O_RDONLY, 0)], seq![lseek(4, at, SEEK_SET), fionread(4), fionread(3)]);
    }
    t
}
