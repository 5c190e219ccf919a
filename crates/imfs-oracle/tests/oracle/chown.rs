//! chown(2), lchown(2), fchown(2), fchownat(2)

use imfs_oracle::prelude::*;

const KEEP: u32 = u32::MAX;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("chown", || seq![chown("/w/x", 1001, 2000)]);
    t.each_kind("lchown", || seq![lchown("/w/x", 1001, 2000)]);
    t.each_kind("keep", || seq![lchown("/w/x", KEEP, KEEP)]);
    t.each_kind("trailing slash", || seq![chown("/w/x/", 1002, KEEP), lchown("/w/x/", KEEP, 1002)]);
    t.each_path("chown", |p| seq![chown(p, KEEP, 2000)]);
    t.each_path("lchown", |p| seq![lchown(p, 1001, KEEP)]);
    for (uid, gid) in [(0, 0), (1001, 1001), (1001, 0), (1002, 2000)] {
        for (to_uid, to_gid) in [(KEEP, KEEP), (1001, KEEP), (KEEP, 1001), (KEEP, 2000), (KEEP, 2001), (KEEP, 0), (0, KEEP), (1001, 2000), (1002, 1002), (uid, gid)] {
            let setup = chain([world(), seq![mknod("/w/f", S_IFREG | 0o600, 0), chown("/w/f", uid, gid)]]);
            t.each_user(format!("{uid}:{gid} to {to_uid}:{to_gid}"), setup, seq![chown("/w/f", to_uid, to_gid)]);
        }
    }
    // Set-id bits: who loses them, and of which kinds.
    for mode in [0o6777, 0o6755, 0o2745, 0o2755, 0o4755, 0o2644, 0o6000, 0o6010, 0o1777] {
        for kind in [S_IFREG, S_IFIFO, S_IFDIR] {
            for (to_uid, to_gid) in [(KEEP, KEEP), (KEEP, 2000), (1001, 1001)] {
                let make = if kind == S_IFDIR { mkdir("/w/f", 0o755) } else { mknod("/w/f", kind | 0o600, 0) };
                let setup = chain([world(), seq![make, chown("/w/f", 1001, 1001), chmod("/w/f", mode)]]);
                t.each_user(format!("{kind:#o} {mode:o} to {to_uid}:{to_gid}"), setup, seq![chown("/w/f", to_uid, to_gid)]);
            }
        }
    }
    for c in [CAP_CHOWN, CAP_FSETID, CAP_CHOWN | CAP_FSETID, CAP_FOWNER, 0] {
        for (to_uid, to_gid) in [(KEEP, KEEP), (0, KEEP), (KEEP, 2000), (1002, 1002)] {
            let setup = chain([world(), seq![mknod("/w/f", S_IFREG | 0o600, 0), chown("/w/f", 1001, 1001), chmod("/w/f", 0o6755)]]);
            t.each_user(format!("capabilities {c:#x} to {to_uid}:{to_gid}"), setup, seq![caps(c), chown("/w/f", to_uid, to_gid)]);
        }
    }
    for (about, flags) in [("rdonly", O_RDONLY), ("path", O_PATH)] {
        let setup = seq![creat("/f", 0o666), close(3), chown("/f", 1001, 1001), symlink("f", "/l"), open("/f", flags, 0)];
        t.each_user(format!("fchown {about}"), setup.clone(), seq![fchown(3, KEEP, 2000), fchown(9, 0, 0), fchown(3, 1002, KEEP)]);
        for f in [0, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, 1, -1] {
            t.each_user(format!("fchownat {about} {f:#x}"), setup.clone(),
                seq![fchownat(3, "", KEEP, 2000, f), fchownat(AT_FDCWD, "/l", KEEP, 2001, f), fchownat(3, "x", 0, 0, f), fchownat(9, "f", 0, 0, f)]);
        }
    }
    t.add("capability xattr goes", seq![creat("/f", 0o755), setxattr("/f", "security.capability", CAPABILITY, 0)], seq![chown("/f", KEEP, KEEP), fgetxattr(3, "security.capability", 64)]);
    t
}

/// `struct vfs_cap_data` of revision 2: an effective set with nothing else in it.
const CAPABILITY: &str = "\x01\0\0\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
