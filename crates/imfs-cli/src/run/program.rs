//! The program itself: its process, its identity, its environment, and what is said when it cannot be started.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Pid;
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::link::{Link, Report};
use super::{Directory, Sandbox};
use crate::failure::{CANNOT_START, Failure, NOT_FOUND, OrFail as _, cause};
use crate::{process, signals};

/// Starts the program in a child of init. That it could not be started is reported by the child.
pub(crate) fn start(sandbox: &Sandbox, link: &Link) -> Result<Pid, Failure> {
    let (asks, answers) = UnixStream::pair().or_fail(|| "make a socket pair".into())?;
    match process::fork()? {
        None => {
            drop(asks);
            tell_pending(answers);
            let failure = become_program(sandbox);
            let status = failure.status;
            link.report(&Report::Failed(failure));
            process::exit(status)
        }
        Some(pid) => {
            drop(answers);
            forget_what_it_missed(asks);
            Ok(pid)
        }
    }
}

/// A signal that came to the whole process group before the program's process existed has reached init and not the program.
/// Init forgets its own copy, and so passes the signal on when `imfs` orders it to.
fn forget_what_it_missed(mut program: UnixStream) {
    signals::wait_until_sent();
    let ours = signals::pending() & !(1 << libc::SIGCHLD);
    // Asked after ours were looked at: what came to both is among the program's.
    let mut theirs = [0; 8];
    if program.write_all(&[0]).and_then(|()| program.read_exact(&mut theirs)).is_ok() {
        let missed = ours & !u64::from_ne_bytes(theirs);
        (1..64).filter(|number| missed & 1 << number != 0).for_each(|number| {
            signals::take_pending(number);
        });
    }
}

/// The other side of [`forget_what_it_missed`].
fn tell_pending(mut init: UnixStream) {
    let _ = init.read_exact(&mut [0]).and_then(|()| init.write_all(&signals::pending().to_ne_bytes()));
}

/// Returns only if it fails.
fn become_program(sandbox: &Sandbox) -> Failure {
    let directory = match start_directory(&sandbox.directory) {
        Ok(directory) => directory,
        Err(failure) => return failure,
    };
    if let Err(failure) = take_identity(sandbox) {
        return failure;
    }
    let (name, arguments) = sandbox.command.split_first().expect("the command line has a program");
    let mut command = Command::new(name);
    command.args(arguments).envs(sandbox.variables.iter().map(|one| (&one.name, &one.value)));
    let set = |name: &str| sandbox.variables.iter().any(|one| one.name == name);
    if env::var_os("PWD").is_some() && !set("PWD") {
        command.env("PWD", &directory);
    }
    signals::restore(&sandbox.mask);
    not_started(name, sandbox, &command.exec())
}

/// Goes to where the program starts.
fn start_directory(directory: &Directory) -> Result<PathBuf, Failure> {
    match directory {
        Directory::Asked(path) => {
            env::set_current_dir(path).or_fail(|| format!("start in {}", path.display())).map_err(
                |failure| failure.way_out("--cwd must name a directory inside: stage or --bind it"),
            )?;
            Ok(path.clone())
        }
        Directory::IfThere(path) if env::set_current_dir(path).is_ok() => Ok(path.clone()),
        Directory::IfThere(_) => Ok(PathBuf::from("/")),
    }
}

/// Changes the ids, where the user namespace has not done so.
fn take_identity(sandbox: &Sandbox) -> Result<(), Failure> {
    if sandbox.user_namespace || !sandbox.changes_ids {
        return Ok(());
    }
    let (uid, gid) = (rustix::fs::Uid::from_raw(sandbox.ids.0), rustix::fs::Gid::from_raw(sandbox.ids.1));
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .or_fail(|| format!("become user {} and group {}", sandbox.ids.0, sandbox.ids.1))
}

/// Says why the program was not started, with the status that shells give.
fn not_started(name: &OsStr, sandbox: &Sandbox, error: &io::Error) -> Failure {
    let shown = name.display();
    if error.kind() != io::ErrorKind::NotFound {
        return Failure::new(format!("cannot start {shown}: {}", cause(error))).with_status(CANNOT_START);
    }
    let failure = match find(name, sandbox) {
        Some(path) => Failure::new(format!(
            "cannot start {}: the interpreter or loader that it names is not inside",
            path.display()
        )),
        None => Failure::new(format!("cannot start {shown}: not found inside")),
    };
    failure.way_out("bring it in with --preload or --bind").with_status(NOT_FOUND)
}

/// The file that was to be started, if it exists.
fn find(name: &OsStr, sandbox: &Sandbox) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Path::new(name).exists().then(|| name.into());
    }
    let given = sandbox.variables.iter().rev().find(|one| one.name == "PATH").map(|one| one.value.clone());
    let path = given.or_else(|| env::var_os("PATH"))?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.exists())
}
