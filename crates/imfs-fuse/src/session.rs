//! A mount being served: its threads, its end.
//!
//! Knows how a mount comes and goes, not what it answers. Entered by whoever mounts.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, thread};

use fuser::{Notifier, SessionACL, SessionUnmounter};
use imfs::Imfs;

use crate::door::Door;
use crate::mount::{Mounted, Unmounted};
use crate::writeback::write_back;
use crate::{Error, Options, mount, tuning};

/// An instance that a kernel has mounted, answered by threads of this process. Dropping it unmounts.
///
/// If the process is killed the mount stays, and answers ENOTCONN; if that happens during [`Session::sync`] or [`Session::unmount`], or while
/// a program searches for holes, it may stay unanswered. `docs/fuse.md` says how the command `imfs` takes it away.
pub struct Session {
    place: Place,
    door: Door,
    notifier: Notifier,
    end: Arc<End>,
}

/// Where the mount is, and so how it ends.
enum Place {
    /// Here, by mount(2). The numbers are its device's.
    Directory(PathBuf, Option<(u32, u32)>),
    /// Here, by `fusermount3`.
    Helper(PathBuf, Mutex<SessionUnmounter>),
    /// Wherever somebody else has put it.
    Elsewhere,
}

/// How long the threads may take to notice that the mount is gone.
const SOON: Duration = Duration::from_secs(1);

/// The end of the threads, to be waited for.
#[derive(Default)]
struct End {
    /// `Some` once all have ended, with what `fuser` says of it; empty when that was fetched.
    result: Mutex<Option<Option<io::Error>>>,
    changed: Condvar,
}

impl Session {
    /// Mounts an instance on a directory and answers in the background.
    pub fn mount(fs: &Arc<Imfs>, directory: &Path, options: &Options) -> Result<Self, Error> {
        let path = mount::resolve(directory)?;
        let door = Door::new(fs, options);
        match mount::mount(&path, options)? {
            Mounted::Directly(requests) => {
                let place = Place::Directory(path.clone(), mount::device(&path).ok());
                Self::start_on(door, requests, options, true, |_| place).inspect_err(|_| {
                    let _ = mount::unmount(&path, || ());
                })
            }
            Mounted::NeedsHelper => {
                let config = with_threads(mount::helper_config(options), options, true);
                let served = fuser::Session::new(door.clone(), &path, &config)
                    .map_err(|cause| Error::Mount(path.clone(), cause))?;
                Self::start(door, served, |served| Place::Helper(path, Mutex::new(served.unmount_callable())))
            }
        }
    }

    /// Answers a mount that somebody else has made with this `/dev/fuse` and [`Options::kernel_options`].
    pub fn serve(fs: &Arc<Imfs>, device: OwnedFd, options: &Options) -> Result<Self, Error> {
        // A clone of the device would have to be opened in the user namespace of whoever mounted.
        Self::start_on(Door::new(fs, options), device, options, false, |_| Place::Elsewhere)
    }

    fn start_on(
        door: Door,
        device: OwnedFd,
        options: &Options,
        clone_device: bool,
        place: impl FnOnce(&mut fuser::Session<Door>) -> Place,
    ) -> Result<Self, Error> {
        let config = with_threads(fuser::Config::default(), options, clone_device);
        // Who may enter is the kernel's decision, by `allow_other`.
        let served = fuser::Session::from_fd(door.clone(), device, SessionACL::All, config);
        Self::start(door, served.map_err(Error::Handshake)?, place)
    }

    fn start(
        door: Door,
        mut served: fuser::Session<Door>,
        place: impl FnOnce(&mut fuser::Session<Door>) -> Place,
    ) -> Result<Self, Error> {
        tuning::lift_limits(served.as_fd());
        let place = place(&mut served);
        let notifier = served.notifier();
        door.writeback().start(notifier.clone()).map_err(Error::Thread)?;
        let end = Arc::<End>::default();
        let at_end = end.clone();
        let run = move || at_end.set(served.run());
        thread::Builder::new().name("imfs-fuse".to_owned()).spawn(run).map_err(Error::Thread)?;
        Ok(Self { place, door, notifier, end })
    }

    /// Waits until the mount is gone for everybody: unmounted, here or from outside, and used by no program any more.
    pub fn wait(&self) -> Result<(), Error> {
        let mut result = self.end.result();
        loop {
            match &mut *result {
                Some(error) => return error.take().map_or(Ok(()), |cause| Err(Error::Serve(cause))),
                None => result = self.end.changed.wait(result).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Whether the mount is still there for somebody.
    pub fn is_serving(&self) -> bool {
        self.end.result().is_none()
    }

    /// Brings everything that programs have written up to now into the instance, what they have written to shared
    /// mappings included. Blocks while the kernel hands it over.
    pub fn sync(&self) {
        self.sync_by_kernel();
        for inode in self.door.files() {
            write_back(&self.notifier, inode);
        }
    }

    /// Unmounts. What programs have written is in the instance afterwards. If some still use the mount, it leaves its
    /// directory at once and them when they end; what they write from now on may come later.
    ///
    /// Somebody else's mount ([`Session::serve`]) is only synced.
    pub fn unmount(&self) -> Result<Unmounted, Error> {
        if !self.is_serving() {
            return Ok(Unmounted::Entirely);
        }
        match &self.place {
            Place::Directory(path, _) => {
                self.sync_by_kernel();
                mount::unmount(path, || self.sync())
            }
            Place::Helper(path, unmounter) => {
                self.sync();
                let mut unmounter = unmounter.lock().unwrap_or_else(PoisonError::into_inner);
                unmounter.unmount().map_err(|cause| Error::Unmount(path.clone(), cause))?;
                // `fusermount3` does not tell.
                Ok(if self.end.comes_soon() { Unmounted::Entirely } else { Unmounted::FromSight })
            }
            Place::Elsewhere => {
                self.sync();
                Ok(Unmounted::FromSight)
            }
        }
    }

    /// syncfs(2): the kernel starts to write all that it holds, fast; it does not always wait for the end.
    fn sync_by_kernel(&self) {
        let Place::Directory(path, device) = &self.place else { return };
        // Something else may be mounted there meanwhile, and is none of our business.
        if mount::device(path).ok() == *device
            && let Ok(root) = mount::open_root(path)
        {
            let _ = rustix::fs::syncfs(&root);
        }
    }
}

fn with_threads(mut config: fuser::Config, options: &Options, clone_device: bool) -> fuser::Config {
    config.n_threads = Some(options.thread_count());
    config.clone_fd = clone_device;
    config
}

impl End {
    fn result(&self) -> MutexGuard<'_, Option<Option<io::Error>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the threads end at once, as they do when nobody uses the mount any more.
    fn comes_soon(&self) -> bool {
        let waited = self.changed.wait_timeout_while(self.result(), SOON, |result| result.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
    }

    fn set(&self, result: io::Result<()>) {
        *self.result() = Some(result.err());
        self.changed.notify_all();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !matches!(self.place, Place::Elsewhere) {
            // Nobody is left to be told.
            let _ = self.unmount();
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Directory(path, _) | Place::Helper(path, _) => Some(path),
            Place::Elsewhere => None,
        };
        out.debug_struct("Session").field("path", &place).field("serving", &self.is_serving()).finish()
    }
}
