//! One call after another, from random numbers: mostly such as have an effect.

use super::Random;
use crate::case::Act;
use crate::prelude::*;

/// How many mappings a process has at most.
pub(super) const SLOTS: usize = 3;

pub(super) struct Generator<'a>(pub(super) &'a mut Random);

impl Generator<'_> {
    fn path(&mut self) -> Bytes {
        let r = &mut *self.0;
        let mut p = Vec::new();
        if !r.chance(4) {
            p.push(b'/');
        }
        let depth = r.pick(&[1, 1, 1, 2, 2, 2, 2, 2, 2, 3]);
        for i in 0..depth {
            if i > 0 {
                p.push(b'/');
            }
            let any: &[&[u8]] = &[b"a", b"b", b"c", b"d", b"e", b"f"];
            let above: &[&[u8]] = if i == 0 { &[b"a", b"b", b"c", b"d"] } else { &[b"d", b"e", b"b"] };
            let dots: &[&[u8]] = &[b".", b".."];
            let name = match r.below(25) {
                0 => r.pick(dots),
                1..=20 if i + 1 < depth => r.pick(above),
                _ => r.pick(any),
            };
            p.extend_from_slice(name);
        }
        if r.chance(15) {
            p.push(b'/');
        }
        if r.chance(200) {
            p = rep(b'n', r.pick(&[255, 256, 4095, 4096])).0;
        }
        if r.chance(200) {
            p.clear();
        }
        Bytes(p)
    }

    fn fd(&mut self) -> i32 {
        let r = &mut *self.0;
        if r.chance(60) { r.pick(&[-1, 50, 1 << 20]) } else { 3 + (r.below(9) * r.below(9) / 8) as i32 }
    }

    fn dir(&mut self) -> i32 {
        if self.0.chance(6) { self.fd() } else { AT_FDCWD }
    }

    fn mode(&mut self) -> u32 {
        let usual = [0o644, 0o666, 0o777];
        let odd = [0o600, 0o755, 0o000, 0o444, 0o222, 0o4755, 0o2755, 0o6777, 0o1777, 0o2644, 0o070];
        if self.0.chance(2) { self.0.pick(&usual) } else { self.0.pick(&odd) }
    }

    fn id(&mut self) -> u32 {
        self.0.pick(&[0, 1001, 1002, 2000, 2001, u32::MAX, u32::MAX])
    }

    fn flags(&mut self) -> i32 {
        let r = &mut *self.0;
        let access = r.pick(&[O_RDONLY, O_WRONLY, O_RDWR, O_RDWR]);
        let rest = [O_TRUNC, O_APPEND, O_NOFOLLOW, O_CLOEXEC, O_NOATIME, O_SYNC];
        let mut f = access | r.bits(&rest, 10) | r.bits(&[O_EXCL, O_DIRECTORY], 25);
        if !r.chance(3) {
            f |= O_CREAT;
        }
        if r.chance(15) {
            f |= O_PATH;
        }
        if r.chance(15) {
            f = (f & !O_CREAT) | O_TMPFILE;
        }
        // What may block is interrupted, which takes time.
        if !r.chance(60) {
            f |= O_NONBLOCK;
        }
        f
    }

    fn len(&mut self) -> usize {
        let r = &mut *self.0;
        match r.below(8) {
            0 => 0,
            1..=3 => r.below(100),
            4 | 5 => r.below(10_000),
            6 => r.pick(&[4095, 4096, 4097, 8192, 12_288]),
            _ => r.below(70_000),
        }
    }

    fn off(&mut self) -> i64 {
        let r = &mut *self.0;
        match r.below(12) {
            0 => 0,
            1..=5 => r.below(10_000) as i64,
            6..=8 => r.pick(&[4095, 4096, 4097, 8192, 12_288, 65_536]),
            9 | 10 => r.below(200_000) as i64,
            _ if r.chance(3) => r.pick(&[-1, i64::MAX, i64::MAX - 4096, i64::MIN]),
            _ => r.pick(&[1 << 33, 1 << 20]),
        }
    }

    fn data(&mut self) -> Data {
        data(self.len(), self.0.below(256) as u8)
    }

    fn lens(&mut self) -> Vec<usize> {
        (0..self.0.below(4)).map(|_| self.len()).collect()
    }

    fn parts(&mut self) -> Vec<Data> {
        (0..self.0.below(4)).map(|_| self.data()).collect()
    }

    fn at(&mut self) -> i32 {
        self.0.bits(&[AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH], 4) | self.0.bits(&[AT_SYMLINK_FOLLOW], 20)
    }

    fn xattr(&mut self) -> Bytes {
        let names =
            ["user.a", "user.b", "trusted.a", "security.a", "system.posix_acl_access", "user.", "none.a"];
        Bytes(self.0.pick(&names).as_bytes().to_vec())
    }

    /// An access list that is mostly valid.
    fn acl(&mut self) -> Data {
        let r = &mut *self.0;
        let mut bytes = 2u32.to_le_bytes().to_vec();
        let mut entry = |tag: u16, id: u32, perm: usize| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend((perm as u16).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        let named = r.chance(2);
        entry(1, u32::MAX, r.below(8));
        if named {
            entry(2, r.pick(&[1001, 1002]), r.below(8));
        }
        entry(4, u32::MAX, r.below(8));
        if named {
            entry(8, r.pick(&[2000, 2001, 1002]), r.below(8));
        }
        if named != r.chance(30) {
            entry(16, u32::MAX, r.below(8));
        }
        entry(32, u32::MAX, r.below(8));
        Data::Lit(bytes)
    }

    fn time(&mut self) -> (i64, i64) {
        self.0.pick(&[
            (1, 5),
            (1_000_000_000, 999),
            (0, UTIME_NOW),
            (0, UTIME_OMIT),
            (-5, 1),
            (4_000_000_000, 0),
        ])
    }

    fn times(&mut self) -> Option<[(i64, i64); 2]> {
        (!self.0.chance(4)).then(|| [self.time(), self.time()])
    }

    /// One call, or a few that belong together.
    pub(super) fn calls(&mut self) -> Vec<Call> {
        if self.0.chance(10) {
            return vec![self.seldom()];
        }
        let call = match self.0.below(10) {
            0..=3 => self.names(),
            4..=6 if self.0.chance(25) => {
                // Far away from what is read: of ranges of one file that overlap the kernel copies what it just wrote.
                // And not to a pipe, where the kernel's bytes change with the file's: nothing else makes this name.
                let place = self.0.chance(2).then(|| self.0.below(200_000) as i64);
                let to = open(self.0.pick(&["/g", "/c/g"]), O_RDWR | O_CREAT | O_NONBLOCK, 0o666);
                let send = sendfile(3, self.fd(), place, self.len());
                return vec![close(3), to, lseek(3, 1 << 22, SEEK_SET), send];
            }
            4..=6 => self.bytes(),
            7 => self.attributes(),
            8 => self.descriptors(),
            _ if self.0.chance(2) => {
                let fd = self.fd();
                return vec![lseek(fd, 0, SEEK_SET), readdir(fd, self.0.pick(&[300, 4096]))];
            }
            _ => self.rest(),
        };
        vec![call]
    }

    fn names(&mut self) -> Call {
        match self.0.below(24) {
            0..=5 => openat(self.dir(), self.path(), self.flags(), self.mode()),
            6 | 7 => mkdirat(self.dir(), self.path(), self.mode()),
            8 => rmdir(self.path()),
            9 | 10 => unlinkat(self.dir(), self.path(), self.0.pick(&[0, 0, 0, AT_REMOVEDIR])),
            11 => link(self.path(), self.path()),
            12 => {
                let flags = if self.0.chance(3) { self.at() & !AT_SYMLINK_NOFOLLOW } else { 0 };
                linkat(self.dir(), self.path(), self.dir(), self.path(), flags)
            }
            13 => symlinkat(self.path(), self.dir(), self.path()),
            14..=17 => renameat(self.dir(), self.path(), self.dir(), self.path()),
            18 | 19 => {
                renameat2(self.dir(), self.path(), self.dir(), self.path(), self.0.pick(&[1, 2, 2, 4, 3]))
            }
            20 => {
                let kind = self.0.pick(&[S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFIFO]);
                mknodat(self.dir(), self.path(), kind | self.mode(), NULL)
            }
            21 => readlinkat(self.dir(), self.path(), 100),
            22 => {
                let how =
                    self.0.pick(&[0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV]);
                let flags = self.flags() as u32 as u64;
                let creates = flags as i32 & (O_CREAT | 0o20_000_000) != 0;
                openat2(self.dir(), self.path(), flags, if creates { 0o640 } else { 0 }, how)
            }
            _ => creat(self.path(), self.mode()),
        }
    }

    fn bytes(&mut self) -> Call {
        match self.0.below(24) {
            0 | 1 => read(self.fd(), self.len()),
            2..=4 => write(self.fd(), self.data()),
            5 => pread(self.fd(), self.len(), self.off()),
            6 | 7 => pwrite(self.fd(), self.data(), self.off()),
            8 => readv(self.fd(), self.lens()),
            9 => writev(self.fd(), self.parts()),
            10 => preadv2(
                self.fd(),
                self.lens(),
                self.off(),
                self.0.bits(&[RWF_HIPRI, RWF_SYNC, RWF_NOWAIT], 5),
            ),
            11 => pwritev2(self.fd(), self.parts(), self.off(), self.0.bits(&[RWF_DSYNC, RWF_APPEND], 4)),
            12 | 13 => match self.0.below(5) {
                0 => lseek(self.fd(), self.0.below(2000) as i64 - 1000, SEEK_CUR),
                1 => lseek(self.fd(), self.off(), SEEK_DATA),
                2 => lseek(self.fd(), self.off(), SEEK_HOLE),
                3 => lseek(self.fd(), self.off(), SEEK_END),
                _ => lseek(self.fd(), self.off(), SEEK_SET),
            },
            14 | 15 => ftruncate(self.fd(), self.off()),
            16 => truncate(self.path(), self.off()),
            17 | 18 => {
                let punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
                fallocate(
                    self.fd(),
                    self.0.pick(&[0, FALLOC_FL_KEEP_SIZE, punch, punch]),
                    self.off(),
                    self.len() as i64,
                )
            }
            19 | 20 => {
                let (from, to) = (self.place(), self.place());
                copy_file_range(self.fd(), from, self.fd(), to, self.len(), 0)
            }
            21 => fstat(self.fd()),
            22 => fionread(self.fd()),
            _ => poll(vec![(self.fd(), POLLIN | POLLOUT), (self.fd(), POLLIN)]),
        }
    }

    fn place(&mut self) -> Option<i64> {
        self.0.chance(2).then(|| self.off())
    }

    fn attributes(&mut self) -> Call {
        match self.0.below(20) {
            0 | 1 => chmod(self.path(), self.mode()),
            2 => fchmod(self.fd(), self.mode()),
            3 => fchmodat2(self.dir(), self.path(), self.mode(), self.at()),
            4 | 5 => fchownat(self.dir(), self.path(), self.id(), self.id(), self.at()),
            6 => fchown(self.fd(), self.id(), self.id()),
            7 | 8 => utimensat(self.dir(), Some(self.path()), self.times(), self.at()),
            9 => faccessat2(self.dir(), self.path(), self.0.below(8) as i32, self.0.pick(&[0, AT_EACCESS])),
            10 => fstatat(self.dir(), self.path(), self.at()),
            11 => statx(self.dir(), self.path(), self.at(), STATX_BASIC_STATS | STATX_BTIME),
            12 => fstat(self.fd()),
            13 => setxattr(self.path(), self.xattr(), data(self.0.below(100), 7), self.0.below(3) as i32),
            14 => {
                let name = self.0.pick(&["system.posix_acl_access", "system.posix_acl_default"]);
                setxattr(self.path(), name, self.acl(), 0)
            }
            15 => fsetxattr(self.fd(), self.xattr(), data(self.0.below(100), 9), 0),
            16 => getxattr(self.path(), self.xattr(), self.0.pick(&[0, 10, 200])),
            17 => llistxattr(self.path(), self.0.pick(&[0, 10, 500])),
            18 => lremovexattr(self.path(), self.xattr()),
            _ => umask(self.0.pick(&[0, 0, 0o022, 0o077, 0o027, 0o777])),
        }
    }

    fn descriptors(&mut self) -> Call {
        match self.0.below(16) {
            0 => close(self.fd()),
            1..=3 => openat(AT_FDCWD, self.path(), self.flags() | O_CREAT, 0o666),
            4 => dup(self.fd()),
            5 | 6 => dup2(self.fd(), 3 + self.0.below(9) as i32),
            7 => dup3(self.fd(), 3 + self.0.below(9) as i32, self.0.pick(&[0, O_CLOEXEC])),
            8 => fcntl(self.fd(), self.0.pick(&[F_GETFD, F_GETFL]), 0),
            9 => fcntl(self.fd(), F_SETFD, self.0.below(2) as i64),
            10 => fcntl(self.fd(), F_SETFL, i64::from(O_NONBLOCK | self.0.bits(&[O_APPEND, O_NOATIME], 2))),
            11 => fcntl(self.fd(), self.0.pick(&[F_DUPFD, F_DUPFD_CLOEXEC]), 3 + self.0.below(8) as i64),
            12 if self.0.chance(4) => {
                close_range(6 + self.0.below(8) as u32, 12, self.0.pick(&[0, CLOSE_RANGE_CLOEXEC]))
            }
            13 if self.0.chance(4) => exec(),
            14 => pipe2(O_NONBLOCK | self.0.pick(&[0, O_CLOEXEC, O_DIRECT])),
            _ => fstat(self.fd()),
        }
    }

    fn rest(&mut self) -> Call {
        let kind = self.0.pick(&[F_RDLCK, F_WRLCK, F_UNLCK]);
        match self.0.below(10) {
            0 => chdir(self.path()),
            1 => fchdir(self.fd()),
            2 => getcwd(500),
            3..=5 => {
                let cmd = self.0.pick(&[F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK]);
                let (start, len) = (self.0.below(100) as i64, self.0.below(100) as i64);
                lock(self.fd(), cmd, kind, self.0.below(3) as i32, start, len)
            }
            6 | 7 => flock(self.fd(), LOCK_NB | self.0.pick(&[LOCK_SH, LOCK_EX, LOCK_UN])),
            8 => {
                let some =
                    [u64::MAX, CAP_FOWNER, CAP_FSETID, CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_DAC_READ_SEARCH, 0];
                caps(if self.0.chance(2) { u64::MAX } else { self.0.pick(&some) })
            }
            _ => fsync(self.fd()),
        }
    }

    /// What is done to mappings. There are few slots, so that most are in use.
    pub(super) fn mapping(&mut self) -> Vec<Call> {
        let slot = self.0.below(SLOTS);
        let (off, len) = (self.0.below(20_000), self.0.below(6000));
        match self.0.below(10) {
            0 | 1 => vec![munmap(slot), self.mmap(slot)],
            2 => vec![munmap(slot)],
            3 | 4 => vec![map_read(slot, off, len)],
            5..=8 => vec![map_write_within(slot, off, data(len, self.0.below(256) as u8))],
            _ => {
                let flags = self.0.pick(&[MS_SYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_ASYNC, 8]);
                // The first page alone: behind a mapping there may be any other of the process.
                vec![msync(slot, self.0.pick(&[0, 0, 1]), len.min(4096), flags)]
            }
        }
    }

    fn mmap(&mut self, slot: usize) -> Call {
        let off = self.0.pick(&[0, 0, 0, 4096, 8192, 65_536, 1 << 20, 1, -4096]);
        let len = self.0.pick(&[1, 4096, 8192, 12_288, 10_000, 40_000, 0]);
        let rw = PROT_READ | PROT_WRITE;
        let prot = self.0.pick(&[rw, rw, rw, PROT_READ, PROT_READ, PROT_WRITE, PROT_NONE]);
        let flags = self.0.pick(&[MAP_SHARED, MAP_SHARED, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 0]);
        mmap(slot, self.fd(), off, len, prot, flags)
    }

    /// A call that may have to wait, a few of the other processes that may let it go on, and its end.
    pub(super) fn waiting(&mut self, proc: usize, noatime: bool) -> Vec<Step> {
        let (from, len) = (self.0.below(100) as i64, self.0.below(100) as i64);
        let mut steps = Vec::new();
        let rival = (proc + 1) % 3;
        let meet = self.0.chance(2);
        if meet {
            // Both have one file open as the lowest descriptor, and the other one has locked it.
            let opened = openat(AT_FDCWD, "/b/a", O_RDWR | O_CREAT | O_NONBLOCK, 0o666);
            let held = match self.0.below(3) {
                0 => flock(3, self.0.pick(&[LOCK_EX, LOCK_SH]) | LOCK_NB),
                1 => lock(3, F_SETLK, F_WRLCK, 0, 0, 0),
                _ => lock(3, F_OFD_SETLK, F_RDLCK, 0, 20, 30),
            };
            for (who, call) in
                [(proc, close(3)), (proc, opened.clone()), (rival, close(3)), (rival, opened), (rival, held)]
            {
                steps.push(Step { proc: who, act: Act::Call(tick()) });
                steps.push(Step { proc: who, act: Act::Call(call) });
            }
        }
        let fd = if meet { 3 } else { self.fd() };
        let call = match self.0.below(if meet { 4 } else { 6 }) {
            0 => lock(fd, F_SETLKW, self.0.pick(&[F_RDLCK, F_WRLCK]), 0, from, len),
            1 => lock(fd, F_OFD_SETLKW, self.0.pick(&[F_RDLCK, F_WRLCK]), 0, from, len),
            2 | 3 => flock(fd, self.0.pick(&[LOCK_SH, LOCK_EX])),
            4 => openat(AT_FDCWD, "/b/f", self.0.pick(&[O_RDONLY, O_WRONLY]), 0),
            _ => read(fd, self.len()),
        };
        if !noatime {
            steps.push(Step { proc, act: Act::Call(tick()) });
        }
        steps.push(start(proc, call));
        for _ in 0..=self.0.below(3) {
            let (other, fd) = match meet && self.0.chance(2) {
                true => (rival, 3),
                false => ((proc + 1 + self.0.below(2)) % 3, self.fd()),
            };
            let call = match self.0.below(6) {
                0 | 1 => flock(fd, self.0.pick(&[LOCK_UN, LOCK_UN, LOCK_SH | LOCK_NB])),
                2 => lock(fd, self.0.pick(&[F_SETLK, F_OFD_SETLK]), F_UNLCK, 0, 0, 0),
                3 => close(fd),
                4 => write(fd, self.data()),
                _ => openat(AT_FDCWD, "/b/f", O_RDWR | O_NONBLOCK, 0),
            };
            if !noatime {
                steps.push(Step { proc: other, act: Act::Call(tick()) });
            }
            steps.push(Step { proc: other, act: Act::Call(call) });
        }
        steps.push(finish(proc));
        steps
    }

    /// Calls that others of their kind stand for most of the time.
    fn seldom(&mut self) -> Call {
        match self.0.below(36) {
            0 => mknod(self.path(), S_IFSOCK | self.mode(), 0),
            1 => access(self.path(), self.0.below(8) as i32),
            2 => faccessat(self.dir(), self.path(), self.0.below(8) as i32),
            3 => lchown(self.path(), self.id(), self.id()),
            4 => fchmodat(self.dir(), self.path(), self.mode()),
            5 => lsetxattr(self.path(), self.xattr(), data(self.0.below(100), 3), self.0.below(3) as i32),
            6 => lgetxattr(self.path(), self.xattr(), self.0.pick(&[0, 10, 200])),
            7 => fgetxattr(self.fd(), self.xattr(), self.0.pick(&[0, 10, 200])),
            8 => listxattr(self.path(), self.0.pick(&[0, 10, 500])),
            9 => flistxattr(self.fd(), self.0.pick(&[0, 10, 500])),
            10 => removexattr(self.path(), self.xattr()),
            11 => fremovexattr(self.fd(), self.xattr()),
            12 => fsetxattr(self.fd(), "system.posix_acl_default", self.acl(), 0),
            13 => preadv(self.fd(), self.lens(), self.off()),
            14 => pwritev(self.fd(), self.parts(), self.off()),
            15 => fdatasync(self.fd()),
            16 => syncfs(self.fd()),
            17 => sync_file_range(self.fd(), self.off(), self.len() as i64, self.0.below(9) as u32),
            18 => fadvise(self.fd(), self.off(), self.len() as i64, self.0.below(7) as i32),
            19 => readahead(self.fd(), self.off(), self.len()),
            20 => fcntl(self.fd(), F_GETPIPE_SZ, 0),
            21 => fcntl(self.fd(), F_SETPIPE_SZ, self.0.pick(&[0, 4096, 5000, 8192, 65_536, 1 << 20])),
            22 => fcntl(self.fd(), self.0.pick(&[F_GET_SEALS, F_ADD_SEALS]), self.0.below(32) as i64),
            23 => nofile(self.0.pick(&[3, 8, 12, 14, 64, 1024, 1024])),
            24 => fstatfs(50),
            25 => lstat(self.path()),
            26 | 27 => {
                let flags = [0, 0, 0, FS_NODUMP_FL, FS_NOATIME_FL, FS_APPEND_FL, FS_IMMUTABLE_FL, FS_SYNC_FL];
                ioctl(self.fd(), FS_IOC_SETFLAGS, self.0.pick(&flags) as i32)
            }
            28 => fssetxattr(self.fd(), self.0.bits(&[0x8, 0x10, 0x40, 0x80, 0x800], 6) as u32, 0, 0),
            29 => {
                let requests = [
                    FIOCLEX,
                    FIONCLEX,
                    FIOQSIZE,
                    FIGETBSZ,
                    FIOASYNC,
                    FIBMAP,
                    FS_IOC_GETFLAGS,
                    FS_IOC_FSGETXATTR,
                ];
                ioctl(self.fd(), self.0.pick(&requests), self.0.below(2) as i32)
            }
            // The saved user id stays root's, so that there is a way back.
            30 => setfsuid(self.id()),
            31 => setresgid(self.id(), self.id(), self.id()),
            32 => setfsgid(self.id()),
            33 => {
                let groups = (0..self.0.below(4)).map(|_| self.0.pick(&[0, 1001, 2000, 2001]));
                setgroups(groups.collect::<Vec<u32>>())
            }
            34 => utimensat(self.fd(), None::<&str>, self.times(), 0),
            _ => statx(self.fd(), "", AT_EMPTY_PATH, STATX_BASIC_STATS),
        }
    }
}
