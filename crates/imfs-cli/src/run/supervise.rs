//! Waiting for the program: signals go in, its status comes out.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, poll};

use super::launch::Init;
use super::link::{Order, Passed, Report};
use crate::failure::{Failure, OrFail as _};
use crate::signals::{self, SignalReader};

/// Waits for the end of the program; gives its exit status as a shell would.
pub(crate) fn wait(init: &Init) -> Result<u8, Failure> {
    let mut supervisor = Supervisor {
        init,
        signals: SignalReader::of_all().or_fail(|| "read signals".into())?,
        asked_to_stop: false,
        not_started: None,
        reports: VecDeque::new(),
    };
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(supervisor.signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(init.link.as_fd(), PollFlags::IN),
        ];
        let _ = poll(&mut fds, None);
        let report_came = !fds[1].revents().is_empty();
        if report_came {
            match init.link.next_report() {
                Some(report) => supervisor.reports.push_back(report),
                None => return Err(supervisor.not_started.unwrap_or_else(killed)),
            }
        }
        supervisor.pass_signals_on();
        while let Some(report) = supervisor.reports.pop_front() {
            if let Some(status) = supervisor.take(report)? {
                supervisor.forget_signals();
                return Ok(status);
            }
        }
    }
}

struct Supervisor<'a> {
    init: &'a Init,
    signals: SignalReader,
    /// The terminal (or a `kill`) asked `imfs` to stop, as it asked the program.
    asked_to_stop: bool,
    not_started: Option<Failure>,
    /// Reports that came while the answer to an order was waited for.
    reports: VecDeque<Report>,
}

impl Supervisor<'_> {
    fn pass_signals_on(&mut self) {
        while let Some(signal) = self.signals.next() {
            self.pass_on(signal);
        }
    }

    fn pass_on(&mut self, signal: i32) {
        match signal {
            // A child of ours: init. The link tells more.
            libc::SIGCHLD => return,
            libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => self.asked_to_stop = true,
            libc::SIGCONT => self.asked_to_stop = false,
            _ => {}
        }
        signals::wait_until_sent();
        let mut passed = self.ask(&Order::Signal(signal));
        // Another one to the group that came before init took its copy has merged with it there, but perhaps not here.
        while passed == Some(Passed::ToAll) && signals::take_pending(signal) {
            signals::wait_until_sent();
            passed = self.ask(&Order::Again(signal));
        }
    }

    /// What ended the program may have come here too, and must not end what is done after it.
    fn forget_signals(&self) {
        signals::wait_until_sent();
        while self.signals.next().is_some() {}
    }

    /// Gives an order and waits for the answer; what comes before it is kept. `None` if init has died.
    fn ask(&mut self, order: &Order) -> Option<Passed> {
        self.init.link.order(order);
        loop {
            match self.init.link.next_report()? {
                Report::Signal(passed) => return Some(passed),
                other => self.reports.push_back(other),
            }
        }
    }

    fn take(&mut self, report: Report) -> Result<Option<u8>, Failure> {
        match report {
            Report::Stopped(number) => {
                signals::wait_until_sent();
                self.pass_signals_on();
                if std::mem::take(&mut self.asked_to_stop) {
                    signals::stop(number);
                }
                Ok(None)
            }
            // The program's own child of init says why it could not become the program; then init reports its end.
            Report::Failed(failure) => {
                self.not_started = Some(failure);
                Ok(None)
            }
            Report::Ended(status) => match self.not_started.take() {
                Some(failure) => Err(failure),
                None => Ok(Some(shell_status(status))),
            },
            Report::Mounted(_) | Report::Signal(_) => Ok(None),
        }
    }
}

fn killed() -> Failure {
    Failure::new("the sandbox was killed")
}

/// 0..=255 for an exit, 128 + n for a signal.
fn shell_status(status: i32) -> u8 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status) as u8
    } else {
        libc::WEXITSTATUS(status) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        assert_eq!(shell_status(0), 0);
        assert_eq!(shell_status(3 << 8), 3);
        assert_eq!(shell_status(9), 137);
        assert_eq!(shell_status(0x80 | 11), 139);
    }
}
