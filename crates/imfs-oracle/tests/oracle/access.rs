//! access(2), faccessat(2), faccessat2(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    for mode in [F_OK, R_OK, W_OK, X_OK] {
        t.each_kind(format!("mode {mode}"), || seq![access("/w/x", mode)]);
    }
    t.each_path("exists", |p| seq![access(p, F_OK), access(p, R_OK | W_OK)]);
    for mode in [0o000, 0o100, 0o200, 0o400, 0o010, 0o020, 0o040, 0o001, 0o002, 0o004, 0o700, 0o070, 0o007, 0o755, 0o644] {
        for (uid, gid) in [(1001, 1001), (0, 2000), (0, 0)] {
            for (about, make) in [("file", mknod("/f", S_IFREG | 0o600, 0)), ("dir", mkdir("/f", 0o755))] {
                let setup = seq![make, chown("/f", uid, gid), chmod("/f", mode)];
                let look = (0..8).map(|m| access("/f", m).into()).collect();
                t.each_user(format!("{about} {mode:o} of {uid}:{gid}"), setup, look);
            }
        }
    }
    for bad in [8, 16, -1, 0o777, 1 << 20] {
        t.each_user(format!("mode {bad}"), seq![creat("/f", 0o644)], seq![access("/f", bad), access("/no", bad), faccessat(AT_FDCWD, "/f", bad), faccessat2(AT_FDCWD, "/f", bad, 0)]);
    }
    for flags in [0, AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS | AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, 1, 0x8000] {
        let setup = seq![mkdir("/d", 0o755), open("/d", O_RDONLY, 0), creat("/d/f", 0o600), symlink("none", "/d/l"), open("/d/f", O_PATH, 0), chown("/d/f", 1001, 0)];
        let look = seq![faccessat2(3, "f", R_OK, flags), faccessat2(3, "l", F_OK, flags), faccessat2(3, "", X_OK, flags), faccessat2(5, "", W_OK, flags),
            faccessat2(4, "x", F_OK, flags), faccessat2(9, "f", F_OK, flags), faccessat2(9, "/d/f", R_OK, flags), faccessat2(AT_FDCWD, "", F_OK, flags)];
        t.each_user(format!("flags {flags:#x}"), setup, look);
    }
    for (about, dir) in [("dir", 3), ("file", 4), ("closed", 9)] {
        for path in ["f", "/d/f", "", "."] {
            let setup = seq![mkdir("/d", 0o755), open("/d", O_RDONLY, 0), creat("/d/f", 0o640)];
            t.each_user(format!("faccessat {about} {path:?}"), setup, seq![faccessat(dir, path, R_OK), faccessat(dir, path, W_OK)]);
        }
    }
    for c in [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, 0] {
        for mode in [0o000, 0o001, 0o644] {
            let setup = seq![mkdir("/d", 0o755), creat("/d/f", 0o600), chmod("/d/f", mode), chmod("/d", 0o700), mkdir("/e", 0o000)];
            let look = seq![caps(c), faccessat2(AT_FDCWD, "/d/f", R_OK, AT_EACCESS), faccessat2(AT_FDCWD, "/d/f", W_OK, AT_EACCESS), faccessat2(AT_FDCWD, "/d/f", X_OK, AT_EACCESS),
                faccessat2(AT_FDCWD, "/e", R_OK | X_OK, AT_EACCESS), faccessat2(AT_FDCWD, "/e", W_OK, AT_EACCESS), access("/d/f", R_OK), open("/d/f", O_RDONLY, 0)];
            t.each_user(format!("capabilities {c:#x} mode {mode:o}"), setup, look);
        }
    }
    t
}
