//! unlink(2), unlinkat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("unlink", || seq![unlink("/w/x")]);
    t.each_kind("unlinkat", || seq![unlinkat(AT_FDCWD, "/w/x", 0)]);
    t.each_kind("trailing slash", || seq![unlink("/w/x/")]);
    t.each_path("unlink", |p| seq![unlink(p)]);
    for (dir, uid) in [(0o755, 0), (0o755, 1001), (0o1777, 0), (0o1777, 1001), (0o1777, 1002), (0o777, 0), (0o333, 1001), (0o666, 1001)] {
        for owner in [0, 1001, 1002] {
            let setup = seq![mkdir("/d", 0o755), creat("/d/x", 0o600), chown("/d/x", owner, 0), chown("/d", uid, 0), chmod("/d", dir)];
            t.each_user(format!("of {owner} in {dir:o} of {uid}"), setup, seq![unlink("/d/x"), fstat(3)]);
        }
    }
    for f in [O_RDONLY, O_RDWR, O_PATH] {
        let setup = seq![mkdir("/w", 0o777), creat("/w/x", 0o666), write(3, "abc"), close(3), open("/w/x", f, 0)];
        for (about, look) in [
            ("read", seq![read(3, 10), fstat(3)]),
            ("write", seq![write(3, "zzz"), fstat(3)]),
            ("link by descriptor", seq![linkat(3, "", AT_FDCWD, "/w/y", AT_EMPTY_PATH)]),
            ("chmod", seq![fchmod(3, 0o600), fstat(3)]),
            ("xattr", seq![fsetxattr(3, "user.a", "b", 0), fgetxattr(3, "user.a", 10)]),
            ("statfs after close", seq![statfs("/"), close(3), statfs("/")]),
        ] {
            t.add(format!("open {f:#o}, then {about}"), setup.clone(), chain([seq![unlink("/w/x")], look]));
        }
    }
    let links = seq![creat("/a", 0o644), link("/a", "/b"), link("/a", "/c")];
    t.add("link counts", links.clone(), seq![unlink("/b"), fstat(3), unlink("/a"), fstat(3), unlink("/c"), fstat(3)]);
    t.add("a name again", links, seq![unlink("/a"), creat("/a", 0o600), stat("/a"), stat("/b"), unlink("/a"), unlink("/a")]);
    for (about, dir) in [("dir", 3), ("file", 4), ("closed", 9)] {
        for path in ["in", "", ".", "/w/in", "../f"] {
            let setup = seq![mkdir("/w", 0o777), open("/w", O_RDONLY, 0), creat("/f", 0o644), mknod("/w/in", S_IFREG | 0o644, 0)];
            t.each_user(format!("unlinkat {about} {path:?}"), setup, seq![unlinkat(dir, path, 0)]);
        }
    }
    t
}
