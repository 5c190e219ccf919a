//! All that can be seen of a file system, as lines of text: to compare before and after.

use imfs::abi::fcntl::F_GETLK;
use imfs::abi::{AT_FDCWD, AtFlags, Errno, FileType, Flock, LockKind, Mode, OFlags, StatxMask};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

/// The id of the cage that looks.
const OBSERVER: u64 = u64::MAX;

/// The tree of the instance, what it takes, and the descriptors and the place of `cage`.
pub(crate) fn snapshot(fs: &Imfs, cage: &Cage) -> String {
    let observer = fs.create_cage(OBSERVER, Credentials::root()).expect("a cage that looks");
    let mut lines = Vec::new();
    walk(&observer, "/", &mut lines);
    if let Ok(big) = observer.open("/big", OFlags::RDWR, Mode::empty()) {
        let mut lock = Flock::new(LockKind::Write, 0, 0);
        observer.getlk(big, F_GETLK, &mut lock).expect("F_GETLK");
        lines.push(format!("{lock:?}"));
    }
    fs.exit(OBSERVER).expect("the cage that looks ends");
    let statfs = fs.statfs();
    lines.push(format!("blocks free {} inodes free {}", statfs.bfree, statfs.ffree));
    lines.push(format!(
        "cwd {:?} {:?}",
        cage.getcwd().map(|path| String::from_utf8_lossy(&path).into_owned()),
        cage.credentials().map(|cred| (cred.uid, cred.groups))
    ));
    for fd in 0..300 {
        if let Ok(stat) = cage.fstat(fd) {
            lines.push(format!("{fd}: ino {} flags {:?} {:?}", stat.ino, cage.getfl(fd), cage.getfd(fd)));
        }
    }
    lines.join("\n")
}

fn walk(cage: &Cage, path: &str, lines: &mut Vec<String>) {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let statx = cage.statx(AT_FDCWD, path, flags, StatxMask::BASIC_STATS).expect("statx");
    let mut buf = vec![0; 4096];
    let names = cage.llistxattr(path, &mut buf).map(|len| String::from_utf8_lossy(&buf[..len]).into_owned());
    lines.push(format!(
        "{path} ino {} mode {:o} links {} owner {}:{} size {} blocks {} times {:?} {:?} xattrs {names:?}",
        statx.ino,
        statx.mode,
        statx.nlink,
        statx.uid,
        statx.gid,
        statx.size,
        statx.blocks,
        statx.mtime,
        statx.ctime,
    ));
    match FileType::from_mode(u32::from(statx.mode)) {
        Some(FileType::Directory) => {
            for name in names_in(cage, path) {
                walk(cage, &format!("{}/{name}", path.trim_end_matches('/')), lines);
            }
        }
        Some(FileType::Regular) => {
            let fd = cage.open(path, OFlags::RDONLY | OFlags::NOATIME, Mode::empty()).expect("open");
            let mut sum = 0_u64;
            loop {
                let read = cage.read(fd, &mut buf).expect("read");
                if read == 0 {
                    break;
                }
                sum = buf[..read].iter().fold(sum, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
            }
            lines.push(format!("  bytes {sum:x}"));
            cage.close(fd).expect("close");
        }
        Some(FileType::Symlink) => {
            let len = cage.readlink(path, &mut buf).expect("readlink");
            lines.push(format!("  -> {}", String::from_utf8_lossy(&buf[..len])));
        }
        _ => {}
    }
}

/// The names in a directory, but "." and "..".
pub(crate) fn names_in(cage: &Cage, path: &str) -> Vec<String> {
    let mut dir = cage.opendir(path).expect("opendir");
    let mut names = Vec::new();
    while let Some(entry) = dir.readdir(cage).expect("readdir") {
        if entry.name != b"." && entry.name != b".." {
            names.push(String::from_utf8_lossy(entry.name).into_owned());
        }
    }
    assert_eq!(dir.closedir(cage), Ok::<(), Errno>(()));
    names.sort();
    names
}
