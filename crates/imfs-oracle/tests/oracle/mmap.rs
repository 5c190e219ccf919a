//! mmap(2), msync(2), munmap(2), loads and stores

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let file = |f| seq![creat("/f", 0o666), write(3, data(10_000, 1)), close(3), open("/f", f, 0)];
    let (rw, shared, private) = (PROT_READ | PROT_WRITE, MAP_SHARED, MAP_PRIVATE);
    for f in [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND, O_PATH, O_WRONLY | O_RDWR] {
        for prot in [PROT_NONE, PROT_READ, PROT_WRITE, rw, PROT_READ | PROT_EXEC] {
            for flags in [shared, private] {
                t.add(format!("opened {f:#o} prot {prot} flags {flags}"), file(f), seq![mmap(0, 3, 0, 8192, prot, flags), fstat(3)]);
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
    refused(&mut t);
    synchronized(&mut t);
    noted(&mut t);
    allocated(&mut t);
    past_the_end(&mut t);
    t
}

/// What is stored past the end, in the last page, is no part of the file (mmap(2), POSIX): ext4 and XFS make it zero when
/// the file grows, and so do we. The tmpfs of Linux 6.18 is the exception, where it then appears in the file.
fn past_the_end(t: &mut Vec<Case>) {
    for sharing in [MAP_SHARED, MAP_PRIVATE] {
        let setup = || seq![creat("/f", 0o644), write(3, data(10, 1)), close(3), open("/f", O_RDWR, 0), mmap(0, 3, 0, 4096, PROT_READ | PROT_WRITE, sharing), map_write(0, 5, data(4091, 9))];
        let first = if sharing == MAP_SHARED { [data(5, 1).bytes(), data(5, 9).bytes()].concat() } else { data(10, 1).bytes() };
        let ways = [
            ("ftruncate", ftruncate(3, 8192), 8192, "0", vec![]),
            ("truncate", truncate("/f", 4096), 4096, "0", vec![]),
            ("pwrite in the page", pwrite(3, data(20, 5), 100), 120, "20", vec![(100, data(20, 5))]),
            ("pwrite behind the page", pwrite(3, data(20, 5), 5000), 5020, "20", vec![(5000, data(20, 5))]),
            ("write at the end", pwritev2(3, vec![data(20, 5)], 0, RWF_APPEND), 30, "20", vec![(10, data(20, 5))]),
            ("fallocate", fallocate(3, 0, 0, 4096), 4096, "0", vec![]),
            ("copy_file_range", copy_file_range(3, Some(0), 3, Some(4096), 5, 0), 4101, "5 5 4101", vec![(4096, data(5, 1))]),
        ];
        for (name, grow, size, answer, also) in ways {
            for unmapped in [false, true] {
                let mut now = first.clone();
                now.resize(size, 0);
                for (at, part) in &also {
                    now[*at..at + part.bytes().len()].copy_from_slice(&part.bytes());
                }
                let shows = format!("{size} {}", imfs_oracle::outcome::bytes(&now));
                let mut steps = vec![(grow.clone().into(), answer), (pread(3, 10_000, 0).into(), shows.as_str())];
                if unmapped {
                    steps.insert(0, (munmap(0).into(), "0"));
                }
                t.push(Case::stated(format!("past the end, {sharing} then {name}, unmapped {unmapped}"), setup(), steps));
            }
        }
    }
}

fn coherent(t: &mut Vec<Case>, file: impl Fn(i32) -> Vec<Step>) {
    let (rw, shared, private) = (PROT_READ | PROT_WRITE, MAP_SHARED, MAP_PRIVATE);
    // The tick: whether mapping moves the access time depends on whether the file was written at the same moment.
    let mapped = |flags| chain([file(O_RDWR), seq![tick(), mmap(0, 3, 0, 12_288, rw, flags)]]);
    for (about, flags) in [("shared", shared), ("private", private)] {
        for (what, look) in [
            ("loads", seq![map_read(0, 0, 100), map_read(0, 4090, 20), map_read(0, 9990, 100)]),
            ("stores", seq![map_write(0, 5000, "stored"), pread(3, 10, 5000), map_read(0, 5000, 10)]),
            ("sees writes", seq![pwrite(3, "written", 100), map_read(0, 100, 10), pwrite(3, data(5000, 9), 3000), map_read(0, 3000, 5000)]),
            ("truncated and grown", seq![map_write(0, 5000, "lost"), ftruncate(3, 4096), ftruncate(3, 12_288), pread(3, 10, 5000), map_read(0, 4000, 96)]),
            ("cut within a page", seq![ftruncate(3, 8192 + 100), map_read(0, 8192, 4096), map_write(0, 8192 + 90, "within"), ftruncate(3, 12_288), pread(3, 100, 8192 + 50)]),
            ("kept after close and unlink", seq![close(3), unlink("/f"), map_write(0, 10, "alive"), map_read(0, 10, 5), statfs("/"), munmap(0), statfs("/")]),
            ("two mappings", seq![mmap(1, 3, 4096, 4096, rw, shared), map_write(1, 0, "one"), map_read(0, 4096, 5), map_write(0, 4097, "two"), map_read(1, 0, 5)]),
            ("punched", seq![fallocate(3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), map_read(0, 4000, 200), map_write(0, 5000, "again"), pread(3, 10, 5000), fstat(3)]),
            ("msync", seq![map_write(0, 0, "x"), msync(0, 0, 4096, MS_SYNC), msync(0, 0, 12_288, MS_ASYNC), msync(0, 1, 10, MS_SYNC), msync(0, 0, 10, MS_SYNC | MS_ASYNC), msync(0, 0, 10, 99), msync(0, 0, 0, MS_SYNC), msync(0, 0, 5, MS_INVALIDATE | MS_SYNC), fstat(3)]),
            ("copied from", seq![map_write(0, 0, "copied"), open("/g", O_RDWR | O_CREAT, 0o600), copy_file_range(3, Some(0), 4, Some(0), 10_000, 0), pread(4, 20, 0)]),
        ] {
            t.add(format!("{about}, {what}"), mapped(flags), look);
        }
    }
    // Cages have one memory here, so only what is shared anyway can be shown; the child's cage mapped nothing.
    t.add("shared, forked", mapped(shared), seq![fork(1), map_write(0, 20, "parent"), p1(map_read(0, 20, 6)), p1(exit()), map_read(0, 20, 6)]);
    t.add("a hole is filled by a store", seq![open("/f", O_RDWR | O_CREAT, 0o644), ftruncate(3, 20_000), mmap(0, 3, 0, 20_000, rw, shared)], seq![map_read(0, 0, 100), map_write(0, 9000, "data"), fstat(3), lseek(3, 0, SEEK_DATA), pread(3, 10, 8998), munmap(0), fstat(3), statfs("/")]);
    t.add("exec unmaps", mapped(shared), seq![close(3), unlink("/f"), munmap(0), statfs("/")]);
}

/// The file of the other cases, mapped writable and shared.
fn mapped() -> Vec<Step> {
    seq![creat("/f", 0o644), write(3, data(10_000, 1)), close(3), open("/f", O_RDWR, 0), mmap(0, 3, 0, 12_288, PROT_READ | PROT_WRITE, MAP_SHARED)]
}

fn refused(t: &mut Vec<Case>) {
    let types = [0, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 4, MAP_TYPE, MAP_SHARED_VALIDATE | MAP_SYNC, MAP_SHARED_VALIDATE | 0x800_0000, MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE, MAP_SHARED | 0x800_0000, MAP_PRIVATE | MAP_GROWSDOWN, MAP_SHARED | MAP_HUGETLB, MAP_PRIVATE | MAP_ANONYMOUS, MAP_ANONYMOUS];
    for flags in types {
        for opened in [O_RDONLY, O_WRONLY, O_RDWR, O_PATH] {
            for prot in [PROT_NONE, PROT_READ | PROT_WRITE] {
                let setup = seq![creat("/f", 0o644), write(3, data(10_000, 1)), close(3), open("/f", opened, 0)];
                t.add(format!("type {flags:#x} opened {opened:#o} prot {prot}"), setup, seq![mmap(0, 3, 0, 4096, prot, flags), fstat(3)]);
            }
        }
        for (off, len) in [(0, 0), (1, 4096), (-1, 4096), (-4096, 4096), (4095, 0), (0, usize::MAX), (0, usize::MAX - 4095), (0, 1 << 47), (0, 1 << 60), (i64::MAX - 4095, 4096), (i64::MAX - 8191, 4096), (i64::MAX - 8191, 4097), (1 << 40, 1)] {
            let setup = seq![creat("/f", 0o644), open("/f", O_RDWR, 0)];
            t.add(format!("type {flags:#x}, {len} at {off}"), setup, seq![mmap(0, 4, off, len, PROT_READ, flags), mmap(1, 3, off, len, PROT_READ, flags), mmap(2, 99, off, len, PROT_READ, flags)]);
        }
    }
    for kind in KINDS.iter().filter(|k| !matches!(k.name, "absent" | "dangling" | "loop" | "sock" | "blk")) {
        for (prot, flags) in [(PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN), (PROT_READ | PROT_WRITE, MAP_SHARED), (PROT_READ | PROT_WRITE, MAP_PRIVATE)] {
            let setup = chain([with(kind), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0)]]);
            t.add(format!("{} prot {prot} flags {flags:#x}", kind.name), setup, seq![mmap(0, 3, 0, 4096, prot, flags), mmap(1, 3, -4096, 4096, prot, flags), stat("/w/x")]);
        }
    }
    t.add("pipe", seq![pipe()], seq![mmap(0, 3, 0, 4096, PROT_READ, MAP_SHARED), mmap(0, 4, 0, 4096, PROT_READ, MAP_SHARED), mmap(0, 3, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED)]);
    let zero = seq![mknod("/z", S_IFCHR | 0o666, dev(1, 5)), open("/z", O_RDWR, 0)];
    for flags in [MAP_SHARED, MAP_PRIVATE] {
        t.add(format!("the device zero {flags:#x}"), zero.clone(), seq![mmap(0, 3, 0, 4096, PROT_READ | PROT_WRITE, flags), map_write(0, 0, "x"), map_read(0, 0, 10), munmap(0)]);
    }
    t.add("the device zero, refused", zero, seq![mmap(0, 3, 0, 4096, PROT_READ, 0), mmap(0, 3, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN), mmap(0, 3, -4096, 4096, PROT_READ, MAP_SHARED)]);
}

fn synchronized(t: &mut Vec<Case>) {
    for flags in [0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_SYNC, 8, -1] {
        for (off, len) in [(0, 4096), (0, 0), (1, 1), (0, 1), (4096, 4096), (0, 12_288), (0, usize::MAX), (0, usize::MAX - 8191)] {
            t.add(format!("msync {flags:#x} of {len} at {off}"), mapped(), seq![msync(0, off, len, flags), munmap(0)]);
        }
    }
}

/// Space that is allocated behind the end, of which what is allocated twice is data.
fn allocated(t: &mut Vec<Case>) {
    let keep = |off, len| fallocate(3, FALLOC_FL_KEEP_SIZE, off, len);
    let map = || mmap(0, 3, 0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED);
    let look = || seq![ftruncate(3, 65_536), lseek(3, 0, SEEK_DATA), lseek(3, 4096, SEEK_DATA), lseek(3, 12_288, SEEK_DATA), lseek(3, 20_480, SEEK_DATA), lseek(3, 40_960, SEEK_DATA), fstat(3), pread(3, 65_536, 0)];
    for (about, before, within) in [
        ("before", seq![keep(4096, 8192), keep(8192, 4096), keep(20_480, 8192)], seq![]),
        ("within", seq![], seq![keep(4096, 8192), keep(8192, 4096), keep(20_480, 8192)]),
        ("both", seq![keep(4096, 8192), keep(20_480, 8192)], seq![keep(8192, 4096), keep(24_576, 8192)]),
        ("twice before", seq![keep(4096, 4096), keep(4096, 4096), keep(8192, 4096)], seq![keep(8192, 4096)]),
        ("and cut", seq![keep(4096, 8192)], seq![keep(4096, 8192), ftruncate(3, 100), keep(8192, 4096)]),
        ("and punched", seq![keep(4096, 8192)], seq![keep(4096, 8192), fallocate(3, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 5000)]),
    ] {
        let setup = chain([seq![open("/f", O_RDWR | O_CREAT, 0o644), write(3, "some")], before, seq![map()]]);
        t.add(format!("allocated behind the end {about}, unmapped"), setup.clone(), chain([within.clone(), seq![munmap(0)], look()]));
        t.add(format!("allocated behind the end {about}, mapped"), setup.clone(), chain([within.clone(), look(), seq![munmap(0)], look()]));
        t.add(format!("allocated behind the end {about}, mapped again"), setup, chain([within, seq![munmap(0), map()], look(), seq![munmap(0)], look()]));
    }
}

/// What loads and stores leave behind, and when the times move.
fn noted(t: &mut Vec<Case>) {
    let (rw, shared) = (PROT_READ | PROT_WRITE, MAP_SHARED);
    t.add("the end of the last page is not kept", mapped(), seq![map_read(0, 9990, 2298), map_write(0, 10_000, "lost"), pread(3, 20, 9995), munmap(0), fstat(3)]);
    t.add("read after the mapping is gone", mapped(), seq![map_write(0, 4090, "across pages"), munmap(0), pread(3, 20, 4085), fstat(3), statfs("/")]);
    t.add("copied to", chain([mapped(), seq![creat("/g", 0o644), write(4, data(9000, 5)), open("/g", O_RDONLY, 0)]]), seq![copy_file_range(5, Some(0), 3, Some(500), 9000, 0), map_read(0, 400, 9200), munmap(0), fstat(3)]);
    for (flags, about) in [(O_RDWR, ""), (O_RDWR | O_NOATIME, " without atime")] {
        let setup = seq![creat("/f", 0o644), write(3, data(10_000, 1)), close(3), open("/f", flags, 0)];
        t.add(format!("an access{about}"), setup, seq![mmap(0, 3, 0, 4096, PROT_READ, shared), fstat(3), munmap(0), mmap(0, 3, 0, 4096, rw, MAP_PRIVATE), fstat(3), munmap(0), fstat(3)]);
    }
    t.add("stores move the times", mapped(), seq![map_write(0, 0, "x"), fstat(3), map_write(0, 4096, "y"), fstat(3), map_write(0, 0, "z"), fstat(3), munmap(0), fstat(3)]);
    t.add("times set after a store", mapped(), seq![map_write(0, 0, "x"), utimensat(3, None::<&str>, Some([(5, 6), (7, 8)]), 0), fstat(3), munmap(0), fstat(3)]);
}
