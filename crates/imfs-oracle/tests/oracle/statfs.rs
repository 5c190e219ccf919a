//! statfs(2), fstatfs(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("statfs", || seq![statfs("/w/x")]);
    t.each_path("statfs", |p| seq![statfs(p)]);
    for f in [O_RDONLY, O_PATH] {
        t.each_user(format!("descriptor {f:#o}"), seq![creat("/f", 0o644), close(3), open("/f", f, 0), open("/", f, 0)], seq![fstatfs(3), fstatfs(4), fstatfs(9), fstatfs(-1)]);
    }
    // What everything takes, and that it comes back.
    let look = [
        ("a file", seq![creat("/f", 0o600), statfs("/"), write(3, "x"), statfs("/"), write(3, data(9000, 1)), statfs("/"), ftruncate(3, 5), statfs("/"), unlink("/f"), statfs("/"), close(3), statfs("/")]),
        ("a directory", seq![mkdir("/d", 0o755), statfs("/"), mkdir("/d/e", 0o755), statfs("/"), rmdir("/d/e"), rmdir("/d"), statfs("/")]),
        ("symlinks", seq![symlink("short", "/s"), statfs("/"), symlink(rep(b'l', 200), "/l"), statfs("/"), unlink("/l"), unlink("/s"), statfs("/")]),
        ("names", seq![creat("/f", 0o600), link("/f", "/g"), link("/f", "/h"), statfs("/"), unlink("/g"), statfs("/"), rename("/h", "/f"), statfs("/"), unlink("/h"), unlink("/f"), statfs("/")]),
        ("a tmpfile", seq![open("/", O_TMPFILE | O_RDWR, 0o600), statfs("/"), write(3, data(5000, 1)), statfs("/"), linkat(3, "", AT_FDCWD, "/n", AT_EMPTY_PATH), statfs("/"), close(3), unlink("/n"), statfs("/")]),
        ("xattrs", seq![creat("/f", 0o600), fsetxattr(3, "user.a", data(3000, 1), 0), statfs("/"), fsetxattr(3, "user.a", "x", 0), statfs("/"), unlink("/f"), statfs("/"), close(3), statfs("/")]),
        ("a replaced file", seq![creat("/a", 0o600), write(3, data(5000, 1)), creat("/b", 0o600), write(4, data(9000, 2)), statfs("/"), rename("/a", "/b"), statfs("/"), close(4), statfs("/")]),
        ("special files", seq![mknod("/p", S_IFIFO | 0o600, 0), mknod("/c", S_IFCHR | 0o600, NULL), bind("/s"), statfs("/")]),
        ("allocated", seq![creat("/f", 0o600), fallocate(3, FALLOC_FL_KEEP_SIZE, 0, 20_000), statfs("/"), fallocate(3, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 4096, 4096), statfs("/")]),
        ("open and forked", seq![creat("/f", 0o600), write(3, "x"), fork(1), unlink("/f"), close(3), statfs("/"), p1(exit()), statfs("/")]),
    ];
    for (about, steps) in look {
        t.push(Case::new(format!("accounts: {about}"), seq![], steps).limits(1 << 20, 30));
    }
    for inodes in [1, 2, 3, 5] {
        let steps = seq![mkdir("/a", 0o755), creat("/b", 0o600), symlink("x", "/c"), mknod("/d", S_IFIFO | 0o600, 0), link("/b", "/e"), open("/", O_TMPFILE | O_RDWR, 0o600), fsetxattr(3, "user.a", data(500, 1), 0), statfs("/"), unlink("/b"), creat("/b2", 0o600), rename("/a", "/z"), statfs("/")];
        t.push(Case::new(format!("{inodes} inodes"), seq![], steps).limits(1 << 20, inodes));
    }
    t
}
