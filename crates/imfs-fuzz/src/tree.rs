//! What holds of a whole tree between calls.

use std::collections::{BTreeMap, BTreeSet};

use imfs::abi::{Errno, FileType, Mode, OFlags, Stat};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

/// Checks that names, link counts, sizes and what statfs(2) says agree. Files that are open without a name are for
/// `nameless` to say: their inodes and pages.
pub(crate) fn check(fs: &Imfs, nameless: bool) {
    let cage = fs.create_cage(u64::MAX, Credentials::root()).expect("a cage that looks");
    match cage.opendir("/") {
        // The other cages have all descriptions that there may be.
        Err(Errno::ENFILE) if nameless => return fs.exit(u64::MAX).expect("exit"),
        root => root.and_then(|root| root.closedir(&cage)).expect("opendir"),
    }
    let mut inodes: BTreeMap<u64, (Stat, u64)> = BTreeMap::new();
    let mut pending = vec![b"/".to_vec()];
    inodes.insert(cage.stat("/").expect("stat").ino, (cage.stat("/").expect("stat"), 1));
    while let Some(path) = pending.pop() {
        let stat = cage.lstat(&path).expect("lstat");
        let (mut entries, mut dirs) = (0, 0);
        for (name, ino) in names(&cage, &path) {
            let at = [&*path, b"/", &name].concat();
            if at.len() > 4000 {
                // Deeper than a path can say.
                fs.exit(u64::MAX).expect("exit");
                return;
            }
            let found = cage.lstat(&at).expect("a name that readdir showed");
            assert_eq!(found.ino, ino);
            entries += 1;
            inodes.entry(ino).or_insert((found, 0)).1 += 1;
            if FileType::from_mode(found.mode) == Some(FileType::Directory) {
                dirs += 1;
                pending.push(at);
            }
        }
        assert_eq!((stat.nlink, stat.size), (2 + dirs, 40 + 20 * entries), "{}", path.escape_ascii());
    }
    fs.exit(u64::MAX).expect("exit");
    let directory = |stat: &Stat| FileType::from_mode(stat.mode) == Some(FileType::Directory);
    for (stat, entries) in inodes.values() {
        assert!(directory(stat) || stat.nlink == *entries, "links of {}", stat.ino);
    }
    let statfs = fs.statfs();
    let (used, blocks) = (statfs.files - statfs.ffree, statfs.blocks - statfs.bfree);
    let named: i64 = inodes.values().map(|(stat, _)| stat.blocks / 8).sum();
    assert!(used >= inodes.len() as u64 && blocks >= named as u64);
    assert!(nameless || blocks == named as u64, "pages that belong to no file");
}

fn names(cage: &Cage, path: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let mut dir = cage.opendir(path).expect("opendir");
    let (mut found, mut once) = (Vec::new(), BTreeSet::new());
    while let Some(entry) = dir.readdir(cage).expect("readdir") {
        assert!(once.insert(entry.name.to_vec()), "a name is there twice");
        if entry.name != b"." && entry.name != b".." {
            found.push((entry.name.to_vec(), entry.ino));
        }
    }
    dir.closedir(cage).expect("closedir");
    found
}

/// Removes all, and checks that nothing is left.
pub(crate) fn clear(fs: &Imfs) {
    let cage = fs.create_cage(u64::MAX, Credentials::root()).expect("a cage that removes");
    // One level at a time, so that no path gets too long.
    loop {
        let Some((name, _)) = names(&cage, b".").pop() else {
            if cage.stat(".").expect("stat").ino == cage.stat("/").expect("stat").ino {
                break;
            }
            let here = cage.stat(".").expect("stat").ino;
            cage.chdir("..").expect("chdir");
            let (name, _) = names(&cage, b".").into_iter().find(|(_, ino)| *ino == here).expect("its name");
            cage.rmdir(name).expect("rmdir");
            continue;
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY;
        match cage.open(&name, flags, Mode::empty()) {
            Ok(fd) => {
                cage.fchdir(fd).expect("fchdir");
                cage.close(fd).expect("close");
            }
            Err(_) => cage.unlink(name).expect("unlink"),
        }
    }
    for name in [&b"user.a"[..], b"user.bb", b"trusted.c", b"security.d"] {
        let _ = cage.removexattr("/", name);
    }
    fs.exit(u64::MAX).expect("exit");
    let statfs = fs.statfs();
    assert_eq!((statfs.files - statfs.ffree, statfs.blocks - statfs.bfree), (1, 0), "something is left");
}
