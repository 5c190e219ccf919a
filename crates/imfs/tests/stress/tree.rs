//! What holds of a whole tree when nobody changes it.

use std::collections::{BTreeMap, BTreeSet};

use imfs::abi::{FileType, Stat};
use imfs::{Cage, Imfs};

/// What was seen of an inode.
struct Seen {
    stat: Stat,
    entries: u64,
}

/// Checks that names, link counts, sizes and what statfs(2) says agree, that nothing is there twice, and that the
/// directories make a tree. No file may be open, nor any directory that has no name.
pub(crate) fn check(fs: &Imfs, cage: &Cage) {
    let mut inodes = BTreeMap::new();
    let root = cage.stat("/").expect("stat");
    inodes.insert(root.ino, Seen { stat: root, entries: 1 });
    let mut pending = vec![String::new()];
    while let Some(path) = pending.pop() {
        let stat = cage.lstat(format!("{path}/")).expect("lstat");
        let (mut entries, mut dirs) = (0, 0);
        for (name, ino) in names(cage, &format!("{path}/")) {
            let at = format!("{path}/{name}");
            let found = cage.lstat(&at).expect("a name that readdir showed");
            assert_eq!(found.ino, ino, "{at}");
            entries += 1;
            let seen = inodes.entry(ino).or_insert(Seen { stat: found, entries: 0 });
            seen.entries += 1;
            if FileType::from_mode(found.mode) == Some(FileType::Directory) {
                assert_eq!(seen.entries, 1, "{at} has a second name");
                assert_eq!(cage.stat(format!("{at}/..")).expect("stat ..").ino, stat.ino, "{at}/..");
                dirs += 1;
                pending.push(at);
            }
        }
        assert_eq!((stat.nlink, stat.size as u64), (2 + dirs, 40 + 20 * entries), "{path}");
    }
    let mut blocks = 0;
    for (ino, seen) in &inodes {
        if FileType::from_mode(seen.stat.mode) != Some(FileType::Directory) {
            assert_eq!(seen.stat.nlink, seen.entries, "links of {ino}");
        }
        blocks += seen.stat.blocks as u64 / 8;
    }
    let statfs = fs.statfs();
    assert_eq!(statfs.files - statfs.ffree, inodes.len() as u64, "inodes");
    if statfs.blocks != 0 {
        assert_eq!(statfs.blocks - statfs.bfree, blocks, "blocks");
    }
}

/// The names in a directory and their inode numbers, but "." and ".."; none is there twice.
pub(crate) fn names(cage: &Cage, path: &str) -> Vec<(String, u64)> {
    let mut dir = cage.opendir(path).expect("opendir");
    let (mut found, mut once) = (Vec::new(), BTreeSet::new());
    while let Some(entry) = dir.readdir(cage).expect("readdir") {
        let name = String::from_utf8_lossy(entry.name).into_owned();
        assert!(once.insert(name.clone()), "{name} is there twice");
        if name != "." && name != ".." {
            found.push((name, entry.ino));
        }
    }
    dir.closedir(cage).expect("closedir");
    found
}
