//! How a mount comes and goes.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use imfs::Imfs;
use imfs_fuse::{Error, Options, Session, Unmounted};

use crate::fixture::{Mount, Script, new_directory};

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/thread-self/mounts").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(1) == path.to_str())
}

#[test]
fn an_instance_outlives_its_mount() {
    let fs = Imfs::builder().build().unwrap();
    let first = Mount::with(fs.clone(), &Options::default());
    assert!(is_mounted(first.path()));
    fs::write(first.at("f"), "text").unwrap();
    assert_eq!(first.session.unmount().unwrap(), Unmounted::Entirely);
    assert!(!is_mounted(first.path()));
    first.session.wait().unwrap();
    assert!(!first.session.is_serving());
    assert_eq!(first.session.unmount().unwrap(), Unmounted::Entirely);
    let second = Mount::with(fs, &Options::default());
    assert_eq!(fs::read_to_string(second.at("f")).unwrap(), "text");
}

#[test]
fn unmounting_from_outside_ends_the_session() {
    let mount = Mount::new();
    fs::write(mount.at("f"), "text").unwrap();
    assert!(Command::new("umount").arg(mount.path()).status().unwrap().success());
    mount.session.wait().unwrap();
    assert!(!mount.session.is_serving());
}

#[test]
fn dropping_a_session_unmounts() {
    let dir = new_directory();
    let fs = Imfs::builder().build().unwrap();
    drop(Session::mount(&fs, &dir, &Options::default()).unwrap());
    assert!(!is_mounted(&dir));
    fs::remove_dir(dir).unwrap();
}

/// What a program has put into a mapping, and nobody has written yet, is in the instance when unmount returns.
#[test]
fn a_busy_mount_leaves_sight_and_nothing_is_lost() {
    let instance = Imfs::builder().build().unwrap();
    let mount = Mount::with(instance.clone(), &Options::default());
    let script = Script::start(
        mount.path(),
        "import mmap, os
fd = os.open('f', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 12288)
m = mmap.mmap(fd, 12288)
m[4096:4102] = b'mapped'
os.pwrite(fd, b'written', 0)",
    );
    assert_eq!(mount.session.unmount().unwrap(), Unmounted::FromSight);
    assert!(!is_mounted(mount.path()));
    let seen = Mount::with(instance, &Options::default());
    let text = fs::read(seen.at("f")).unwrap();
    assert_eq!((text.len(), &text[..7], &text[4_096..4_102]), (12_288, &b"written"[..], &b"mapped"[..]));
    assert!(mount.session.is_serving());
    // The program goes on, and when it ends nobody uses the mount any more.
    script.finish();
    mount.session.wait().unwrap();
}

#[test]
fn sync_brings_everything_in() {
    let instance = Imfs::builder().build().unwrap();
    let mount = Mount::with(instance.clone(), &Options::default());
    let file = File::create(mount.at("f")).unwrap();
    file.write_at(b"kept by the kernel", 0).unwrap();
    mount.session.sync();
    let shared = Options { shared: true, ..Options::default() };
    let seen = Mount::with(instance, &shared);
    assert_eq!(fs::read_to_string(seen.at("f")).unwrap(), "kept by the kernel");
}

#[test]
fn a_shared_instance_is_asked_each_time() {
    let instance = Imfs::builder().build().unwrap();
    let options = Options { shared: true, ..Options::default() };
    let (one, two) = (Mount::with(instance.clone(), &options), Mount::with(instance, &options));
    assert!(fs::read(two.at("f")).is_err());
    fs::write(one.at("f"), "one").unwrap();
    assert_eq!(fs::read_to_string(two.at("f")).unwrap(), "one");
    fs::write(two.at("f"), "two, longer").unwrap();
    assert_eq!(fs::read_to_string(one.at("f")).unwrap(), "two, longer");
    fs::remove_file(one.at("f")).unwrap();
    assert!(fs::read(two.at("f")).is_err());
    assert_eq!(fs::read_dir(two.path()).unwrap().count(), 0);
}

#[test]
fn a_mount_that_somebody_else_made_is_served() {
    let dir = new_directory();
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
    let options = Options::default();
    let data: Vec<String> = options
        .kernel_options(device.as_raw_fd(), 0, 0)
        .into_iter()
        .map(|(key, value)| value.map_or(key.to_owned(), |value| format!("{key}={value}")))
        .collect();
    let data = std::ffi::CString::new(data.join(",")).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("test", &dir, "fuse.imfs", flags, data.as_c_str()).unwrap();
    let fs = Imfs::builder().build().unwrap();
    let session = Session::serve(&fs, OwnedFd::from(device), &options).unwrap();
    fs::write(dir.join("f"), "text").unwrap();
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), "text");
    rustix::mount::unmount(&dir, rustix::mount::UnmountFlags::empty()).unwrap();
    session.wait().unwrap();
    fs::remove_dir(dir).unwrap();
}

#[test]
fn what_cannot_be_mounted_on_is_named() {
    let fs = Imfs::builder().build().unwrap();
    let dir = new_directory();
    let missing = Session::mount(&fs, &dir.join("missing"), &Options::default()).unwrap_err();
    assert!(matches!(missing, Error::MountPoint(..)), "{missing}");
    assert!(missing.to_string().ends_with("missing as mount point: No such file or directory"));
    fs::write(dir.join("file"), "").unwrap();
    let file = Session::mount(&fs, &dir.join("file"), &Options::default()).unwrap_err();
    assert!(file.to_string().ends_with("file as mount point: Not a directory"));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn options_show_in_the_mount_table() {
    let fs = Imfs::builder().build().unwrap();
    let options = Options { read_only: true, exec: false, source: "name".to_owned(), ..Options::default() };
    let mount = Mount::with(fs, &options);
    let mounts = fs::read_to_string("/proc/thread-self/mounts").unwrap();
    let line = mounts.lines().find(|line| line.contains(mount.path().to_str().unwrap())).unwrap();
    let mut words = line.split(' ');
    assert_eq!((words.next(), words.nth(1)), (Some("name"), Some("fuse.imfs")));
    let shown: Vec<_> = words.next().unwrap().split(',').collect();
    for option in ["ro", "nosuid", "nodev", "noexec", "allow_other", "default_permissions"] {
        assert!(shown.contains(&option), "{option}: {line}");
    }
}

/// Where the kernel's limits can be lifted they are: a writer that is faster than a hundredth of memory is not slowed down.
#[test]
fn limits_of_the_cache_are_lifted() {
    let mount = Mount::new();
    let device = std::os::unix::fs::MetadataExt::dev(&fs::metadata(mount.path()).unwrap());
    let limits = format!("/sys/class/bdi/{}:{}", libc::major(device), libc::minor(device));
    let Ok(limit) = fs::read_to_string(format!("{limits}/read_ahead_kb")) else {
        eprintln!("SKIPPED: no {limits}");
        return;
    };
    let writable = fs::OpenOptions::new().write(true).open(format!("{limits}/read_ahead_kb")).is_ok();
    assert!(!writable || limit == "1024\n", "{limit}");
}
