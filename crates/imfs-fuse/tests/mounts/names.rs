//! Names: lookup, mkdir, mknod, symlink, link, rename, unlink, readdir.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use rustix::io::Errno;

use crate::fixture::{Mount, as_on_tmpfs};

#[test]
fn names_come_and_go() {
    as_on_tmpfs(|dir| {
        let file = dir.join("file");
        let missing = File::open(&file).unwrap_err().raw_os_error();
        fs::write(&file, "text").unwrap();
        let there = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let again = File::open(&file).unwrap_err().raw_os_error();
        fs::create_dir(&file).unwrap();
        let kind = fs::metadata(&file).unwrap().is_dir();
        (missing, there, again, kind, fs::remove_file(&file).unwrap_err().raw_os_error())
    });
}

#[test]
fn directories_count_links() {
    as_on_tmpfs(|dir| {
        let links = |dir: &Path| dir.metadata().unwrap().nlink();
        fs::create_dir_all(dir.join("a/b/c")).unwrap();
        let before = (links(dir), links(&dir.join("a")));
        let full = fs::remove_dir(dir.join("a")).unwrap_err().raw_os_error();
        fs::remove_dir_all(dir.join("a/b")).unwrap();
        (before, full, links(&dir.join("a")))
    });
}

#[test]
fn links_are_one_inode() {
    as_on_tmpfs(|dir| {
        let (one, two) = (dir.join("one"), dir.join("two"));
        fs::write(&one, "x").unwrap();
        fs::hard_link(&one, &two).unwrap();
        fs::write(&two, "longer").unwrap();
        let (a, b) = (one.metadata().unwrap(), two.metadata().unwrap());
        fs::remove_file(&one).unwrap();
        let left = two.metadata().unwrap().nlink();
        (a.ino() == b.ino(), a.nlink(), fs::read_to_string(&two).unwrap(), left)
    });
}

#[test]
fn symlinks_keep_their_text() {
    as_on_tmpfs(|dir| {
        symlink("to/nowhere", dir.join("link")).unwrap();
        symlink("link", dir.join("again")).unwrap();
        let text = fs::read_link(dir.join("link")).unwrap();
        let length = dir.join("link").symlink_metadata().unwrap().len();
        symlink("loop", dir.join("loop")).unwrap();
        let endless = fs::read(dir.join("loop")).unwrap_err().raw_os_error();
        (text, length, fs::read(dir.join("again")).unwrap_err().raw_os_error(), endless)
    });
}

#[test]
fn special_files_are_made() {
    as_on_tmpfs(|dir| {
        let made = |name: &str, kind, dev| {
            mknodat(CWD, dir.join(name), kind, Mode::from_raw_mode(0o640), dev).unwrap();
            let data = dir.join(name).symlink_metadata().unwrap();
            let kind = data.file_type();
            let kind = (kind.is_fifo(), kind.is_socket(), kind.is_char_device(), kind.is_block_device());
            (kind, data.mode(), data.rdev())
        };
        [
            made("fifo", FileType::Fifo, 0),
            made("socket", FileType::Socket, 0),
            made("char", FileType::CharacterDevice, makedev(1, 3)),
            made("block", FileType::BlockDevice, makedev(259, 70_000)),
        ]
    });
}

#[test]
fn renames_with_every_flag() {
    as_on_tmpfs(|dir| {
        let at = |name: &str| dir.join(name);
        let rename = |old: &str, new: &str, flags| renameat_with(CWD, at(old), CWD, at(new), flags);
        let text = |name: &str| fs::read_to_string(at(name)).ok();
        fs::write(at("a"), "a").unwrap();
        fs::write(at("b"), "b").unwrap();
        fs::create_dir_all(at("d/e")).unwrap();
        let refused = rename("a", "b", RenameFlags::NOREPLACE);
        let exchanged = rename("a", "b", RenameFlags::EXCHANGE);
        let texts = (text("a"), text("b"));
        let replaced = rename("a", "b", RenameFlags::empty());
        let left = (text("a"), text("b"));
        let whited = rename("b", "d/b", RenameFlags::WHITEOUT);
        let mark = at("b").symlink_metadata().unwrap();
        let mark = (mark.file_type().is_char_device(), mark.rdev(), mark.mode());
        let below = rename("d", "d/e/d", RenameFlags::empty());
        let onto = rename("d/e", "d", RenameFlags::empty());
        (refused, exchanged, texts, replaced, left, whited, mark, text("d/b"), below, onto)
    });
}

#[test]
fn names_have_limits() {
    as_on_tmpfs(|dir| {
        let longest = "n".repeat(255);
        fs::write(dir.join(&longest), "").unwrap();
        let too_long = File::create(dir.join("n".repeat(256))).unwrap_err().raw_os_error();
        let bytes = std::ffi::OsStr::from_bytes(b"\xff\xfe \n\x01");
        fs::write(dir.join(bytes), "").unwrap();
        use std::os::unix::ffi::OsStrExt as _;
        (listed(dir), too_long)
    });
}

fn listed(dir: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_listing_follows_changes() {
    let mount = Mount::new();
    for number in 0..1000 {
        File::create(mount.at(&format!("f{number}"))).unwrap();
    }
    assert_eq!(listed(mount.path()).len(), 1000);
    // The second comes from the kernel's cache, which has to notice.
    assert_eq!(listed(mount.path()).len(), 1000);
    fs::remove_file(mount.at("f500")).unwrap();
    File::create(mount.at("g")).unwrap();
    let names = listed(mount.path());
    assert_eq!(names.len(), 1000);
    assert!(names.contains(&"g".into()) && !names.contains(&"f500".into()));
}

#[test]
fn removing_while_reading_reaches_all() {
    let mount = Mount::new();
    let dir = mount.at("d");
    fs::create_dir(&dir).unwrap();
    for number in 0..5000 {
        File::create(dir.join(format!("a file with number {number}"))).unwrap();
    }
    for entry in fs::read_dir(&dir).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::remove_dir(&dir).unwrap();
}

#[test]
fn an_unlinked_file_lives_until_it_is_closed() {
    let mount = Mount::new();
    let before = mount.fs.statfs();
    let path = mount.at("f");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(file.metadata().unwrap().nlink(), 0);
    assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    let mut byte = [0];
    rustix::io::pread(&file, &mut byte, 1 << 19).unwrap();
    assert_eq!(byte, [7]);
    drop(file);
    // The kernel forgets in the background, or when the file system is gone.
    while mount.fs.statfs().bfree < before.bfree {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_removed_directory_takes_nothing() {
    as_on_tmpfs(|dir| {
        let path = dir.join("d");
        fs::create_dir(&path).unwrap();
        let held = File::open(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        let made = rustix::fs::openat(&held, "f", rustix::fs::OFlags::CREATE, Mode::RUSR).unwrap_err();
        let below = rustix::fs::mkdirat(&held, "d", Mode::RWXU).unwrap_err();
        assert_eq!(made, Errno::NOENT);
        (made, below, listed(dir))
    });
}
