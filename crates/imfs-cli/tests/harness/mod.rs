//! Starts the `imfs` command, waits for what it and its program say, and gives each test a directory of its own.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a condition may take on the slowest machine. Reached only by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The command under test, with nothing of the caller's environment that changes what it does.
pub(crate) fn imfs() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imfs"));
    command.env_remove("PRELOADS").env_remove("DUMPS").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// `imfs run` with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Command {
    let mut command = imfs();
    command.arg("run").args(arguments);
    command
}

/// `imfs run ... sh -c SCRIPT`.
pub(crate) fn shell(options: &[&str], script: &str) -> Command {
    let mut command = run(options);
    command.args(["--", "sh", "-c", script]);
    command
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(mut command: Command) -> Said {
        let Output { status, stdout, stderr } = command.output().expect("the command starts");
        let text = |bytes| String::from_utf8(bytes).expect("output is text");
        Said { status, out: text(stdout), err: text(stderr) }
    }

    #[track_caller]
    pub(crate) fn is(&self, status: i32, out: &str) {
        assert_eq!((self.status.code(), self.out.as_str()), (Some(status), out), "{}", self.err);
    }

    /// A failure of imfs: its status, nothing on standard output, and one line that says all of `parts`.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, parts: &[&str]) {
        assert_eq!((self.status.code(), self.out.as_str()), (Some(status), ""), "{}", self.err);
        assert!(self.err.starts_with("imfs: ") && self.err.lines().count() == 1, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in {}", self.err);
        }
    }
}

/// A directory of its own, removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("imfs-cli-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a fresh directory");
        Scratch(path)
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The path as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.at(name).to_str().expect("a path of text").to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("parents");
        fs::write(&path, text).expect("a written file");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(name)).expect("a directory");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running command whose lines are waited for. Killed if the test ends before it.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Running {
    /// Starts it with pipes.
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the command starts");
        let out = child.stdout.take().expect("a pipe");
        Running::with_lines(child, BufReader::new(out))
    }

    /// Follows one that writes to the terminal behind `master`.
    pub(crate) fn on_terminal(child: Child, master: OwnedFd) -> Running {
        Running::with_lines(child, BufReader::new(fs::File::from(master)))
    }

    fn with_lines(child: Child, mut reader: impl BufRead + Send + 'static) -> Running {
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            // A terminal whose last user has gone answers EIO.
            while let Ok(1..) = reader.read_until(b'\n', &mut line) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        Running { child, lines, heard: Vec::new() }
    }

    /// Waits for a line that is, or ends with, `wanted`.
    #[track_caller]
    pub(crate) fn hear(&mut self, wanted: &str) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.heard.push(line);
                    if self.heard.last().is_some_and(|line| line.ends_with(wanted)) {
                        return;
                    }
                }
                Err(why) => panic!("waiting for {wanted:?}: {why}; heard {:?}", self.heard),
            }
        }
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    pub(crate) fn kill(&self, signal: i32) {
        send(self.pid(), signal);
    }

    /// Sends a signal to the process group that it leads.
    pub(crate) fn kill_group(&self, signal: i32) {
        send(-self.pid(), signal);
    }

    /// Ends it by SIGKILL.
    #[track_caller]
    pub(crate) fn kill_off(&mut self) {
        self.kill(libc::SIGKILL);
        assert_eq!(self.status().signal(), Some(libc::SIGKILL));
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Waits for the end.
    pub(crate) fn status(&mut self) -> ExitStatus {
        wait_until("the command to end", || self.child.try_wait().expect("a child to wait for"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` gives something.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A process that existed: its number and when it began, so that a later one with its number is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    parent: i32,
    start: u64,
}

impl Process {
    /// From `/proc/PID/stat`, which unlike `cmdline` can be read whatever the process waits for.
    fn with_pid(pid: i32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Process { pid, parent: fields[1].parse().ok()?, start: fields[19].parse().ok()? })
    }

    /// The processes, with their names, that serve or guard a mount: all that name its directory in their command lines.
    pub(crate) fn of_mount(directory: &Path) -> Vec<(String, Process)> {
        let directory = directory.as_os_str().as_encoded_bytes();
        let of = |pid: i32| {
            let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            command_line.windows(directory.len()).find(|window| *window == directory)?;
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some((name.trim_end().to_owned(), Process::with_pid(pid)?))
        };
        pids().into_iter().filter_map(of).collect()
    }

    pub(crate) fn kill(&self) {
        send(self.pid, libc::SIGKILL);
    }

    pub(crate) fn is_there(&self) -> bool {
        Process::with_pid(self.pid).is_some_and(|found| found.start == self.start)
    }
}

fn send(pid: i32, signal: i32) {
    // SAFETY: kill has no preconditions; who asks for it knows that the process is not reaped.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The children of `pid`, theirs, and so on.
pub(crate) fn descendants(pid: i32) -> Vec<Process> {
    let all: Vec<_> = pids().into_iter().filter_map(Process::with_pid).collect();
    let mut found: Vec<Process> = Vec::new();
    loop {
        let is_new = |one: &&Process| {
            let is_below = one.parent == pid || found.iter().any(|parent| parent.pid == one.parent);
            is_below && !found.contains(one)
        };
        match all.iter().find(is_new) {
            Some(one) => found.push(*one),
            None => return found,
        }
    }
}

/// Is anything mounted on `path`, or below?
pub(crate) fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc/self/mounts");
    mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|at| Path::new(at).starts_with(path)))
}

/// Where it is mounted; taken away at the end whatever happened.
pub(crate) struct MountPoint {
    pub(crate) scratch: Scratch,
}

impl MountPoint {
    pub(crate) fn new(name: &str) -> MountPoint {
        let scratch = Scratch::new(name);
        fs::create_dir(scratch.at("mnt")).unwrap();
        MountPoint { scratch }
    }

    /// Waits until nothing is left of a mount: an empty directory on the disk, and none of its processes.
    pub(crate) fn is_as_before(&self) {
        self.gone();
        assert!(fs::read_dir(self.path()).unwrap().next().is_none());
        self.is_alone();
    }

    /// Waits until no process serves or guards it any more.
    pub(crate) fn is_alone(&self) {
        wait_until("its processes to end", || Process::of_mount(&self.path()).is_empty().then_some(()));
    }

    /// The one of its processes that has this name.
    #[track_caller]
    pub(crate) fn process(&self, name: &str) -> Process {
        let all = Process::of_mount(&self.path());
        assert_eq!(all.len(), 2, "the server and its guardian: {all:?}");
        all.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name} in {all:?}")).1
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.at("mnt")
    }

    /// Mounts in front, as the leader of a process group, and waits until it is there.
    pub(crate) fn start(&self, options: &[&str]) -> Running {
        let mut command = imfs();
        command.arg("mount").args(options).arg(self.path()).process_group(0);
        let running = Running::start(command);
        wait_until("the mount", || is_mounted(&self.path()).then_some(()));
        running
    }

    pub(crate) fn gone(&self) {
        wait_until("the mount to go", || (!is_mounted(&self.path())).then_some(()));
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if is_mounted(&self.path()) {
            let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
        }
    }
}

/// Unmounts from outside. A mount that was just made may still be busy for a moment: others look at new mounts.
pub(crate) fn unmount(path: &Path) {
    let unmounted = || Command::new("umount").arg(path).status().unwrap().success();
    wait_until("the mount to be unmounted", || unmounted().then_some(()));
}

pub(crate) fn is_root() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() == 0 }
}

/// The script runs as nobody, who may use `/dev/fuse` as on most systems, in a mount namespace of its own, with `$IMFS` for the command and
/// `$SCRATCH` for a directory of his.
pub(crate) fn as_nobody(script: &str) -> Option<Said> {
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let try_out = format!("{nobody} unshare --user --map-root-user --mount true");
    let possible = Command::new("sh").args(["-c", &try_out]).output().unwrap().status.success();
    if !is_root() || !possible {
        eprintln!("skipped: this system lets no ordinary user make a namespace");
        return None;
    }
    let scratch = Scratch::new("nobody");
    // The binary may lie where nobody may not look.
    fs::copy(env!("CARGO_BIN_EXE_imfs"), scratch.at("imfs")).unwrap();
    fs::create_dir(scratch.at("own")).unwrap();
    std::os::unix::fs::chown(scratch.at("own"), Some(65534), Some(65534)).unwrap();
    let outer = format!(
        "mknod -m 666 {fuse} c 10 229 && mount --bind {fuse} /dev/fuse && exec {nobody} sh -c '{script}'",
        fuse = scratch.text("fuse")
    );
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &outer])
        .env("IMFS", scratch.at("imfs"))
        .env("SCRATCH", scratch.at("own"))
        .current_dir("/tmp");
    Some(Said::of(command))
}
