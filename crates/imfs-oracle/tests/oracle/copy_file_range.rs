//! copy_file_range(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let files = || seq![creat("/a", 0o644), write(3, data(20_000, 1)), close(3), open("/a", O_RDWR, 0), open("/b", O_RDWR | O_CREAT, 0o644), write(4, data(5000, 9)), lseek(4, 0, SEEK_SET)];
    for (from, to, len) in [(0, 0, 20_000), (0, 0, 30_000), (0, 100, 50), (4096, 4096, 4096), (100, 8192, 4096), (4095, 1, 8193), (19_999, 0, 10), (20_000, 0, 10), (30_000, 0, 10), (0, 1 << 20, 100),
        (0, 0, 0), (-1, 0, 10), (0, -1, 10), (i64::MAX, 0, 10), (0, i64::MAX, 10), (0, i64::MAX - 5, 10), (i64::MIN, 0, 1), (0, 0, usize::MAX / 2), (10, 0, usize::MAX)] {
        t.add(format!("{len} from {from} to {to}"), files(), seq![copy_file_range(3, Some(from), 4, Some(to), len, 0), lseek(3, 0, SEEK_CUR), lseek(4, 0, SEEK_CUR), fstat(3), fstat(4)]);
    }
    for len in [0, 1, 5000, 100_000] {
        t.add(format!("{len} at the offsets"), files(), seq![lseek(3, 1000, SEEK_SET), copy_file_range(3, None, 4, None, len, 0), lseek(3, 0, SEEK_CUR), lseek(4, 0, SEEK_CUR), copy_file_range(3, None, 4, Some(7), len, 0), copy_file_range(3, Some(3), 4, None, len, 0), lseek(4, 0, SEEK_CUR)]);
    }
    for (from, to, len) in [(0, 0, 100), (0, 50, 100), (50, 0, 100), (0, 100, 100), (0, 99, 100), (100, 0, 100), (0, 4096, 4096), (0, 20_000, 20_000), (19_990, 0, 100), (19_990, 19_995, 100), (20_000, 20_000, 5)] {
        t.add(format!("in one file, {len} from {from} to {to}"), files(), seq![copy_file_range(3, Some(from), 3, Some(to), len, 0), fstat(3), open("/a", O_RDWR, 0), copy_file_range(3, Some(from), 5, Some(to), len, 0)]);
    }
    // Whether reading moves the access time is asked before the writing moves the other times, and again afterwards.
    for (atime, mtime) in [(4_000_000_000, 4_000_000_000), (4_000_000_000, 1), (1, 1), (4_000_000_000, 4_000_000_001)] {
        let setup = || chain([files(), seq![open("/a", O_RDWR, 0), utimensat(5, None::<&str>, Some([(atime, 0), (mtime, 0)]), 0)]]);
        t.add(format!("access time {atime}, {mtime}"), setup(), seq![copy_file_range(5, Some(0), 5, Some(20_000), 100, 0), fstat(5)]);
        t.add(format!("access time {atime}, {mtime}, to another"), setup(), seq![copy_file_range(5, Some(0), 4, Some(0), 100, 0), fstat(5)]);
        t.add(format!("access time {atime}, {mtime}, sendfile"), setup(), seq![lseek(5, 30_000, SEEK_SET), sendfile(5, 3, Some(0), 100), fstat(5), open("/a", O_RDONLY, 0), sendfile(5, 6, Some(0), 100), fstat(5)]);
    }
    for (a, b) in [(O_RDONLY, O_RDONLY), (O_WRONLY, O_WRONLY), (O_RDONLY, O_WRONLY | O_APPEND), (O_RDWR | O_APPEND, O_WRONLY), (O_PATH, O_RDWR), (O_RDONLY, O_PATH)] {
        let setup = seq![creat("/a", 0o644), write(3, data(100, 1)), close(3), creat("/b", 0o644), close(3), open("/a", a, 0), open("/b", b, 0)];
        t.add(format!("opened {a:#o} and {b:#o}"), setup, seq![copy_file_range(3, None, 4, None, 50, 0), copy_file_range(3, None, 4, None, 0, 0), copy_file_range(9, None, 4, None, 1, 0), copy_file_range(3, None, 9, None, 1, 0)]);
    }
    for flags in [1, 2, 0xffff_ffff] {
        t.add(format!("flags {flags:#x}"), files(), seq![copy_file_range(3, None, 4, None, 10, flags), copy_file_range(9, None, 4, None, 10, flags)]);
    }
    for kind in KINDS {
        let setup = chain([with(kind), seq![open("/g", O_RDWR | O_CREAT, 0o600), write(3, "hello"), lseek(3, 0, SEEK_SET)]]);
        t.add(format!("from {}", kind.name), setup.clone(), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), copy_file_range(4, None, 3, None, 10, 0), copy_file_range(4, Some(0), 3, Some(0), 10, 0)]);
        t.add(format!("to {}", kind.name), setup, seq![open("/w/x", O_WRONLY | O_NONBLOCK, 0), copy_file_range(3, None, 4, None, 10, 0), copy_file_range(3, Some(0), 4, Some(0), 10, 0)]);
    }
    t.add("pipes", chain([files(), seq![pipe()]]), seq![copy_file_range(3, None, 6, None, 10, 0), copy_file_range(5, None, 4, None, 10, 0)]);
    // Holes may come over as holes or as zeros; what is read must be the same.
    t.add("holes", seq![open("/a", O_RDWR | O_CREAT, 0o644), pwrite(3, "x", 20_000), open("/b", O_RDWR | O_CREAT, 0o644)], seq![copy_file_range(3, Some(0), 4, Some(0), 30_000, 0), fstat(4), read(4, 30_000)]);
    t.add("stamps", files(), seq![copy_file_range(3, None, 4, None, 10, 0), fstat(3), fstat(4), copy_file_range(3, None, 4, None, 0, 0), fstat(4), copy_file_range(3, Some(90_000), 4, None, 10, 0), fstat(4), fstat(3)]);
    let full = Case::new("full", files(), seq![copy_file_range(3, Some(0), 4, Some(0), 20_000, 0), copy_file_range(3, Some(0), 4, Some(20_000), 20_000, 0), fstat(4), copy_file_range(3, Some(0), 4, Some(60_000), 20_000, 0), fstat(4), statfs("/")]);
    t.push(full.limits(65_536, 50));
    t
}
