//! A whole session with each of its allocations failing in turn. It goes on after an error, as programs do; afterwards link
//! counts agree with names, and when all is removed all space is free.

use std::collections::HashMap;
use std::sync::Arc;

use imfs::abi::fcntl::{F_OFD_SETLK, F_SETLK};
use imfs::abi::{
    AT_FDCWD, AtFlags, FallocFlags, Flock, FlockOp, LockKind, MapFlags, Mode, OFlags, ProtFlags, RenameFlags,
    StatxMask, XattrFlags,
};
use imfs::inode::Credentials;
use imfs::sync::epoch;
use imfs::{Cage, Imfs};

use crate::allocator::alone;
use crate::scenarios::{FAULTS, Still};
use crate::tree::{names_in, snapshot};

const ALL: Mode = Mode::RWXUGO;
const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);

/// A little of everything. What fails is left out, and what needs it fails too.
fn session(fs: &Imfs, cage: &Cage) {
    let _ = cage.mkdir("/a", ALL);
    let _ = cage.mkdir("/a/inner", ALL);
    let file = cage.open("/a/file", CREATE, ALL).unwrap_or(-1);
    let _ = cage.write(file, &[1; 20_000]);
    let _ = cage.setxattr("/a/file", "user.name", &[2; 300], XattrFlags::empty());
    let _ = cage.link("/a/file", "/hard");
    let _ = cage.symlink("a/file", "/soft");
    let _ = cage.rename("/a/inner", "/moved");
    let _ = cage.renameat2(AT_FDCWD, "/moved", AT_FDCWD, "/hard", RenameFlags::EXCHANGE);
    let _ = cage.setlk(file, F_SETLK, &Flock::new(LockKind::Write, 0, 100));
    let _ = cage.setlk(file, F_SETLK, &Flock::new(LockKind::Unlock, 50, 10));
    let _ = cage.setlk(file, F_OFD_SETLK, &Flock::new(LockKind::Write, 200, 1));
    let _ = cage.flock(file, FlockOp::SH);
    let other = cage.open("/other", CREATE, ALL).unwrap_or(-1);
    let _ = cage.copy_file_range(file, Some(&mut 0), other, Some(&mut 8192), 12_000, 0);
    let _ = cage.pwrite(other, &[3; 5000], 9000);
    let _ = cage.fallocate(other, FallocFlags::PUNCH_HOLE | FallocFlags::KEEP_SIZE, 9000, 5000);
    let _ = cage.ftruncate(other, 1 << 21);
    let _ = cage.pwrite(other, b"far out", 2 << 20);
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the address is the host's choice, and only the cage unmaps it.
    if let Ok(at) = unsafe { cage.mmap(std::ptr::null_mut(), 8192, prot, MapFlags::SHARED, other, 0) } {
        let _ = cage.munmap(at, 4096);
    }
    if let Ok([reader, writer]) = cage.pipe2(OFlags::NONBLOCK) {
        let _ = cage.write(writer, &[4; 9000]);
        let _ = cage.sendfile(writer, file, Some(&mut 1), 9000);
        let _ = cage.read(reader, &mut [0; 5000]);
    }
    if let Ok(child) = fs.fork(1, 2) {
        let _ = child.dup2(file, 70);
        let _ = child.chdir("/a");
        let _ = child.setresuid(7, 7, 0);
        let _ = child.exec();
        let _ = child.open("own", CREATE, ALL);
        let _ = child.unlink("/other");
        let _ = fs.exit(2);
    }
    let unnamed = cage.open("/a", OFlags::TMPFILE | OFlags::RDWR, ALL).unwrap_or(-1);
    let _ = cage.linkat(unnamed, "", AT_FDCWD, "/a/named", AtFlags::EMPTY_PATH);
    let _ = cage.unlink("/a/file");
    let _ = cage.dup(file);
    let _ = cage.close(file);
}

/// Every name that leads to an inode is one of its links, and there are no others.
fn links_agree(cage: &Cage) {
    let mut seen = HashMap::new();
    count(cage, "/", &mut seen);
    for (path, nlink, names) in seen.into_values() {
        assert_eq!(nlink, names, "{path}");
    }
}

fn count(cage: &Cage, path: &str, seen: &mut HashMap<u64, (String, u32, u32)>) {
    let stat = cage.statx(AT_FDCWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxMask::BASIC_STATS).expect("statx");
    let is_dir = u32::from(stat.mode) & 0o170_000 == 0o040_000;
    let entry = seen.entry(stat.ino).or_insert((path.into(), stat.nlink, 0));
    entry.2 += 1;
    if is_dir {
        let names = names_in(cage, path);
        let below: Vec<_> =
            names.iter().map(|name| format!("{}/{name}", path.trim_end_matches('/'))).collect();
        let dirs = below.iter().filter(|name| cage.lstat(name).expect("lstat").mode & 0o170_000 == 0o040_000);
        // "." and the ".." of each below.
        seen.get_mut(&stat.ino).expect("just added").2 += 1 + dirs.count() as u32;
        below.iter().for_each(|name| count(cage, name, seen));
    }
}

/// Removes all below `path`.
fn remove_all(cage: &Cage, path: &str) {
    for name in names_in(cage, path) {
        let name = format!("{}/{name}", path.trim_end_matches('/'));
        if cage.lstat(&name).expect("lstat").mode & 0o170_000 == 0o040_000 {
            remove_all(cage, &name);
            cage.rmdir(&name).expect("rmdir");
        } else {
            cage.unlink(&name).expect("unlink");
        }
    }
}

fn world() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::builder().clock(Still).size(64 << 20).inodes(1000).build().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    (fs, cage)
}

#[test]
fn every_step_of_a_session_may_fail() {
    let _alone = alone();
    // What a thread's first call takes is not a cage's doing, and cannot fail.
    drop(epoch::pin());
    for fault in FAULTS {
        for n in 1.. {
            let (fs, cage) = world();
            let ((), failed) = fault.strike(n, &fs, || session(&fs, &cage));
            let first = snapshot(&fs, &cage);
            assert_eq!(snapshot(&fs, &cage), first, "{fault:?} {n}: looking changes nothing");
            links_agree(&cage);
            fs.exit(1).expect("exit");
            let cleaner = fs.create_cage(3, Credentials::root()).expect("cage");
            remove_all(&cleaner, "/");
            epoch::flush();
            let left = fs.statfs();
            assert_eq!(
                (left.bfree, left.ffree),
                (left.blocks, left.files - 1),
                "{fault:?} {n}: what is left"
            );
            if !failed {
                assert!(n > 10, "{fault:?} reached only {n} steps");
                break;
            }
        }
    }
}
