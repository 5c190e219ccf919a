//! The calls of an ordinary program, one after another.

use imfs::abi::{AT_FDCWD, Errno, Mode, OFlags, Whence};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};
use std::sync::Arc;

fn cage() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().unwrap();
    let cage = fs.create_cage(1, Credentials::root()).unwrap();
    (fs, cage)
}

const RW: Mode = Mode::from_bits_retain(0o644);

#[test]
fn files_are_made_written_read_and_removed() {
    let (_fs, cage) = cage();
    cage.mkdir("/dir", Mode::RWXU).unwrap();
    let fd = cage.open("/dir/file", OFlags::CREAT | OFlags::RDWR, RW).unwrap();
    assert_eq!(fd, 3);
    assert_eq!(cage.write(fd, b"hello").unwrap(), 5);
    assert_eq!(cage.lseek(fd, 1, Whence::Set).unwrap(), 1);
    let mut buf = [0; 8];
    assert_eq!(cage.read(fd, &mut buf).unwrap(), 4);
    assert_eq!(&buf[..4], b"ello");
    let stat = cage.fstat(fd).unwrap();
    assert_eq!((stat.size, stat.nlink, stat.mode, stat.blocks), (5, 1, 0o100644, 8));
    cage.unlink("/dir/file").unwrap();
    assert_eq!(cage.pread(fd, &mut buf, 0).unwrap(), 5);
    cage.close(fd).unwrap();
    assert_eq!(cage.stat("/dir/file").unwrap_err(), Errno::ENOENT);
    cage.rmdir("/dir").unwrap();
}

#[test]
fn a_thousand_names_come_and_go() {
    let (_fs, cage) = cage();
    for n in 0..1000 {
        let fd = cage
            .open(format!("/file-with-a-name-that-is-long-{n}"), OFlags::CREAT | OFlags::WRONLY, RW)
            .unwrap();
        cage.close(fd).unwrap();
    }
    for n in (0..1000).step_by(2) {
        cage.unlink(format!("/file-with-a-name-that-is-long-{n}")).unwrap();
    }
    let mut dir = cage.opendir("/").unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = dir.readdir(&cage).unwrap() {
        seen.push(String::from_utf8(entry.name.to_vec()).unwrap());
    }
    dir.closedir(&cage).unwrap();
    assert_eq!(seen.len(), 502);
    assert!(seen[2..].iter().all(|n| cage.stat(format!("/{n}")).is_ok()));
    for n in (1..1000).step_by(2) {
        cage.rename(format!("/file-with-a-name-that-is-long-{n}"), format!("/{n}")).unwrap();
    }
    assert_eq!(cage.stat("/").unwrap().size, 20 * 502);
    assert!(cage.stat("/999").is_ok());
}

#[test]
fn links_directories_and_places() {
    let (fs, cage) = cage();
    cage.mkdir("/a", Mode::RWXU).unwrap();
    cage.mkdir("/a/b", Mode::RWXU).unwrap();
    cage.symlink("../a/b", "/a/link").unwrap();
    cage.chdir("/a/link").unwrap();
    assert_eq!(cage.getcwd().unwrap(), b"/a/b");
    cage.rename("/a/b", "/c").unwrap();
    assert_eq!(cage.getcwd().unwrap(), b"/c");
    assert_eq!(cage.rename("/c", "/c/d").unwrap_err(), Errno::EINVAL);
    let fd = cage.openat(AT_FDCWD, "f", OFlags::CREAT | OFlags::RDWR, RW).unwrap();
    cage.link("f", "/g").unwrap();
    assert_eq!(cage.stat("/g").unwrap().nlink, 2);
    let child = fs.fork(1, 2).unwrap();
    child.write(fd, b"abc").unwrap();
    assert_eq!(cage.lseek(fd, 0, Whence::Cur).unwrap(), 3);
    fs.exit(2).unwrap();
    assert_eq!(child.stat("/").unwrap_err(), Errno::ESRCH);
    cage.rename("/g", "f").unwrap();
    assert!(cage.stat("/g").is_ok());
}

#[test]
fn no_name_has_a_nul() {
    let (_fs, cage) = cage();
    cage.mkdir("/dir", Mode::RWXU).unwrap();
    assert_eq!(cage.mkdir("/a\0b", Mode::RWXU), Err(Errno::EINVAL));
    assert_eq!(cage.open("/a\0b", OFlags::CREAT | OFlags::RDWR, RW), Err(Errno::EINVAL));
    assert_eq!(cage.rename("/dir", "/a\0b"), Err(Errno::EINVAL));
    assert_eq!(cage.stat("/").unwrap().size, 20 * 3, "nothing was made");
    assert!(cage.stat("/dir").is_ok());
}
