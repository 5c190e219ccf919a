//! The devices null, zero, full, random and urandom; nodes that nobody answers for

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7)] {
        let node = |mode| chain([world(), seq![mknod("/w/x", S_IFCHR | 0o666, dev(1, minor)), chmod("/w/x", mode)]]);
        for (about, flags) in [("r", O_RDONLY), ("w", O_WRONLY), ("rw", O_RDWR), ("append", O_RDWR | O_APPEND), ("trunc", O_RDWR | O_TRUNC | O_CREAT), ("nonblock", O_RDWR | O_NONBLOCK), ("noatime", O_RDONLY | O_NOATIME), ("direct", O_RDWR | O_DIRECT), ("excl", O_RDWR | O_EXCL)] {
            let look = seq![open("/w/x", flags, 0o600), read(3, 100), write(3, "hello"), pread(3, 10, 5), pwrite(3, "xy", 1000), readv(3, vec![3, 4]), writev(3, vec![data(3, 1), data(2, 2)]), read(3, 0), write(3, ""), lseek(3, 0, SEEK_CUR), fstat(3)];
            t.each_user(format!("{name} {about}"), node(0o666), look);
        }
        let opened = || chain([node(0o666), seq![open("/w/x", O_RDWR, 0)]]);
        for (about, look) in [
            ("lseek", seq![lseek(3, 100, SEEK_SET), lseek(3, -5, SEEK_CUR), lseek(3, 0, SEEK_END), lseek(3, 10, SEEK_END), lseek(3, 0, SEEK_DATA), lseek(3, 0, SEEK_HOLE), lseek(3, -1, SEEK_SET), lseek(3, 1 << 40, SEEK_SET), lseek(3, 0, 9)]),
            ("size", seq![ftruncate(3, 0), ftruncate(3, 100), truncate("/w/x", 5), fallocate(3, 0, 0, 10), fstat(3)]),
            ("sync", seq![fsync(3), fdatasync(3), syncfs(3), sync_file_range(3, 0, 0, 0), fadvise(3, 0, 0, 0), readahead(3, 0, 10)]),
            ("ioctl", seq![fionread(3), ficlone(3, 3)]),
            ("flags", seq![fcntl(3, F_GETFL, 0), fcntl(3, F_SETFL, i64::from(O_NONBLOCK | O_APPEND)), fcntl(3, F_GETFL, 0), fcntl(3, F_SETFL, i64::from(O_DIRECT)), fcntl(3, F_GETPIPE_SZ, 0)]),
            ("poll", seq![poll(vec![(3, POLLIN | POLLOUT)]), poll(vec![(3, POLLPRI)])]),
            ("locks", seq![lock(3, F_SETLK, F_WRLCK, SEEK_SET, 0, 10), flock(3, LOCK_EX), lock(3, F_GETLK, F_WRLCK, SEEK_END, 0, 0)]),
            ("attributes", seq![fchmod(3, 0o640), fchown(3, 1001, 1001), fsetxattr(3, "user.a", "b", 0), fsetxattr(3, "trusted.a", "b", 0), utimensat(3, None::<&str>, None, 0), fstat(3)]),
            ("times", seq![read(3, 10), stat("/w/x"), write(3, "x"), stat("/w/x")]),
            ("large", seq![read(3, 200_000), write(3, data(200_000, 1)), pread(3, 10, i64::MAX - 5), pwrite(3, "x", i64::MAX), pread(3, 1, -1)]),
            ("getdents", seq![getdents(3, 100), fchdir(3)]),
        ] {
            t.add(format!("{name} {about}"), opened(), look);
        }
        for mode in [0o000, 0o400, 0o200, 0o044, 0o022] {
            t.each_user(format!("{name} mode {mode:o}"), node(mode), seq![open("/w/x", O_RDONLY, 0), open("/w/x", O_WRONLY, 0), open("/w/x", O_RDWR, 0)]);
        }
    }
    for (name, kind, number) in [("random", S_IFCHR, dev(1, 8)), ("urandom", S_IFCHR, dev(1, 9))] {
        let node = chain([world(), seq![mknod("/w/x", kind | 0o666, number), chmod("/w/x", 0o666), open("/w/x", O_RDWR, 0)]]);
        t.add(format!("{name} beside its bytes"), node, seq![read(3, 0), write(3, "seed"), pwrite(3, "seed", 10), lseek(3, 10, SEEK_SET), lseek(3, 0, SEEK_CUR), poll(vec![(3, POLLIN | POLLOUT)]), ftruncate(3, 0), fionread(3), fstat(3)]);
    }
    for (name, kind, number) in [("block null", S_IFBLK, dev(1, 3)), ("unknown char", S_IFCHR, NOBODYS), ("unknown block", S_IFBLK, NOBODYS), ("zero zero", S_IFCHR, 0), ("unknown minor", S_IFCHR, dev(1, 200)), ("socket", S_IFSOCK, 0)] {
        let node = chain([world(), seq![mknod("/w/x", kind | 0o666, number), chmod("/w/x", 0o666)]]);
        let look = seq![open("/w/x", O_RDONLY, 0), open("/w/x", O_RDWR | O_NONBLOCK, 0), open("/w/x", O_WRONLY | O_CREAT | O_TRUNC, 0), open("/w/x", O_PATH, 0), stat("/w/x"), truncate("/w/x", 0), access("/w/x", R_OK | W_OK)];
        t.each_user(name, node, look);
    }
    t
}
