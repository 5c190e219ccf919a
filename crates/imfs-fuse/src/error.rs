//! Why a mount could not be made, served or ended: one plain line each.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What failed, and what the kernel said.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// `/dev/fuse` cannot be opened: the kernel has no FUSE, or this user may not use it.
    Device(io::Error),
    /// The mount point is not a directory that can be used.
    MountPoint(PathBuf, io::Error),
    /// The kernel refuses the mount, or `fusermount3` does.
    Mount(PathBuf, io::Error),
    /// The kernel and this program do not agree on the protocol.
    Handshake(io::Error),
    /// No thread can be started.
    Thread(io::Error),
    /// The mount cannot be taken away.
    Unmount(PathBuf, io::Error),
    /// Answering the kernel ended with a failure.
    Serve(io::Error),
}

impl Error {
    /// What the system said.
    pub fn cause(&self) -> &io::Error {
        match self {
            Error::Device(cause) | Error::Handshake(cause) | Error::Thread(cause) | Error::Serve(cause) => {
                cause
            }
            Error::MountPoint(_, cause) | Error::Mount(_, cause) | Error::Unmount(_, cause) => cause,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Device(cause) => write!(out, "cannot open /dev/fuse: {}", Cause(cause)),
            Error::MountPoint(path, cause) => {
                write!(out, "cannot use {} as mount point: {}", path.display(), Cause(cause))
            }
            Error::Mount(path, cause) => write!(out, "cannot mount on {}: {}", path.display(), Cause(cause)),
            Error::Handshake(cause) => write!(out, "cannot agree with the kernel's FUSE: {}", Cause(cause)),
            Error::Thread(cause) => write!(out, "cannot start a thread: {}", Cause(cause)),
            Error::Unmount(path, cause) => write!(out, "cannot unmount {}: {}", path.display(), Cause(cause)),
            Error::Serve(cause) => write!(out, "the mount ended with an error: {}", Cause(cause)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause())
    }
}

/// A cause without Rust's "(os error 13)", on one line.
struct Cause<'a>(&'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text);
        out.write_str(&text.trim_end().replace('\n', "; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_line() {
        let cause = io::Error::from_raw_os_error(13);
        assert_eq!(Error::Device(cause).to_string(), "cannot open /dev/fuse: Permission denied");
        let cause = io::Error::other("fusermount3: no\nreally\n");
        let text = Error::Mount("/mnt".into(), cause).to_string();
        assert_eq!(text, "cannot mount on /mnt: fusermount3: no; really");
    }
}
