//! The mounts that are measured: a tmpfs and a FUSE mount, in directories of their own, gone with the value.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imfs::Imfs;

/// A directory of our own below the system's temporary one.
fn new_directory(kind: &str) -> std::io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("imfs-bench-{kind}-{}", std::process::id()));
    std::fs::create_dir(&path)?;
    Ok(path)
}

/// A tmpfs: mounted for this run where that is allowed, else a directory in /dev/shm.
#[derive(Debug)]
pub(crate) struct Tmpfs {
    path: PathBuf,
    mounted: bool,
}

impl Tmpfs {
    pub(crate) fn mount() -> std::io::Result<Self> {
        let path = new_directory("tmpfs")?;
        let target = std::ffi::CString::new(path.to_string_lossy().as_bytes())?;
        let (source, kind) = (c"imfs-bench", c"tmpfs");
        // SAFETY: all pointers are of C strings that outlive the call.
        let mounted = unsafe {
            libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), libc::MS_NOSUID, std::ptr::null())
                == 0
        };
        if mounted {
            return Ok(Self { path, mounted });
        }
        std::fs::remove_dir(&path)?;
        let path = Path::new("/dev/shm").join(format!("imfs-bench-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self { path, mounted })
    }

    /// Makes it the working directory.
    pub(crate) fn enter(&self) -> std::io::Result<()> {
        std::env::set_current_dir(&self.path)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = std::env::set_current_dir("/");
        if self.mounted
            && let Ok(target) = std::ffi::CString::new(self.path.to_string_lossy().as_bytes())
        {
            // SAFETY: the pointer is of a C string that outlives the call.
            unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A FUSE mount of a fresh instance.
#[derive(Debug)]
pub(crate) struct Fuse {
    path: PathBuf,
    session: Option<imfs_fuse::Session>,
}

impl Fuse {
    pub(crate) fn mount() -> std::io::Result<Self> {
        let path = new_directory("fuse")?;
        let fs: Arc<Imfs> = Imfs::new().map_err(|errno| std::io::Error::from_raw_os_error(errno.raw()))?;
        let session = imfs_fuse::Session::mount(&fs, &path, &imfs_fuse::Options::default())
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self { path, session: Some(session) })
    }

    /// Makes it the working directory.
    pub(crate) fn enter(&self) -> std::io::Result<()> {
        std::env::set_current_dir(&self.path)
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        let _ = std::env::set_current_dir("/");
        if let Some(session) = self.session.take() {
            let _ = session.unmount();
        }
        let _ = std::fs::remove_dir(&self.path);
    }
}

/// Removes all that an operation left in the working directory.
pub(crate) fn clear_current_directory() {
    for entry in std::fs::read_dir(".").into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}
