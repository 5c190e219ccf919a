//! readlink(2), readlinkat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("readlink", || seq![readlink("/w/x", 100), lstat("/w/x")]);
    t.each_kind("trailing slash", || seq![readlink("/w/x/", 100)]);
    t.each_path("readlink", |p| seq![readlink(p, 100)]);
    for size in [0, 1, 5, 6, 7, 100, 5000] {
        t.each_user(format!("buffer of {size}"), seq![symlink("target", "/l")], seq![readlink("/l", size), lstat("/l")]);
        t.each_user(format!("long target, buffer of {size}"), seq![symlink(rep(b'q', 4095), "/l")], seq![readlink("/l", size)]);
    }
    for (about, dir) in [("cwd", AT_FDCWD), ("dir", 3), ("file", 4), ("link", 5), ("link by path", 6), ("closed", 9)] {
        for path in ["l", "", "/l", ".", "nowhere", "l/"] {
            let setup = seq![mkdir("/d", 0o755), symlink("target", "/d/l"), open("/d", O_RDONLY, 0), creat("/f", 0o644)];
            let setup = chain([setup, seq![open("/d/l", O_PATH | O_NOFOLLOW, 0), open("/d", O_PATH, 0), symlink("other", "/l")]]);
            t.each_user(format!("readlinkat {about} {path:?}"), setup, seq![readlinkat(dir, path, 100)]);
        }
    }
    // The times of a symlink: reading it moves atime by the rules of relatime.
    let old = Some([(1_000_000, 0), (2_000_000, 0)]);
    t.add("relatime", seq![symlink("t", "/l")], seq![lstat("/l"), readlink("/l", 10), lstat("/l"), readlink("/l", 10), lstat("/l"),
        utimensat(AT_FDCWD, Some("/l"), old, AT_SYMLINK_NOFOLLOW), readlink("/l", 10), lstat("/l"), stat("/l"), lstat("/l")]);
    t.add("following moves atime", seq![mkdir("/d", 0o755), symlink("d", "/l")], seq![stat("/l"), lstat("/l"), open("/l/.", O_RDONLY, 0), lstat("/l")]);
    t
}
