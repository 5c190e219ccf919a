//! lseek(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    for whence in [SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5, -1, 99] {
        t.each_kind(format!("whence {whence}"), || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), lseek(3, 5, whence), lseek(3, 0, SEEK_CUR), lseek(3, -1, whence), lseek(3, 0, whence)]);
    }
    for off in [0, 1, -1, 100, -100, 10_000, -10_000, -10_001, 1 << 40, i64::MAX, i64::MIN, i64::MAX - 10_000, i64::MAX - 9_999, i64::MAX - 5000] {
        for whence in [SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE] {
            let setup = seq![creat("/f", 0o644), write(3, data(10_000, 1)), open("/f", O_RDONLY, 0), lseek(4, 5000, SEEK_SET)];
            t.add(format!("whence {whence} by {off}"), setup, seq![lseek(4, off, whence), lseek(4, 0, SEEK_CUR)]);
        }
    }
    // Data and holes, page by page.
    for (about, make) in [
        ("empty", seq![creat("/f", 0o644)]),
        ("only a hole", seq![creat("/f", 0o644), ftruncate(3, 20_000)]),
        ("hole first", seq![creat("/f", 0o644), pwrite(3, "x", 9000)]),
        ("hole last", seq![creat("/f", 0o644), write(3, "x"), ftruncate(3, 20_000)]),
        ("hole between", seq![creat("/f", 0o644), write(3, data(5000, 1)), pwrite(3, data(5000, 2), 20_000)]),
        ("allocated", seq![creat("/f", 0o644), fallocate(3, 0, 0, 20_000)]),
        ("allocated, part written", seq![creat("/f", 0o644), fallocate(3, 0, 0, 20_000), pwrite(3, "x", 9000)]),
        ("allocated beyond the end", seq![creat("/f", 0o644), write(3, "abc"), fallocate(3, FALLOC_FL_KEEP_SIZE, 0, 20_000)]),
        ("punched", seq![creat("/f", 0o644), write(3, data(30_000, 1)), fallocate(3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192)]),
        ("zeros written", seq![creat("/f", 0o644), ftruncate(3, 20_000), pwrite(3, "\0\0\0", 8192)]),
        ("read through", seq![creat("/f", 0o644), ftruncate(3, 20_000), open("/f", O_RDONLY, 0), read(4, 20_000), close(4)]),
        ("small", seq![creat("/f", 0o644), write(3, "hello")]),
    ] {
        for off in [0, 1, 4095, 4096, 4097, 8192, 9000, 12_288, 19_999, 20_000, 20_001, 25_000] {
            t.add(format!("{about} at {off}"), make.clone(), seq![lseek(3, off, SEEK_DATA), lseek(3, 0, SEEK_CUR), lseek(3, off, SEEK_HOLE), lseek(3, 0, SEEK_CUR)]);
        }
    }
    t.add("pipe", seq![pipe()], seq![lseek(3, 0, SEEK_SET), lseek(4, 0, SEEK_CUR), lseek(3, 0, 99), lseek(9, 0, SEEK_SET), lseek(9, 0, 99)]);
    t
}
