//! utimensat(2), futimens(3)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let some = Some([(1_000_000, 1), (2_000_000, 2)]);
    t.each_kind("set", || seq![utimensat(AT_FDCWD, Some("/w/x"), some, 0)]);
    t.each_kind("now", || seq![utimensat(AT_FDCWD, Some("/w/x"), None, 0)]);
    t.each_kind("nofollow", || seq![utimensat(AT_FDCWD, Some("/w/x"), some, AT_SYMLINK_NOFOLLOW)]);
    t.each_path("set", |p| seq![utimensat(AT_FDCWD, Some(p), some, 0)]);
    t.each_path("nofollow now", |p| seq![utimensat(AT_FDCWD, Some(p), None, AT_SYMLINK_NOFOLLOW)]);
    let stamps = [(5, 7), (0, UTIME_NOW), (0, UTIME_OMIT), (99, UTIME_OMIT), (-1, 999_999_999)];
    for a in stamps {
        for m in stamps {
            for (mode, uid) in [(0o644, 0), (0o666, 0), (0o444, 1001), (0o000, 1001), (0o664, 1002)] {
                let setup = seq![creat("/f", 0o644), chown("/f", uid, 0), chmod("/f", mode)];
                t.each_user(format!("{a:?} {m:?} mode {mode:o} of {uid}"), setup, seq![utimensat(AT_FDCWD, Some("/f"), Some([a, m]), 0)]);
            }
        }
    }
    // An invalid time and a missing file at once do not occur: the types of our interface tell the first one earlier.
    for bad in [(0, -1), (0, 1_000_000_000), (0, 1_073_741_822), (0, 1_073_741_824), (0, 2_000_000_000), (i64::MAX, 0), (i64::MIN, 0), (1 << 33, 5), (-1_000, 3), (4_000_000_000, 0)] {
        let setup = seq![creat("/f", 0o644)];
        t.each_user(format!("atime {bad:?}"), setup.clone(), seq![utimensat(AT_FDCWD, Some("/f"), Some([bad, (1, 1)]), 0)]);
        t.each_user(format!("mtime {bad:?}"), setup, seq![utimensat(AT_FDCWD, Some("/f"), Some([(1, 1), bad]), 0)]);
    }
    for (about, flags) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("path", O_PATH)] {
        for f in [0, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, 1] {
            let setup = seq![creat("/f", 0o666), close(3), chmod("/f", 0o666), open("/f", flags, 0), open("/", O_PATH, 0)];
            let look = seq![utimensat(3, None::<&str>, some, f), utimensat(3, None::<&str>, None, f), utimensat(3, Some(""), some, f), utimensat(4, Some("f"), some, f), utimensat(9, None::<&str>, some, f), utimensat(3, Some("x"), some, f)];
            t.each_user(format!("descriptor {about} flags {f:#x}"), setup, look);
        }
    }
    let omit = Some([(0, UTIME_OMIT), (0, UTIME_OMIT)]);
    t.each_user("nothing to do", seq![creat("/f", 0o600)], seq![utimensat(AT_FDCWD, Some("/f"), omit, 0), utimensat(AT_FDCWD, Some("/no"), omit, 0), utimensat(9, None::<&str>, omit, 0), utimensat(AT_FDCWD, Some(""), omit, 0), utimensat(AT_FDCWD, Some("/f"), omit, 99)]);
    for c in [CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, 0] {
        t.each_user(format!("capabilities {c:#x}"), seq![creat("/f", 0o600), chown("/f", 1002, 0)], seq![caps(c), utimensat(AT_FDCWD, Some("/f"), some, 0), utimensat(AT_FDCWD, Some("/f"), None, 0)]);
    }
    t
}
