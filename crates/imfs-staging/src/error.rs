//! What went wrong: on which side, with which path, doing what, and why.

use core::fmt;

use imfs::abi::Errno;

/// What was being done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Looking at its attributes.
    Look,
    /// Reading its content.
    Read,
    /// Making it, or replacing what was there.
    Create,
    /// Writing its content.
    Write,
    /// Setting its attributes.
    SetAttributes,
    /// The observer asked for an end.
    Stop,
}

impl Action {
    fn verb(self) -> &'static str {
        match self {
            Action::Look => "find",
            Action::Read => "read",
            Action::Create => "create",
            Action::Write => "write",
            Action::SetAttributes => "set the attributes of",
            Action::Stop => "go on with",
        }
    }
}

/// A transfer that failed. Its text is one line, such as `cannot read /etc/shadow on the host: Permission denied`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingError {
    /// The name of the side, as [`Side::NAME`](crate::Side::NAME) has it.
    pub side: &'static str,
    /// What was being done.
    pub action: Action,
    /// To what.
    pub path: Vec<u8>,
    /// Why it failed.
    pub errno: Errno,
}

impl fmt::Display for StagingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        write!(f, "cannot {} {} {}: {}", self.action.verb(), path, self.side, self.errno)
    }
}

impl std::error::Error for StagingError {}
