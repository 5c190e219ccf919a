//! ioctl(2): the requests that files answer, and what immutable and append-only mean to all other calls (ioctl_iflags(2)).

use imfs_oracle::prelude::*;

const REQUESTS: [(&str, u32, i32); 24] = [
    ("FIONREAD", FIONREAD, 0),
    ("FIONBIO on", FIONBIO, 1),
    ("FIONBIO off", FIONBIO, 0),
    ("FIOCLEX", FIOCLEX, 0),
    ("FIONCLEX", FIONCLEX, 0),
    ("FIOASYNC on", FIOASYNC, 1),
    ("FIOASYNC off", FIOASYNC, 0),
    ("FIOQSIZE", FIOQSIZE, 0),
    ("FIGETBSZ", FIGETBSZ, 0),
    ("FIBMAP", FIBMAP, 0),
    ("FITHAW", FITHAW, 0),
    ("FIFREEZE", FIFREEZE, 0),
    ("FIEMAP", FS_IOC_FIEMAP, 0),
    ("TCGETS", TCGETS, 0),
    ("GETVERSION", FS_IOC_GETVERSION, 0),
    ("GETFLAGS", FS_IOC_GETFLAGS, 0),
    ("FSGETXATTR", FS_IOC_FSGETXATTR, 0),
    ("SETFLAGS nothing", FS_IOC_SETFLAGS, 0),
    ("SETFLAGS nodump", FS_IOC_SETFLAGS, FS_NODUMP_FL as i32),
    ("SETFLAGS noatime", FS_IOC_SETFLAGS, FS_NOATIME_FL as i32),
    ("SETFLAGS immutable", FS_IOC_SETFLAGS, FS_IMMUTABLE_FL as i32),
    ("SETFLAGS append", FS_IOC_SETFLAGS, FS_APPEND_FL as i32),
    ("SETFLAGS sync", FS_IOC_SETFLAGS, FS_SYNC_FL as i32),
    ("nobody's", 0x1234_5678, 0),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    requests(&mut t);
    who(&mut t);
    fixed(&mut t);
    inherited(&mut t);
    t
}

fn set(fd: i32, flags: u32) -> Call {
    ioctl(fd, FS_IOC_SETFLAGS, flags as i32)
}

fn requests(t: &mut Vec<Case>) {
    for (name, request, arg) in REQUESTS {
        for kind in KINDS {
            let look = seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), ioctl(3, request, arg), fcntl(3, F_GETFL, 0), fcntl(3, F_GETFD, 0), fstat(3), ioctl(3, FS_IOC_GETFLAGS, 0), statx(3, "", AT_EMPTY_PATH, STATX_ALL), open("/w/x", O_PATH, 0), ioctl(4, request, arg)];
            t.add(format!("{name} {}", kind.name), with(kind), look);
        }
        let pipes = seq![ioctl(3, request, arg), ioctl(4, request, arg), fcntl(3, F_GETFL, 0), fcntl(4, F_GETFD, 0), ioctl(9, request, arg)];
        t.add(format!("{name} of a pipe"), seq![pipe(), write(4, "some")], pipes);
        for (device, minor) in [("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
            let made = seq![mknod("/x", S_IFCHR | 0o666, dev(1, minor)), open("/x", O_RDWR | O_NONBLOCK, 0)];
            t.add(format!("{name} of {device}"), made, seq![ioctl(3, request, arg), fcntl(3, F_GETFL, 0)]);
        }
        let file = seq![creat("/f", 0o666), write(3, data(5000, 1)), lseek(3, 1000, SEEK_SET)];
        t.each_user(format!("{name} of root's file"), file, seq![ioctl(3, request, arg), open("/f", O_RDWR, 0), ioctl(4, request, arg), ioctl(4, FS_IOC_GETFLAGS, 0), fstat(4)]);
    }
}

/// Who may set which flags, from what they were.
fn who(t: &mut Vec<Case>) {
    let all = [0, FS_NODUMP_FL, FS_NOATIME_FL, FS_IMMUTABLE_FL, FS_APPEND_FL, FS_IMMUTABLE_FL | FS_NODUMP_FL, FS_APPEND_FL | FS_NOATIME_FL, 0xf0, FS_SYNC_FL, 1, 1 << 31, 0x4000_0000, u32::MAX];
    for old in [0, FS_NODUMP_FL, FS_IMMUTABLE_FL, FS_APPEND_FL] {
        for new in all {
            let setup = seq![creat("/f", 0o666), chown("/f", 1001, 2000), mkdir("/d", 0o777), open("/d", O_RDONLY, 0), set(3, old), set(4, old)];
            t.each_user(format!("{old:#x} becomes {new:#x}"), setup.clone(), seq![set(3, new), set(4, new), fstat(3), ioctl(3, FS_IOC_GETFLAGS, 0), ioctl(4, FS_IOC_FSGETXATTR, 0)]);
            for c in [CAP_FOWNER, CAP_LINUX_IMMUTABLE, CAP_FOWNER | CAP_LINUX_IMMUTABLE, 0] {
                t.add(format!("{old:#x} becomes {new:#x}, capabilities {c:#x}"), setup.clone(), seq![caps(c), set(3, new), set(4, new)]);
            }
        }
        for xflags in [0, 0x8, 0x10, 0x40, 0x80, 0xd8, 0x2, 0x20, 0x100, 0x200, 0x800, 0x8000_0000] {
            let setup = seq![creat("/f", 0o666), chown("/f", 1001, 2000), set(3, old)];
            t.each_user(format!("{old:#x} becomes xflags {xflags:#x}"), setup, seq![fssetxattr(3, xflags, 0, 0), ioctl(3, FS_IOC_FSGETXATTR, 0), fstat(3), fssetxattr(3, xflags, 4096, 0), fssetxattr(3, xflags, 0, 7)]);
        }
    }
}

/// What can be done to a file or directory that is immutable or append-only, and what to their neighbours.
fn fixed(t: &mut Vec<Case>) {
    let tree = |file: u32, dir: u32| {
        seq![mkdir("/d", 0o777), chmod("/d", 0o777), mkdir("/e", 0o777), chmod("/e", 0o777), open("/d/f", O_RDWR | O_CREAT, 0o666), chmod("/d/f", 0o666), write(3, data(9000, 1)), creat("/e/g", 0o666), chmod("/e/g", 0o666), mkdir("/d/s", 0o777), symlink("f", "/d/l"), mknod("/d/p", S_IFIFO | 0o666, 0),
            setxattr("/d/f", "user.a", "1", 0), open("/d", O_RDONLY, 0), open("/d/f", O_RDWR | O_APPEND, 0), set(3, file), set(5, dir)]
    };
    for (file, dir) in [(FS_IMMUTABLE_FL, 0), (FS_APPEND_FL, 0), (0, FS_IMMUTABLE_FL), (0, FS_APPEND_FL), (FS_NOATIME_FL, FS_NOATIME_FL), (FS_IMMUTABLE_FL | FS_APPEND_FL, 0), (FS_APPEND_FL, FS_APPEND_FL)] {
        let mut each = |about: &str, steps: Vec<Step>| {
            for who in [ROOT, ALICE] {
                t.add(format!("file {file:#x} in {dir:#x}: {about}, {who}"), tree(file, dir), as_user(who, steps.clone()));
            }
        };
        for f in [O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC, O_RDWR | O_APPEND | O_TRUNC, O_RDONLY | O_NOATIME, O_PATH, O_CREAT | O_WRONLY, O_CREAT | O_EXCL | O_WRONLY, O_CREAT | O_APPEND | O_WRONLY, O_CREAT | O_TRUNC | O_RDONLY] {
            each(&format!("open {f:#o}"), seq![open("/d/f", f, 0o600), open("/d/l", f, 0o600), open("/d/new", f, 0o600), open("/d/s", f, 0o600), open("/d/p", f | O_NONBLOCK, 0)]);
        }
        each("O_TMPFILE", seq![open("/d", O_TMPFILE | O_RDWR, 0o600), linkat(7, "", AT_FDCWD, "/d/t", AT_EMPTY_PATH), linkat(7, "", AT_FDCWD, "/e/t", AT_EMPTY_PATH)]);
        each("write", seq![write(3, "x"), pwrite(3, "x", 0), write(6, "x"), pwrite(6, "x", 0), pwritev2(3, vec![data(3, 1)], 0, RWF_APPEND), pwritev2(6, vec![data(3, 1)], 0, 0x20), fstat(3)]);
        each("truncate", seq![truncate("/d/f", 10), truncate("/d/f", 20_000), ftruncate(3, 10), ftruncate(6, 20_000), fstat(3)]);
        for mode in [0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE] {
            each(&format!("fallocate {mode}"), seq![fallocate(3, mode, 0, 20_000), fallocate(6, mode, 0, 20_000), fstat(3)]);
        }
        each("copies", seq![copy_file_range(4, None, 3, None, 10, 0), copy_file_range(3, Some(0), 4, Some(0), 10, 0), sendfile(3, 3, Some(0), 10), sendfile(4, 3, Some(0), 10), fstat(3)]);
        each("mmap", seq![mmap(0, 3, 0, 4096, PROT_READ, MAP_SHARED), mmap(1, 3, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED), mmap(2, 3, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE), mmap(3, 6, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED), map_write(1, 0, "x"), fstat(3)]);
        each("fcntl", seq![fcntl(6, F_SETFL, 0), fcntl(6, F_GETFL, 0), fcntl(6, F_SETFL, i64::from(O_APPEND)), fcntl(3, F_SETFL, i64::from(O_APPEND)), fcntl(3, F_SETFL, 0), fcntl(3, F_SETFL, i64::from(O_NOATIME))]);
        each("locks", seq![flock(3, LOCK_EX), lock(3, F_SETLK, F_WRLCK, 0, 0, 0), lock(6, F_OFD_SETLK, F_RDLCK, 0, 0, 0)]);
        for victim in ["/d/f", "/d/l", "/d/p", "/d/s", "/e/g", "/d", "/e"] {
            each(&format!("unlink {victim}"), seq![unlink(victim)]);
            each(&format!("rmdir {victim}"), seq![rmdir(victim)]);
            each(&format!("link {victim}"), seq![link(victim, "/d/new"), link(victim, "/e/new"), linkat(AT_FDCWD, victim, AT_FDCWD, "/new", AT_SYMLINK_FOLLOW)]);
            each(&format!("chmod {victim}"), seq![chmod(victim, 0o600), chmod(victim, 0o600), lchown(victim, 1001, 2000), lchown(victim, u32::MAX, u32::MAX)]);
            for times in [None, Some([(5, 6), (7, 8)]), Some([(0, UTIME_NOW), (0, UTIME_NOW)]), Some([(0, UTIME_OMIT), (0, UTIME_OMIT)]), Some([(0, UTIME_NOW), (0, UTIME_OMIT)]), Some([(0, UTIME_OMIT), (7, 8)])] {
                each(&format!("utimensat {victim} {times:?}"), seq![utimensat(AT_FDCWD, Some(victim), times, AT_SYMLINK_NOFOLLOW)]);
            }
            each(&format!("access {victim}"), seq![access(victim, R_OK), access(victim, W_OK), access(victim, X_OK), faccessat2(AT_FDCWD, victim, W_OK, AT_EACCESS)]);
            each(&format!("xattrs {victim}"), seq![lsetxattr(victim, "user.a", "2", 0), lsetxattr(victim, "user.b", "2", 0), lsetxattr(victim, "trusted.a", "2", 0), lsetxattr(victim, "security.a", "2", 0), lgetxattr(victim, "user.a", 10), llistxattr(victim, 100), lremovexattr(victim, "user.a"), lremovexattr(victim, "user.none"), lremovexattr(victim, "system.posix_acl_access"), lsetxattr(victim, "none.a", "", 0)]);
            for (to, how) in [("/d/new", 0), ("/e/new", 0), ("/d/f", 0), ("/e/g", 0), ("/d/s", 0), ("/d/f", RENAME_EXCHANGE), ("/e/g", RENAME_EXCHANGE), ("/e/new", RENAME_NOREPLACE), ("/d/f", RENAME_NOREPLACE), ("/e/new", RENAME_WHITEOUT)] {
                each(&format!("rename {victim} to {to}, {how}"), seq![renameat2(AT_FDCWD, victim, AT_FDCWD, to, how)]);
            }
        }
        each("make", seq![mkdir("/d/new", 0o700), mknod("/d/node", S_IFREG | 0o600, 0), symlink("x", "/d/link"), creat("/d/file", 0o600), mkdir("/d/s/new", 0o700), bind("/d/socket")]);
        each("read", seq![read(3, 10), fstat(3), readlink("/d/l", 10), readdir(5, 4096), fstat(5), lstat("/d/l"), chdir("/d"), statx(AT_FDCWD, "/d/f", 0, STATX_ALL), statx(AT_FDCWD, "/d", 0, STATX_ALL)]);
        each("cleared and set again", seq![set(3, 0), set(5, 0), unlink("/d/f"), set(3, file), write(3, "x"), ioctl(3, FS_IOC_GETFLAGS, 0)]);
        each("hints and seals", seq![fcntl(3, F_GET_SEALS, 0), fcntl(3, F_ADD_SEALS, 1), setxattr("/d/f", "system.posix_acl_access", "", 0), fchmod(3, 0o4755), fchown(3, 1001, 2001)]);
    }
}

/// What is made in a directory has its flags.
fn inherited(t: &mut Vec<Case>) {
    for flags in [FS_NODUMP_FL, FS_NOATIME_FL, FS_NODUMP_FL | FS_NOATIME_FL, FS_APPEND_FL, FS_APPEND_FL | FS_NODUMP_FL] {
        let setup = seq![mkdir("/d", 0o777), chmod("/d", 0o777), open("/d", O_RDONLY, 0), set(3, flags)];
        let mut look = seq![creat("/d/f", 0o666), ioctl(4, FS_IOC_GETFLAGS, 0), write(4, "x"), pwrite(4, "y", 0), mkdir("/d/s", 0o777), open("/d/s", O_RDONLY, 0), ioctl(5, FS_IOC_GETFLAGS, 0), open("/d", O_TMPFILE | O_RDWR, 0o600), ioctl(6, FS_IOC_GETFLAGS, 0), mknod("/d/p", S_IFIFO | 0o600, 0), symlink("f", "/d/l"), link("/d/f", "/d/g"), creat("/d/s/f", 0o600), ioctl(7, FS_IOC_GETFLAGS, 0)];
        for name in ["/d/f", "/d/s", "/d/p", "/d/l"] {
            look.push(statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_ALL).into());
        }
        t.each_user(format!("inherited {flags:#x}"), setup, look);
    }
}
