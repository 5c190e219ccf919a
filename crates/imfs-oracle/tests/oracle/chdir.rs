//! chdir(2), fchdir(2), getcwd(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("chdir", || seq![chdir("/w/x"), getcwd(100), stat(".")]);
    t.each_path("chdir", |p| seq![chdir(p), getcwd(5000), stat(".."), chdir(p)]);
    for size in [0, 1, 2, 4, 5, 6, 4096] {
        t.add(format!("getcwd with {size}"), seq![mkdir("/abc", 0o755), chdir("/abc")], seq![getcwd(size), chdir("/"), getcwd(size)]);
    }
    for kind in KINDS {
        t.each_user(format!("fchdir {}", kind.name), chain([with(kind), seq![mkdir("/keep", 0o755)]]), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), fchdir(3), getcwd(100), fchdir(9), fchdir(-1)]);
    }
    for mode in [0o000, 0o100, 0o400, 0o700, 0o010, 0o001, 0o755] {
        for (uid, gid) in [(1001, 0), (0, 2000), (0, 0)] {
            let setup = seq![mkdir("/d", 0o755), mkdir("/d/e", 0o755), open("/d", O_PATH, 0), chown("/d", uid, gid), chmod("/d", mode)];
            t.each_user(format!("directory {mode:o} of {uid}:{gid}"), setup, seq![chdir("/d"), getcwd(100), fchdir(3), getcwd(100), chdir("e"), chdir("/d/e"), getcwd(100), chdir("..")]);
        }
    }
    let deep = seq![mkdir("/a", 0o755), mkdir("/a/b", 0o755), mkdir("/a/b/c", 0o755), chdir("/a/b/c")];
    t.add("moved above", deep.clone(), seq![rename("/a", "/z"), getcwd(100), stat(".."), chdir("../.."), getcwd(100)]);
    t.add("moved itself", deep.clone(), seq![rename("/a/b/c", "/c"), getcwd(100), chdir(".."), getcwd(100)]);
    t.add("removed", deep.clone(), seq![rmdir("/a/b/c"), getcwd(100), stat("."), stat(".."), chdir("."), chdir(".."), getcwd(100)]);
    t.add("parent removed too", deep.clone(), seq![rmdir("/a/b/c"), rmdir("/a/b"), chdir(".."), getcwd(100), stat("."), stat(".."), chdir(".."), getcwd(100)]);
    t.add("of a child", deep, seq![fork(1), p1(chdir("/a")), getcwd(100), chdir("/"), p1(getcwd(100)), p1(exec()), p1(getcwd(100))]);
    t.add("through symlinks", seq![mkdir("/a", 0o755), symlink("a", "/l"), symlink("l/.", "/m")], seq![chdir("/l"), getcwd(100), chdir("/m"), getcwd(100), chdir("/l/.."), getcwd(100)]);
    let long: Vec<Step> = (0..20).flat_map(|_| { let n = rep(b'n', 250); seq![mkdir(&n, 0o755), chdir(&n)] }).collect();
    t.add("longer than PATH_MAX", seq![], chain([long, seq![getcwd(100), getcwd(4096), getcwd(10_000), chdir(".."), stat(".")]]));
    t
}
