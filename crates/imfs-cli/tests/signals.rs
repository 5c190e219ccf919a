//! Signals to `imfs run`, from `kill` and from a terminal, and what is left when it is killed.
//!
//! Every program says that it is ready before anything is sent to it.

mod harness;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use harness::{Process, Running, descendants, run, shell, wait_until};

/// Counts INT, TERM and USR1; says what it got; ends with the count when it reads a line.
const COUNTER: &str = r#"
import os, signal, sys
count = 0
def got(number, frame):
    global count
    count += 1
    os.write(1, b"got %d\n" % number)
for number in signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP:
    signal.signal(number, got)
os.write(1, b"ready\n")
sys.stdin.readline()
sys.exit(count)
"#;

fn counter() -> Command {
    let mut command = run(&["--", "python3", "-c", COUNTER]);
    command.stdin(Stdio::piped());
    command
}

/// Both ends of a terminal.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    let (name, settings, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: the two places are valid; the rest may be null.
    let done = unsafe { libc::openpty(&mut master, &mut slave, name, settings, size) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    // Neither end may reach other tests' children: the terminal would stay open.
    for fd in [master, slave] {
        // SAFETY: the descriptor is open.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: both are fresh and nobody else's.
    unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

/// Starts a command as the leader of a session on a terminal of its own. The file types on that terminal.
fn on_terminal(mut command: Command) -> (Running, File) {
    let (master, slave) = terminal();
    let keyboard = File::from(master.try_clone().unwrap());
    let end = || Stdio::from(slave.try_clone().unwrap());
    command.stdin(end()).stdout(end()).stderr(end());
    // SAFETY: setsid and ioctl may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    let child = command.spawn().unwrap();
    drop(command);
    drop(slave);
    (Running::on_terminal(child, master), keyboard)
}

#[test]
fn signals_are_passed_on() {
    let mut running = Running::start(counter());
    running.hear("ready");
    for signal in [libc::SIGTERM, libc::SIGUSR1, libc::SIGINT, libc::SIGHUP] {
        running.kill(signal);
        running.hear(&format!("got {signal}"));
    }
    writeln!(running.stdin()).unwrap();
    assert_eq!(running.status().code(), Some(4));
}

#[test]
fn a_signal_that_ends_the_program_gives_its_status() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR2] {
        let mut running = Running::start(shell(&[], "echo ready; exec sleep 1000"));
        running.hear("ready");
        running.kill(signal);
        assert_eq!(running.status().code(), Some(128 + signal));
    }
}

#[test]
fn the_terminals_interrupt_arrives_once() {
    let (mut running, mut keyboard) = on_terminal(counter());
    running.hear("ready");
    keyboard.write_all(b"\x03").unwrap();
    running.hear("got 2");
    keyboard.write_all(b"\x03").unwrap();
    running.hear("got 2");
    keyboard.write_all(b"\n").unwrap();
    assert_eq!(running.status().code(), Some(2));
}

#[test]
fn the_terminals_interrupt_ends_a_program_that_lets_it() {
    let (mut running, mut keyboard) = on_terminal(shell(&[], "echo ready; exec sleep 1000"));
    running.hear("ready");
    keyboard.write_all(b"\x03").unwrap();
    assert_eq!(running.status().code(), Some(130));
}

#[test]
fn a_signal_to_the_process_group_arrives_once() {
    let mut command = counter();
    command.process_group(0);
    let mut running = Running::start(command);
    running.hear("ready");
    for signal in [libc::SIGINT, libc::SIGTERM] {
        running.kill_group(signal);
        running.hear(&format!("got {signal}"));
    }
    writeln!(running.stdin()).unwrap();
    assert_eq!(running.status().code(), Some(2));
}

#[test]
fn ignored_signals_stay_ignored() {
    let mut command = shell(&[], "echo ready; read line; exit 7");
    command.stdin(Stdio::piped());
    // SAFETY: signal may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let mut running = Running::start(command);
    running.hear("ready");
    running.kill(libc::SIGHUP);
    writeln!(running.stdin()).unwrap();
    assert_eq!(running.status().code(), Some(7));
}

#[test]
fn a_shell_can_stop_and_continue_it() {
    let script = format!(
        "{} run -- sh -c 'echo ready; read line; echo line $line'; echo shell $?; fg >/dev/null; echo shell $?",
        env!("CARGO_BIN_EXE_imfs")
    );
    let mut command = Command::new("bash");
    command.args(["--norc", "-m", "-c", &script]);
    let (mut running, mut keyboard) = on_terminal(command);
    running.hear("ready");
    keyboard.write_all(b"\x1a").unwrap();
    running.hear(&format!("shell {}", 128 + libc::SIGTSTP));
    keyboard.write_all(b"again\n").unwrap();
    running.hear("line again");
    running.hear("shell 0");
    assert!(running.status().success());
}

#[test]
fn sigstop_to_the_program_alone_does_not_stop_imfs() {
    // The shell stops its child, and continues it: through a stopped imfs it could not.
    let script = "sh -c 'kill -STOP $$; echo continued' & \
        until grep -q 'State:.T' /proc/$!/status; do :; done; echo stopped; kill -CONT $!; wait $!";
    let mut running = Running::start(shell(&[], script));
    running.hear("stopped");
    running.hear("continued");
    assert!(running.status().success());
}

/// A program with a child that has left its session. When it is ready, `imfs` has at least four descendants: its guardian,
/// init, the program and that child.
fn with_daemon() -> (Running, Vec<Process>) {
    let script = "setsid sh -c 'while :; do sleep 1; done' & echo ready; read line; exit 3";
    let mut command = shell(&[], script);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.hear("ready");
    let processes = descendants(running.pid());
    assert!(processes.len() >= 4, "{processes:?}");
    (running, processes)
}

#[test]
fn nothing_is_left_when_imfs_is_killed() {
    let (mut running, processes) = with_daemon();
    running.kill_off();
    wait_until("no process to be left", || (!processes.iter().any(Process::is_there)).then_some(()));
}

/// Looks for holes in what it has just written, which the kernel writes back first, because imfs has it do so, and waits.
const HOLE_SEEKER: &str = r#"
import os
file = os.open("/file", os.O_RDWR | os.O_CREAT)
os.write(1, b"ready\n")
while True:
    os.pwrite(file, bytes(30 << 20), 0)
    os.lseek(file, 0, os.SEEK_HOLE)
"#;

#[test]
fn nothing_is_left_when_imfs_is_killed_while_it_waits_for_its_own_mount() {
    let mut processes = Vec::new();
    for milliseconds in [50, 90, 140, 200] {
        let mut running = Running::start(run(&["--", "python3", "-c", HOLE_SEEKER]));
        running.hear("ready");
        processes.extend(descendants(running.pid()));
        thread::sleep(Duration::from_millis(milliseconds));
        running.kill_off();
    }
    wait_until("no process to be left", || (!processes.iter().any(Process::is_there)).then_some(()));
}

#[test]
fn what_the_program_leaves_running_is_killed() {
    let (mut running, processes) = with_daemon();
    writeln!(running.stdin()).unwrap();
    assert_eq!(running.status().code(), Some(3));
    assert!(!processes.iter().any(Process::is_there), "{processes:?}");
}

#[test]
fn a_program_in_a_pipe_ends_by_sigpipe() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = shell(&[], "while :; do echo y; done");
    command.stdout(writer);
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(128 + libc::SIGPIPE));
    assert!(io::stdout().as_raw_fd() >= 0);
}
