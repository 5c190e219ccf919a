//! Everything that can be seen of a tree on the kernel's side, one line an object, read without moving a time stamp.

use super::raw::{c, errno, statx_attributes, sys, zeroed};
use crate::args::Bytes;
use crate::outcome::{Ticks, bytes, parse_dirents};
use std::collections::HashMap;
use std::ffi::CStr;

/// Walks the tree under `root`.
pub(super) fn walk(root: &CStr, ticks: &Ticks) -> Vec<String> {
    let fd = sys!(SYS_open, root.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOATIME)
        .expect("open the root");
    let mut w = Walker { ticks, lines: Vec::new(), seen: HashMap::new() };
    w.object(fd as i32, &Bytes::default(), "/");
    w.directory(fd as i32, "");
    let _ = sys!(SYS_close, fd);
    w.lines
}

struct Walker<'a> {
    ticks: &'a Ticks,
    lines: Vec<String>,
    /// Inode number to the first path at which it was met.
    seen: HashMap<u64, String>,
}

impl Walker<'_> {
    fn directory(&mut self, fd: i32, path: &str) {
        let mut names = Vec::new();
        let mut buf = vec![0u8; 1 << 16];
        while let Ok(n @ 1..) = sys!(SYS_getdents64, fd, buf.as_mut_ptr(), buf.len()) {
            names.extend(parse_dirents(&buf[..n as usize]).into_iter().map(|e| e.name));
        }
        names.sort();
        for name in names.into_iter().filter(|n| n != b"." && n != b"..") {
            let below = format!("{path}/{}", name.escape_ascii());
            let name = Bytes(name);
            if self.object(fd, &name, &below) {
                let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_NOATIME;
                match sys!(SYS_openat, fd, c(&name).as_ptr(), flags) {
                    Ok(sub) => {
                        self.directory(sub as i32, &below);
                        let _ = sys!(SYS_close, sub);
                    }
                    Err(e) => self.lines.push(format!("{below}: cannot be opened, errno {e}")),
                }
            }
        }
    }

    /// Adds the line of an object, and says whether to go down into it.
    fn object(&mut self, dir: i32, name: &Bytes, path: &str) -> bool {
        let mut st: libc::statx = zeroed();
        let flags = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;
        let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
        let cname = c(name);
        if sys!(SYS_statx, dir, cname.as_ptr(), flags, mask, &raw mut st).is_err() {
            self.lines.push(format!("{path}: errno {}", errno()));
            return false;
        }
        let a = statx_attributes(&st);
        if let Some(first) = self.seen.get(&st.stx_ino) {
            self.lines.push(format!("{path} is {first}"));
            return false;
        }
        self.seen.insert(st.stx_ino, path.to_string());
        let mut line = format!("{path} {}", a.line(self.ticks));
        line += &xattrs(dir, name);
        match a.mode & libc::S_IFMT {
            libc::S_IFLNK => {
                let mut buf = vec![0u8; 4096];
                let n = sys!(SYS_readlinkat, dir, cname.as_ptr(), buf.as_mut_ptr(), buf.len()).unwrap_or(0);
                line += &format!(" -> {}", bytes(&buf[..n as usize]));
            }
            libc::S_IFREG => line += &content(dir, name, a.size),
            _ => {}
        }
        self.lines.push(line);
        a.mode & libc::S_IFMT == libc::S_IFDIR && !name.0.is_empty()
    }
}

/// Where the data is and what it is. Files beyond 16 MiB are read only where there is data.
fn content(dir: i32, name: &Bytes, size: i64) -> String {
    let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NOATIME;
    let Ok(fd) = sys!(SYS_openat, dir, c(name).as_ptr(), flags) else {
        return format!(" unreadable {}", errno());
    };
    let (mut at, mut map, mut whole) = (0i64, Vec::new(), Vec::new());
    while at < size && map.len() < 64 {
        let Ok(from) = sys!(SYS_lseek, fd, at, libc::SEEK_DATA) else { break };
        if from > crate::outcome::MAPPED {
            break;
        }
        // In the last page that a file can have the kernel finds a hole before the data.
        let to = sys!(SYS_lseek, fd, from, libc::SEEK_HOLE).ok().filter(|to| *to > from).unwrap_or(size);
        let mut buf = vec![0u8; (to - from).min(16 << 20) as usize];
        let n = sys!(SYS_pread64, fd, buf.as_mut_ptr(), buf.len(), from).unwrap_or(0);
        whole.extend_from_slice(&buf[..n as usize]);
        map.push(format!("{from}-{to}"));
        at = to;
    }
    let _ = sys!(SYS_close, fd);
    format!(" [{}] {}", map.join(","), bytes(&whole))
}

fn xattrs(dir: i32, name: &Bytes) -> String {
    // An O_PATH descriptor and its link in /proc reach every kind of object without following a symlink.
    let flags = libc::O_PATH | libc::O_NOFOLLOW;
    let fd = if name.0.is_empty() {
        dir
    } else {
        sys!(SYS_openat, dir, c(name).as_ptr(), flags).unwrap_or(-1) as i32
    };
    let link = c(&Bytes(format!("/proc/self/fd/{fd}").into_bytes()));
    let mut list = vec![0u8; 1 << 16];
    let n = sys!(SYS_listxattr, link.as_ptr(), list.as_mut_ptr(), list.len()).unwrap_or(0);
    let mut out = Vec::new();
    for key in list[..n as usize].split(|b| *b == 0).filter(|k| !k.is_empty()) {
        let mut value = vec![0u8; 1 << 16];
        let ckey = c(&Bytes(key.to_vec()));
        let n = sys!(SYS_getxattr, link.as_ptr(), ckey.as_ptr(), value.as_mut_ptr(), value.len());
        out.push(match n {
            Ok(n) => format!(" {}={}", key.escape_ascii(), bytes(&value[..n as usize])),
            Err(e) => format!(" {}: errno {e}", key.escape_ascii()),
        });
    }
    if fd != dir {
        let _ = sys!(SYS_close, fd);
    }
    out.sort();
    out.concat()
}
