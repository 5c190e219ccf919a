//! Directories: lookups against insertion, removal, renames and the moving of entries.

use std::sync::Arc;

use super::{play, together};
use crate::abi::{AT_FDCWD, Errno, Mode, OFlags, RenameFlags};
use crate::inode::Credentials;
use crate::{Cage, Imfs};

const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);

/// An instance whose root has these files.
fn world(files: u32) -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    (0..files).for_each(|n| make(&cage, &n.to_string()));
    (fs, cage)
}

fn make(cage: &Cage, name: &str) {
    let fd = cage.open(name, CREATE, Mode::RWXU).expect("open");
    cage.close(fd).expect("close");
}

/// The first insertion that needs a table, and a second chunk with an index.
#[test]
fn lookup_while_a_directory_grows() {
    for before in [0, 3, 4] {
        play(150, move || {
            let (_fs, cage) = world(before);
            let [a, b, c] = [cage.clone(), cage.clone(), cage];
            together([
                Box::new(move || make(&a, "new")),
                Box::new(move || make(&b, "newer")),
                Box::new(move || {
                    (0..before).for_each(|n| assert!(c.stat(n.to_string()).is_ok(), "{n} was there"));
                    if c.stat("new").is_ok() {
                        c.stat("new").expect("it stays");
                    }
                }),
            ]);
        });
    }
}

#[test]
fn a_replaced_name_is_always_there() {
    play(200, || {
        let (_fs, cage) = world(1);
        make(&cage, "other");
        let [a, b] = [cage.clone(), cage.clone()];
        together([
            Box::new(move || a.rename("other", "0").expect("rename")),
            Box::new(move || {
                let fd = b.open("0", OFlags::RDONLY, Mode::empty()).expect("open");
                b.close(fd).expect("close");
            }),
        ]);
        assert_eq!(cage.stat("other").map(|stat| stat.ino), Err(Errno::ENOENT));
    });
}

/// A name that moves from one directory to another is in one of them at each moment.
#[test]
fn exchanged_names_are_always_there() {
    play(150, || {
        let (_fs, cage) = world(1);
        cage.mkdir("d", Mode::RWXU).expect("mkdir");
        make(&cage, "d/1");
        let inos = ["0", "d/1"].map(|name| cage.stat(name).expect("stat").ino);
        let [a, b] = [cage.clone(), cage];
        together([
            Box::new(move || {
                a.renameat2(AT_FDCWD, "0", AT_FDCWD, "d/1", RenameFlags::EXCHANGE).expect("exchange");
            }),
            Box::new(move || {
                assert!(inos.contains(&b.stat("0").expect("stat").ino));
                assert!(inos.contains(&b.stat("d/1").expect("stat").ino));
            }),
        ]);
    });
}

/// Two renames that would make a cycle together: one of them fails.
#[test]
fn renames_into_each_other() {
    play(150, || {
        let (_fs, cage) = world(0);
        cage.mkdir("a", Mode::RWXU).expect("mkdir");
        cage.mkdir("b", Mode::RWXU).expect("mkdir");
        let [a, b] = [cage.clone(), cage.clone()];
        together([Box::new(move || _ = a.rename("a", "b/a")), Box::new(move || _ = b.rename("b", "a/b"))]);
        assert!(cage.stat("a/b").is_ok() != cage.stat("b/a").is_ok());
    });
}

#[test]
fn create_against_rmdir() {
    play(200, || {
        let (fs, cage) = world(0);
        cage.mkdir("d", Mode::RWXU).expect("mkdir");
        let [a, b] = [cage.clone(), cage.clone()];
        together([
            Box::new(move || match a.mkdir("d/new", Mode::RWXU) {
                Ok(()) => a.rmdir("d/new").expect("rmdir"),
                Err(error) => assert_eq!(error, Errno::ENOENT),
            }),
            Box::new(move || match b.rmdir("d") {
                Ok(()) => {}
                Err(error) => assert_eq!(error, Errno::ENOTEMPTY),
            }),
        ]);
        let _ = cage.rmdir("d");
        let free = fs.statfs();
        assert_eq!(free.files - free.ffree, 1);
    });
}

/// The entries move together while others look, read and link.
#[test]
fn lookup_while_entries_move() {
    play(30, || {
        // One removal more and they move.
        let (_fs, cage) = world(70);
        (0..67).for_each(|n| cage.unlink(n.to_string()).expect("unlink"));
        let [a, b, c] = [cage.clone(), cage.clone(), cage.clone()];
        together([
            Box::new(move || {
                a.unlink("67").expect("unlink");
                a.unlink("68").expect("unlink");
            }),
            Box::new(move || assert!(b.stat("69").is_ok(), "it stays")),
            Box::new(move || {
                let mut dir = c.opendir("/").expect("opendir");
                let mut seen = 0;
                while let Some(entry) = dir.readdir(&c).expect("readdir") {
                    seen += u32::from(entry.name == b"69");
                }
                assert_eq!(seen, 1);
                dir.closedir(&c).expect("closedir");
            }),
        ]);
    });
}
