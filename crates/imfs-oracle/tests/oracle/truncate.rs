//! truncate(2), ftruncate(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("shorten", || seq![truncate("/w/x", 100)]);
    t.each_kind("empty", || seq![truncate("/w/x", 0)]);
    t.each_kind("lengthen", || seq![truncate("/w/x", 20_000)]);
    t.each_kind("negative", || seq![truncate("/w/x", -1)]);
    t.each_path("truncate", |p| seq![truncate(p, 3)]);
    let lens = [0, 1, 99, 4095, 4096, 4097, 8192, 9999, 10_000, 10_001, 12_288, 100_000, 1 << 31, 1 << 40, i64::MAX - 4096, i64::MAX, i64::MAX - 4095, -1, i64::MIN];
    for len in lens {
        for flags in [O_RDWR, O_RDONLY, O_WRONLY | O_APPEND] {
            let setup = seq![creat("/f", 0o644), write(3, data(10_000, 7)), close(3), open("/f", flags, 0), lseek(3, 5000, SEEK_SET)];
            t.add(format!("to {len} {flags:#o}"), setup, seq![ftruncate(3, len), fstat(3), pread(3, 5000, 6000)]);
        }
        let back = seq![creat("/f", 0o644), write(3, data(10_000, 7))];
        t.add(format!("to {len} and back"), back, seq![truncate("/f", len), truncate("/f", 10_000), fstat(3), open("/f", O_RDONLY, 0), read(4, 10_000), statfs("/")]);
    }
    for size in [1, 100, 4096, 5000, 8192] {
        for len in [0, 1, 50, 4096, 4097, 6000] {
            // The rest of a page beyond the end must read as zeros after the file grows again.
            let setup = seq![creat("/f", 0o644), write(3, data(size, 1)), close(3), open("/f", O_RDWR, 0)];
            t.add(format!("{size} to {len} and grown"), setup, seq![ftruncate(3, len), ftruncate(3, 9000), read(3, 9000), lseek(3, 0, SEEK_DATA), lseek(3, 0, SEEK_HOLE), fstat(3)]);
        }
    }
    for mode in [0o6777, 0o2755, 0o4755, 0o2745] {
        for (uid, gid) in [(0, 0), (1001, 2000)] {
            let setup = seq![mkdir("/w", 0o777), creat("/w/f", 0o666), write(3, "abc"), close(3), chown("/w/f", uid, gid), chmod("/w/f", mode)];
            t.each_user(format!("mode {mode:o} of {uid}:{gid}"), setup.clone(), seq![truncate("/w/f", 1)]);
            t.each_user(format!("O_TRUNC mode {mode:o} of {uid}:{gid}"), setup.clone(), seq![open("/w/f", O_WRONLY | O_TRUNC, 0)]);
            t.each_user(format!("same size mode {mode:o} of {uid}:{gid}"), setup, seq![truncate("/w/f", 3)]);
        }
    }
    for (about, make) in [("directory", seq![mkdir("/x", 0o777)]), ("fifo", seq![mknod("/x", S_IFIFO | 0o666, 0)]), ("null", seq![mknod("/x", S_IFCHR | 0o666, NULL)])] {
        t.add(format!("descriptor of a {about}"), chain([make, seq![open("/x", O_RDONLY | O_NONBLOCK, 0)]]), seq![ftruncate(3, 0), ftruncate(9, 0)]);
    }
    t.add("descriptor of a pipe", seq![pipe()], seq![ftruncate(3, 0), ftruncate(4, 0), ftruncate(4, -1)]);
    t.add("of the size it has", seq![creat("/f", 0o644), write(3, "abc")], seq![ftruncate(3, 3), fstat(3), truncate("/f", 3), fstat(3)]);
    t.add("O_TRUNC of an empty file", seq![creat("/f", 0o644)], seq![open("/f", O_WRONLY | O_TRUNC, 0), fstat(3), open("/f", O_RDONLY | O_TRUNC, 0), fstat(3)]);
    t
}
