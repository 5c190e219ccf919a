//! The sysctls `fs.protected_symlinks`, `protected_regular` and `protected_fifos` (proc_sys_fs(5)). The oracle compares them with
//! the kernel, as they are set on its machine; these are the kernel's answers where they are on.

use imfs::abi::{Dev, Errno, OFlags};
use imfs::inode::{Credentials, Protections};
use imfs::{Cage, Imfs};
use std::sync::Arc;

use super::fixture::{USER, mode};

/// Cages of root and of the user, who has left in root's sticky directory `/b` two links, a file and a FIFO.
fn cages(protections: Protections, directory: u32) -> [Arc<Cage>; 2] {
    let imfs = Imfs::builder().protections(protections).build().unwrap();
    let root = imfs.create_cage(1, Credentials::root()).unwrap();
    let user = imfs.create_cage(2, Credentials::new(USER, USER)).unwrap();
    for name in ["/b", "/d"] {
        root.mkdir(name, mode(0o777)).unwrap();
    }
    root.chown("/b", 0, USER).unwrap();
    root.chmod("/b", mode(directory)).unwrap();
    root.mknod("/d/f", 0o100_644, Dev::default()).unwrap();
    user.umask(mode(0));
    user.symlink("/d", "/b/dir").unwrap();
    user.symlink("/d/f", "/b/file").unwrap();
    user.mknod("/b/regular", 0o100_666, Dev::default()).unwrap();
    user.mknod("/b/fifo", 0o010_666, Dev::default()).unwrap();
    [root, user]
}

fn create(cage: &Cage, path: &str) -> Result<(), Errno> {
    cage.open(path, OFlags::RDWR | OFlags::CREAT | OFlags::NONBLOCK, mode(0o600)).map(drop)
}

#[test]
fn others_links_are_followed_in_the_middle_of_a_path_alone() {
    let [root, user] = cages(Protections::DEFAULT, 0o1777);
    for path in ["/b/dir", "/b/dir/", "/b/file"] {
        assert_eq!(root.stat(path).map(drop), Err(Errno::EACCES), "{path}");
        assert_eq!(user.stat(path).map(drop), Ok(()), "{path}");
        assert_eq!(root.open(path, OFlags::RDONLY, mode(0)), Err(Errno::EACCES), "{path}");
    }
    for path in ["/b/dir/f", "/b/dir/.", "/b/dir/../b/dir/f"] {
        assert_eq!(root.stat(path).map(drop), Ok(()), "{path}");
    }
    assert_eq!(root.lstat("/b/dir").map(drop), Ok(()));
    // Where its link leads, the last component of that is the end of the path again.
    root.symlink("b/dir", "/to").unwrap();
    assert_eq!(root.stat("/to").map(drop), Err(Errno::EACCES));
    assert_eq!(root.stat("/to/f").map(drop), Ok(()));
    for (protections, directory) in [(Protections::empty(), 0o1777), (Protections::DEFAULT, 0o1775)] {
        let [root, _] = cages(protections, directory);
        assert_eq!(root.stat("/b/dir").map(drop), Ok(()), "{protections:?} {directory:o}");
    }
}

#[test]
fn what_others_made_is_not_opened_as_new() {
    let groups = Protections::DEFAULT | Protections::GROUP_REGULAR;
    for (protections, directory, regular, fifo) in [
        (Protections::DEFAULT, 0o1777, false, false),
        (Protections::DEFAULT, 0o1775, true, true),
        (Protections::DEFAULT, 0o777, true, true),
        (Protections::REGULAR, 0o1777, false, true),
        (Protections::empty(), 0o1777, true, true),
        (groups, 0o1775, false, true),
        (groups | Protections::GROUP_FIFOS, 0o1775, false, false),
    ] {
        let [root, user] = cages(protections, directory);
        let may = |may: bool| if may { Ok(()) } else { Err(Errno::EACCES) };
        let about = format!("{protections:?} {directory:o}");
        assert_eq!(create(&root, "/b/regular"), may(regular), "{about}");
        assert_eq!(create(&root, "/b/fifo"), may(fifo), "{about}");
        assert_eq!(create(&user, "/b/regular"), Ok(()), "{about}");
        assert_eq!(root.open("/b/regular", OFlags::RDWR, mode(0)).map(drop), Ok(()), "{about}");
    }
}
