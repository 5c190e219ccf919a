//! Limits hold to the page, the inode and the description while several threads run into them.

use std::sync::atomic::{AtomicU64, Ordering};

use imfs::abi::{Errno, Mode, OFlags};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use crate::allocator::alone;

const ALL: Mode = Mode::RWXUGO;
const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);
const THREADS: u64 = 4;
const PAGE: u64 = 4096;

/// Runs `work(cage, thread)` in threads with a cage each, and adds up what they return.
fn together(fs: &Imfs, work: impl Fn(&Cage, u64) -> u64 + Sync) -> u64 {
    let sum = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (sum, work) = (&sum, &work);
            let cage = fs.create_cage(100 + thread, Credentials::root()).expect("cage");
            scope.spawn(move || {
                sum.fetch_add(work(&cage, thread), Ordering::Relaxed);
            });
        }
    });
    for thread in 0..THREADS {
        fs.exit(100 + thread).expect("exit");
    }
    sum.into_inner()
}

#[test]
fn pages() {
    let _alone = alone();
    for pages in [1, 7, 500, 3_000] {
        let fs = Imfs::builder().size(pages * PAGE).build().expect("instance");
        let taken = together(&fs, |cage, thread| {
            let fd = cage.open(format!("/{thread}"), CREATE, ALL).expect("open");
            let mut at = 0;
            loop {
                match cage.pwrite(fd, &[1; PAGE as usize], at) {
                    Ok(written) => at += written as i64,
                    Err(error) => break assert_eq!(error, Errno::ENOSPC),
                }
            }
            at as u64 / PAGE
        });
        assert_eq!(taken, pages);
        assert_eq!(fs.statfs().bfree, 0);
        // A page that is given back is there for whoever asks next, and no other.
        let done = together(&fs, |cage, thread| {
            let fd = cage.open(format!("/{thread}"), OFlags::RDWR, ALL).expect("open");
            let size = cage.fstat(fd).expect("fstat").size as i64;
            for round in 0..if size == 0 { 0 } else { 200 } {
                cage.ftruncate(fd, size - PAGE as i64).expect("ftruncate");
                assert_eq!(
                    cage.pwrite(fd, &[2; PAGE as usize], size - PAGE as i64),
                    Ok(PAGE as usize),
                    "{round}"
                );
            }
            cage.unlink(format!("/{thread}")).expect("unlink");
            1
        });
        assert_eq!((done, fs.statfs().bfree), (THREADS, pages));
    }
}

#[test]
fn inodes() {
    let _alone = alone();
    let inodes = 1_000;
    let fs = Imfs::builder().inodes(inodes).build().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    for thread in 0..THREADS {
        cage.mkdir(format!("/{thread} 0"), ALL).expect("mkdir");
    }
    let made = THREADS
        + together(&fs, |cage, thread| {
            (1..)
                .take_while(|n| match cage.mkdir(format!("/{thread} {n}"), ALL) {
                    Ok(()) => true,
                    Err(error) => {
                        assert_eq!(error, Errno::ENOSPC);
                        false
                    }
                })
                .count() as u64
        });
    // The root is one.
    assert_eq!((made, fs.statfs().ffree), (inodes - 1, 0));
    let removed = together(&fs, |cage, thread| {
        // Whoever removes one may make one, whatever the others ask for in vain.
        for _ in 0..200 {
            cage.rmdir(format!("/{thread} 0")).expect("rmdir");
            let _ = cage.setxattr("/", "user.large", &[1; 2_000], Default::default());
            while cage.mkdir(format!("/{thread} 0"), ALL) == Err(Errno::ENOSPC) {
                std::thread::yield_now();
            }
        }
        (0..).take_while(|n| cage.rmdir(format!("/{thread} {n}")).is_ok()).count() as u64
    });
    let _ = cage.removexattr("/", "user.large");
    assert_eq!((removed, fs.statfs().ffree), (made, inodes - 1));
}

#[test]
fn descriptions() {
    let _alone = alone();
    let files = 500;
    let fs = Imfs::builder().files(files).build().expect("instance");
    let opened = together(&fs, |cage, _| {
        (0..).take_while(|_| cage.open("/", OFlags::RDONLY, ALL).is_ok()).count() as u64
    });
    // Threads that ended have closed theirs, so only this bound is sure; and afterwards all are free again.
    assert!(opened >= files);
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    for n in 0..files {
        assert!(cage.open("/", OFlags::RDONLY, ALL).is_ok(), "{n}");
    }
    assert_eq!(cage.open("/", OFlags::RDONLY, ALL), Err(Errno::ENFILE));
}

#[test]
fn descriptors() {
    let _alone = alone();
    let nofile = 100;
    let fs = Imfs::builder().nofile(nofile).build().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    let opened = together(&fs, |_, _| {
        (0..)
            .take_while(|_| match cage.open("/", OFlags::RDONLY, ALL) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error, Errno::EMFILE);
                    false
                }
            })
            .count() as u64
    });
    // IMFS gives out numbers from 3 up.
    assert_eq!(opened, nofile as u64 - 3);
}
