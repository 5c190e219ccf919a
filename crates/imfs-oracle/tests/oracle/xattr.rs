//! The twelve xattr calls: setxattr(2), getxattr(2), listxattr(2), removexattr(2)

use imfs_oracle::prelude::*;

const NAMES: &[&str] = &[
    "user.a", "trusted.a", "security.a", "system.a", "user.", "user", "a", "", ".", "unknown.a", "system.posix_acl_access", "User.a", "trusted.", "security.",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    for name in NAMES {
        let look = || {
            seq![
                setxattr("/w/x", *name, "value", 0),
                getxattr("/w/x", *name, 100),
                listxattr("/w/x", 1000),
                lsetxattr("/w/x", *name, "other", XATTR_REPLACE),
                lgetxattr("/w/x", *name, 100),
                llistxattr("/w/x", 1000),
                removexattr("/w/x", *name),
                lremovexattr("/w/x", *name),
                lstat("/w/x"),
            ]
        };
        if matches!(*name, "user.a" | "trusted.a" | "security.a") {
            t.each_kind(format!("{name:?}"), look);
        } else {
            let setup = chain([world(), seq![mknod("/w/x", S_IFREG | 0o666, 0), chmod("/w/x", 0o666)]]);
            t.each_user(format!("{name:?}"), setup, look());
        }
    }
    t.each_path("set", |p| seq![setxattr(p, "user.a", "b", 0), lsetxattr(p, "user.b", "c", 0)]);
    t.each_path("get", |p| seq![getxattr(p, "user.a", 10), listxattr(p, 10), removexattr(p, "user.a")]);
    flags(&mut t);
    sizes(&mut t);
    permissions(&mut t);
    descriptors(&mut t);
    for n in [1, 100, 1000, 5000, 20_000, 60_000] {
        let steps = seq![setxattr("/f", "user.a", data(n, 1), 0), statfs("/"), setxattr("/f", "user.b", data(n, 2), 0), statfs("/"), removexattr("/f", "user.a"), statfs("/"), unlink("/f"), statfs("/")];
        t.push(Case::new(format!("accounts of {n}"), seq![mknod("/f", S_IFREG | 0o644, 0)], steps).limits(1 << 20, 50));
    }
    t
}

fn flags(t: &mut Vec<Case>) {
    for flags in [0, XATTR_CREATE, XATTR_REPLACE, XATTR_CREATE | XATTR_REPLACE, 4, -1] {
        for (about, before) in [("new", seq![]), ("present", seq![setxattr("/f", "user.a", "old", 0)])] {
            let setup = chain([seq![creat("/f", 0o666), chmod("/f", 0o666)], before]);
            t.each_user(format!("{about} flags {flags}"), setup, seq![fsetxattr(3, "user.a", "new", flags), fgetxattr(3, "user.a", 10), fstat(3)]);
        }
    }
}

fn sizes(t: &mut Vec<Case>) {
    for n in [0, 1, 100, 4096, 65_535, 65_536, 65_537, 100_000] {
        t.add(format!("value of {n}"), seq![creat("/f", 0o644)], seq![fsetxattr(3, "user.a", data(n, 1), 0), fgetxattr(3, "user.a", 0), fgetxattr(3, "user.a", 100_000), fgetxattr(3, "user.a", 50), flistxattr(3, 0)]);
    }
    for n in [1, 250, 251, 255, 256, 300] {
        let name = [b"user.".to_vec(), vec![b'n'; n]].concat();
        t.add(format!("name of {n} after the prefix"), seq![creat("/f", 0o644)], seq![fsetxattr(3, &name, "v", 0), fgetxattr(3, &name, 10), flistxattr(3, 1000), fremovexattr(3, &name)]);
    }
    for n in [0, 1, 6, 7, 13, 14, 20, 21, 100] {
        let setup = seq![creat("/f", 0o644), fsetxattr(3, "user.a", "1234567", 0), fsetxattr(3, "user.b", "", 0), fsetxattr(3, "trusted.c", "x", 0)];
        t.each_user(format!("buffers of {n}"), setup, seq![flistxattr(3, n), fgetxattr(3, "user.a", n), fgetxattr(3, "user.b", n), fgetxattr(3, "user.none", n), llistxattr("/f", n)]);
    }
    let many: Vec<Step> = (0..200).map(|i| fsetxattr(3, format!("user.name{i}"), data(i, i as u8), 0).into()).collect();
    t.add("two hundred", seq![creat("/f", 0o644)], chain([many, seq![flistxattr(3, 100_000), fgetxattr(3, "user.name77", 100)]]));
}

fn permissions(t: &mut Vec<Case>) {
    for (about, make) in [("file", creat("/w/f", 0o666)), ("directory", mkdir("/w/f", 0o777)), ("sticky", mkdir("/w/f", 0o1777)), ("fifo", mknod("/w/f", S_IFIFO | 0o666, 0))] {
        for mode in [0o666, 0o444, 0o222, 0o000, 0o1777, 0o600] {
            for uid in [0, 1001, 1002] {
                let setup = chain([world(), seq![make.clone(), setxattr("/w/f", "trusted.t", "1", 0), setxattr("/w/f", "security.s", "2", 0)]]);
                let setup = chain([setup, if about == "fifo" { seq![] } else { seq![setxattr("/w/f", "user.u", "3", 0)] }, seq![chown("/w/f", uid, 0), chmod("/w/f", mode)]]);
                let look = seq![setxattr("/w/f", "user.n", "v", 0), getxattr("/w/f", "user.u", 10), setxattr("/w/f", "trusted.n", "v", 0), getxattr("/w/f", "trusted.t", 10),
                    setxattr("/w/f", "security.n", "v", 0), getxattr("/w/f", "security.s", 10), listxattr("/w/f", 1000), removexattr("/w/f", "user.u"), removexattr("/w/f", "security.s"), removexattr("/w/f", "trusted.t")];
                t.each_user(format!("{about} {mode:o} of {uid}"), setup, look);
            }
        }
    }
    for c in [CAP_SYS_ADMIN, CAP_FOWNER, CAP_DAC_OVERRIDE, 0] {
        let setup = chain([world(), seq![creat("/w/f", 0o600), setxattr("/w/f", "trusted.t", "1", 0)]]);
        let look = seq![caps(c), setxattr("/w/f", "user.n", "v", 0), setxattr("/w/f", "trusted.n", "v", 0), getxattr("/w/f", "trusted.t", 10), listxattr("/w/f", 1000), setxattr("/w/f", "security.n", "v", 0)];
        t.each_user(format!("capabilities {c:#x}"), setup, look);
    }
}

fn descriptors(t: &mut Vec<Case>) {
    for (about, f) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("path", O_PATH), ("neither", 3)] {
        let setup = seq![creat("/f", 0o666), chmod("/f", 0o666), close(3), setxattr("/f", "user.a", "b", 0), open("/f", f, 0)];
        t.each_user(format!("descriptor {about}"), setup, seq![fgetxattr(3, "user.a", 10), fsetxattr(3, "user.b", "c", 0), flistxattr(3, 100), fremovexattr(3, "user.a"), fgetxattr(9, "user.a", 1), fsetxattr(9, "", "", 99), flistxattr(-1, 1), fremovexattr(9, "x")]);
    }
    let names = seq![creat("/f", 0o644), fsetxattr(3, "user.a", "b", 0), link("/f", "/g")];
    t.add("of the inode", names, seq![getxattr("/g", "user.a", 10), removexattr("/g", "user.a"), fgetxattr(3, "user.a", 10), rename("/g", "/h"), setxattr("/h", "user.z", "1", 0), unlink("/f"), fgetxattr(3, "user.z", 10)]);
    t.add("stamps", seq![creat("/f", 0o644)], seq![fsetxattr(3, "user.a", "b", 0), fstat(3), fgetxattr(3, "user.a", 10), flistxattr(3, 100), fstat(3), fsetxattr(3, "user.a", "b", 0), fstat(3), fremovexattr(3, "user.a"), fstat(3), fremovexattr(3, "user.a"), fstat(3)]);
}
