//! stat(2), lstat(2), fstat(2), fstatat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("all", || seq![stat("/w/x"), lstat("/w/x"), fstatat(AT_FDCWD, "/w/x", 0), fstatat(AT_FDCWD, "/w/x", AT_SYMLINK_NOFOLLOW), stat("/w/x/"), lstat("/w/x/")]);
    t.each_path("all", |p| seq![stat(p), lstat(p)]);
    for flags in [0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, 1, -1] {
        let setup = seq![mkdir("/d", 0o755), symlink("d", "/l"), open("/d", O_RDONLY, 0), open("/l", O_PATH | O_NOFOLLOW, 0), creat("/d/f", 0o644)];
        let look = seq![fstatat(3, "f", flags), fstatat(3, "", flags), fstatat(4, "", flags), fstatat(5, "", flags), fstatat(5, "x", flags), fstatat(AT_FDCWD, "/l", flags),
            fstatat(AT_FDCWD, "", flags), fstatat(9, "", flags), fstatat(9, "/d", flags), fstatat(3, "/l", flags)];
        t.each_user(format!("flags {flags:#x}"), setup, look);
    }
    // Sizes and blocks: what is charged for what.
    for n in [0, 1, 100, 4095, 4096, 4097, 65_536, 100_000] {
        t.add(format!("a file of {n} bytes"), seq![creat("/f", 0o644), write(3, data(n, 1))], seq![fstat(3), statfs("/")]);
        t.add(format!("a byte at {n}"), seq![creat("/f", 0o644), pwrite(3, "x", n as i64)], seq![fstat(3), statfs("/")]);
    }
    for n in [0, 1, 2, 10, 100] {
        let names = (0..n).map(|i| Step::from(mknod(format!("/d/{i}"), S_IFREG | 0o600, 0)));
        t.add(format!("a directory of {n}"), chain([seq![mkdir("/d", 0o755)], names.collect()]), seq![stat("/d"), stat("/"), statfs("/")]);
    }
    t.add("pipe", seq![pipe()], seq![fstat(3), fstat(4), write(4, "abc"), fstat(3), fstatat(3, "", AT_EMPTY_PATH)]);
    t.add("closed", seq![], seq![fstat(3), fstat(-1), fstat(1000), fstat(1 << 30)]);
    t.add("directory links", seq![mkdir("/d", 0o755)], seq![mkdir("/d/a", 0o755), mkdir("/d/b", 0o755), creat("/d/f", 0o600), symlink("x", "/d/l"), stat("/d"), rmdir("/d/a"), unlink("/d/f"), stat("/d")]);
    t.add("stamps of a life", seq![mkdir("/d", 0o755)], seq![creat("/d/f", 0o644), stat("/d"), fstat(3), write(3, "a"), fstat(3), open("/d/f", O_RDONLY, 0), fstat(4), read(4, 5), fstat(4), chmod("/d/f", 0o600), fstat(4),
        link("/d/f", "/d/g"), fstat(4), stat("/d"), rename("/d/g", "/d/h"), fstat(4), stat("/d"), unlink("/d/h"), fstat(4), stat("/d"), open("/d", O_RDONLY, 0), readdir(5, 4096), stat("/d"), readdir(5, 4096), stat("/d")]);
    t
}
