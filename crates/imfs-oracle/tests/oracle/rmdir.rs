//! rmdir(2), unlinkat(2) with AT_REMOVEDIR

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("rmdir", || seq![rmdir("/w/x")]);
    t.each_kind("unlinkat", || seq![unlinkat(AT_FDCWD, "/w/x", AT_REMOVEDIR)]);
    t.each_kind("trailing slash", || seq![rmdir("/w/x/")]);
    t.each_kind("trailing dot", || seq![rmdir("/w/x/."), rmdir("/w/x/..")]);
    t.each_path("rmdir", |p| seq![rmdir(p)]);
    for (dir, uid) in [(0o755, 0), (0o755, 1001), (0o1777, 0), (0o1777, 1001), (0o1777, 1002), (0o777, 0), (0o666, 1001)] {
        for owner in [0, 1001, 1002] {
            let setup = seq![mkdir("/d", 0o755), mkdir("/d/x", 0o700), chown("/d/x", owner, 0), chown("/d", uid, 0), chmod("/d", dir)];
            t.each_user(format!("of {owner} in {dir:o} of {uid}"), setup, seq![rmdir("/d/x")]);
        }
    }
    let setup = seq![mkdir("/w", 0o777), mkdir("/w/d", 0o755), open("/w/d", O_RDONLY, 0), chdir("/w/d"), rmdir("/w/d")];
    for (about, look) in [
        ("fstat", seq![fstat(3), stat("."), stat("..")]),
        ("readdir", seq![readdir(3, 4096)]),
        ("create in it", seq![openat(3, "new", O_CREAT | O_RDWR, 0o600), mkdirat(3, "d", 0o755), symlink("a", "b"), mknod("f", S_IFIFO | 0o600, 0)]),
        ("getcwd", seq![getcwd(100)]),
        ("link in it", seq![creat("/w/f", 0o600), link("/w/f", "g"), rename("/w/f", "g")]),
        ("chmod", seq![fchmod(3, 0o700), fchown(3, 1, 1), utimensat(3, None::<&str>, None, 0), fstat(3)]),
        ("open .", seq![open(".", O_RDONLY, 0), open("..", O_RDONLY, 0), open("./..", O_RDONLY, 0)]),
        ("again", seq![rmdir("/w/d"), rmdir("../d"), mkdir("/w/d", 0o755), rmdir("."), rmdir("../d")]),
        ("fchdir", seq![chdir("/"), fchdir(3), getcwd(50)]),
        ("xattr", seq![fsetxattr(3, "user.a", "b", 0), flistxattr(3, 100)]),
        ("tmpfile", seq![open(".", O_TMPFILE | O_RDWR, 0o600)]),
    ] {
        t.add(format!("a removed directory, {about}"), setup.clone(), look);
    }
    t.each_user("cwd of another", seq![mkdir("/w", 0o777), mkdir("/w/d", 0o777), chmod("/w", 0o777), fork(1), p1(chdir("/w/d"))],
        seq![rmdir("/w/d"), p1(getcwd(100)), p1(stat(".")), p1(mkdir("x", 0o755)), p1(chdir(".."))]);
    t.each_user("root of another", seq![mkdir("/w", 0o777), mkdir("/w/d", 0o777), chmod("/w", 0o777), fork(1), p1(chroot("/w/d"))],
        seq![rmdir("/w/d"), p1(stat("/")), p1(mkdir("/x", 0o755)), p1(getcwd(100)), p1(chdir("/")), p1(getcwd(100))]);
    for flags in [0, 0x1, 0x100, AT_REMOVEDIR, AT_REMOVEDIR | 1, 0x400, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_REMOVEDIR, -1] {
        t.each_user(format!("flags {flags:#x}"), seq![mkdir("/w", 0o777), mkdir("/w/d", 0o777), chmod("/w", 0o777), open("/w", O_RDONLY, 0)],
            seq![unlinkat(3, "d", flags), unlinkat(3, "", flags), unlinkat(9, "d", flags)]);
    }
    t.add("the root", seq![], seq![rmdir("/"), rmdir("/."), rmdir("/.."), unlinkat(AT_FDCWD, "/", AT_REMOVEDIR)]);
    t.add("link counts", world(), seq![mkdir("/w/a", 0o755), mkdir("/w/a/b", 0o755), stat("/w/a"), rmdir("/w/a/b"), stat("/w/a"), rmdir("/w/a")]);
    t
}
