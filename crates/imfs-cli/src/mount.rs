//! `imfs mount`: an IMFS on a directory, until it is unmounted or a signal comes.

mod daemon;

use std::env;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use imfs::Imfs;
use imfs_fuse::{Options, Session, Unmounted};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{getegid, geteuid};

use crate::args::MountArgs;
use crate::failure::{Failure, OWN_FAILURE, OrFail as _};
use crate::guardian::Guardian;
use crate::signals::{self, SignalReader};
use crate::{instance, stage};
use daemon::Waiting;

/// Exit status of a failed mount.
const FAILED: u8 = 1;

/// Mounts, waits for the end, dumps.
pub(crate) fn mount(args: &MountArgs) -> Result<u8, Failure> {
    let waiting = if args.daemon { daemon::fork()? } else { None };
    match serve(args, waiting) {
        Ok(()) => Ok(0),
        Err(failure) => {
            // One that was interrupted has the signal's status.
            let failure = if failure.status == OWN_FAILURE { failure.with_status(FAILED) } else { failure };
            if args.daemon && daemon::tell(&failure) {
                return Ok(failure.status);
            }
            Err(failure)
        }
    }
}

fn serve(args: &MountArgs, waiting: Option<Waiting>) -> Result<(), Failure> {
    let owner =
        (args.uid.unwrap_or_else(|| geteuid().as_raw()), args.gid.unwrap_or_else(|| getegid().as_raw()));
    let here = env::current_dir().or_fail(|| "find the current directory".into())?;
    let mount_point = mount_point(args)?;
    let guardian = Guardian::of_directory(&mount_point)?;
    let dumps = stage::absolute(&args.dump, Path::new("/"), &here);
    // At its end the process gives all memory back at once, which is faster than page by page.
    let imfs = ManuallyDrop::new(instance::make(&args.limits, args.mode, owner)?);
    let cage = instance::staging_cage(&imfs)?;
    stage::preload(&cage, &stage::absolute(&args.preload, Path::new("/"), &here), owner)?;
    let session = Arc::new(open(args, &imfs, &mount_point)?);
    let guarded = guardian.mounted()?;
    if let Some(waiting) = waiting {
        waiting.tell_ready()?;
    }
    wait_for_end(&session)?;
    guarded.dismiss();
    stage::dump(&cage, &dumps, &[])
}

/// The directory to mount on by a name without symlinks, so that all mean the same one whoever changes those.
fn mount_point(args: &MountArgs) -> Result<PathBuf, Failure> {
    let name = &args.directory;
    name.canonicalize().map_err(|cause| failure(imfs_fuse::Error::MountPoint(name.clone(), cause)))
}

fn open(args: &MountArgs, imfs: &Arc<Imfs>, mount_point: &Path) -> Result<Session, Failure> {
    let allow_other = match (args.allow_other, args.private) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let options = Options { allow_other, ..Options::default() };
    Session::mount(imfs, mount_point, &options).map_err(failure)
}

fn failure(error: imfs_fuse::Error) -> Failure {
    let failure = Failure::new(error.to_string());
    match way_out(&error) {
        Some(hint) => failure.way_out(hint),
        None => failure,
    }
}

fn way_out(error: &imfs_fuse::Error) -> Option<&'static str> {
    use imfs_fuse::Error;
    match (error, error.cause().kind()) {
        (Error::Device(_), io::ErrorKind::PermissionDenied) => {
            Some("let everybody use it, as most systems do (chmod 666 /dev/fuse), or run imfs as root")
        }
        (Error::Device(_), _) => {
            Some("load the kernel's FUSE module (modprobe fuse); a container needs --device /dev/fuse")
        }
        (Error::MountPoint(..), io::ErrorKind::NotFound) => Some("make the directory first"),
        (Error::MountPoint(..), io::ErrorKind::NotConnected) => {
            Some("a mount there has lost its server: take it away first (fusermount3 -u, umount)")
        }
        (Error::Mount(..), io::ErrorKind::NotFound) => {
            Some("install fusermount3 (the package fuse3), or run imfs as root")
        }
        (Error::Mount(..), _) => {
            Some("you need to own the directory; for --allow-other, user_allow_other in /etc/fuse.conf")
        }
        _ => None,
    }
}

/// Waits until the mount is gone, or a signal asks for that and it is taken away.
fn wait_for_end(session: &Arc<Session>) -> Result<(), Failure> {
    let signals = SignalReader::of_all().or_fail(|| "read signals".into())?;
    let (ended, at_end) = io::pipe().or_fail(|| "make a pipe".into())?;
    let served = Arc::clone(session);
    // When the thread ends, so does its end of the pipe.
    let waiter = thread::spawn(move || {
        let result = served.wait();
        drop(at_end);
        result
    });
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(ended.as_fd(), PollFlags::IN),
        ];
        let _ = poll(&mut fds, None);
        if !fds[1].revents().is_empty() {
            let result = waiter.join().expect("waiting does not panic");
            return result.map_err(|error| Failure::new(error.to_string()));
        }
        while let Some(signal) = signals.next() {
            match signal {
                libc::SIGTSTP => signals::stop(signal),
                _ if signals::ENDING.contains(&signal) && !signals::ignored(signal) => {
                    return unmount(session);
                }
                _ => {}
            }
        }
    }
}

fn unmount(session: &Session) -> Result<(), Failure> {
    match session.unmount() {
        Ok(Unmounted::Entirely) => Ok(()),
        Ok(Unmounted::FromSight) => {
            eprintln!("imfs: warning: the mount was still in use; what is written there from now on is lost");
            Ok(())
        }
        Err(error) => Err(Failure::new(error.to_string())),
    }
}
