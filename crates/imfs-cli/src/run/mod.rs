//! `imfs run`: a program whose root directory is an IMFS.
//!
//! ```text
//! imfs ──clone──▶ init (first process of new mount, process and perhaps user namespaces)
//!   │              takes from the host what is shown, opens and mounts /dev/fuse
//!   │◀─ Mounted ───┤
//! forks the guardian; stages; starts the threads that answer
//!   ├── Go ───────▶│ makes the mount the root directory, builds /proc, /dev, /tmp, ...
//!   │              └──fork──▶ program
//!   ├── Signal ───▶│ passes it on
//!   │◀─ Ended ─────┘ after the last process of the sandbox
//! dumps
//! ```
//!
//! The clone and the fork come before any thread. Only `imfs` itself, outside, touches the host's files.

mod init;
mod launch;
mod link;
mod program;
mod root;
mod supervise;
mod view;

use std::env;
use std::ffi::{OsStr, OsString};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use imfs_fuse::Session;
use imfs_staging::{Spec, dump_list, preload_list};

use crate::args::RunArgs;
use crate::failure::Failure;
use crate::guardian::Guardian;
use crate::signals::Mask;
use crate::values::Assignment;
use crate::{instance, stage};
use link::{Order, Report};
use view::View;

/// All that init has to know; it gets a copy when it is born.
pub(crate) struct Sandbox {
    view: View,
    command: Vec<OsString>,
    variables: Vec<Assignment>,
    directory: Directory,
    /// The program's user and group.
    ids: (u32, u32),
    /// They were asked for, so root has to change to them.
    changes_ids: bool,
    /// The caller's user and group.
    caller: (u32, u32),
    user_namespace: bool,
    mask: Mask,
}

/// Where the program starts.
enum Directory {
    /// Here, or not at all.
    Asked(PathBuf),
    /// Here if it exists inside, else in the root directory.
    IfThere(PathBuf),
}

impl Sandbox {
    fn new(args: &RunArgs, here: &Path, mask: Mask) -> Sandbox {
        let mut view = if args.no_default_binds { View::default() } else { View::of_system(Path::new("/")) };
        view.add(&args.bind, false);
        view.add(&args.bind_rw, true);
        let caller = launch::caller();
        Sandbox {
            view,
            command: args.program.clone(),
            variables: args.setenv.clone(),
            directory: match &args.cwd {
                Some(path) => Directory::Asked(here.join(path)),
                None => Directory::IfThere(here.into()),
            },
            ids: (args.uid.unwrap_or(caller.0), args.gid.unwrap_or(caller.1)),
            changes_ids: args.uid.is_some() || args.gid.is_some(),
            caller,
            user_namespace: false,
            mask,
        }
    }
}

/// Runs the program; gives the exit status of `imfs`.
pub(crate) fn run(args: &RunArgs, mask: Mask) -> Result<u8, Failure> {
    let here = env::current_dir().unwrap_or_else(|_| "/".into());
    let mut sandbox = Sandbox::new(args, &here, mask);
    let staged = Staged::new(args, &here, &sandbox.view)?;
    let init = launch::start(&mut sandbox)?;
    let requests = match init.link.next_report() {
        Some(Report::Mounted(requests)) => requests,
        Some(Report::Failed(failure)) => return Err(failure),
        _ => return Err(Failure::new("the sandbox was killed")),
    };
    let guardian = Guardian::of_sandbox(init.pid, Path::new(root::MOUNT_POINT))?;
    // At its end the process gives all memory back at once, which is faster than page by page.
    let imfs = ManuallyDrop::new(instance::make(&args.limits, 0o755, sandbox.ids)?);
    let cage = instance::staging_cage(&imfs)?;
    stage::preload(&cage, &staged.preloads, sandbox.ids)?;
    let session = Session::serve(&imfs, requests, &root::options());
    let session = session.map_err(|error| Failure::new(error.to_string()))?;
    let guarded = guardian.mounted()?;
    init.link.order(&Order::Go);
    let status = supervise::wait(&init);
    // It would keep the mount alive.
    guarded.dismiss();
    drop(init);
    wait_for_end(session);
    let dumped = match &status {
        // Nothing that was asked for can be there.
        Err(_) => Ok(()),
        Ok(_) => stage::dump(&cage, &staged.dumps, &sandbox.view.places()),
    };
    match (status?, dumped) {
        (0, Err(failure)) => Err(failure),
        (status, Err(failure)) => {
            eprintln!("imfs: {failure}");
            Ok(status)
        }
        (status, Ok(())) => Ok(status),
    }
}

/// What is copied before and after.
struct Staged {
    preloads: Vec<Spec>,
    dumps: Vec<Spec>,
}

impl Staged {
    /// The lists of the environment come before those of the command line, which so win.
    fn new(args: &RunArgs, here: &Path, view: &View) -> Result<Staged, Failure> {
        let listed = |name: &str, parse: fn(&[u8]) -> Vec<Spec>| {
            env::var_os(name).map(|list| parse(list.as_bytes())).unwrap_or_default()
        };
        let preloads = [listed("PRELOADS", preload_list), args.preload.clone()].concat();
        let dumps = [listed("DUMPS", dump_list), args.dump.clone()].concat();
        let staged = Staged {
            preloads: stage::absolute(&preloads, here, here),
            dumps: stage::absolute(&dumps, here, here),
        };
        for spec in &staged.preloads {
            view.check_staged(Path::new(OsStr::from_bytes(&spec.imfs_path)))?;
        }
        Ok(staged)
    }
}

/// How long the kernel may take to let go of a mount that nobody uses. It is only longer if somebody from outside has come
/// to use it, through `/proc/PID/root`.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until the kernel has handed over all that was written.
fn wait_for_end(session: Session) {
    let session = Arc::new(session);
    let (sender, ended) = mpsc::channel();
    let waiting = Arc::clone(&session);
    thread::spawn(move || {
        let _ = waiting.wait();
        let _ = sender.send(());
    });
    if ended.recv_timeout(PATIENCE).is_err() {
        session.sync();
    }
}
