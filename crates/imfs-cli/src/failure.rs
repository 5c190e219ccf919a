//! What imfs says when it cannot go on: one plain line, with the way out where there is one.

use std::fmt;
use std::io;

/// Exit status for a failure of `imfs run` itself, as `env`, `timeout` and `docker run` have it.
pub(crate) const OWN_FAILURE: u8 = 125;
/// Exit status when the program was found but could not be started, as shells have it.
pub(crate) const CANNOT_START: u8 = 126;
/// Exit status when the program was not found, as shells have it.
pub(crate) const NOT_FOUND: u8 = 127;

/// A failure: an exit status and one line to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u8,
    line: String,
}

impl Failure {
    /// A failure of imfs itself; `line` says what failed and why.
    pub(crate) fn new(line: impl Into<String>) -> Failure {
        Failure { status: OWN_FAILURE, line: line.into() }
    }

    /// Gives another exit status.
    pub(crate) fn with_status(self, status: u8) -> Failure {
        Failure { status, ..self }
    }

    /// Adds what the user can do about it.
    pub(crate) fn way_out(mut self, hint: &str) -> Failure {
        self.line.push_str("; ");
        self.line.push_str(hint);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path may hold a newline; the promise is one line.
        f.write_str(&self.line.replace('\n', "\\n"))
    }
}

/// The cause alone: "Permission denied", without the number that `io::Error` adds.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Turns the error of a system call into a failure that names what was tried.
pub(crate) trait OrFail<T> {
    /// `what` completes "imfs: cannot ...".
    fn or_fail(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {}: {}", what(), cause(&error.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        let failure = Err::<(), _>(io::Error::from_raw_os_error(libc::EACCES))
            .or_fail(|| "read a\nb".to_owned())
            .unwrap_err()
            .way_out("try as root");
        assert_eq!(failure.to_string(), "cannot read a\\nb: Permission denied; try as root");
        assert_eq!(failure.status, OWN_FAILURE);
    }
}
