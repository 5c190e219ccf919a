//! Everything that can be seen of a tree on our side, in the form of `kernel::tree`, read without moving a time stamp.

use super::answers::statx_attributes;
use super::{HERE, read_directory};
use crate::outcome::{Ticks, bytes};
use imfs::Cage;
use imfs::abi::{AtFlags, Mode, OFlags, StatxMask, Whence};
use std::collections::HashMap;

/// Walks the whole tree; the cage is root's.
pub(super) fn walk(cage: &Cage, ticks: &Ticks) -> Vec<String> {
    let mut w = Walker { cage, ticks, lines: Vec::new(), seen: HashMap::new() };
    let flags = OFlags::DIRECTORY | OFlags::NOATIME;
    match cage.openat(HERE, "/", flags, Mode::empty()) {
        Ok(fd) => {
            w.object(fd, b"", "/");
            w.directory(fd, "");
        }
        Err(e) => w.lines.push(format!("/ cannot be opened, errno {}", e.raw())),
    }
    w.lines
}

struct Walker<'a> {
    cage: &'a Cage,
    ticks: &'a Ticks,
    lines: Vec<String>,
    seen: HashMap<u64, String>,
}

impl Walker<'_> {
    fn directory(&mut self, fd: i32, path: &str) {
        let (entries, _) = read_directory(self.cage, fd, 1 << 16);
        let mut names: Vec<_> = entries.into_iter().map(|e| e.name).collect();
        names.sort();
        for name in names.into_iter().filter(|n| n != b"." && n != b"..") {
            let below = format!("{path}/{}", name.escape_ascii());
            if self.object(fd, &name, &below) {
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NOATIME;
                match self.cage.openat(fd, &name, flags, Mode::empty()) {
                    Ok(sub) => {
                        self.directory(sub, &below);
                        let _ = self.cage.close(sub);
                    }
                    Err(e) => self.lines.push(format!("{below}: cannot be opened, errno {}", e.raw())),
                }
            }
        }
    }

    fn object(&mut self, dir: i32, name: &[u8], path: &str) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        let st = match self.cage.statx(dir, name, flags, StatxMask::BASIC_STATS | StatxMask::BTIME) {
            Ok(st) => st,
            Err(e) => {
                self.lines.push(format!("{path}: errno {}", e.raw()));
                return false;
            }
        };
        if let Some(first) = self.seen.get(&st.ino) {
            self.lines.push(format!("{path} is {first}"));
            return false;
        }
        self.seen.insert(st.ino, path.to_string());
        let a = statx_attributes(&st);
        let mut line = format!("{path} {}", a.line(self.ticks));
        line += &self.xattrs(dir, name);
        match a.mode & libc::S_IFMT {
            libc::S_IFLNK => {
                let mut buf = vec![0u8; 4096];
                let n = self.cage.readlinkat(dir, name, &mut buf).unwrap_or(0);
                line += &format!(" -> {}", bytes(&buf[..n]));
            }
            libc::S_IFREG => line += &self.content(dir, name, a.size),
            _ => {}
        }
        self.lines.push(line);
        a.mode & libc::S_IFMT == libc::S_IFDIR && !name.is_empty()
    }

    fn content(&self, dir: i32, name: &[u8], size: i64) -> String {
        let flags = OFlags::NOFOLLOW | OFlags::NOATIME;
        let fd = match self.cage.openat(dir, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(e) => return format!(" unreadable {}", e.raw()),
        };
        let (mut at, mut map, mut whole) = (0i64, Vec::new(), Vec::new());
        while at < size && map.len() < 64 {
            let Ok(from) = self.cage.lseek(fd, at, Whence::Data) else { break };
            if from > crate::outcome::MAPPED {
                break;
            }
            let to = self.cage.lseek(fd, from, Whence::Hole).ok().filter(|to| *to > from).unwrap_or(size);
            let mut buf = vec![0u8; (to - from).min(16 << 20) as usize];
            let n = self.cage.pread(fd, &mut buf, from).unwrap_or(0);
            whole.extend_from_slice(&buf[..n]);
            map.push(format!("{from}-{to}"));
            at = to;
        }
        let _ = self.cage.close(fd);
        format!(" [{}] {}", map.join(","), bytes(&whole))
    }

    fn xattrs(&self, dir: i32, name: &[u8]) -> String {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        let mut list = vec![0u8; 1 << 16];
        let n = self.cage.listxattrat(dir, name, flags, &mut list).unwrap_or(0);
        let mut out = Vec::new();
        for key in list[..n].split(|b| *b == 0).filter(|k| !k.is_empty()) {
            let mut value = vec![0u8; 1 << 16];
            out.push(match self.cage.getxattrat(dir, name, flags, key, &mut value) {
                Ok(n) => format!(" {}={}", key.escape_ascii(), bytes(&value[..n])),
                Err(e) => format!(" {}: errno {}", key.escape_ascii(), e.raw()),
            });
        }
        out.sort();
        out.concat()
    }
}
