//! Memory before and after: nothing grows with the number of calls, and what ends frees all that it had.

use std::sync::Arc;

use imfs::abi::{Errno, FallocFlags, Mode, OFlags};
use imfs::inode::Credentials;
use imfs::sync::epoch;
use imfs::{Cage, Imfs};

use crate::allocator::{alone, bytes};

const ALL: Mode = Mode::RWXUGO;
const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);
/// What the test's own machinery may allocate meanwhile, and caches of a bounded size.
const SLACK: i64 = 64 << 10;

fn world() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    (fs, cage)
}

/// Calls `call` many times, and compares what is allocated after the first of them and at the end.
fn many(name: &str, mut call: impl FnMut(&Cage, u32)) {
    let _alone = alone();
    let (fs, cage) = world();
    let rounds = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    let mut before = None;
    for n in 0..rounds {
        call(&cage, n);
        if n == 2_000 {
            epoch::flush();
            before = Some((bytes(), fs.statfs()));
        }
    }
    epoch::flush();
    let (before, statfs) = before.expect("there are more rounds");
    let grown = bytes() - before;
    assert!(grown < SLACK, "{name}: {grown} bytes more after {rounds} rounds");
    assert_eq!(fs.statfs(), statfs, "{name}");
}

#[test]
fn open_and_close() {
    many("open", |cage, _| {
        let fd = cage.open("/file", CREATE, ALL).expect("open");
        cage.close(fd).expect("close");
    });
}

#[test]
fn mkdir_and_rmdir() {
    many("mkdir", |cage, n| {
        let name = format!("/directory {n}, whose name is a long one");
        cage.mkdir(&name, ALL).expect("mkdir");
        cage.mkdir(format!("{name}/inner"), ALL).expect("mkdir");
        cage.rmdir(format!("{name}/inner")).expect("rmdir");
        cage.rmdir(&name).expect("rmdir");
    });
}

#[test]
fn write_and_truncate() {
    many("write", |cage, n| {
        if n == 0 {
            assert_eq!(cage.open("/file", CREATE, ALL), Ok(3));
        }
        let at = i64::from(n) % 7 * (1 << 20);
        assert_eq!(cage.pwrite(3, b"some bytes that need a page of their own", at), Ok(40));
        cage.ftruncate(3, 0).expect("ftruncate");
    });
}

#[test]
fn create_rename_and_unlink() {
    many("create", |cage, n| {
        let (old, new) = (format!("/{n}"), format!("/to {n}"));
        let fd = cage.open(&old, CREATE, ALL).expect("open");
        cage.rename(&old, &new).expect("rename");
        cage.close(fd).expect("close");
        cage.unlink(&new).expect("unlink");
    });
}

#[test]
fn attributes_and_processes() {
    many("setxattr", |cage, n| {
        if n == 0 {
            assert_eq!(cage.open("/file", CREATE, ALL), Ok(3));
        }
        cage.setxattr("/file", "user.name", &[7; 200], Default::default()).expect("setxattr");
        cage.removexattr("/file", "user.name").expect("removexattr");
        cage.setgroups(&[n, 1, 2]).expect("setgroups");
        cage.chdir("/").expect("chdir");
        cage.fallocate(3, FallocFlags::KEEP_SIZE, 0, 1 << 20).expect("fallocate");
        cage.ftruncate(3, 0).expect("ftruncate");
    });
}

#[test]
fn forks_and_exits() {
    let _alone = alone();
    let (fs, cage) = world();
    assert_eq!(cage.open("/file", CREATE, ALL), Ok(3));
    let round = |n: u64| {
        let child = fs.fork(1, n + 2).expect("fork");
        child.mkdir(format!("/of {n}"), ALL).expect("mkdir");
        child.chdir(format!("/of {n}")).expect("chdir");
        child.rmdir(format!("/of {n}")).expect("rmdir");
        child.pipe().expect("pipe");
        fs.exit(n + 2).expect("exit");
        assert_eq!(child.read(3, &mut [0]), Err(Errno::EBADF));
    };
    (0..100).for_each(round);
    epoch::flush();
    let (before, statfs) = (bytes(), fs.statfs());
    (100..3_000).for_each(round);
    epoch::flush();
    let grown = bytes() - before;
    assert!(grown < SLACK, "{grown} bytes");
    assert_eq!(fs.statfs(), statfs);
}

#[test]
fn a_cage_that_exits_frees_all_while_its_calls_wait() {
    let _alone = alone();
    let (fs, cage) = world();
    cage.mkfifo("/fifo", ALL).expect("mkfifo");
    let round = || {
        let waiting = fs.fork(1, 2).expect("fork");
        let fd = waiting.open("/open", CREATE, ALL).expect("open");
        assert_eq!(waiting.write(fd, &[1; 100_000]), Ok(100_000));
        waiting.unlink("/open").expect("unlink");
        let [reader, _] = waiting.pipe().expect("pipe");
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(waiting.read(reader, &mut [0; 8]), Err(Errno::EINTR)));
            scope.spawn(|| assert_eq!(waiting.open("/fifo", OFlags::RDONLY, ALL), Err(Errno::EINTR)));
            while waiting.interrupts().blocked() < 2 {
                std::thread::yield_now();
            }
            fs.exit(2).expect("exit");
        });
        assert_eq!(fs.statfs().bfree, fs.statfs().blocks);
    };
    round();
    epoch::flush();
    let (before, statfs) = (bytes(), fs.statfs());
    (0..50).for_each(|_| round());
    epoch::flush();
    let grown = bytes() - before;
    assert!(grown < SLACK, "{grown} bytes");
    assert_eq!(fs.statfs(), statfs);
}

#[test]
fn an_instance_frees_all_and_needs_no_stack_for_deep_trees() {
    let _alone = alone();
    let round = || {
        let (_fs, cage) = world();
        for n in 0..2_000 {
            cage.mkdir("deep", ALL).expect("mkdir");
            cage.chdir("deep").expect("chdir");
            let fd = cage.open(n.to_string(), CREATE, ALL).expect("open");
            assert_eq!(cage.write(fd, &[1; 100]), Ok(100));
            cage.close(fd).expect("close");
        }
        cage.chdir("/").expect("chdir");
        for n in 0..2_000 {
            cage.mkdir(format!("wide {n}"), ALL).expect("mkdir");
        }
    };
    round();
    let before = bytes();
    round();
    let grown = bytes() - before;
    assert!(grown < SLACK, "{grown} bytes");
}

#[test]
fn an_instance_frees_what_an_idle_thread_removed() {
    let _alone = alone();
    let before = bytes();
    let (fs, cage) = world();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (removed, ready) = std::sync::mpsc::channel();
    let idle = std::thread::spawn(move || {
        for n in 0..100 {
            let fd = cage.open(n.to_string(), CREATE, ALL).expect("open");
            cage.close(fd).expect("close");
            cage.unlink(n.to_string()).expect("unlink");
        }
        drop(cage);
        removed.send(()).expect("somebody waits");
        let _ = wait.recv();
    });
    ready.recv().expect("the thread lives");
    drop(fs);
    let left = bytes() - before;
    assert!(left < SLACK, "{left} bytes");
    drop(done);
    idle.join().expect("idle thread");
}
