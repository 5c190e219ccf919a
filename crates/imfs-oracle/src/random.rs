//! Random sequences of calls of three processes, one a user, over a small tree, and the shrinking of those that differ.
//!
//! What is made depends on the seed alone. It avoids what Linux leaves to the file system: the order of a directory, and
//! offsets in one.

use crate::case::{Act, Limits, Record, Side};
use crate::compare::{difference, every_time};
use crate::prelude::*;

/// Numbers from a seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Some of these bits.
    fn bits(&mut self, from: &[i32], one_in: usize) -> i32 {
        from.iter().fold(0, |bits, b| if self.chance(one_in) { bits | b } else { bits })
    }
}

/// A sequence.
pub struct Sequence {
    /// The seed that it was made from.
    pub seed: u64,
    /// Its file system.
    pub limits: Limits,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// The sequence of a seed: 50 to 500 calls. Half of them are on a file system without access times, where little time has
/// to pass for the stamps to tell calls apart; the others let it pass before each call.
pub fn sequence(seed: u64) -> Sequence {
    let mut r = Random::new(seed);
    let noatime = r.chance(2);
    let limits = Limits { noatime, ..Limits::default() };
    let mut steps = start(&mut r);
    let len = 50 + r.below(451);
    let own = if r.chance(8) { Some(chroot("/a")) } else { None };
    while steps.len() < len {
        let proc = r.below(3);
        if r.chance(80) {
            // One goes, with its locks and descriptors, and another comes in its place.
            let parent = r.below(2);
            steps.extend([
                Step { proc: 2, act: Act::Call(exit()) },
                Step { proc: parent, act: Act::Call(fork(2)) },
                Step { proc: 2, act: Act::Call(user(r.pick(&[ALICE, BOB, BOB]))) },
            ]);
        }
        let mut calls = Generator(&mut r).calls();
        if own.is_some() && r.chance(len) {
            calls.extend(own.clone());
        }
        for c in calls {
            if if noatime { r.chance(8) } else { c.moves_stamps() } {
                steps.push(Step { proc, act: Act::Call(tick()) });
            }
            steps.push(Step { proc, act: Act::Call(c) });
        }
    }
    Sequence { seed, limits, steps }
}

/// A small tree, three processes, and in each a few descriptors.
fn start(r: &mut Random) -> Vec<Step> {
    let mut steps = seq![
        mkdir("/a", 0o777),
        chmod("/a", 0o777),
        mkdir("/b", 0o777),
        chmod("/b", 0o1777),
        mkdir("/c", 0o755),
        chown("/c", 1001, 2000),
        chmod("/c", 0o2775),
        mkdir("/a/d", 0o777),
        chmod("/a/d", 0o777),
        symlink("a", "/d"),
        symlink("../b", "/a/e"),
        mknod("/b/f", S_IFIFO | 0o666, 0),
        umask(0),
        creat("/a/a", 0o666),
        write(3, data(10_000, 1)),
        link("/a/a", "/b/a"),
        close(3),
        creat("/f", 0o644),
        close(3),
        chmod("/", 0o777),
    ];
    if r.chance(3) {
        steps.push(chmod("/", 0o755).into());
    }
    steps.extend(seq![fork(1), fork(2)]);
    for (proc, who) in [(0, ROOT), (1, ALICE), (2, BOB)] {
        let mut calls = vec![user(who)];
        let places = ["/a/a", "/a/b", "/b/a", "/b/c", "/c/a", "/c/b", "/f", "/e", "/b/f"];
        for _ in 0..3 {
            let (f, mode) = (r.pick(&[O_RDWR, O_RDWR, O_WRONLY, O_RDONLY]), r.pick(&[0o666, 0o644, 0o4777]));
            calls.push(open(r.pick(&places), f | O_CREAT | O_NONBLOCK, mode));
        }
        calls.push(open(r.pick(&["/", "/a", "/b", "/c", "/a/d"]), r.pick(&[O_RDONLY, O_PATH]), 0));
        if r.chance(3) {
            calls.push(pipe2(O_NONBLOCK));
        }
        steps.extend(calls.into_iter().map(|c| Step { proc, act: Act::Call(c) }));
    }
    steps
}

struct Generator<'a>(&'a mut Random);

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
    fn calls(&mut self) -> Vec<Call> {
        let call = match self.0.below(10) {
            0..=3 => self.names(),
            4..=6 if self.0.chance(25) => {
                // Far away from what is read: of ranges of one file that overlap the kernel copies what it just wrote.
                let (to, from) = (self.fd(), self.fd());
                let place = self.0.chance(2).then(|| self.0.below(200_000) as i64);
                return vec![lseek(to, 1 << 22, SEEK_SET), sendfile(to, from, place, self.len())];
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
}

/// How a sequence differs: the shortest one found that does, and the difference.
pub struct Found {
    /// The steps that are left.
    pub steps: Vec<Step>,
    /// What differs.
    pub what: String,
}

/// Runs a sequence on both sides; shrinks it if they differ.
pub fn check(oracle: &mut dyn Side, subject: &mut dyn Side, sequence: &Sequence) -> Option<Found> {
    let names = (oracle.name(), subject.name());
    let mut differs = |steps: &[Step]| {
        let a = oracle.run(sequence.limits, steps);
        let b = run_guarded(subject, sequence.limits, steps);
        // A step that the oracle itself could not make proves nothing.
        if a.outcomes.iter().any(|o| o.is_broken()) {
            return None;
        }
        difference(steps, names, &a, &b)
    };
    let what = every_time(&mut || differs(&sequence.steps))?;
    let mut found = Found { steps: sequence.steps.clone(), what };
    // More is rarely needed, and it must end even if the difference comes and goes.
    let mut tries = 300;
    let mut chunk = found.steps.len() / 2;
    while chunk > 0 && tries > 0 {
        let mut at = 0;
        let mut removed = false;
        while at < found.steps.len() && tries > 0 {
            let end = (at + chunk).min(found.steps.len());
            let mut steps = found.steps.clone();
            steps.drain(at..end);
            tries -= 1;
            match differs(&steps) {
                Some(what) => {
                    found = Found { steps, what };
                    removed = true;
                }
                None => at = end,
            }
        }
        if !removed || chunk > 1 {
            chunk /= 2;
        }
    }
    Some(found)
}

fn run_guarded(side: &mut dyn Side, limits: Limits, steps: &[Step]) -> Record {
    crate::compare::guarded(|| side.run(limits, steps))
}
