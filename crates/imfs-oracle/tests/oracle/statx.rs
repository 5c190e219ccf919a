//! statx(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    // Since Linux 6.13 the times of modification and change are left out when neither is asked for. We give them always,
    // as before, so every mask here asks for one.
    let masks = [STATX_CTIME, STATX_BASIC_STATS, STATX_ALL, STATX_BTIME | STATX_MTIME, STATX_TYPE | STATX_CTIME, 0x8000_0000];
    for mask in masks {
        t.each_kind(format!("mask {mask:#x}"), || seq![statx(AT_FDCWD, "/w/x", 0, mask), statx(AT_FDCWD, "/w/x", AT_SYMLINK_NOFOLLOW, mask)]);
    }
    t.each_path("statx", |p| seq![statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME)]);
    for flags in [0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, 0x2000, 0x4000, 0x6000, AT_SYMLINK_FOLLOW, 1, -1] {
        let setup = seq![mkdir("/d", 0o755), symlink("d", "/l"), open("/d", O_RDONLY, 0), open("/l", O_PATH | O_NOFOLLOW, 0), creat("/d/f", 0o644), pipe()];
        let m = STATX_BASIC_STATS | STATX_BTIME;
        let look = seq![statx(3, "f", flags, m), statx(3, "", flags, m), statx(4, "", flags, m), statx(5, "", flags, m), statx(5, "x", flags, m), statx(AT_FDCWD, "/l", flags, m),
            statx(AT_FDCWD, "", flags, m), statx(9, "", flags, m), statx(9, "/d", flags, m)];
        t.each_user(format!("flags {flags:#x}"), setup, look);
    }
    t.add("birth stays", seq![creat("/f", 0o644)], seq![write(3, "a"), chmod("/f", 0o600), rename("/f", "/g"), utimensat(AT_FDCWD, Some("/g"), Some([(1, 1), (2, 2)]), 0), statx(3, "", AT_EMPTY_PATH, STATX_ALL)]);
    t
}
