//! Calls with each of their allocations failing in turn: the call fails with ENOMEM and the tree is as before, or it
//! could do without. The same with all allocations failing from each one on, and with each page and page map node.

use std::sync::Arc;

use imfs::abi::fcntl::{F_OFD_SETLK, F_SETLK};
use imfs::abi::{
    AT_FDCWD, AtFlags, Errno, FallocFlags, Flock, FlockOp, LockKind, MapFlags, Mode, OFlags, PollFd,
    PollFlags, ProtFlags, RenameFlags, Timespec, XattrFlags,
};
use imfs::inode::Credentials;
use imfs::platform::clock::Clock;
use imfs::sync::epoch;
use imfs::{Cage, Imfs};

use crate::allocator::{alone, failing};
use crate::tree::snapshot;

type Result = std::result::Result<(), Errno>;

/// A clock that stands still, so that trees can be compared.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timespec {
        Timespec { sec: 1, nsec: 2 }
    }
}

const ALL: Mode = Mode::RWXUGO;
const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);
const WHITEOUT: RenameFlags = RenameFlags::WHITEOUT;
const EXCHANGE: RenameFlags = RenameFlags::EXCHANGE;

/// A tree with some of everything: and 4 files, so that the next entry of /d needs a chunk.
fn prepare() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::builder().clock(Still).size(64 << 20).inodes(10_000).build().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    for dir in ["/d", "/e", "/e/f", "/many", "/few", "/empty"] {
        cage.mkdir(dir, ALL).expect(dir);
    }
    for name in ["a", "b", "c", "g"] {
        file(&cage, &format!("/d/{name}"), name.as_bytes());
    }
    for n in 0..20 {
        file(&cage, &format!("/many/{n}"), b"");
    }
    // One removal more, and the rest moves together.
    for n in 0..148 {
        file(&cage, &format!("/few/{n}"), b"");
    }
    for n in 0..143 {
        cage.unlink(format!("/few/{n}")).expect("unlink");
    }
    file(&cage, "/big", &[7; 70_000]);
    file(&cage, "/e/f/target", b"replaced");
    cage.symlink("d/a", "/link").expect("symlink");
    cage.setxattr("/d/a", "user.a", b"value", XattrFlags::empty()).expect("setxattr");
    assert_eq!(cage.open("/big", OFlags::RDWR, ALL), Ok(3));
    assert_eq!(cage.open("/d/b", OFlags::RDWR, ALL), Ok(4));
    assert_eq!(cage.open("/d", OFlags::RDONLY, ALL), Ok(5));
    // The thread keeps no memory of objects that were freed.
    epoch::flush();
    (fs, cage)
}

fn file(cage: &Cage, path: &str, bytes: &[u8]) {
    let fd = cage.open(path, CREATE, ALL).expect(path);
    if !bytes.is_empty() {
        assert_eq!(cage.write(fd, bytes), Ok(bytes.len()));
    }
    cage.close(fd).expect("close");
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One allocation.
    Allocation,
    /// One, and all that follow.
    AllFrom,
    /// A page of a file, or a node of its page map.
    Page,
}

pub(crate) const FAULTS: [Fault; 3] = [Fault::Allocation, Fault::AllFrom, Fault::Page];

impl Fault {
    /// Makes the call with the `n`-th of its kind failing, and says whether there was an `n`-th.
    pub(crate) fn strike<R>(self, n: u64, fs: &Imfs, call: impl FnOnce() -> R) -> (R, bool) {
        match self {
            Fault::Allocation => failing(n, false, call),
            Fault::AllFrom => failing(n, true, call),
            Fault::Page => {
                fs.fail_nth_page(n);
                let result = call();
                (result, fs.fail_nth_page(0) == 0)
            }
        }
    }
}

/// Runs `call` on fresh trees until nothing that it allocates is left to fail. It must allocate if `needs`.
fn each(name: &str, needs: bool, call: impl Fn(&Imfs, &Cage) -> Result) {
    let _alone = alone();
    for fault in FAULTS {
        for n in 1.. {
            let (fs, cage) = prepare();
            let before = snapshot(&fs, &cage);
            let (result, failed) = fault.strike(n, &fs, || call(&fs, &cage));
            if result.is_err() {
                // pipe(2) says ENFILE instead, locks ENOLCK.
                assert!(
                    matches!(result, Err(Errno::ENOMEM | Errno::ENFILE | Errno::ENOLCK)),
                    "{name}: {fault:?} {n}: {result:?}"
                );
                let after = snapshot(&fs, &cage);
                assert!(after == before, "{name}: {fault:?} {n} changed\n{before}\nto\n{after}");
                assert_eq!(call(&fs, &cage), Ok(()), "{name}: again, after {fault:?} {n}");
            }
            drop((fs, cage));
            epoch::flush();
            if !failed {
                let reached = n > 1 || !needs || fault == Fault::Page;
                assert!(reached, "{name} allocates nothing: is it the right test?");
                break;
            }
            assert!(n < 1000, "{name} never ends");
        }
    }
}

#[test]
fn calls_that_make_names() {
    each("mkdir", true, |_, c| c.mkdir("/d/new", ALL));
    each("mkdir in an empty directory", true, |_, c| c.mkdir("/e/f/x", ALL));
    let long = format!("/many/{}", "x".repeat(255));
    each("mkdir with a long name", true, |_, c| c.mkdir(&long, ALL));
    each("create", true, |_, c| c.open("/d/new", CREATE, ALL).map(drop));
    each("create among many", true, |_, c| c.open("/many/new", CREATE, ALL).map(drop));
    each("create after removals", true, |_, c| c.open("/few/new", CREATE, ALL).map(drop));
    each("mkfifo", true, |_, c| c.mkfifo("/d/new", ALL));
    each("symlink", true, |_, c| c.symlink([b'x'; 4000], "/d/new"));
    each("link", true, |_, c| c.link("/big", "/d/new"));
    each("tmpfile", true, |_, c| {
        let fd = c.open("/d", OFlags::TMPFILE | OFlags::RDWR, ALL)?;
        let linked = c.linkat(fd, "", AT_FDCWD, "/d/new", AtFlags::EMPTY_PATH);
        c.close(fd)?;
        linked
    });
    each("bind", true, |_, c| c.bind("/d/new"));
}

#[test]
fn calls_that_move_and_remove_names() {
    each("rename a file", true, |_, c| c.rename("/d/a", "/d/new"));
    each("rename a file to another directory", true, |_, c| c.rename("/big", "/d/new"));
    each("rename onto a file", false, |_, c| c.rename("/d/a", "/e/f/target"));
    each("rename a directory", true, |_, c| c.rename("/e/f", "/e/g"));
    each("rename a directory to another directory", true, |_, c| c.rename("/e/f", "/d/new"));
    each("rename onto a directory", true, |_, c| c.rename("/e/f", "/empty"));
    each("exchange", true, |_, c| c.renameat2(AT_FDCWD, "/e/f", AT_FDCWD, "/d/a", EXCHANGE));
    each("whiteout", true, |_, c| c.renameat2(AT_FDCWD, "/d/a", AT_FDCWD, "/d/new", WHITEOUT));
    each("unlink", false, |_, c| c.unlink("/d/a"));
    let names: Vec<_> = (143..148).map(|n| format!("/few/{n}")).collect();
    each("unlink, with tidying", true, |_, c| {
        names.iter().for_each(|name| c.unlink(name).expect("never fails"));
        Ok(())
    });
    each("rmdir", false, |_, c| {
        c.unlink("/e/f/target").expect("never fails");
        c.rmdir("/e/f").expect("never fails");
        Ok(())
    });
}

#[test]
fn calls_with_descriptors() {
    each("open", true, |_, c| c.open("/d/a", OFlags::RDONLY, ALL).map(drop));
    each("dup", false, |_, c| c.dup(3).map(drop));
    each("dup2", true, |_, c| c.dup2(3, 290).map(drop));
    each("dup2 onto one", false, |_, c| c.dup2(3, 4).map(drop));
    each("many", true, |_, c| {
        let opened = [(); 70].map(|()| c.dup(3));
        let result = opened.iter().find_map(|fd| fd.err()).map_or(Ok(()), Err);
        opened.into_iter().flatten().for_each(|fd| c.close(fd).expect("close"));
        result
    });
    each("close", false, |_, c| c.close(3));
    each("pipe", true, |_, c| {
        let [reader, writer] = c.pipe2(OFlags::NONBLOCK)?;
        let written = c.write(writer, &[1; 20_000]).map(drop);
        c.close(reader)?;
        c.close(writer)?;
        written
    });
    each("poll", false, |_, c| c.poll(&mut [PollFd::new(3, PollFlags::IN)], 0).map(drop));
    each("readdir", true, |_, c| {
        let mut dir = c.opendir("/many")?;
        let read = loop {
            match dir.readdir(c) {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        dir.closedir(c)?;
        read
    });
}

#[test]
fn calls_with_bytes() {
    each("write", false, |_, c| c.pwrite(4, &[1; 100], 0).map(drop));
    each("write far out", true, |_, c| c.pwrite(4, b"x", 1 << 33).map(drop));
    each("truncate", false, |_, c| c.truncate("/d/b", 100_000));
    each("allocate", true, |_, c| c.fallocate(4, FallocFlags::empty(), 0, 1 << 20));
    each("punch", false, |_, c| c.fallocate(3, FallocFlags::PUNCH_HOLE | FallocFlags::KEEP_SIZE, 1, 50_000));
    each("clone", false, |_, c| c.ficlone(4, 3));
    each("copy", false, |_, c| c.copy_file_range(3, Some(&mut 0), 4, Some(&mut 0), 50_000, 0).map(drop));
    each("copy over pages", false, |_, c| {
        c.copy_file_range(3, Some(&mut 0), 3, Some(&mut 20_480), 8192, 0).map(drop)
    });
    each("copy through memory", true, |_, c| c.sendfile(4, 3, Some(&mut 5), 60_000).map(drop));
    each("write to shared pages", false, |_, c| {
        c.ficlone(4, 3)?;
        let written = c.pwrite(4, &[1; 9000], 4000);
        c.pwrite(4, b"b", 0).and(c.ftruncate(4, 1))?;
        written.map(drop)
    });
}

#[test]
fn calls_with_locks() {
    let set = |c: &Cage, command, kind, start, len| c.setlk(3, command, &Flock::new(kind, start, len));
    each("the first lock", true, |_, c| set(c, F_SETLK, LockKind::Write, 0, 10));
    each("a lock of the description", true, |_, c| set(c, F_OFD_SETLK, LockKind::Read, 5, 0));
    // What cuts a lock in two needs room for a third; whatever comes of it, the cut is not made by halves.
    each("unlock the middle", true, |_, c| {
        set(c, F_SETLK, LockKind::Write, 0, 100)?;
        let cut = set(c, F_SETLK, LockKind::Unlock, 40, 10).and(set(c, F_SETLK, LockKind::Read, 60, 10));
        let all = set(c, F_SETLK, LockKind::Unlock, 0, 0);
        cut.and(all)
    });
    each("flock", true, |_, c| c.flock(3, FlockOp::EX).and(c.flock(3, FlockOp::UN)));
    each("fork and lock", true, |fs, _| {
        let child = fs.fork(1, 2)?;
        let locked = set(&child, F_SETLK, LockKind::Write, 0, 10);
        fs.exit(2)?;
        locked
    });
}

#[test]
fn calls_with_attributes() {
    let acl = [
        2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 9, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
        16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    let set = XattrFlags::empty();
    each("setxattr", true, |_, c| c.setxattr("/d/b", "user.b", &[1; 3000], set));
    each("setxattr, larger", true, |_, c| c.setxattr("/d/a", "user.a", &[1; 3000], set));
    each("removexattr", false, |_, c| c.removexattr("/d/a", "user.a"));
    each("set an access list", true, |_, c| c.setxattr("/d/a", "system.posix_acl_access", &acl, set));
    each("set a default list", true, |_, c| c.setxattr("/d", "system.posix_acl_default", &acl, set));
    each("chmod", false, |_, c| c.chmod("/d/a", ALL));
}

#[test]
fn calls_of_processes() {
    each("chdir", false, |_, c| c.chdir("/d"));
    each("chroot", false, |_, c| c.chroot("/d"));
    each("getcwd", true, |_, c| c.getcwd().map(drop));
    each("setgroups", true, |_, c| c.setgroups(&[1, 2, 3]));
    each("setresuid", true, |_, c| c.setresuid(5, 5, 5));
    each("create_cage", true, |fs, _| fs.create_cage(7, Credentials::root()).map(drop));
    each("fork", true, |fs, _| fs.fork(1, 2).map(drop));
    each("exec", true, |fs, _| {
        let child = fs.fork(1, 2)?;
        let executed = child.exec();
        fs.exit(2)?;
        executed
    });
}

#[test]
fn calls_that_map() {
    let map = |c: &Cage, at: *mut u8, len: usize, flags: MapFlags| {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fixed address is one of the test's own mappings.
        unsafe { c.mmap(at, len, prot, flags, 3, 0) }
    };
    each("mmap and munmap", true, |_, c| {
        let at = map(c, std::ptr::null_mut(), 5 * 4096, MapFlags::SHARED)?;
        let part = c.munmap(at.wrapping_add(4096), 4096);
        let over = map(c, at.wrapping_add(3 * 4096), 4096, MapFlags::SHARED | MapFlags::FIXED);
        c.munmap(at, 5 * 4096).expect("whole mappings need no memory to go");
        part.and(over.map(drop))
    });
    each("a mapping, written to and left", true, |_, c| {
        let at = map(c, std::ptr::null_mut(), 5 * 4096, MapFlags::SHARED)?;
        // The same bytes, so that the tree is as before.
        let written = c.pwrite(3, &[7; 9000], 100).map(drop);
        c.munmap(at, 5 * 4096).expect("whole mappings need no memory to go");
        written
    });
}
