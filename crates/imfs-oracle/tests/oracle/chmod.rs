//! chmod(2), fchmod(2), fchmodat(2), fchmodat2(2), umask(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("chmod", || seq![chmod("/w/x", 0o4711)]);
    t.each_kind("fchmodat", || seq![fchmodat(AT_FDCWD, "/w/x", 0o640)]);
    t.each_kind("nofollow", || seq![fchmodat2(AT_FDCWD, "/w/x", 0o640, AT_SYMLINK_NOFOLLOW)]);
    t.each_kind("trailing slash", || seq![chmod("/w/x/", 0o700)]);
    t.each_path("chmod", |p| seq![chmod(p, 0o751)]);
    for mode in [0o0, 0o777, 0o1777, 0o2777, 0o4777, 0o7777, 0o177_777, 0o2755, 0o2070] {
        for (uid, gid) in [(0, 0), (1001, 1001), (1001, 0), (1001, 2001), (1002, 2000), (0, 1001)] {
            for kind in ["reg", "dir"] {
                let make = if kind == "dir" { mkdir("/w/f", 0o755) } else { mknod("/w/f", S_IFREG | 0o600, 0) };
                let setup = chain([world(), seq![make, chown("/w/f", uid, gid)]]);
                t.each_user(format!("{kind} {mode:o} of {uid}:{gid}"), setup, seq![chmod("/w/f", mode)]);
            }
        }
    }
    for c in [CAP_FOWNER, CAP_FSETID, CAP_FOWNER | CAP_FSETID, CAP_DAC_OVERRIDE, 0] {
        for (uid, gid) in [(0, 0), (1001, 0), (1001, 1001), (1002, 1002)] {
            let setup = chain([world(), seq![mknod("/w/f", S_IFREG | 0o600, 0), chown("/w/f", uid, gid)]]);
            t.each_user(format!("capabilities {c:#x} of {uid}:{gid}"), setup, seq![caps(c), chmod("/w/f", 0o6755), stat("/w/f")]);
        }
    }
    for (about, flags) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("path", O_PATH)] {
        let setup = seq![creat("/f", 0o666), close(3), chown("/f", 1001, 1001), open("/f", flags, 0)];
        t.each_user(format!("fchmod {about}"), setup.clone(), seq![fchmod(3, 0o123), fchmod(9, 0o123), fchmod(-1, 0)]);
        for f in [0, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, 1, -1] {
            t.each_user(format!("fchmodat2 {about} {f:#x}"), setup.clone(), seq![fchmodat2(3, "", 0o123, f), fchmodat2(AT_FDCWD, "/f", 0o321, f), fchmodat2(3, "x", 0, f)]);
        }
    }
    for mask in [0o0, 0o777, 0o7777, 0o27, 0o1777] {
        t.add(format!("umask {mask:o}"), world(), seq![umask(mask), umask(mask), creat("/w/a", 0o777), fork(1), p1(umask(0o1)), umask(0o2), p1(umask(0))]);
    }
    t.add("same mode again", seq![creat("/f", 0o644)], seq![chmod("/f", 0o644), stat("/f"), fchmod(3, 0o644)]);
    t
}
