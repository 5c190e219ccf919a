//! link(2), linkat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("from", || seq![link("/w/x", "/w/new")]);
    t.each_kind("onto", || seq![mknod("/w/f", S_IFREG | 0o644, 0), link("/w/f", "/w/x")]);
    t.each_kind("from, following", || seq![linkat(AT_FDCWD, "/w/x", AT_FDCWD, "/w/new", AT_SYMLINK_FOLLOW)]);
    t.each_kind("from, slash", || seq![link("/w/x/", "/w/new")]);
    t.each_path("old", |p| seq![link(p, "/w/dir/new"), link(p, "/w/newlink")]);
    t.each_path("new", |p| seq![link("/w/file", p), link("/w/alices", p)]);
    for (about, dir) in [("cwd", AT_FDCWD), ("dir", 3), ("file", 4), ("removed", 5), ("closed", 9)] {
        for path in ["f", "", "/f", ".", "nowhere"] {
            for flags in [0, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, 1] {
                let setup = seq![mkdir("/d", 0o777), chmod("/d", 0o777), mknod("/d/f", S_IFREG | 0o666, 0), open("/d", O_RDONLY, 0), creat("/f", 0o666)];
                let setup = chain([setup, seq![mkdir("/gone", 0o777), open("/gone", O_RDONLY, 0), rmdir("/gone")]]);
                t.each_user(format!("linkat old {about} {path:?} {flags:#x}"), setup.clone(), seq![linkat(dir, path, AT_FDCWD, "/d/new", flags)]);
                if flags == 0 {
                    t.each_user(format!("linkat new {about} {path:?}"), setup, seq![linkat(AT_FDCWD, "/f", dir, path, 0), linkat(AT_FDCWD, "/f", dir, "new", 0)]);
                }
            }
        }
    }
    // fs.protected_hardlinks decides for an object that is not the caller's: which, and with which rights on it.
    for mode in [0o644, 0o666, 0o600, 0o4666, 0o2676, 0o2666, 0o060, 0o4755] {
        for (uid, gid) in [(0, 0), (1001, 0), (0, 2000)] {
            let setup = seq![mkdir("/d", 0o777), chmod("/d", 0o777), creat("/f", 0o644), chown("/f", uid, gid), chmod("/f", mode)];
            t.each_user(format!("mode {mode:o} of {uid}:{gid}"), setup, seq![link("/f", "/d/new")]);
        }
    }
    for kind in KINDS {
        let setup = chain([with(kind), seq![creat("/keep", 0o600)]]);
        for c in [CAP_FOWNER, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, 0] {
            t.add(format!("capabilities {c:#x} {}", kind.name), setup.clone(), seq![caps(c), user(ALICE), caps(c), link("/w/x", "/w/new")]);
        }
    }
    for (about, flags) in [("rdonly", O_RDONLY), ("rdwr", O_RDWR), ("path", O_PATH)] {
        let setup = seq![mkdir("/w", 0o777), chmod("/w", 0o777), creat("/w/f", 0o666), close(3), chmod("/w/f", 0o666)];
        let look = seq![open("/w/f", flags, 0), linkat(3, "", AT_FDCWD, "/w/g", AT_EMPTY_PATH), fstat(3), unlink("/w/f"), unlink("/w/g"),
            linkat(3, "", AT_FDCWD, "/w/h", AT_EMPTY_PATH), fstat(3)];
        t.each_user(format!("descriptor {about}"), setup.clone(), look);
        let opened = chain([setup, seq![open("/w/f", flags, 0)]]);
        t.each_user(format!("root's descriptor {about}"), opened, seq![linkat(3, "", AT_FDCWD, "/w/g", AT_EMPTY_PATH)]);
    }
    t.add("counts", seq![creat("/a", 0o644)], seq![link("/a", "/b"), fstat(3), link("/b", "/c"), fstat(3), statfs("/"), unlink("/a"), statfs("/")]);
    t.add("same name", seq![creat("/a", 0o644)], seq![link("/a", "/a"), link("/a", "/./a"), link("/a", "/a/"), link("/a", "/a/.")]);
    t
}
