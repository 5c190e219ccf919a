//! symlink(2), symlinkat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("symlink", || seq![symlink("target", "/w/x")]);
    t.each_path("symlink", |p| seq![symlink("t", p)]);
    for n in [1, 10, 59, 60, 61, 127, 128, 129, 255, 256, 1000, 4094, 4095, 4096, 5000] {
        t.each_user(format!("target of {n} bytes"), world(), seq![symlink(rep(b't', n), "/w/l"), lstat("/w/l"), readlink("/w/l", 5000), statfs("/")]);
    }
    for target in ["", ".", "/", "a/b/../c", " ", "a\n", "\u{fc}", "//x//"] {
        t.each_user(format!("target {target:?}"), world(), seq![symlink(target, "/w/l"), readlink("/w/l", 100), lstat("/w/l"), stat("/w/l")]);
    }
    for (mask, dir, gid) in [(0, 0o777, 0), (0o777, 0o2777, 2000), (0o022, 0o2777, 0)] {
        let setup = seq![mkdir("/d", 0o777), chown("/d", 0, gid), chmod("/d", dir)];
        t.each_user(format!("umask {mask:o} in {dir:o} of {gid}"), setup, seq![umask(mask), symlink("a", "/d/l"), lstat("/d/l")]);
    }
    for (about, dir) in [("cwd", AT_FDCWD), ("dir", 3), ("file", 4), ("removed", 5), ("closed", 9)] {
        for path in ["new", "new/", "/abs", "", ".", "in"] {
            let setup = seq![mkdir("/d", 0o777), chmod("/d", 0o777), open("/d", O_RDONLY, 0), creat("/f", 0o644), mkdir("/gone", 0o777), open("/gone", O_RDONLY, 0)];
            let setup = chain([setup, seq![rmdir("/gone"), symlink("x", "/d/in")]]);
            t.each_user(format!("symlinkat {about} {path:?}"), setup, seq![symlinkat("t", dir, path)]);
        }
    }
    t
}
