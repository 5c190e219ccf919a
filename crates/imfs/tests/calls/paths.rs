//! Paths that were walked before are walked as if for the first time, whatever changed: a cage remembers where paths led.

use imfs::Cage;
use imfs::abi::{AT_FDCWD, Access, Errno, RenameFlags, Result, XattrFlags};
use imfs::inode::Credentials;

use crate::fixture::{USER, World, file, mode};

const PATHS: [&str; 9] = [
    "/a/b/c/f",
    "b/c/f",
    "/a/b/c",
    "/a/x/c/f",
    "x/c/f",
    "/a/moved/c/f",
    "/a/b",
    "/a/b/c/../c/f",
    "/a/b/.hidden/f",
];

/// What there is to see at all the paths.
fn look(cage: &Cage) -> Vec<(Result<u64>, Result<()>)> {
    PATHS.iter().map(|path| (cage.stat(path).map(|stat| stat.ino), cage.access(path, Access::READ))).collect()
}

fn tree(world: &World) {
    for dir in ["/a", "/a/b", "/a/b/c", "/a/b/.hidden", "/a/x", "/a/x/c"] {
        world.root.mkdir(dir, mode(0o755)).unwrap();
    }
    for path in ["/a/b/c/f", "/a/x/c/f", "/a/b/.hidden/f"] {
        world.root.close(file(&world.root, path, b"")).unwrap();
    }
}

/// Lets root and a user walk, has `change` done by a third, and compares what they see with what children of theirs see,
/// who remember nothing.
fn same_after(what: &str, change: impl Fn(&Cage)) {
    let world = World::new();
    tree(&world);
    let other = world.fs.create_cage(2, Credentials::root()).unwrap();
    let cages = [&*world.root, &*world.user()];
    for cage in cages {
        cage.chdir("/a").unwrap();
        assert_eq!(look(cage), look(cage));
    }
    change(&other);
    for (child, cage) in (10..).zip(cages) {
        let fresh = world.fs.fork(cage.id(), child).unwrap();
        assert_eq!(look(cage), look(&fresh), "{what}, cage {}", cage.id());
        assert_eq!(look(cage), look(&fresh), "{what}, again, cage {}", cage.id());
    }
}

#[test]
fn other_directories_come_to_stand_there() {
    same_after("rename", |c| c.rename("/a/b", "/a/moved").unwrap());
    same_after("rename and back", |c| {
        c.rename("/a/b", "/a/moved").unwrap();
        c.rename("/a/moved", "/a/b").unwrap();
    });
    same_after("rename above", |c| c.rename("/a", "/other").unwrap());
    same_after("exchange", |c| {
        c.renameat2(AT_FDCWD, "/a/b", AT_FDCWD, "/a/x", RenameFlags::EXCHANGE).unwrap();
    });
    same_after("exchange with a file", |c| {
        c.renameat2(AT_FDCWD, "/a/b", AT_FDCWD, "/a/x/c/f", RenameFlags::EXCHANGE).unwrap();
    });
    same_after("removed and made anew", |c| {
        c.unlink("/a/x/c/f").unwrap();
        c.rmdir("/a/x/c").unwrap();
        c.mkdir("/a/x/c", mode(0o755)).unwrap();
        c.close(file(c, "/a/x/c/f", b"")).unwrap();
    });
    same_after("replaced by another", |c| {
        c.unlink("/a/x/c/f").unwrap();
        c.rename("/a/b/c", "/a/x/c").unwrap();
    });
    same_after("a link in its place", |c| {
        c.rename("/a/b", "/a/moved").unwrap();
        c.symlink("x", "/a/b").unwrap();
    });
}

#[test]
fn who_may_search_changes() {
    same_after("chmod", |c| c.chmod("/a/b", mode(0)).unwrap());
    same_after("chmod above", |c| c.chmod("/a", mode(0o744)).unwrap());
    same_after("chmod and back", |c| {
        c.chmod("/a/b", mode(0)).unwrap();
        c.chmod("/a/b", mode(0o755)).unwrap();
    });
    same_after("chown", |c| {
        c.chmod("/a/b", mode(0o077)).unwrap();
        c.chown("/a/b", USER, USER).unwrap();
    });
    same_after("an access list", |c| {
        // user::rwx, user:1000:---, group::r-x, mask::r-x, other::r-x
        let entries = [
            (1_u16, 7_u16, u32::MAX),
            (2, 0, USER),
            (4, 5, u32::MAX),
            (0x10, 5, u32::MAX),
            (0x20, 5, u32::MAX),
        ];
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        c.setxattr("/a/b", "system.posix_acl_access", &list, XattrFlags::empty()).unwrap();
        let user = Credentials::new(USER, USER);
        c.set_credentials(user).unwrap();
        assert_eq!(c.stat("/a/b/c/f").map(|_| ()), Err(Errno::EACCES));
    });
}

#[test]
fn the_cage_changes() {
    let world = World::new();
    tree(&world);
    let cage = &*world.root;
    cage.chmod("/a/b", mode(0o700)).unwrap();
    let ino = |path: &str| cage.stat(path).map(|stat| stat.ino);
    let (in_b, in_x) = (ino("/a/b/c/f").unwrap(), ino("/a/x/c/f").unwrap());
    cage.chdir("/a/b").unwrap();
    assert_eq!(ino("c/f"), Ok(in_b));
    cage.chdir("/a/x").unwrap();
    assert_eq!(ino("c/f"), Ok(in_x));
    cage.setfsuid(USER).unwrap();
    assert_eq!((ino("/a/b/c/f"), ino("c/f")), (Err(Errno::EACCES), Ok(in_x)));
    cage.setfsuid(0).unwrap();
    assert_eq!(ino("/a/b/c/f"), Ok(in_b));
    // access(2) asks for the real user, whom the memory does not concern.
    cage.setresuid(USER, 0, 0).unwrap();
    assert_eq!(ino("/a/b/c/f"), Ok(in_b));
    assert_eq!(cage.access("/a/b/c/f", Access::EXISTS), Err(Errno::EACCES));
    cage.setresuid(0, 0, 0).unwrap();
    cage.chroot("/a/x").unwrap();
    assert_eq!((ino("/a/b/c/f"), ino("/c/f"), ino("c/f")), (Err(Errno::ENOENT), Ok(in_x), Ok(in_x)));
}

#[test]
fn paths_of_any_length_are_told_apart() {
    let world = World::new();
    let cage = &*world.root;
    let mut dirs = vec![String::new()];
    for len in (1..=30).chain([100, 254, 255]) {
        for last in ['x', 'y'] {
            dirs.push(format!("/{}{last}", "d".repeat(len - 1)));
        }
    }
    let mut inos = Vec::new();
    for dir in &dirs {
        for sub in ["", "/s", "/s/t"] {
            let path = format!("{dir}{sub}");
            if !path.is_empty() {
                cage.mkdir(&path, mode(0o755)).unwrap();
            }
            cage.close(file(cage, &format!("{path}/f"), b"")).unwrap();
            inos.push((path.clone(), cage.stat(format!("{path}/f")).unwrap().ino));
        }
    }
    for _ in 0..2 {
        for (path, ino) in &inos {
            assert_eq!(cage.stat(format!("{path}/f")).map(|stat| stat.ino), Ok(*ino), "{path}");
        }
    }
}
