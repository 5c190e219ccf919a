//! mmap(2), msync(2), munmap(2), loads and stores

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let file = |f| seq![creat("/f", 0o666), write(3, data(10_000, 1)), close(3), open("/f", f, 0)];
    let (rw, shared, private) = (PROT_READ | PROT_WRITE, MAP_SHARED, MAP_PRIVATE);
    for f in [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND, O_PATH, O_WRONLY | O_RDWR] {
        for prot in [PROT_NONE, PROT_READ, PROT_WRITE, rw, PROT_READ | PROT_EXEC] {
            for flags in [shared, private] {
                t.add(format!("opened {f:#o} prot {prot} flags {flags}"), file(f), seq![mmap(0, 3, 0, 8192, prot, flags), munmap(0)]);
            }
        }
    }
    for (off, len) in [(0, 0), (0, 1), (0, 4096), (4096, 4096), (1, 4096), (100, 1), (8192, 4096), (20_480, 4096), (0, 10_000), (0, 12_288)] {
        for flags in [shared, private, 0, MAP_SHARED | MAP_PRIVATE] {
            t.add(format!("{len} at {off} flags {flags}"), file(O_RDWR), seq![mmap(0, 3, off, len, rw, flags)]);
        }
    }
    for kind in KINDS {
        t.add(kind.name, with(kind), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), mmap(0, 3, 0, 4096, PROT_READ, shared), mmap(1, 9, 0, 4096, PROT_READ, shared)]);
    }
    coherent(&mut t, file);
    t
}

fn coherent(t: &mut Vec<Case>, file: impl Fn(i32) -> Vec<Step>) {
    let (rw, shared, private) = (PROT_READ | PROT_WRITE, MAP_SHARED, MAP_PRIVATE);
    let mapped = |flags| chain([file(O_RDWR), seq![mmap(0, 3, 0, 12_288, rw, flags)]]);
    for (about, flags) in [("shared", shared), ("private", private)] {
        for (what, look) in [
            ("loads", seq![map_read(0, 0, 100), map_read(0, 4090, 20), map_read(0, 9990, 100)]),
            ("stores", seq![map_write(0, 5000, "stored"), pread(3, 10, 5000), map_read(0, 5000, 10)]),
            ("sees writes", seq![pwrite(3, "written", 100), map_read(0, 100, 10), pwrite(3, data(5000, 9), 3000), map_read(0, 3000, 5000)]),
            ("truncated and grown", seq![map_write(0, 5000, "lost"), ftruncate(3, 4096), ftruncate(3, 12_288), pread(3, 10, 5000), map_read(0, 4000, 96)]),
            ("cut within a page", seq![ftruncate(3, 8192 + 100), map_read(0, 8192, 4096), map_write(0, 8192 + 200, "beyond"), ftruncate(3, 12_288), pread(3, 10, 8192 + 200)]),
            ("kept after close and unlink", seq![close(3), unlink("/f"), map_write(0, 10, "alive"), map_read(0, 10, 5), statfs("/"), munmap(0), statfs("/")]),
            ("forked", seq![fork(1), p1(map_write(0, 10, "child")), map_read(0, 10, 5), map_write(0, 20, "parent"), p1(map_read(0, 20, 6)), p1(exit()), map_read(0, 10, 5)]),
            ("two mappings", seq![mmap(1, 3, 4096, 4096, rw, shared), map_write(1, 0, "one"), map_read(0, 4096, 5), map_write(0, 4097, "two"), map_read(1, 0, 5)]),
            ("punched", seq![fallocate(3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), map_read(0, 4000, 200), map_write(0, 5000, "again"), pread(3, 10, 5000), fstat(3)]),
            ("msync", seq![map_write(0, 0, "x"), msync(0, 0, 4096, MS_SYNC), msync(0, 0, 12_288, MS_ASYNC), msync(0, 1, 10, MS_SYNC), msync(0, 0, 10, MS_SYNC | MS_ASYNC), msync(0, 0, 10, 99), msync(0, 0, 0, MS_SYNC), msync(0, 0, 5, MS_INVALIDATE | MS_SYNC), fstat(3)]),
            ("copied from", seq![map_write(0, 0, "copied"), open("/g", O_RDWR | O_CREAT, 0o600), copy_file_range(3, Some(0), 4, Some(0), 10_000, 0), pread(4, 20, 0)]),
        ] {
            t.add(format!("{about}, {what}"), mapped(flags), look);
        }
    }
    t.add("a hole is filled by a store", seq![open("/f", O_RDWR | O_CREAT, 0o644), ftruncate(3, 20_000), mmap(0, 3, 0, 20_000, rw, shared)], seq![map_read(0, 0, 100), map_write(0, 9000, "data"), fstat(3), statfs("/"), lseek(3, 0, SEEK_DATA), pread(3, 10, 8998)]);
    t.add("exec unmaps", mapped(shared), seq![close(3), unlink("/f"), munmap(0), statfs("/")]);
}
