//! Both directions between a host directory and an IMFS, and the calls that the original had.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use imfs::abi::{Errno, FileType, Mode, OFlags, Timespec};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};
use imfs_staging::{Caged, Linux, Side as _, Silent, Transfer, dump_file, load_file, preloads};

struct Fixture {
    scratch: PathBuf,
    _imfs: Arc<Imfs>,
    cage: Arc<Cage>,
}

impl Fixture {
    fn new(name: &str) -> Fixture {
        Fixture::with_size(name, u64::MAX)
    }

    fn with_size(name: &str, size: u64) -> Fixture {
        let scratch = std::env::temp_dir().join(format!("imfs-staging-{name}-{}", std::process::id()));
        fs::create_dir(&scratch).unwrap();
        let imfs = Imfs::builder().size(size).build().unwrap();
        let cage = imfs.create_cage(0, Credentials::root()).unwrap();
        Fixture { scratch, _imfs: imfs, cage }
    }

    /// A path below the host's directory.
    fn host(&self, name: &str) -> Vec<u8> {
        self.scratch.join(name).as_os_str().as_bytes().to_vec()
    }

    fn content(&self, path: &str) -> Vec<u8> {
        let fd = self.cage.open(path, OFlags::RDONLY, Mode::empty()).unwrap();
        let mut buffer = vec![0; 4096];
        let length = self.cage.read(fd, &mut buffer).unwrap();
        self.cage.close(fd).unwrap();
        buffer.truncate(length);
        buffer
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let fd = self.cage.open(path, OFlags::CREAT | OFlags::WRONLY, Mode::from_raw(0o644)).unwrap();
        assert_eq!(self.cage.write(fd, bytes), Ok(bytes.len()));
        self.cage.close(fd).unwrap();
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

#[test]
fn the_original_calls() {
    let f = Fixture::new("original");
    let path = f.scratch.join("a file");
    let bytes = path.as_os_str().as_bytes();
    fs::write(&path, "content").unwrap();
    load_file(&f.cage, &Linux, bytes).unwrap();
    assert_eq!(f.content(path.to_str().unwrap()), b"content");
    dump_file(&f.cage, &Linux, bytes, &f.host("new/copy")).unwrap();
    assert_eq!(fs::read(f.scratch.join("new/copy")).unwrap(), b"content");

    let list = [b"/one=".as_slice(), bytes, b"::=x:/two=", &f.host("new")].concat();
    preloads(&f.cage, &Linux, &list).unwrap();
    assert_eq!(f.content("/one"), b"content");
    assert_eq!(f.content("/two/copy"), b"content");

    let error = load_file(&f.cage, &Linux, b"/no/such/file").unwrap_err();
    assert_eq!(error.to_string(), "cannot find /no/such/file on the host: No such file or directory");
    let error = dump_file(&f.cage, &Linux, b"/none", &f.host("x")).unwrap_err();
    assert_eq!(error.to_string(), "cannot find /none in the IMFS: No such file or directory");
}

#[test]
fn a_tree_goes_in_and_out_as_it_is() {
    let f = Fixture::new("round-trip");
    let at = |name: &str| f.scratch.join(name);
    fs::create_dir_all(at("from/d/e")).unwrap();
    fs::write(at("from/d/one"), "1").unwrap();
    fs::hard_link(at("from/d/one"), at("from/d/e/again")).unwrap();
    symlink("d/one", at("from/link")).unwrap();
    fs::set_permissions(at("from/d/one"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(at("from/d"), fs::Permissions::from_mode(0o1711)).unwrap();
    let sparse = fs::File::create(at("from/sparse")).unwrap();
    sparse.write_all_at(b"x", 1 << 30).unwrap();
    sparse.set_len(4 << 30).unwrap();
    let (directory, one) = (fs::metadata(at("from/d")).unwrap(), fs::metadata(at("from/d/one")).unwrap());

    let inside = Caged::new(&f.cage, (7, 8));
    let mut silent = Silent;
    Transfer::new(&Linux, &inside, &mut silent).copy(&f.host("from"), b"/p/q").unwrap();
    let staged = f.cage.stat("/p/q/d/one").unwrap();
    assert_eq!((staged.nlink, staged.mode & 0o7777, staged.uid, staged.gid), (2, 0o640, 7, 8));
    assert_eq!(staged.mtime, Timespec { sec: one.mtime(), nsec: one.mtime_nsec() as u32 });
    assert_eq!(f.cage.stat("/p/q/d").unwrap().mode & 0o7777, 0o1711);
    assert_eq!(f.cage.stat("/p/q/d").unwrap().mtime.sec, directory.mtime());
    assert_eq!(inside.read_link(b"/p/q/link").unwrap(), b"d/one");
    let staged = f.cage.stat("/p/q/sparse").unwrap();
    assert_eq!(staged.size, 4 << 30);
    assert!(staged.blocks <= 64, "{} blocks", staged.blocks);

    Transfer::new(&inside, &Linux, &mut silent).copy(b"/p/q", &f.host("to")).unwrap();
    assert_eq!(fs::read(at("to/d/one")).unwrap(), b"1");
    assert_eq!(fs::read_link(at("to/link")).unwrap(), PathBuf::from("d/one"));
    let (again, one) = (fs::metadata(at("to/d/e/again")).unwrap(), fs::metadata(at("to/d/one")).unwrap());
    assert_eq!((again.ino(), one.nlink()), (one.ino(), 2));
    assert_eq!(fs::metadata(at("to/d")).unwrap().mtime_nsec(), directory.mtime_nsec());
    let sparse = fs::metadata(at("to/sparse")).unwrap();
    assert_eq!(sparse.len(), 4 << 30);
    assert!(sparse.blocks() <= 2048, "{} blocks", sparse.blocks());
}

#[test]
fn attributes_and_access_lists_go_both_ways() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let f = Fixture::new("xattr");
    let path = f.scratch.join("from");
    fs::write(&path, "").unwrap();
    // The owner, user 5, the group, the mask, others (acl(5)).
    let entries = [(1, 7, !0), (2, 6, 5), (4, 4, !0), (16, 6, !0), (32, 0, !0_u32)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(permissions));
        list.extend(id.to_le_bytes());
    }
    let name = "system.posix_acl_access";
    if setxattr(&path, name, &list, XattrFlags::empty()).is_err()
        || setxattr(&path, "user.mark", b"x", XattrFlags::empty()).is_err()
    {
        return; // This host's temporary directory keeps no attributes.
    }
    load_file(&f.cage, &Linux, &f.host("from")).unwrap();
    let mut buffer = [0; 256];
    assert_eq!(f.cage.getxattr(f.host("from"), "user.mark", &mut buffer), Ok(1));
    assert_eq!(f.cage.getxattr(f.host("from"), name, &mut buffer), Ok(list.len()));
    assert_eq!(buffer[..list.len()], list);
    dump_file(&f.cage, &Linux, &f.host("from"), &f.host("to")).unwrap();
    let to = f.scratch.join("to");
    assert_eq!(getxattr(&to, "user.mark", &mut buffer), Ok(1));
    assert_eq!(getxattr(&to, name, &mut buffer), Ok(list.len()));
    assert_eq!(buffer[..list.len()], list);
    assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o760);
}

#[test]
fn a_later_entry_wins() {
    let f = Fixture::new("later");
    fs::write(f.scratch.join("file"), "file").unwrap();
    fs::create_dir(f.scratch.join("directory")).unwrap();
    fs::write(f.scratch.join("directory/below"), "below").unwrap();
    let list = |entries: &[&str]| {
        let entries = entries.iter().map(|entry| entry.replace('@', f.scratch.to_str().unwrap()));
        entries.collect::<Vec<_>>().join(":")
    };
    preloads(&f.cage, &Linux, list(&["/x=@/file", "/x=@/directory", "/x/below=@/file"]).as_bytes()).unwrap();
    assert_eq!(f.cage.stat("/x").unwrap().file_type(), Some(FileType::Directory));
    assert_eq!(f.content("/x/below"), b"file");
    let error = preloads(&f.cage, &Linux, list(&["/x=@/file"]).as_bytes()).unwrap_err();
    assert_eq!(error.errno, Errno::EISDIR);
}

#[test]
fn a_full_imfs_says_so_and_keeps_nothing_half() {
    let f = Fixture::with_size("full", 64 << 10);
    fs::write(f.scratch.join("large"), vec![1; 128 << 10]).unwrap();
    let error = load_file(&f.cage, &Linux, &f.host("large")).unwrap_err();
    assert_eq!((error.errno, error.side), (Errno::ENOSPC, "in the IMFS"));
    assert_eq!(f.cage.stat(f.host("large")).unwrap_err(), Errno::ENOENT);
}

#[test]
fn a_dump_that_fails_leaves_the_old_file() {
    let f = Fixture::new("dump");
    f.write("/new", b"new");
    f.cage.mkdir("/tree", Mode::RWXU).unwrap();
    f.cage.mkfifo("/tree/fifo", Mode::RWXU).unwrap();
    f.write("/tree/file", b"new");
    fs::create_dir(f.scratch.join("file")).unwrap();
    fs::write(f.scratch.join("other"), "old").unwrap();
    dump_file(&f.cage, &Linux, b"/new", &f.host("file")).unwrap_err();
    dump_file(&f.cage, &Linux, b"/none", &f.host("other")).unwrap_err();
    assert_eq!(fs::read(f.scratch.join("other")).unwrap(), b"old");
    dump_file(&f.cage, &Linux, b"/tree", &f.host("tree")).unwrap();
    let names = |path: &str| fs::read_dir(f.scratch.join(path)).unwrap().count();
    assert_eq!((names("tree"), names("file"), names(".")), (1, 0, 3));
}

/// Goes `depth` directories down from `/top`, which are made if `make`, and stays there.
fn descend(cage: &Cage, top: &str, depth: usize, make: bool) {
    cage.chdir(top).unwrap();
    for _ in 0..depth {
        if make {
            cage.mkdir("a directory", Mode::from_raw(0o755)).unwrap();
        }
        cage.chdir("a directory").unwrap();
    }
}

/// Paths of a deep tree are longer than PATH_MAX, and a call for each of its directories would fill the stack: so nothing
/// calls itself. (10,000 levels take minutes here, as each path is walked from its start.)
#[test]
fn a_tree_of_any_depth() {
    const DEPTH: usize = 1_000;
    let f = Fixture::new("deep");
    f.cage.mkdir("/top", Mode::from_raw(0o755)).unwrap();
    descend(&f.cage, "/top", DEPTH, true);
    f.write("file", b"at the bottom");
    f.cage.link("file", "link").unwrap();
    f.cage.symlink("file", "symlink").unwrap();
    f.cage.setxattr("file", "user.name", b"value", Default::default()).unwrap();
    f.cage.chmod(".", Mode::from_raw(0o711)).unwrap();
    f.cage.chdir("/").unwrap();

    let (caged, linux) = (Caged::new(&f.cage, (0, 0)), Linux);
    Transfer::new(&caged, &linux, &mut Silent).copy(b"/top", &f.host("top")).unwrap();
    Transfer::new(&linux, &caged, &mut Silent).copy(&f.host("top"), b"/again").unwrap();
    // The standard library opens a descriptor for each level.
    assert!(Command::new("rm").arg("-rf").arg(f.scratch.join("top")).status().unwrap().success());

    descend(&f.cage, "/again", DEPTH, false);
    assert_eq!(f.content("file"), b"at the bottom");
    let [file, link] = ["file", "link"].map(|name| f.cage.lstat(name).unwrap());
    assert_eq!((file.ino, file.nlink), (link.ino, 2));
    assert_eq!(f.cage.lstat("symlink").unwrap().file_type(), Some(FileType::Symlink));
    assert_eq!(f.cage.stat(".").unwrap().permissions(), Mode::from_raw(0o711));
    assert_eq!(f.cage.mkdir("a directory", Mode::from_raw(0o755)), Ok(()));
}
