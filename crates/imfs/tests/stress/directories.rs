//! Directories that move, grow and go.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use imfs::abi::{AT_FDCWD, AtFlags, Errno, Mode, OFlags, RenameFlags};

use crate::crew::{ALL, Worker, crew, file, job, rounds, world};
use crate::tree::{check, names};

/// Cross-directory renames of directories into each other never make a cycle and never lock each other out.
#[test]
fn renames_make_no_cycle() {
    let (fs, cage) = world();
    for dir in ["/a", "/b", "/c", "/a/d", "/b/e", "/c/f"] {
        cage.mkdir(dir, ALL).unwrap();
    }
    let leaves = ["a", "b", "c", "d", "e", "f"];
    let shuffle = || {
        job(|w| {
            let mut moved = 0;
            for _ in 0..rounds(2_500) {
                let [from, to] = [(); 2].map(|()| somewhere(w, &leaves));
                let flags = if w.below(4) == 0 { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
                match w.cage.renameat2(AT_FDCWD, &from, AT_FDCWD, &to, flags) {
                    Ok(()) => moved += 1,
                    Err(Errno::EINVAL | Errno::ENOENT | Errno::EEXIST | Errno::ENOTEMPTY) => {}
                    Err(error) => panic!("rename {from} {to}: {error:?}"),
                }
            }
            assert!(moved > 0);
        })
    };
    let climb = || {
        job(|w| {
            while w.going() {
                // Up from wherever it is always ends at the root.
                let start = somewhere(w, &leaves);
                if w.cage.chdir(&start).is_ok() {
                    match w.cage.getcwd() {
                        Ok(path) => assert!(path.starts_with(b"/")),
                        Err(error) => assert_eq!(error, Errno::ENOENT),
                    }
                    let ups = [b"..".as_slice(); 40].join(&b'/');
                    assert_eq!(w.cage.stat(ups).expect("stat").ino, w.cage.stat("/").expect("stat").ino);
                }
            }
        })
    };
    crew(&fs, vec![shuffle(), shuffle(), shuffle()], vec![climb()]);
    check(&fs, &cage);
}

/// A path of up to three names.
fn somewhere(w: &Worker<'_>, leaves: &[&str]) -> String {
    let depth = 1 + w.below(3);
    (0..depth)
        .fold(String::new(), |path, _| format!("{path}/{}", leaves[w.below(leaves.len() as u64) as usize]))
}

/// What stays in a directory is shown once by each stream, whatever comes and goes, and though the entries move
/// together meanwhile.
#[test]
fn readdir_against_create() {
    let (fs, cage) = world();
    cage.mkdir("/d", ALL).unwrap();
    for n in 0..40 {
        file(&cage, &format!("/d/stays {n}"), b"");
    }
    let churn = || {
        job(|w| {
            for round in 0..rounds(25) {
                let name = |n| format!("/d/comes and goes {} {round} {n}", w.number);
                (0..60).for_each(|n| file(&w.cage, &name(n), b""));
                (0..30).for_each(|n| w.cage.rename(name(n), name(n + 100)).expect("rename"));
                (30..60).chain(100..130).for_each(|n| w.cage.unlink(name(n)).expect("unlink"));
            }
        })
    };
    let read = || {
        job(|w| {
            while w.going() {
                // `names` sees that nothing is there twice.
                let stay = names(&w.cage, "/d").iter().filter(|(name, _)| name.starts_with("stays")).count();
                assert_eq!(stay, 40);
                assert!(w.cage.stat("/d/stays 17").is_ok());
            }
        })
    };
    crew(&fs, vec![churn(), churn()], vec![read(), read()]);
    check(&fs, &cage);
    assert_eq!(names(&cage, "/d").len(), 40);
}

/// Nothing is made in a directory that was removed, and none is removed that has something.
#[test]
fn create_against_rmdir() {
    let (fs, cage) = world();
    let remake = || {
        job(|w| {
            for _ in 0..rounds(3_000) {
                match w.cage.mkdir("/d", ALL) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => panic!("mkdir: {error:?}"),
                }
                match w.cage.rmdir("/d") {
                    Ok(()) | Err(Errno::ENOTEMPTY | Errno::ENOENT) => {}
                    Err(error) => panic!("rmdir: {error:?}"),
                }
            }
        })
    };
    let fill = || {
        job(|w| {
            let name = format!("/d/{}", w.number);
            while w.going() {
                let made = w.cage.open(&name, OFlags::CREAT | OFlags::EXCL | OFlags::RDWR, ALL);
                match made {
                    Ok(fd) => {
                        // The directory can't have gone: it has our file.
                        w.cage.stat(&name).expect("stat");
                        w.cage.unlink(&name).expect("unlink");
                        w.cage.close(fd).expect("close");
                    }
                    Err(error) => assert_eq!(error, Errno::ENOENT),
                }
            }
        })
    };
    crew(&fs, vec![remake(), remake()], vec![fill(), fill()]);
    check(&fs, &cage);
}

/// Removed working directories keep what is above them, as far as it is needed, and let go of it.
#[test]
fn chdir_against_rmdir() {
    let (fs, cage) = world();
    let nest = || {
        job(|w| {
            for n in 0..rounds(1_000) {
                let dir = format!("/{}", n % 2);
                let _ = w.cage.mkdir(&dir, ALL);
                let _ = w.cage.mkdir(format!("{dir}/in"), ALL);
                let _ = w.cage.chdir(format!("{dir}/in"));
                let _ = w.cage.rmdir(format!("{dir}/in"));
                let _ = w.cage.rmdir(&dir);
                match w.cage.stat("..") {
                    Ok(stat) => assert_eq!(Mode::from_raw(stat.mode) & ALL, ALL),
                    Err(error) => panic!("..: {error:?}"),
                }
                let _ = w.cage.chdir("..");
                w.cage.chdir("/").expect("chdir");
            }
        })
    };
    crew(&fs, vec![nest(), nest(), nest()], vec![]);
    for dir in ["/0/in", "/1/in", "/0", "/1"] {
        let _ = cage.rmdir(dir);
    }
    check(&fs, &cage);
    let flags = AtFlags::empty();
    assert_eq!(cage.fstatat(AT_FDCWD, "/", flags).unwrap().nlink, 2);
}

/// When a rename has returned nobody finds the directory at its old path any more, though many walked it before.
#[test]
fn a_moved_directory_is_gone_from_its_old_path() {
    let (fs, cage) = world();
    for dir in ["/top", "/top/even", "/top/even/d"] {
        cage.mkdir(dir, ALL).expect("mkdir");
    }
    file(&cage, "/top/even/d/file", b"");
    // How many moves were begun, and how many are done: after an even number it is at `even`.
    let [begun, done] = [AtomicU64::new(0), AtomicU64::new(0)];
    let paths = ["/top/even", "/top/odd"];
    let mover = job(|w| {
        for n in 1..=u64::from(rounds(3_000)) {
            begun.store(n, SeqCst);
            w.cage.rename(paths[(n as usize + 1) % 2], paths[n as usize % 2]).expect("rename");
            done.store(n, SeqCst);
            // Time to look.
            (0..w.below(200)).for_each(|_| std::hint::spin_loop());
        }
    });
    let watcher = || {
        job(|w| {
            while w.going() {
                let moves = done.load(SeqCst);
                let seen = paths.map(|path| w.cage.stat(format!("{path}/d/file")).map(|_| ()));
                if begun.load(SeqCst) == moves {
                    let (here, there) = (moves as usize % 2, (moves as usize + 1) % 2);
                    assert_eq!((seen[here], seen[there]), (Ok(()), Err(Errno::ENOENT)));
                }
            }
        })
    };
    crew(&fs, vec![mover], vec![watcher(), watcher()]);
    check(&fs, &cage);
}
