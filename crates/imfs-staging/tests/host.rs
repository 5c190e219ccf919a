//! The walk and the host's side, tested from one host directory to another.

#![cfg(target_os = "linux")]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use imfs_staging::{Action, Linux, Observer, Side as _, Silent, StagingError, Transfer};

/// A directory of its own for each test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("imfs-staging-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), StagingError> {
        copy(&self.at(from), &self.at(to))
    }

    /// The names in a directory, so that nothing temporary can hide.
    fn names(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(name)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), StagingError> {
    Transfer::new(&Linux, &Linux, &mut Silent).copy(from.as_os_str().as_bytes(), to.as_os_str().as_bytes())
}

fn set_times(path: &Path, atime: i64, mtime: i64) {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let time = |sec| Timespec { tv_sec: sec, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time(atime), last_modification: time(mtime) };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

#[test]
fn one_file_with_missing_parents() {
    let scratch = Scratch::new("one");
    let from = scratch.write("a", "hello");
    fs::set_permissions(&from, fs::Permissions::from_mode(0o451)).unwrap();
    set_times(&from, 1_000_000_000, -5);
    scratch.copy("a", "x/y//z/b").unwrap();
    let copy = fs::metadata(scratch.at("x/y/z/b")).unwrap();
    assert_eq!(fs::read_to_string(scratch.at("x/y/z/b")).unwrap(), "hello");
    assert_eq!(copy.mode() & 0o7777, 0o451);
    assert_eq!((copy.atime(), copy.atime_nsec()), (1_000_000_000, 123_456_789));
    assert_eq!((copy.mtime(), copy.mtime_nsec()), (-5, 123_456_789));
    assert_eq!(fs::metadata(scratch.at("x/y")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(scratch.names("x/y/z"), ["b"]);
}

#[test]
fn a_tree_keeps_what_it_has() {
    let scratch = Scratch::new("tree");
    scratch.write("from/d/one", "1");
    scratch.write("from/e/deep/two", "2");
    fs::hard_link(scratch.at("from/d/one"), scratch.at("from/e/again")).unwrap();
    symlink("d/one", scratch.at("from/link")).unwrap();
    symlink("/no/where", scratch.at("from/dangling")).unwrap();
    set_times(&scratch.at("from/link"), 7, 8);
    fs::set_permissions(scratch.at("from/e"), fs::Permissions::from_mode(0o1570)).unwrap();
    set_times(&scratch.at("from/e"), 11, 12);
    scratch.copy("from", "to").unwrap();
    assert_eq!(scratch.names("to"), ["d", "dangling", "e", "link"]);
    assert_eq!(fs::read_to_string(scratch.at("to/e/deep/two")).unwrap(), "2");
    let (one, again) =
        (fs::metadata(scratch.at("to/d/one")).unwrap(), fs::metadata(scratch.at("to/e/again")).unwrap());
    assert_eq!((one.ino(), one.nlink()), (again.ino(), 2));
    assert_eq!(fs::read_link(scratch.at("to/link")).unwrap(), Path::new("d/one"));
    assert_eq!(fs::read_link(scratch.at("to/dangling")).unwrap(), Path::new("/no/where"));
    assert_eq!(fs::symlink_metadata(scratch.at("to/link")).unwrap().mtime(), 8);
    let directory = fs::metadata(scratch.at("to/e")).unwrap();
    assert_eq!((directory.mode() & 0o7777, directory.mtime()), (0o1570, 12));
}

#[test]
fn a_sparse_file_stays_sparse() {
    let scratch = Scratch::new("sparse");
    let file = fs::File::create(scratch.at("from")).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"middle", 512 << 20).unwrap();
    file.set_len(4 << 30).unwrap();
    scratch.copy("from", "to").unwrap();
    let copy = fs::File::open(scratch.at("to")).unwrap();
    let metadata = copy.metadata().unwrap();
    assert_eq!(metadata.len(), 4 << 30);
    assert!(metadata.blocks() <= 2048, "{} blocks", metadata.blocks());
    let mut bytes = [0; 6];
    copy.read_exact_at(&mut bytes, 512 << 20).unwrap();
    assert_eq!(&bytes, b"middle");
}

#[test]
fn attributes_of_users_go_along() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let scratch = Scratch::new("xattr");
    let from = scratch.write("from/file", "");
    let set = |path: &Path, value: &[u8]| setxattr(path, "user.imfs", value, XattrFlags::empty());
    if set(&from, b"value") == Err(rustix::io::Errno::OPNOTSUPP) {
        return; // This host's temporary directory has no attributes to keep.
    }
    set(&scratch.at("from"), b"").unwrap();
    scratch.copy("from", "to").unwrap();
    let mut buffer = [0; 16];
    let length = getxattr(scratch.at("to/file"), "user.imfs", &mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"value");
    assert_eq!(getxattr(scratch.at("to"), "user.imfs", &mut buffer), Ok(0));
}

#[test]
fn what_exists_is_replaced_and_directories_are_merged() {
    let scratch = Scratch::new("replace");
    scratch.write("from/file", "new");
    symlink("target", scratch.at("from/link")).unwrap();
    scratch.write("to/file", "old");
    scratch.write("to/link", "old");
    scratch.write("to/other", "other");
    fs::set_permissions(scratch.at("to"), fs::Permissions::from_mode(0o711)).unwrap();
    scratch.copy("from", "to").unwrap();
    assert_eq!(scratch.names("to"), ["file", "link", "other"]);
    assert_eq!(fs::read_to_string(scratch.at("to/file")).unwrap(), "new");
    assert_eq!(fs::read_link(scratch.at("to/link")).unwrap(), Path::new("target"));
    assert_eq!(fs::metadata(scratch.at("to")).unwrap().mode() & 0o7777, 0o711);

    fs::create_dir(scratch.at("directory")).unwrap();
    let error = scratch.copy("from/file", "directory").unwrap_err();
    assert_eq!((error.side, error.action), ("on the host", Action::Create));
    let error = scratch.copy("from", "to/file").unwrap_err();
    assert_eq!(error.action, Action::Create);
    assert_eq!(fs::read_to_string(scratch.at("to/file")).unwrap(), "new");
    assert_eq!(scratch.names("."), ["directory", "from", "to"]);
}

#[test]
fn special_files_are_skipped_with_a_warning() {
    struct Warnings(Vec<String>);
    impl Observer for Warnings {
        fn warn(&mut self, warning: &str) {
            self.0.push(warning.to_owned());
        }
    }
    let scratch = Scratch::new("special");
    scratch.write("from/file", "");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scratch.at("from/fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let mut warnings = Warnings(Vec::new());
    let (from, to) = (scratch.at("from"), scratch.at("to"));
    Transfer::new(&Linux, &Linux, &mut warnings)
        .copy(from.as_os_str().as_bytes(), to.as_os_str().as_bytes())
        .unwrap();
    assert_eq!(scratch.names("to"), ["file"]);
    assert_eq!(warnings.0, [format!("{}/fifo is a special file and was skipped", from.display())]);
}

#[test]
fn an_error_names_path_and_cause_and_leaves_the_old_file() {
    struct Stop;
    impl Observer for Stop {
        fn advanced(&mut self, _: &[u8], bytes: u64, _: bool) -> ControlFlow<()> {
            if bytes > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let scratch = Scratch::new("error");
    let missing = scratch.at("missing");
    let error = scratch.copy("missing", "to").unwrap_err();
    let expected = format!("cannot find {} on the host: No such file or directory", missing.display());
    assert_eq!(error.to_string(), expected);

    scratch.write("from", "new");
    scratch.write("to/file", "old");
    let error = scratch.copy("from", "to/file/below").unwrap_err();
    assert!(error.to_string().ends_with("Not a directory") || error.to_string().ends_with("File exists"));
    let (from, to) = (scratch.at("from"), scratch.at("to/file"));
    let error = Transfer::new(&Linux, &Linux, &mut Stop)
        .copy(from.as_os_str().as_bytes(), to.as_os_str().as_bytes())
        .unwrap_err();
    assert_eq!(error.action, Action::Stop);
    assert_eq!(fs::read_to_string(&to).unwrap(), "old");
    assert_eq!(scratch.names("to"), ["file"]);
}

#[test]
fn set_id_bits_go_only_to_the_same_owner() {
    let scratch = Scratch::new("setid");
    let from = scratch.write("from", "");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    fs::set_permissions(&from, fs::Permissions::from_mode(0o6755)).unwrap();
    scratch.copy("from", "mine").unwrap();
    assert_eq!(fs::metadata(scratch.at("mine")).unwrap().mode() & 0o7777, 0o6755);
    std::os::unix::fs::chown(&from, Some(65534), Some(65534)).unwrap();
    fs::set_permissions(&from, fs::Permissions::from_mode(0o6755)).unwrap();
    scratch.copy("from", "other").unwrap();
    assert_eq!(fs::metadata(scratch.at("other")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn what_is_left_out_is_not_copied() {
    let scratch = Scratch::new("out");
    scratch.write("from/a/x", "");
    scratch.write("from/b", "");
    let (from, to) = (scratch.at("from"), scratch.at("to"));
    let mut silent = Silent;
    let mut transfer = Transfer::new(&Linux, &Linux, &mut silent);
    transfer.leave_out(from.join("a").as_os_str().as_bytes());
    transfer.copy(from.as_os_str().as_bytes(), to.as_os_str().as_bytes()).unwrap();
    assert_eq!(scratch.names("to"), ["b"]);
    assert_eq!(Linux.names(to.as_os_str().as_bytes()).unwrap(), [b"b"]);
}
