//! One descriptor table under several threads.

use std::sync::Arc;

use super::{play, together};
use crate::abi::fcntl::{F_GETLK, F_SETLK, F_WRLCK};
use crate::abi::{Errno, Flock, LockKind, Mode, OFlags};
use crate::inode::Credentials;
use crate::{Cage, Imfs};

const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);

fn world() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    (fs, cage)
}

/// A number that is reserved, filled, closed, taken by dup2: it is never two things.
#[test]
fn open_close_and_dup2() {
    play(300, || {
        let (fs, cage) = world();
        let first = cage.open("/f", CREATE, Mode::RWXU).expect("open");
        let [a, b, c] = [cage.clone(), cage.clone(), cage.clone()];
        together([
            Box::new(move || {
                let fd = a.open("/f", OFlags::RDONLY, Mode::empty()).expect("open");
                assert!(fd > first);
            }),
            Box::new(move || match b.dup2(first, first + 1) {
                Ok(fd) => assert_eq!(fd, first + 1),
                Err(error) => assert_eq!(error, Errno::EBUSY),
            }),
            Box::new(move || {
                if let Err(error) = c.close(first + 1) {
                    assert_eq!(error, Errno::EBADF);
                }
                // What it stands for is whole, if anything.
                if let Ok(stat) = c.fstat(first + 1) {
                    assert_eq!(stat.nlink, 1);
                }
            }),
        ]);
        fs.exit(1).expect("exit");
        let free = fs.statfs();
        // The file has its name; no descriptor keeps anything.
        assert_eq!(free.files - free.ffree, 2);
    });
}

/// A cage exits while a call of it opens something: nothing stays open.
#[test]
fn open_against_exit() {
    play(300, || {
        let (fs, cage) = world();
        let [a, b] = [fs.clone(), fs.clone()];
        together([
            Box::new(move || {
                let fd = cage.open("/", OFlags::TMPFILE | OFlags::RDWR, Mode::RWXU);
                assert!(matches!(fd, Ok(_) | Err(Errno::EMFILE | Errno::ESRCH)), "{fd:?}");
                // Still held here, as a door may for long.
                let used = || {
                    let free = b.statfs();
                    free.files - free.ffree
                };
                while b.cage(1).is_ok() {
                    shuttle::thread::yield_now();
                }
                let _ = cage.dup2(3, 4);
                while used() > 1 {
                    shuttle::thread::yield_now();
                }
            }),
            Box::new(move || a.exit(1).expect("exit")),
        ]);
    });
}

/// A child's table is a moment of its parent's.
#[test]
fn fork_against_close() {
    play(200, || {
        let (fs, cage) = world();
        let fds = [0; 2].map(|_| cage.open("/f", CREATE, Mode::RWXU).expect("open"));
        let a = fs.clone();
        together([
            Box::new(move || fds.iter().for_each(|fd| cage.close(*fd).expect("close"))),
            Box::new(move || {
                let child = a.fork(1, 2).expect("fork");
                // The first is closed first.
                if child.fstat(fds[0]).is_ok() {
                    child.fstat(fds[1]).expect("the second too, then");
                }
            }),
        ]);
    });
}

/// A descriptor is closed while a lock is set through it: that lock does not stay, and others of the cage do.
#[test]
fn setlk_against_close() {
    play(300, || {
        let (fs, cage) = world();
        let [closing, other] = [0; 2].map(|_| cage.open("/f", CREATE, Mode::RWXU).expect("open"));
        let a = cage.clone();
        together([
            Box::new(move || match a.setlk(closing, F_SETLK, &Flock::new(LockKind::Write, 0, 10)) {
                Ok(()) | Err(Errno::EBADF) => {}
                Err(error) => panic!("{error:?}"),
            }),
            Box::new(move || {
                cage.close(closing).expect("close");
                cage.setlk(other, F_SETLK, &Flock::new(LockKind::Write, 50, 10)).expect("setlk");
            }),
        ]);
        let looks = fs.create_cage(2, Credentials::root()).expect("cage");
        let fd = looks.open("/f", CREATE, Mode::empty()).expect("open");
        let mut lock = Flock::new(LockKind::Write, 0, 0);
        looks.getlk(fd, F_GETLK, &mut lock).expect("getlk");
        assert_eq!((lock.kind, lock.start, lock.len), (F_WRLCK, 50, 10));
    });
}
