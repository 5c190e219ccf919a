//! read(2), write(2), pread(2), pwrite(2), readv(2), writev(2), preadv2(2), pwritev2(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("read", || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), read(3, 100), read(3, 0), pread(3, 10, 5), readv(3, vec![3, 0, 4]), lseek(3, 0, SEEK_CUR)]);
    t.each_kind("write", || seq![open("/w/x", O_WRONLY | O_NONBLOCK, 0), write(3, "hello"), write(3, ""), pwrite(3, "xy", 3), lseek(3, 0, SEEK_CUR)]);
    descriptors(&mut t);
    offsets(&mut t);
    append(&mut t);
    vectors(&mut t);
    rwf(&mut t);
    set_id(&mut t);
    sizes(&mut t);
    stamps(&mut t);
    shared_offsets(&mut t);
    full(&mut t);
    t
}

fn descriptors(t: &mut Vec<Case>) {
    for fd in [-1, 9, 1 << 20] {
        t.add(format!("descriptor {fd}"), seq![], seq![read(fd, 10), write(fd, "a"), pread(fd, 1, 0), pwrite(fd, "a", 0), readv(fd, vec![1]), writev(fd, vec![data(1, 0)]),
            pread(fd, 1, -1), preadv2(fd, vec![1], -1, 0), read(fd, 0), write(fd, "")]);
    }
    for (about, flags) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("neither", O_WRONLY | O_RDWR), ("path", O_PATH), ("directory", O_DIRECTORY)] {
        let path = if about == "directory" { "/d" } else { "/f" };
        let setup = seq![mkdir("/d", 0o755), creat("/f", 0o644), write(3, "abc"), close(3), open(path, flags, 0)];
        t.add(format!("a descriptor that is {about}"), setup, seq![read(3, 2), write(3, "a"), pread(3, 2, 0), pwrite(3, "a", 0), readv(3, vec![2]), writev(3, vec![data(1, 65)]), preadv(3, vec![1], 0), pwritev(3, vec![data(2, 66)], 1),
            read(3, 0), write(3, ""), pread(3, 1, -1), pwrite(3, "a", -1), fstat(3)]);
    }
}

fn offsets(t: &mut Vec<Case>) {
    for off in [0, 1, 4095, 4096, 5000, 10_000, 10_001, 1 << 32, 1 << 40, i64::MAX - 1, i64::MAX, -1, i64::MIN, i64::MAX - 4096] {
        let setup = seq![creat("/f", 0o644), write(3, data(10_000, 3)), close(3), open("/f", O_RDWR, 0)];
        t.add(format!("pread at {off}"), setup.clone(), seq![pread(3, 100, off), pread(3, 0, off), preadv(3, vec![10, 20], off), lseek(3, 0, SEEK_CUR)]);
        t.add(format!("pwrite at {off}"), setup.clone(), seq![pwrite(3, "hello", off), pwrite(3, "", off), fstat(3), lseek(3, 0, SEEK_CUR)]);
        t.add(format!("pwritev at {off}"), setup.clone(), seq![pwritev(3, vec![data(3, 1), data(5000, 2)], off), fstat(3)]);
        t.add(format!("seek to {off}"), setup, seq![lseek(3, off, SEEK_SET), read(3, 10), write(3, "xyz"), fstat(3), lseek(3, 0, SEEK_CUR)]);
    }
}

fn append(t: &mut Vec<Case>) {
    let setup = seq![creat("/f", 0o644), write(3, "abc"), open("/f", O_RDWR | O_APPEND, 0), open("/f", O_RDWR, 0)];
    t.add("append", setup.clone(), seq![write(4, "def"), lseek(4, 0, SEEK_CUR), write(3, "gh"), write(4, "i"), lseek(4, 0, SEEK_SET), read(4, 3), write(4, "j"), lseek(4, 0, SEEK_CUR)]);
    // Linux appends even with pwrite, against POSIX; see BUGS in pwrite(2).
    t.add("pwrite appends", setup.clone(), seq![pwrite(4, "Z", 0), pwritev(4, vec![data(2, 88)], 1), lseek(4, 0, SEEK_CUR), pread(4, 20, 0)]);
    t.add("F_SETFL", setup.clone(), seq![fcntl(5, F_SETFL, i64::from(O_APPEND)), write(5, "x"), fcntl(5, F_SETFL, 0), lseek(5, 0, SEEK_SET), write(5, "y"), pread(5, 20, 0)]);
    t.add("append after truncate", setup, seq![ftruncate(3, 100), write(4, "x"), ftruncate(3, 1), write(4, "y"), pread(4, 200, 0)]);
    for flags in [RWF_APPEND, 0, RWF_NOAPPEND] {
        for off in [0, 2, -1] {
            let setup = seq![creat("/f", 0o644), write(3, "abc"), open("/f", O_RDWR, 0), open("/f", O_RDWR | O_APPEND, 0)];
            t.add(format!("pwritev2 {flags:#x} at {off}"), setup, seq![pwritev2(4, vec![data(2, 70)], off, flags), lseek(4, 0, SEEK_CUR), pwritev2(5, vec![data(2, 75)], off, flags), lseek(5, 0, SEEK_CUR)]);
        }
    }
}

/// pwritev2(2), since Linux 6.9; not in the C library's binding yet.
const RWF_NOAPPEND: i32 = 0x20;

fn vectors(t: &mut Vec<Case>) {
    let setup = seq![creat("/f", 0o644), write(3, data(10_000, 5)), open("/f", O_RDWR, 0)];
    for lens in [vec![], vec![0], vec![0, 0], vec![1], vec![5, 0, 5], vec![4096, 4096, 4096], vec![1; 1024], vec![1; 1025], vec![9999, 1, 1]] {
        let name = format!("{} parts, {} bytes", lens.len(), lens.iter().sum::<usize>());
        t.add(format!("readv {name}"), setup.clone(), seq![readv(4, lens.clone()), lseek(4, 0, SEEK_CUR), preadv(4, lens.clone(), 5000)]);
        let parts: Vec<_> = lens.iter().map(|n| data(*n, 9)).collect();
        t.add(format!("writev {name}"), setup.clone(), seq![writev(4, parts.clone()), lseek(4, 0, SEEK_CUR), pwritev(4, parts, 9000), fstat(4)]);
    }
}

fn rwf(t: &mut Vec<Case>) {
    for flags in [0, RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, RWF_APPEND, 0x20, 0x40, 0x80, 0x100, 0x1000, -1, RWF_NOWAIT | RWF_HIPRI] {
        for (about, make) in [("file", seq![creat("/x", 0o644), write(3, "hello"), close(3)]), ("fifo", seq![mknod("/x", S_IFIFO | 0o600, 0)]), ("null", seq![mknod("/x", S_IFCHR | 0o666, NULL)])] {
            let setup = chain([make, seq![open("/x", O_RDWR | O_NONBLOCK, 0)]]);
            t.add(format!("flags {flags:#x} on a {about}, current"), setup.clone(), seq![pwritev2(3, vec![data(3, 65)], -1, flags), preadv2(3, vec![3], -1, flags)]);
            t.add(format!("flags {flags:#x} on a {about}, at 1"), setup, seq![pwritev2(3, vec![data(3, 65)], 1, flags), preadv2(3, vec![3], 1, flags), preadv2(3, vec![3], -2, flags)]);
        }
    }
}

/// Writing takes set-id bits away, except from those who may keep them.
fn set_id(t: &mut Vec<Case>) {
    for mode in [0o6777, 0o2777, 0o4777, 0o2767, 0o6767] {
        for (about, look) in [
            ("write", seq![write(3, "x")]),
            ("empty write", seq![write(3, "")]),
            ("pwrite", seq![pwrite(3, "x", 100)]),
            ("writev", seq![writev(3, vec![data(1, 1)])]),
            ("fallocate", seq![fallocate(3, 0, 0, 100)]),
            ("punch", seq![fallocate(3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2)]),
            ("ftruncate", seq![ftruncate(3, 2)]),
            ("copy", seq![creat("/w/g", 0o644), write(4, "zz"), open("/w/g", O_RDONLY, 0), copy_file_range(5, None, 3, None, 2, 0)]),
        ] {
            let setup = seq![mkdir("/w", 0o777), chmod("/w", 0o777), creat("/w/f", 0o666), write(3, "abc"), close(3), chmod("/w/f", mode), ];
            t.each_user(format!("{about} to {mode:o}"), setup, chain([seq![open("/w/f", O_RDWR, 0)], look, seq![fstat(3)]]));
        }
        let setup = seq![creat("/f", 0o666), chmod("/f", mode)];
        t.each_user(format!("without FSETID to {mode:o}"), setup, seq![caps(CAP_DAC_OVERRIDE), open("/f", O_RDWR, 0), write(3, "x"), fstat(3)]);
    }
}

fn sizes(t: &mut Vec<Case>) {
    for n in [0, 1, 127, 128, 129, 255, 256, 512, 1024, 4095, 4096, 4097, 8191, 8192, 12_288, 65_535, 65_536, 200_000, 1 << 20] {
        t.add(format!("{n} bytes"), seq![creat("/f", 0o644)], seq![write(3, data(n, 1)), fstat(3), write(3, data(10, 2)), open("/f", O_RDONLY, 0), read(4, n + 20), read(4, 1)]);
        t.add(format!("rewrite of {n} bytes in a larger file"), seq![creat("/f", 0o644), write(3, data(100_000, 1))], seq![pwrite(3, data(n, 9), 3000), fstat(3), open("/f", O_RDONLY, 0), read(4, 1 << 21)]);
    }
    for (a, b) in [(10, 5000), (4096, 4096), (5000, 10), (4095, 2), (0, 8192), (100, 1 << 20)] {
        t.add(format!("a hole from {a}, data at {b}"), seq![creat("/f", 0o644), write(3, data(a, 1))], seq![pwrite(3, data(50, 2), (a + b) as i64), fstat(3), open("/f", O_RDONLY, 0), pread(4, 200, a as i64), read(4, 300_000), statfs("/")]);
    }
}

fn stamps(t: &mut Vec<Case>) {
    let setup = seq![creat("/f", 0o644), write(3, "abc"), open("/f", O_RDWR, 0)];
    let old = Some([(1_000_000, 0), (1_000_000, 0)]);
    for (about, call) in [("read", read(4, 2)), ("read of nothing", read(4, 0)), ("write", write(4, "x")), ("write of nothing", write(4, "")), ("pread at the end", pread(4, 5, 100))] {
        t.add(format!("stamps, {about}"), setup.clone(), seq![call.clone(), fstat(4), call.clone(), fstat(4), utimensat(4, None::<&str>, old, 0), call.clone(), fstat(4), call, fstat(4)]);
    }
    // relatime: atime moves when it is not after mtime or ctime, or when it is a day old.
    let ahead = Some([(4_000_000_000, 0), (5, 0)]);
    t.add("atime ahead of everything", setup.clone(), seq![utimensat(4, None::<&str>, ahead, 0), read(4, 1), fstat(4), chmod("/f", 0o600), read(4, 1), fstat(4)]);
    t.add("relatime", setup, seq![read(4, 1), read(4, 1), fstat(4), write(4, "z"), fstat(4), pread(4, 1, 0), fstat(4), pread(4, 1, 0), fstat(4), fchmod(4, 0o600), pread(4, 1, 0), fstat(4)]);
}

fn shared_offsets(t: &mut Vec<Case>) {
    let setup = seq![creat("/f", 0o644), write(3, "abcdefghij"), open("/f", O_RDWR, 0)];
    t.add("dup shares", setup.clone(), seq![dup(4), read(4, 3), read(5, 3), lseek(5, 1, SEEK_SET), read(4, 2)]);
    t.add("open does not", setup.clone(), seq![open("/f", O_RDWR, 0), read(4, 3), read(5, 3)]);
    t.add("fork shares", setup, seq![fork(1), p1(read(4, 3)), read(4, 3), p1(lseek(4, 0, SEEK_SET)), read(4, 3), p1(close(4)), read(4, 2), p1(exit()), read(4, 2)]);
}

/// ENOSPC in the middle of a write, and what is left. A write that fails whole moves the times.
fn full(t: &mut Vec<Case>) {
    let look = || seq![fstat(3), statfs("/")];
    for n in [4096, 8192, 40_000, 65_536, 70_000, 200_000] {
        let first = seq![write(3, data(n, 1)), fstat(3), write(3, data(n, 2))];
        let more = seq![write(3, "x")];
        let other = seq![pwrite(3, "y", 0), creat("/g", 0o644), write(4, "z"), fstat(4)];
        let less = seq![ftruncate(3, 4096), statfs("/"), write(4, "z"), statfs("/")];
        let steps = chain([first, look(), more, look(), other, look(), less]);
        t.push(Case::new(format!("full after {n}"), seq![creat("/f", 0o644)], steps).limits(65_536, 100));
    }
    for who in [ROOT, ALICE] {
        let setup = seq![creat("/f", 0o6777), write(3, data(65_536, 1)), creat("/g", 0o6777), chmod("/g", 0o6777), utimensat(AT_FDCWD, Some("/g"), Some([(1, 1), (2, 2)]), 0), user(who)];
        let steps = seq![write(4, "x"), fstat(4), copy_file_range(3, Some(0), 4, Some(0), 10, 0), open("/f", O_RDONLY, 0), chmod("/g", 0o6777), copy_file_range(5, Some(0), 4, Some(0), 10, 0), fstat(4), fstat(5), sendfile(4, 5, None, 10), fstat(4), fstat(5), open("/f", O_RDWR, 0), copy_file_range(6, Some(0), 6, Some(70_000), 10, 0), fstat(6), statfs("/")];
        t.push(Case::new(format!("times and set-id bits when it is full, {who}"), setup, steps).limits(65_536, 100));
    }
    for off in [60_000, 61_440, 65_536, 100_000] {
        let setup = seq![creat("/f", 0o644), write(3, data(61_000, 1))];
        let gone = seq![pread(3, 100, off), unlink("/f"), close(3), statfs("/")];
        let steps = chain([seq![pwrite(3, data(9000, 2), off)], look(), gone]);
        t.push(Case::new(format!("full, write at {off}"), setup, steps).limits(65_536, 100));
    }
}
