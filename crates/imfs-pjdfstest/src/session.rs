//! One command line of pjdfstest, or one applet: its cage, and what it has said so far.

use std::sync::Arc;

use imfs::Cage;
use imfs::abi::Errno;

use crate::protocol::Answer;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A call failed.
    Errno(Errno),
    /// The command line is wrong, in words.
    Usage(String),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Failure::Errno(errno)
    }
}

/// A command at work.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) cage: Arc<Cage>,
    /// What the script calls 0, 1, ...: the descriptors in the order in which they were opened.
    pub(crate) descriptors: Vec<i32>,
    pub(crate) answer: Answer,
}

impl Session {
    pub(crate) fn new(cage: Arc<Cage>) -> Self {
        Self { cage, descriptors: Vec::new(), answer: Answer::default() }
    }

    /// A line of the standard output.
    pub(crate) fn say(&mut self, line: impl AsRef<[u8]>) {
        self.answer.output.extend_from_slice(line.as_ref());
        self.answer.output.push(b'\n');
    }

    /// A line of the standard error output.
    pub(crate) fn complain(&mut self, line: impl AsRef<[u8]>) {
        self.answer.errors.extend_from_slice(line.as_ref());
        self.answer.errors.push(b'\n');
    }
}
