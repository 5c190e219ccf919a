//! chroot(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("chroot", || seq![chroot("/w/x"), getcwd(100), stat("/"), stat("/.."), chdir("/"), getcwd(100)]);
    t.each_path("chroot", |p| seq![chroot(p), stat("/"), stat(".."), getcwd(100)]);
    let tree = || seq![mkdir("/r", 0o755), mkdir("/r/in", 0o755), creat("/r/in/f", 0o644), close(3), mkdir("/out", 0o755), symlink("/in", "/r/abs"), symlink("../../out", "/r/up"), open("/", O_RDONLY, 0)];
    let looks = [
        ("dot dot stays", seq![chdir("/"), stat(".."), stat("/../../in"), getcwd(100)]),
        ("symlinks stay", seq![stat("/abs"), stat("/up"), chdir("/abs"), getcwd(100)]),
        ("cwd stays outside", seq![getcwd(100), stat("out"), stat(".."), chdir("out"), getcwd(100)]),
        ("descriptors stay outside", seq![openat(3, "out", O_RDONLY, 0), fchdir(3), getcwd(100), stat("r"), chroot(".")]),
        ("again", seq![chdir("/"), chroot("in"), stat("/f"), getcwd(100), stat(".."), chdir("/"), getcwd(100)]),
        ("of a child", seq![fork(1), p1(stat("/in")), chroot("/in"), p1(stat("/in")), stat("/f")]),
        ("removed", seq![fork(1), p1(fchdir(3)), p1(unlink("r/in/f")), stat("/in/f")]),
        ("create", seq![creat("/new", 0o600), mkdir("/dir", 0o755), rename("/new", "/dir/moved"), symlink("/dir", "/dirlink"), stat("/dirlink/moved")]),
    ];
    for (about, look) in looks {
        t.add(about, chain([tree(), seq![chroot("/r")]]), look);
    }
    for c in [CAP_SYS_CHROOT, CAP_SYS_ADMIN, 0] {
        for mode in [0o755, 0o600, 0o000] {
            t.each_user(format!("capabilities {c:#x} mode {mode:o}"), chain([tree(), seq![chmod("/r", mode)]]), seq![caps(c), chroot("/r"), stat("/in"), chroot("/out")]);
        }
    }
    t.add("moved", chain([tree(), seq![chroot("/r"), chdir("/in")]]), seq![fork(1), p1(fchdir(3)), p1(rename("r", "out/r")), getcwd(100), chdir(".."), getcwd(100), stat("..")]);
    t
}
