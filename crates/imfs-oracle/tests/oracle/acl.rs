//! POSIX access lists: system.posix_acl_access and system.posix_acl_default (acl(5))

use imfs_oracle::prelude::*;

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

const USER_OBJ: u16 = 1;
const USER: u16 = 2;
const GROUP_OBJ: u16 = 4;
const GROUP: u16 = 8;
const MASK: u16 = 16;
const OTHER: u16 = 32;
const NOBODY: u32 = u32::MAX;

/// A list as setxattr(2) takes it.
fn acl(entries: &[(u16, u16, u32)]) -> Data {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for (tag, perm, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(perm.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    Data::Lit(bytes)
}

fn full(owner: u16, alice: u16, group: u16, shared: u16, mask: u16, other: u16) -> Data {
    acl(&[(USER_OBJ, owner, NOBODY), (USER, alice, 1001), (GROUP_OBJ, group, NOBODY), (GROUP, shared, 2000), (MASK, mask, NOBODY), (OTHER, other, NOBODY)])
}

fn minimal(owner: u16, group: u16, other: u16) -> Data {
    acl(&[(USER_OBJ, owner, NOBODY), (GROUP_OBJ, group, NOBODY), (OTHER, other, NOBODY)])
}

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("set access", || seq![setxattr("/w/x", ACCESS, full(6, 4, 4, 2, 6, 0), 0), getxattr("/w/x", ACCESS, 100), stat("/w/x"), listxattr("/w/x", 200), removexattr("/w/x", ACCESS), stat("/w/x")]);
    t.each_kind("set default", || seq![setxattr("/w/x", DEFAULT, full(7, 5, 5, 7, 7, 0), 0), getxattr("/w/x", DEFAULT, 100), stat("/w/x"), listxattr("/w/x", 200), removexattr("/w/x", DEFAULT)]);
    t.each_kind("get", || seq![getxattr("/w/x", ACCESS, 100), getxattr("/w/x", DEFAULT, 100), lgetxattr("/w/x", ACCESS, 100), lsetxattr("/w/x", ACCESS, minimal(6, 4, 4), 0)]);
    enforced(&mut t);
    inherited(&mut t);
    changed(&mut t);
    invalid(&mut t);
    who(&mut t);
    t
}

fn enforced(t: &mut Vec<Case>) {
    for alice in [0, 2, 4, 6, 7] {
        for shared in [0, 4, 6] {
            for mask in [0, 4, 6, 7] {
                for other in [0, 4] {
                    let setup = seq![mkdir("/w", 0o755), creat("/w/f", 0o600), close(3), setxattr("/w/f", ACCESS, full(6, alice, 4, shared, mask, other), 0)];
                    let look = seq![open("/w/f", O_RDONLY, 0), open("/w/f", O_WRONLY, 0), open("/w/f", O_RDWR, 0), access("/w/f", X_OK), stat("/w/f")];
                    t.each_user(format!("file alice {alice} shared {shared} mask {mask} other {other}"), setup, look);
                }
            }
        }
    }
    for (alice, shared, mask) in [(7, 5, 7), (5, 7, 7), (1, 4, 7), (3, 1, 7), (7, 7, 5), (0, 7, 7)] {
        let setup = seq![mkdir("/d", 0o700), creat("/d/f", 0o666), chmod("/d/f", 0o666), setxattr("/d", ACCESS, full(7, alice, 0, shared, mask, 0), 0)];
        let look = seq![open("/d/f", O_RDWR, 0), open("/d", O_RDONLY, 0), creat("/d/new", 0o600), unlink("/d/f"), mkdir("/d/sub", 0o755), chdir("/d")];
        t.each_user(format!("directory alice {alice} shared {shared} mask {mask}"), setup, look);
    }
    for (uid, gid) in [(1001, 1001), (1001, 2000), (1002, 2000)] {
        let setup = seq![mkdir("/w", 0o755), creat("/w/f", 0o600), close(3), chown("/w/f", uid, gid), setxattr("/w/f", ACCESS, full(0, 6, 2, 4, 7, 7), 0)];
        t.each_user(format!("of {uid}:{gid}"), setup, seq![open("/w/f", O_RDONLY, 0), open("/w/f", O_WRONLY, 0), open("/w/f", O_RDWR, 0)]);
    }
}

fn inherited(t: &mut Vec<Case>) {
    for list in [full(7, 5, 5, 7, 7, 5), full(6, 6, 0, 4, 4, 0), full(7, 7, 7, 7, 7, 7), full(0, 0, 0, 0, 0, 0), minimal(7, 5, 0), minimal(6, 2, 4), minimal(7, 7, 7)] {
        for mask in [0, 0o022, 0o077, 0o777] {
            let setup = seq![mkdir("/d", 0o777), chmod("/d", 0o777), setxattr("/d", DEFAULT, list.clone(), 0), umask(mask)];
            let look = seq![open("/d/f", O_CREAT | O_RDWR, 0o666), mkdir("/d/s", 0o777), mknod("/d/p", S_IFIFO | 0o644, 0), symlink("a", "/d/l"), creat("/d/x", 0o4751), open("/d", O_TMPFILE | O_RDWR, 0o640), fgetxattr(5, ACCESS, 100),
                bind("/d/sock"), mkdir("/d/s/s", 0o1750), getxattr("/d/s/s", DEFAULT, 100), stat("/d/f"), stat("/d/s")];
            t.each_user(format!("default {} umask {mask:o}", imfs_oracle::outcome::hash(&list.bytes()) % 1000), setup, look);
        }
    }
    let setup = seq![mkdir("/d", 0o777), chown("/d", 0, 2000), chmod("/d", 0o2777), setxattr("/d", DEFAULT, full(7, 5, 5, 7, 7, 5), 0), umask(0)];
    t.each_user("in a set-group-id directory", setup, seq![creat("/d/f", 0o2775), mkdir("/d/s", 0o777), stat("/d/s"), stat("/d/f")]);
}

/// What chmod, chown and the mode make of a list.
fn changed(t: &mut Vec<Case>) {
    for mode in [0o000, 0o777, 0o640, 0o070, 0o604, 0o4755, 0o2755] {
        for list in [full(6, 6, 4, 2, 6, 0), minimal(6, 4, 0), full(7, 7, 7, 7, 0, 0)] {
            let setup = seq![creat("/f", 0o644), chown("/f", 1001, 1001), setxattr("/f", ACCESS, list, 0)];
            t.each_user(format!("chmod {mode:o} {}", t.len()), setup, seq![chmod("/f", mode), getxattr("/f", ACCESS, 100), stat("/f")]);
        }
    }
    let setup = || seq![creat("/f", 0o664), chmod("/f", 0o2775), chown("/f", 1001, 2001), chmod("/f", 0o2775)];
    t.each_user("setting a list takes set-group-id", setup(), seq![setxattr("/f", ACCESS, full(7, 7, 5, 5, 7, 5), 0), stat("/f")]);
    t.each_user("setting a minimal list is a chmod", setup(), seq![setxattr("/f", ACCESS, minimal(6, 4, 0), 0), stat("/f"), getxattr("/f", ACCESS, 100), listxattr("/f", 100)]);
    t.each_user("chown keeps the list", chain([setup(), seq![setxattr("/f", ACCESS, full(6, 6, 4, 2, 6, 0), 0)]]), seq![chown("/f", u32::MAX, 2000), getxattr("/f", ACCESS, 100)]);
    t.add("rename and link keep the list", chain([setup(), seq![setxattr("/f", ACCESS, full(6, 6, 4, 2, 6, 0), 0)]]), seq![link("/f", "/g"), rename("/f", "/h"), getxattr("/h", ACCESS, 100), getxattr("/g", ACCESS, 100)]);
    t.add("removal", seq![mkdir("/d", 0o755), setxattr("/d", ACCESS, full(7, 7, 5, 5, 7, 5), 0), setxattr("/d", DEFAULT, full(7, 7, 5, 5, 7, 5), 0)],
        seq![listxattr("/d", 100), removexattr("/d", ACCESS), stat("/d"), removexattr("/d", DEFAULT), removexattr("/d", DEFAULT), removexattr("/d", ACCESS), listxattr("/d", 100)]);
}

fn invalid(t: &mut Vec<Case>) {
    let entry = |tag, perm, id| (tag, perm, id);
    let lists: Vec<(&str, Data)> = vec![
        ("empty", Data::Lit(vec![])),
        ("version alone", acl(&[])),
        ("wrong version", Data::Lit(vec![1, 0, 0, 0])),
        ("cut", Data::Lit(vec![2, 0, 0, 0, 1, 0])),
        ("no owner", acl(&[entry(GROUP_OBJ, 4, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("no mask", acl(&[entry(USER_OBJ, 6, NOBODY), entry(USER, 6, 1001), entry(GROUP_OBJ, 4, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("order", acl(&[entry(OTHER, 6, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(USER_OBJ, 4, NOBODY)])),
        ("two owners", acl(&[entry(USER_OBJ, 6, NOBODY), entry(USER_OBJ, 6, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("unknown tag", acl(&[entry(USER_OBJ, 6, NOBODY), entry(3, 6, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("permissions beyond rwx", acl(&[entry(USER_OBJ, 8, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("nobody's entry", acl(&[entry(USER_OBJ, 6, NOBODY), entry(USER, 6, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(MASK, 7, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("a user twice", acl(&[entry(USER_OBJ, 6, NOBODY), entry(USER, 6, 5), entry(USER, 4, 5), entry(GROUP_OBJ, 4, NOBODY), entry(MASK, 7, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("ids out of order", acl(&[entry(USER_OBJ, 6, NOBODY), entry(USER, 6, 9), entry(USER, 4, 5), entry(GROUP_OBJ, 4, NOBODY), entry(MASK, 7, NOBODY), entry(OTHER, 4, NOBODY)])),
        ("mask alone", acl(&[entry(USER_OBJ, 6, NOBODY), entry(GROUP_OBJ, 4, NOBODY), entry(MASK, 2, NOBODY), entry(OTHER, 4, NOBODY)])),
    ];
    for (about, list) in lists {
        let setup = seq![mkdir("/d", 0o755), creat("/f", 0o644), setxattr("/f", ACCESS, full(6, 4, 4, 2, 6, 0), 0), setxattr("/d", DEFAULT, full(6, 4, 4, 2, 6, 0), 0)];
        t.each_user(format!("invalid: {about}"), setup, seq![setxattr("/f", ACCESS, list.clone(), 0), getxattr("/f", ACCESS, 200), setxattr("/d", DEFAULT, list.clone(), 0), getxattr("/d", DEFAULT, 200), setxattr("/f", DEFAULT, list, 0)]);
    }
    for flags in [XATTR_CREATE, XATTR_REPLACE, 3, 4] {
        t.add(format!("flags {flags}"), seq![creat("/f", 0o644)], seq![setxattr("/f", ACCESS, full(6, 4, 4, 2, 6, 0), flags), setxattr("/f", ACCESS, full(7, 4, 4, 2, 6, 0), flags), getxattr("/f", ACCESS, 5), getxattr("/f", ACCESS, 0)]);
    }
}

fn who(t: &mut Vec<Case>) {
    for uid in [0, 1001, 1002] {
        for mode in [0o666, 0o600] {
            let setup = seq![creat("/f", 0o666), chown("/f", uid, uid), chmod("/f", mode), mkdir("/d", 0o777), chown("/d", uid, uid)];
            t.each_user(format!("owner {uid} mode {mode:o}"), setup, seq![setxattr("/f", ACCESS, full(6, 4, 4, 2, 6, 0), 0), getxattr("/f", ACCESS, 200), removexattr("/f", ACCESS), setxattr("/d", DEFAULT, full(6, 4, 4, 2, 6, 0), 0), removexattr("/d", DEFAULT)]);
        }
    }
    for c in [CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, 0] {
        let setup = seq![creat("/f", 0o600), close(3), setxattr("/f", ACCESS, full(0, 0, 0, 0, 0, 0), 0)];
        t.each_user(format!("capabilities {c:#x}"), setup, seq![caps(c), open("/f", O_RDONLY, 0), open("/f", O_WRONLY, 0), setxattr("/f", ACCESS, full(6, 6, 6, 6, 6, 6), 0), open("/f", O_RDWR, 0)]);
    }
}
