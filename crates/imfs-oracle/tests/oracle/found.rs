//! What random sequences have found: each difference as a case, shrunk.

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    opens(&mut t);
    sticky(&mut t);
    protected_links(&mut t);
    names(&mut t);
    removed(&mut t);
    data_calls(&mut t);
    mappings(&mut t);
    last_page(&mut t);
    t
}

fn opens(t: &mut Vec<Case>) {
    let dir = || seq![mkdir("/c", 0o755)];
    t.add("O_PATH beats O_TMPFILE", dir(), seq![openat(3, "/c", O_TMPFILE | O_WRONLY | O_NONBLOCK | O_PATH, 0o1777)]);
    t.add("O_PATH beats O_CREAT with O_DIRECTORY", dir(), seq![open("/c/d/f", O_CREAT | O_DIRECTORY | O_PATH, 0o666)]);
}

/// Others' special files in a sticky directory that all may write to are not opened with O_CREAT.
fn sticky(t: &mut Vec<Case>) {
    for kind in [S_IFSOCK, S_IFCHR, S_IFBLK, S_IFLNK, S_IFDIR, S_IFREG, S_IFIFO] {
        let make = match kind {
            S_IFLNK => symlink("/b/c", "/b/b"),
            S_IFDIR => mkdir("/b/b", 0o777),
            _ => mknod("/b/b", kind | 0o777, NULL),
        };
        for dir in [0o1777, 0o1775, 0o1770, 0o777] {
            let setup = seq![mkdir("/b", 0o777), chmod("/b", dir), make.clone(), lchown("/b/b", 1001, 1001)];
            let look = seq![creat("/b/b", 0o600), open("/b/b", O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0o600), open("/b/b", O_RDWR | O_NONBLOCK, 0)];
            t.each_user(format!("O_CREAT of alice's {kind:#o} in {dir:o}"), setup, look);
        }
    }
}

/// Others' symbolic links in such a directory are followed in the middle of a path, and at its end if `fs.protected_symlinks`
/// is 0.
fn protected_links(t: &mut Vec<Case>) {
    for dir in [0o1777, 0o1775, 0o777] {
        let tree = seq![mkdir("/b", 0o777), chmod("/b", dir), mkdir("/d", 0o777), chmod("/d", 0o777), creat("/d/f", 0o666), chmod("/d/f", 0o666), symlink("../d", "/b/l"), lchown("/b/l", 1001, 1001), symlink("l/f", "/b/m"), symlink("/d/f", "/b/n"), lchown("/b/n", 1001, 1001), symlink("b/l", "/o"), symlink("b/n", "/p"), symlink("nowhere", "/b/q"), lchown("/b/q", 1001, 1001)];
        for path in ["/b/l", "/b/l/", "/b/l/.", "/b/l/f", "/b/l/../b/l/f", "/b/m", "/b/n", "/o", "/o/f", "/p", "/b/q", "/b/l/nowhere"] {
            t.each_user(format!("others' links in {dir:o}: {path}"), tree.clone(), seq![stat(path), lstat(path), open(path, O_RDONLY, 0), open(path, O_RDWR | O_CREAT, 0o600), open(path, O_NOFOLLOW, 0), openat2(AT_FDCWD, path, 0, 0, RESOLVE_NO_SYMLINKS), chmod(path, 0o755), mkdir(path, 0o700), unlink(path), access(path, F_OK), chdir(path)]);
        }
    }
}

fn names(t: &mut Vec<Case>) {
    t.add("a path that is too long and a closed descriptor", seq![], seq![user(BOB), linkat(3, rep(110, 4096), AT_FDCWD, "/b", AT_EMPTY_PATH), linkat(3, "", AT_FDCWD, "/b", 0)]);
    let removed = seq![mkdir("/b", 0o777), mkdir("/c", 0o755), chdir("/c"), rmdir("/c"), user(ALICE)];
    t.add("into a removed directory, by who may not write it", removed, seq![rename("/b", "b"), rename("/b", rep(110, 256)), rename("/nowhere", "b")]);
    let executed = seq![fork(1), p1(user(ALICE)), p1(pipe2(O_NONBLOCK))];
    t.add("link by descriptor after exec", executed, seq![p1(linkat(3, "f", 3, "b/f", AT_EMPTY_PATH)), p1(exec()), p1(linkat(3, "f", 3, "b/f", AT_EMPTY_PATH))]);
    for call in [setfsgid(2000), setfsgid(1002), setfsgid(u32::MAX), setfsuid(0), setfsuid(1002), setfsuid(u32::MAX), setfsuid(5), setresuid(u32::MAX, 1002, u32::MAX), setresgid(u32::MAX, 1002, u32::MAX), setresuid(1002, 1002, 1002), setreuid(1002, 1002), setregid(1002, 1002), setuid(1002), setgid(1002), setgroups(vec![]), setuid(7)] {
        let opened = seq![mkdir("/b", 0o777), chmod("/b", 0o777), user(BOB), open("/b/f", O_RDWR | O_CREAT, 0o666)];
        t.add(format!("a link by descriptor after {call}"), opened, seq![call, linkat(3, "", AT_FDCWD, "/b/g", AT_EMPTY_PATH)]);
    }
    let piped = seq![mkdir("/b", 0o777), creat("/f", 0o666), pipe(), mkdir("/c", 0o777), chdir("/c"), rmdir("/c")];
    for to in ["/b", "/f", "/new", "/new/", "/b/", "/f/x", "/b/x", "gone", "/nowhere/x", "/", "."] {
        t.each_user(format!("a link of a pipe as {to}"), piped.clone(), seq![linkat(4, "", AT_FDCWD, to, AT_EMPTY_PATH)]);
    }
    t.add("a link of a pipe with a long name", piped, seq![linkat(4, "", AT_FDCWD, rep(110, 256), AT_EMPTY_PATH), chdir("/b"), linkat(4, "", AT_FDCWD, rep(110, 256), AT_EMPTY_PATH)]);
    t.add("no capabilities at all", seq![creat("/f", 0o644)], seq![setxattr("/f", "security.capability", "", 0), listxattr("/f", 100), getxattr("/f", "security.capability", 0), getxattr("/f", "security.capability", 100), removexattr("/f", "security.capability"), listxattr("/f", 100)]);
    t.add("the old name is missing and the new one too long", seq![], seq![renameat(5, "/d", AT_FDCWD, rep(110, 256))]);
}

/// In a directory that was removed nothing is looked up, so that no name is too long.
fn removed(t: &mut Vec<Case>) {
    let name = || rep(110, 256);
    let path = || Bytes([name().0, b"/x".to_vec()].concat());
    for who in [ROOT, ALICE] {
        let setup = || seq![mkdir("/b", 0o777), chmod("/b", 0o777), creat("/f", 0o666), chdir("/b"), open(".", O_RDONLY, 0), rmdir("/b"), user(who)];
        for at in [AT_FDCWD, 4] {
            t.add(format!("a too long name in a removed directory {at}, {who}"), setup(), seq![openat(at, name(), 0, 0), openat(at, name(), O_CREAT | O_RDWR, 0o600), openat(at, path(), 0, 0), mkdirat(at, name(), 0o700), mknodat(at, name(), S_IFREG | 0o600, 0), symlinkat("t", at, name()), unlinkat(at, name(), 0), unlinkat(at, name(), AT_REMOVEDIR), linkat(AT_FDCWD, "/f", at, name(), 0), renameat(at, name(), AT_FDCWD, "/g"), renameat(AT_FDCWD, "/f", at, name()), renameat2(AT_FDCWD, "/f", at, name(), RENAME_EXCHANGE), readlinkat(at, name(), 10), fstatat(at, name(), 0), faccessat(at, name(), F_OK)]);
        }
    }
}

/// A mapping keeps the open file description, and with it the locks of that.
fn mappings(t: &mut Vec<Case>) {
    let mapped = |sharing| seq![creat("/f", 0o666), write(3, data(8192, 1)), close(3), open("/f", O_RDWR, 0), mmap(0, 3, 0, 8192, PROT_READ, sharing), fork(1), p1(munmap(0)), p1(close(3)), p1(open("/f", O_RDWR, 0))];
    for sharing in [MAP_SHARED, MAP_PRIVATE] {
        t.add(format!("flock of a mapping {sharing}"), mapped(sharing), seq![flock(3, LOCK_EX), close(3), p1(flock(3, LOCK_EX | LOCK_NB)), munmap(0), p1(flock(3, LOCK_EX | LOCK_NB))]);
        t.add(format!("description lock of a mapping {sharing}"), mapped(sharing), seq![lock(3, F_OFD_SETLK, F_WRLCK, 0, 0, 10), dup2(3, 9), close(9), close(3), p1(lock(3, F_OFD_SETLK, F_WRLCK, 0, 5, 1)), munmap(0), p1(lock(3, F_OFD_SETLK, F_WRLCK, 0, 5, 1))]);
        t.add(format!("record lock of a mapping {sharing}"), mapped(sharing), seq![lock(3, F_SETLK, F_WRLCK, 0, 0, 10), close(3), p1(lock(3, F_SETLK, F_WRLCK, 0, 5, 1))]);
        t.add(format!("flock of a mapping by exec {sharing}"), mapped(sharing), seq![flock(3, LOCK_EX), close(3), exec(), p1(flock(3, LOCK_EX | LOCK_NB))]);
        t.add(format!("flock of a mapping by exit {sharing}"), mapped(sharing), seq![p1(mmap(1, 3, 0, 8192, PROT_READ, sharing)), p1(flock(3, LOCK_EX)), p1(close(3)), flock(3, LOCK_EX | LOCK_NB), p1(exit()), flock(3, LOCK_EX | LOCK_NB)]);
    }
}

/// The last page that a file can have.
fn last_page(t: &mut Vec<Case>) {
    let start = i64::MAX - 4095;
    for (off, len) in [(start - 1, 30), (start - 1, 3000), (start - 4096, 4096), (start, 4000), (start + 10, 1)] {
        let setup = seq![open("/f", O_RDWR | O_CREAT, 0o666), pwrite(3, data(len, 7), off)];
        for (mapped, writes) in [(0, 3), (start - 4096, 3), (start - 4096, 1), (start, 1)] {
            t.add(format!("{len} at {off}, {mapped} mapped {writes}"), setup.clone(), seq![mmap(0, 3, mapped, 4096, writes, MAP_SHARED), pread(3, 5000, start - 100), fstat(3), munmap(0), pread(3, 5000, start - 100), fstat(3), statfs("/"), mmap(0, 3, 0, 4096, PROT_READ, MAP_SHARED), ftruncate(3, start), munmap(0), fstat(3)]);
        }
    }
}

fn data_calls(t: &mut Vec<Case>) {
    t.add("a pipe has no birth time", seq![pipe()], seq![statx(4, "", AT_EMPTY_PATH, STATX_ALL)]);
    let short = seq![open("/f", O_RDWR | O_CREAT, 0o640), write(3, data(5651, 107))];
    t.add("sendfile goes on while the file grows by it", short.clone(), seq![sendfile(3, 3, Some(4408), 6605), fstat(3)]);
    t.add("sendfile goes on for pieces", short, seq![sendfile(3, 3, Some(0), 200_000), fstat(3)]);
    let fifo = seq![mknod("/p", S_IFIFO | 0o644, 0), open("/p", O_RDWR | O_NONBLOCK, 0), open("/f", O_RDWR | O_CREAT, 0o644), write(4, "hello")];
    t.add("sendfile leaves the times of a FIFO alone", fifo, seq![sendfile(3, 4, Some(1), 3), fstat(3), sendfile(3, 4, None, 3), fstat(3), read(3, 10)]);
    for (off, count, room) in [(0, 10_000, 8192), (100, 41_107, 8192), (1193, 6000, 8192), (4095, 2, 8192), (4095, 100_000, 65_536), (100, 100_000, 65_536), (5000, 50, 4096), (13_999, 10, 4096), (14_000, 10, 4096), (0, 0, 4096)] {
        let setup = seq![open("/f", O_RDWR | O_CREAT, 0o644), pwrite(3, data(2000, 1), 12_000), pipe2(O_NONBLOCK), fcntl(5, F_SETPIPE_SZ, room)];
        t.add(format!("sendfile of {count} at {off} into a pipe of {room}"), setup.clone(), seq![sendfile(5, 3, Some(off), count), write(5, "more"), sendfile(5, 3, Some(off), 3), fionread(4), read(4, 100_000), write(5, "again"), fionread(4)]);
        t.add(format!("sendfile of {count} at {off} into a pipe of {room} with something in it"), setup, seq![write(5, "before"), sendfile(5, 3, Some(off), count), sendfile(5, 3, None, count), poll(vec![(5, POLLOUT)]), fionread(4), read(4, 100_000)]);
    }
    let zero = seq![mknod("/z", S_IFCHR | 0o666, dev(1, 5)), open("/z", O_RDONLY, 0), pipe2(O_NONBLOCK), fcntl(5, F_SETPIPE_SZ, 8192)];
    t.add("sendfile of zeros into a file", zero.clone(), seq![creat("/f", 0o644), sendfile(6, 3, Some(100), 5000), sendfile(6, 3, None, 5000), fstat(6)]);
    t.add("sendfile of zeros into a pipe", zero, seq![sendfile(5, 3, Some(100), 5000), sendfile(5, 3, Some(100), 5000), fionread(4), read(4, 100), sendfile(5, 3, None, 10), read(4, 10_000), sendfile(5, 3, None, 10_000)]);
    let noatime = seq![open("/f", O_RDWR | O_CREAT | O_NOATIME, 0o644), pwrite(3, data(8120, 167), 12_288), open("/g", O_RDWR | O_CREAT, 0o644)];
    t.add("a copy from O_NOATIME", noatime, seq![copy_file_range(3, Some(14_476), 4, Some(0), 5000, 0), fstat(3), sendfile(4, 3, Some(13_000), 100), fstat(3)]);
    let own = seq![open("/f", O_RDWR | O_CREAT, 0o600), pwrite(3, data(4385, 185), 4096), tick(), pread(3, 96, 5262)];
    t.add("sendfile into the file itself", own, seq![sendfile(3, 3, None, 42), fstat(3)]);
    let file = || seq![open("/f", O_CREAT | O_RDONLY, 0o755)];
    let far = i64::MAX - 4096;
    let dir = seq![mkdir("/b", 0o777), open("/b", O_RDONLY, 0), lseek(3, far, SEEK_SET)];
    t.add("a directory, up to the last offset and beyond it", dir, seq![read(3, 4096), read(3, 4097), readv(3, vec![7286]), readv(3, vec![10]), preadv2(3, vec![5000], -1, 0), pread(3, 5000, far), pread(3, 10, far), preadv2(3, vec![5000], -1, RWF_SYNC)]);
    t.add("a range beyond all offsets and a flag", file(), seq![preadv2(3, vec![9563, 76], i64::MAX, 8), preadv2(3, vec![1], i64::MAX - 1, 8)]);
    for flags in [0, RWF_HIPRI, RWF_SYNC, RWF_DSYNC, RWF_NOWAIT, RWF_APPEND, 0x20, 0x1000] {
        let opened = seq![mkdir("/b", 0o777), open("/b", O_RDONLY, 0)];
        t.add(format!("preadv2 of a directory, flags {flags:#x}"), opened, seq![preadv2(3, vec![743, 74], 65_536, flags), preadv2(3, vec![10], -1, flags)]);
    }
}
