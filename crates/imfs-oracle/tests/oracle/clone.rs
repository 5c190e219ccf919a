//! ioctl_ficlonerange(2): tmpfs answers EOPNOTSUPP. We clone, as btrfs and XFS do with blocks of 4,096 bytes, and state it here.

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let setup = || seq![open("/a", O_RDWR | O_CREAT, 0o644), write(3, data(10_000, 1)), open("/b", O_RDWR | O_CREAT, 0o644), write(4, "old")];
    let shows = |len: usize, seed: u8, from: usize, n: usize| format!("{n} {}", imfs_oracle::outcome::bytes(&data(len, seed).bytes()[from..from + n]));
    let whole = shows(10_000, 1, 0, 10_000);
    let tail = shows(10_000, 1, 8192, 1808);
    t.push(Case::stated("whole file", setup(), vec![
        (ficlone(4, 3).into(), "0"),
        (lseek(4, 0, SEEK_END).into(), "10000"),
        (pread(4, 20_000, 0).into(), whole.as_str()),
        (pwrite(4, "new", 0).into(), "3"),
        (pread(3, 20_000, 0).into(), whole.as_str()),
    ]));
    t.push(Case::stated("ranges", setup(), vec![
        (ficlonerange(4, 3, 8192, 0, 4096).into(), "0"),
        (lseek(4, 0, SEEK_END).into(), "5904"),
        (pread(4, 5000, 4096).into(), tail.as_str()),
        (ficlonerange(4, 3, 1, 4096, 0).into(), "EINVAL"),
        (ficlonerange(4, 3, 0, 4096, 1).into(), "EINVAL"),
        (ficlonerange(4, 3, 0, 100, 0).into(), "EINVAL"),
        (ficlonerange(4, 3, 0, 40_960, 0).into(), "EINVAL"),
        (ficlonerange(3, 3, 0, 8192, 4096).into(), "EINVAL"),
    ]));
    t.push(Case::stated("descriptors", chain([setup(), seq![open("/a", O_RDONLY, 0), open("/b", O_WRONLY | O_APPEND, 0), open("/", O_RDONLY, 0), pipe()]]), vec![
        (ficlone(5, 3).into(), "EBADF"),
        (ficlone(6, 5).into(), "EBADF"),
        (ficlone(7, 3).into(), "EISDIR"),
        (ficlone(4, 7).into(), "EISDIR"),
        (ficlone(9, 3).into(), "EXDEV"),
        (ficlone(99, 3).into(), "EBADF"),
        (ficlone(4, 99).into(), "EBADF"),
    ]));
    t
}
