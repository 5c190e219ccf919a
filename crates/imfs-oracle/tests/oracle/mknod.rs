//! mknod(2), mknodat(2), mkfifo(3), bind(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("regular", || seq![mknod("/w/x", S_IFREG | 0o666, 0)]);
    t.each_kind("fifo", || seq![mknod("/w/x", S_IFIFO | 0o666, 0)]);
    t.each_kind("bind", || seq![bind("/w/x")]);
    t.each_path("fifo", |p| seq![mknod(p, S_IFIFO | 0o666, 0)]);
    t.each_path("regular", |p| seq![mknod(p, S_IFREG | 0o600, 0)]);
    let types = [0, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, 0o050_000, 0o170_000, 0o030_000];
    for kind in types {
        for mode in [0o644, 0o7777, 0o0] {
            for dev in [0, NULL, NOBODYS, 0xffff_ffff] {
                t.each_user(format!("type {kind:#o} mode {mode:o} device {dev}"), world(), seq![umask(0), mknod("/w/n", kind | mode, dev), stat("/w/n")]);
            }
        }
    }
    for mask in [0o022, 0o077, 0o777] {
        for (dir, gid) in [(0o2777, 2000), (0o777, 2000)] {
            for kind in [S_IFREG, S_IFIFO, S_IFSOCK] {
                let setup = seq![mkdir("/d", 0o777), chown("/d", 0, gid), chmod("/d", dir)];
                t.each_user(format!("umask {mask:o} type {kind:#o} in {dir:o}"), setup, seq![umask(mask), mknod("/d/x", kind | 0o6777, 0)]);
            }
        }
    }
    for (about, dir) in [("dir", 3), ("file", 4), ("removed", 5), ("closed", 9)] {
        for path in ["new", "new/", "/abs", "", "."] {
            let setup = seq![mkdir("/d", 0o777), open("/d", O_RDONLY, 0), creat("/f", 0o644), mkdir("/gone", 0o777), open("/gone", O_RDONLY, 0), rmdir("/gone")];
            t.each_user(format!("mknodat {about} {path:?}"), setup, seq![mknodat(dir, path, S_IFIFO | 0o600, 0)]);
        }
    }
    for caps_left in [CAP_MKNOD, CAP_DAC_OVERRIDE, 0] {
        for kind in [S_IFCHR, S_IFBLK, S_IFIFO, S_IFREG, S_IFSOCK] {
            let whiteout = seq![mknod("/w/wh", S_IFCHR, 0)];
            let look = chain([seq![caps(caps_left), mknod("/w/n", kind | 0o600, NULL)], whiteout]);
            t.each_user(format!("capabilities {caps_left:#x} type {kind:#o}"), world(), look);
        }
    }
    t
}
