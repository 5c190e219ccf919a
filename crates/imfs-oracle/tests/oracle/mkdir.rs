//! mkdir(2), mkdirat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("mkdir", || seq![mkdir("/w/x", 0o777)]);
    t.each_kind("trailing slash", || seq![mkdir("/w/x/", 0o777), mkdir("/w/x//.", 0o777)]);
    t.each_path("mkdir", |p| seq![mkdir(p, 0o777)]);
    for mask in [0, 0o022, 0o077, 0o777] {
        for mode in [0o0, 0o755, 0o777, 0o1777, 0o2777, 0o4777, 0o7777, 0o177_777] {
            for (dir, gid) in [(0o777, 0), (0o2777, 2000), (0o2777, 0), (0o1777, 2000)] {
                let setup = seq![mkdir("/d", 0o777), chown("/d", 0, gid), chmod("/d", dir)];
                let look = seq![umask(mask), mkdir("/d/x", mode), stat("/d"), stat("/d/x")];
                t.each_user(format!("umask {mask:o} mode {mode:o} in {dir:o} of group {gid}"), setup, look);
            }
        }
    }
    for (about, dir) in [("cwd", AT_FDCWD), ("dir", 3), ("file", 4), ("removed", 5), ("closed", 9), ("negative", -100)] {
        for path in ["new", "new/", "/w/abs", "", ".", "..", "nowhere/x"] {
            let setup = seq![mkdir("/d", 0o777), open("/d", O_RDONLY, 0), creat("/f", 0o644), mkdir("/gone", 0o777)];
            let setup = chain([setup, seq![open("/gone", O_PATH, 0), rmdir("/gone"), mkdir("/w", 0o777)]]);
            t.each_user(format!("mkdirat {about} {path:?}"), setup, seq![mkdirat(dir, path, 0o750)]);
        }
    }
    t.add("no inode", world(), seq![mkdir("/a", 0o755), mkdir("/b", 0o755), mkdir("/c", 0o755), statfs("/")]);
    let last = t.len() - 1;
    t[last] = t[last].clone().limits(1 << 20, 4);
    t
}
