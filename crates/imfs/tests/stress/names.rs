//! Names that come, go and move, against those who look for them.

use imfs::abi::{AT_FDCWD, Errno, RenameFlags};

use crate::crew::{ALL, CREATE, crew, file, job, rounds, world};
use crate::tree::check;

/// rename(2): "if newpath already exists, it will be atomically replaced, so that there is no point at which another
/// process attempting to access newpath will find it missing".
#[test]
fn a_name_that_is_replaced_is_always_there() {
    let (fs, cage) = world();
    file(&cage, "/name", b"");
    let replace = |other: &'static str| {
        job(move |w| {
            for _ in 0..rounds(1_500) {
                file(&w.cage, other, b"");
                w.cage.rename(other, "/name").expect("rename");
            }
        })
    };
    let look = || {
        job(|w| {
            while w.going() {
                let stat = w.cage.stat("/name").expect("stat");
                assert!(stat.nlink <= 1);
                let fd = w.cage.open("/name", CREATE, ALL).expect("open");
                w.cage.close(fd).expect("close");
            }
        })
    };
    crew(&fs, vec![replace("/a"), replace("/b")], vec![look(), look()]);
    check(&fs, &cage);
}

/// A file with several names, of which all but one come and go, is found by that one; its count may be spread or not.
#[test]
fn other_links_do_not_hide_a_name() {
    let (fs, cage) = world();
    file(&cage, "/stays", b"bytes");
    let link = |other: &'static str| {
        job(move |w| {
            for _ in 0..rounds(2_000) {
                w.cage.link("/stays", other).expect("link");
                w.cage.unlink(other).expect("unlink");
            }
        })
    };
    let open = || {
        job(|w| {
            let mut bytes = [0; 8];
            while w.going() {
                let fd = w.cage.open("/stays", CREATE, ALL).expect("open");
                assert_eq!(w.cage.read(fd, &mut bytes), Ok(5));
                w.cage.close(fd).expect("close");
            }
        })
    };
    crew(&fs, vec![link("/x"), link("/y")], vec![open(), open(), open()]);
    check(&fs, &cage);
    assert_eq!(cage.stat("/stays").unwrap().nlink, 1);
}

/// The last name goes while others link to it: ENOENT or a link, nothing between.
#[test]
fn link_against_unlink() {
    let (fs, cage) = world();
    let names = ["/1", "/2", "/3"];
    file(&cage, names[0], b"x");
    let hop = || {
        job(|w| {
            for _ in 0..rounds(3_000) {
                let (from, to) = (names[w.below(3) as usize], names[w.below(3) as usize]);
                match w.cage.link(from, to) {
                    Ok(()) | Err(Errno::EEXIST | Errno::ENOENT) => {}
                    Err(error) => panic!("link: {error:?}"),
                }
                match w.cage.unlink(names[w.below(3) as usize]) {
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(error) => panic!("unlink: {error:?}"),
                }
                if w.below(8) == 0 {
                    file(&w.cage, names[0], b"");
                }
            }
        })
    };
    crew(&fs, vec![hop(), hop(), hop()], vec![]);
    check(&fs, &cage);
    for name in names {
        let _ = cage.unlink(name);
    }
    check(&fs, &cage);
    let statfs = fs.statfs();
    assert_eq!((statfs.files - statfs.ffree, statfs.bfree), (1, statfs.blocks));
}

/// RENAME_EXCHANGE is one step: both names are always there, and are never the same file.
#[test]
fn exchange_against_lookup() {
    let (fs, cage) = world();
    cage.mkdir("/d", ALL).unwrap();
    file(&cage, "/one", b"");
    file(&cage, "/d/two", b"");
    let inos = [cage.stat("/one").unwrap().ino, cage.stat("/d/two").unwrap().ino];
    let exchange = || {
        job(|w| {
            for _ in 0..rounds(2_000) {
                let flags = RenameFlags::EXCHANGE;
                w.cage.renameat2(AT_FDCWD, "/one", AT_FDCWD, "/d/two", flags).expect("exchange");
            }
        })
    };
    let look = |name: &'static str| {
        job(move |w| {
            while w.going() {
                assert!(inos.contains(&w.cage.stat(name).expect("stat").ino));
            }
        })
    };
    crew(&fs, vec![exchange(), exchange()], vec![look("/one"), look("/d/two")]);
    check(&fs, &cage);
    assert_ne!(cage.stat("/one").unwrap().ino, cage.stat("/d/two").unwrap().ino);
}

/// Of all who make one name at once, one makes it; and of those who remove it, one removes it.
#[test]
fn one_wins() {
    let (fs, cage) = world();
    let won = [const { std::sync::atomic::AtomicU32::new(0) }; 2];
    let contest = || {
        job(|w| {
            for n in 0..rounds(2_000) {
                let name = format!("/{}", n % 3);
                let results = [w.cage.mkdir(&name, ALL), w.cage.rmdir(&name)];
                for (won, result) in won.iter().zip(results) {
                    match result {
                        Ok(()) => {
                            won.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                        Err(Errno::EEXIST | Errno::ENOENT) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        })
    };
    crew(&fs, vec![contest(), contest(), contest()], vec![]);
    check(&fs, &cage);
    let left = crate::tree::names(&cage, "/").len() as u32;
    let [made, removed] = won.map(std::sync::atomic::AtomicU32::into_inner);
    assert_eq!(made, removed + left);
}
