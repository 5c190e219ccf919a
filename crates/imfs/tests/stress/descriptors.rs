//! One descriptor table under many hands, and processes that come and go.

use imfs::abi::{CloseRangeFlags, Errno, FdFlags, OFlags};

use crate::crew::{ALL, CREATE, crew, file, job, rounds, world};
use crate::tree::check;

/// Threads of one process: a number is handed out to one of them at a time.
#[test]
fn no_number_is_given_out_twice() {
    let (fs, cage) = world();
    file(&cage, "/f", b"");
    let first = cage.open("/f", OFlags::RDONLY, ALL).unwrap();
    let taken = [const { std::sync::atomic::AtomicBool::new(false) }; 64];
    let hold = || {
        job(|w| {
            let set = |fd: i32, on: bool| {
                let before = taken[fd as usize].swap(on, std::sync::atomic::Ordering::SeqCst);
                assert_ne!(before, on, "descriptor {fd}");
            };
            for _ in 0..rounds(3_000) {
                let fd = match w.below(3) {
                    0 => cage.dup(first),
                    1 => cage.dupfd(first, 10, true),
                    _ => cage.open("/f", OFlags::RDONLY, ALL),
                };
                let fd = fd.expect("a descriptor");
                set(fd, true);
                assert_eq!(cage.fstat(fd).expect("fstat").size, 0);
                // Before it is closed: after that another may have it.
                set(fd, false);
                cage.close(fd).expect("close");
            }
        })
    };
    crew(&fs, vec![hold(), hold(), hold()], vec![]);
    assert_eq!(cage.dup(first), Ok(first + 1));
}

/// dup2 onto numbers that others close, open and look at: it is always one of the files or EBADF, and none leaks.
#[test]
fn dup2_against_close() {
    let (fs, cage) = world();
    file(&cage, "/f", b"");
    file(&cage, "/g", b"");
    let inos = ["/f", "/g"].map(|name| cage.stat(name).unwrap().ino);
    let juggle = || {
        job(|w| {
            for _ in 0..rounds(2_500) {
                let [a, b] = [(); 2].map(|()| 3 + w.below(6) as i32);
                match w.below(6) {
                    0 => {
                        let _ = cage.open(["/f", "/g"][w.below(2) as usize], CREATE, ALL);
                    }
                    1 => {
                        let _ = cage.close(a);
                    }
                    2 => {
                        let _ = cage.setfd(a, FdFlags::CLOEXEC);
                    }
                    3 => {
                        let _ = cage.close_range(a as u32, b as u32, CloseRangeFlags::empty());
                    }
                    _ => match cage.dup2(a, b) {
                        Ok(fd) => assert_eq!(fd, b),
                        Err(error) => assert!(matches!(error, Errno::EBADF | Errno::EBUSY), "{error:?}"),
                    },
                }
            }
        })
    };
    let look = job(|w| {
        while w.going() {
            match cage.fstat(3 + w.below(6) as i32) {
                Ok(stat) => assert!(inos.contains(&stat.ino)),
                Err(error) => assert_eq!(error, Errno::EBADF),
            }
        }
    });
    crew(&fs, vec![juggle(), juggle(), juggle()], vec![look]);
    cage.close_range(0, u32::MAX, CloseRangeFlags::empty()).unwrap();
    ["/f", "/g"].iter().for_each(|name| cage.unlink(name).unwrap());
    check(&fs, &cage);
}

/// A child has a whole descriptor table, whatever the parent's other threads do meanwhile.
#[test]
fn fork_against_open() {
    let (fs, cage) = world();
    file(&cage, "/f", b"bytes");
    let stays = cage.open("/f", OFlags::RDONLY, ALL).unwrap();
    let fork = || {
        job(|w| {
            let mut bytes = [0; 5];
            for n in 0..rounds(400) {
                let id = 10_000 * (w.number as u64 + 1) + u64::from(n);
                let child = fs.fork(1, id).expect("fork");
                assert_eq!(child.pread(stays, &mut bytes, 0), Ok(5));
                child.exec().expect("exec");
                assert_eq!(child.pread(stays, &mut bytes, 0), Ok(5));
                fs.exit(id).expect("exit");
                assert_eq!(child.open("/f", OFlags::RDONLY, ALL), Err(Errno::EMFILE));
                assert_eq!(child.pread(stays, &mut bytes, 0), Err(Errno::EBADF));
            }
        })
    };
    let open = job(|w| {
        while w.going() {
            let fd = cage.open("/f", OFlags::RDONLY | OFlags::CLOEXEC, ALL).expect("open");
            let [reader, writer] = cage.pipe().expect("pipe");
            [fd, reader, writer].iter().for_each(|fd| cage.close(*fd).expect("close"));
        }
    });
    crew(&fs, vec![fork(), fork()], vec![open]);
    cage.close(stays).unwrap();
    cage.unlink("/f").unwrap();
    check(&fs, &cage);
}

/// A cage exits under its own threads: their calls fail, and nothing of it is left.
#[test]
fn exit_against_everything() {
    let (fs, cage) = world();
    file(&cage, "/f", b"");
    for round in 0..rounds(60) {
        let id = 5_000 + u64::from(round);
        let dying = fs.fork(1, id).unwrap();
        let work = || {
            job(|w| {
                while let Ok(fd) = dying.open("/f", CREATE, ALL) {
                    let _ = dying.write(fd, b"x");
                    let _ = dying.dup(fd);
                    let _ = dying.pipe();
                    let _ = dying.mkdir(format!("/{}", w.number), ALL);
                    let _ = dying.chdir(format!("/{}", w.number));
                    let _ = dying.rmdir(format!("/{}", w.number));
                    let _ = dying.setgroups(&[1]);
                    std::thread::yield_now();
                }
            })
        };
        let end = job(|_| fs.exit(id).expect("exit"));
        crew(&fs, vec![work(), work(), end], vec![]);
        drop(dying);
    }
    for n in 0..2 {
        let _ = cage.rmdir(format!("/{n}"));
    }
    cage.unlink("/f").unwrap();
    check(&fs, &cage);
    let statfs = fs.statfs();
    assert_eq!((statfs.files - statfs.ffree, statfs.bfree), (1, statfs.blocks));
}
