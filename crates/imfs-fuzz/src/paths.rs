//! Bytes as a path, walked by the walker and by a plain model of path_resolution(7).

use std::collections::VecDeque;

use imfs::Imfs;
use imfs::abi::{Errno, Mode};
use imfs::inode::Credentials;

const DIRS: [&str; 4] = ["/", "/a", "/a/b", "/c"];
const LINKS: [(&str, &str); 8] = [
    ("/l", "a"),
    ("/a/up", ".."),
    ("/a/abs", "/a/b/"),
    ("/a/b/far", "../../c/../l/up/a"),
    ("/loop", "loop"),
    ("/c/slash", "//"),
    ("/c/none", "no/where"),
    ("/to_f", "a/f"),
];
const FILE: &str = "/a/f";

/// Walks the path, after a table that turns bytes into what paths are made of, in both ways.
pub fn paths(data: &[u8]) {
    const PARTS: [&str; 16] =
        ["/", "a", "b", "c", "l", "..", ".", "/", "up", "abs", "far", "loop", "slash", "none", "to_f", "f"];
    let (follow, rest) = data.split_first().map_or((true, data), |(first, rest)| (first & 1 == 0, rest));
    // A slash follows most parts; some bytes stand for themselves.
    let path: Vec<u8> = rest
        .iter()
        .flat_map(|byte| match byte {
            0..=191 => [PARTS[usize::from(*byte) % 16].as_bytes(), b"/"],
            192..=223 => [PARTS[usize::from(*byte) % 16].as_bytes(), b""],
            _ => [std::slice::from_ref(byte), b""],
        })
        .flatten()
        .copied()
        .collect();
    let fs = Imfs::new().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    for dir in &DIRS[1..] {
        cage.mkdir(dir, Mode::RWXU).expect("mkdir");
    }
    cage.mknod(FILE, 0o100_644, Default::default()).expect("mknod");
    for (at, target) in LINKS {
        cage.symlink(target, at).expect("symlink");
    }
    let found = if follow { cage.stat(&path) } else { cage.lstat(&path) };
    let expected = resolve(&path, follow).map(|at| cage.lstat(at).expect("it is there").ino);
    assert_eq!(found.map(|stat| stat.ino), expected, "{} follow {follow}", path.escape_ascii());
}

/// The canonical path of what `path` leads to from the root.
fn resolve(path: &[u8], follow: bool) -> Result<String, Errno> {
    if path.len() >= 4096 {
        return Err(Errno::ENAMETOOLONG);
    }
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    // A trailing slash asks for a directory, as "/." would.
    let mut parts = split(path);
    let mut at = String::from("/");
    let mut links = 0;
    while let Some(part) = parts.pop_front() {
        if !DIRS.contains(&&*at) {
            return Err(Errno::ENOTDIR);
        }
        if part == b"." {
            continue;
        }
        if part == b".." {
            let end = at.rfind('/').unwrap_or(0).max(1);
            at.truncate(end);
            continue;
        }
        if part.len() > 255 {
            return Err(Errno::ENAMETOOLONG);
        }
        let name = std::str::from_utf8(&part).map_err(|_| Errno::ENOENT)?;
        let next = format!("{}/{name}", at.trim_end_matches('/'));
        let last = parts.is_empty();
        if let Some((_, target)) = LINKS.iter().find(|(link, _)| *link == next)
            && (follow || !last)
        {
            links += 1;
            if links > 40 {
                return Err(Errno::ELOOP);
            }
            if target.starts_with('/') {
                at = String::from("/");
            }
            let mut inner = split(target.as_bytes());
            inner.append(&mut parts);
            parts = inner;
            continue;
        }
        let there = DIRS.contains(&&*next) || next == FILE || LINKS.iter().any(|(link, _)| *link == next);
        if !there {
            return Err(Errno::ENOENT);
        }
        at = next;
    }
    Ok(at)
}

fn split(path: &[u8]) -> VecDeque<Vec<u8>> {
    let mut parts: VecDeque<_> =
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect();
    if path.ends_with(b"/") {
        parts.push_back(b".".to_vec());
    }
    parts
}
