//! A case: steps of one or several processes, and the limits of the file system that they run on.
//!
//! A case is data. It does not know that it will run twice.

use crate::args::Bytes;
use crate::call::Call;
use crate::fixture::{KINDS, as_user, users, with};
use std::fmt;

/// What a process does in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Makes a call. When it blocks it is interrupted, and the outcome is EINTR (or what the call had done before).
    Call(Call),
    /// Makes a call that is expected to block; the case goes on when it does.
    Start(Call),
    /// Waits for the end of the call that was started. When it still blocks it is interrupted.
    Finish,
}

/// One step of one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Which process.
    pub proc: usize,
    /// What it does.
    pub act: Act,
}

impl From<Call> for Step {
    fn from(call: Call) -> Self {
        p0(call)
    }
}

/// A call of process 0, which exists from the beginning and is root.
pub fn p0(call: Call) -> Step {
    Step { proc: 0, act: Act::Call(call) }
}

/// A call of process 1, which `fork(1)` made.
pub fn p1(call: Call) -> Step {
    Step { proc: 1, act: Act::Call(call) }
}

/// A call of process 2, which `fork(2)` made.
pub fn p2(call: Call) -> Step {
    Step { proc: 2, act: Act::Call(call) }
}

/// A call of process `proc` that blocks.
pub fn start(proc: usize, call: Call) -> Step {
    Step { proc, act: Act::Start(call) }
}

/// The end of the call that process `proc` started.
pub fn finish(proc: usize) -> Step {
    Step { proc, act: Act::Finish }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.act {
            Act::Call(c) if self.proc == 0 => write!(f, "{c}"),
            Act::Call(c) => write!(f, "p{}({c})", self.proc),
            Act::Start(c) => write!(f, "start({}, {c})", self.proc),
            Act::Finish => write!(f, "finish({})", self.proc),
        }
    }
}

/// Steps from calls and steps, separated by commas.
#[macro_export]
macro_rules! seq {
    ($($s:expr),* $(,)?) => { vec![$($crate::case::Step::from($s)),*] };
}

/// Limits of the file system of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes.
    pub size: u64,
    /// Inodes.
    pub inodes: u64,
    /// Reading moves no access time. Otherwise relatime, as Linux mounts by default.
    pub noatime: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { size: 64 << 20, inodes: 4096, noatime: false }
    }
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, unique in its table.
    pub name: String,
    /// Its steps: first those that prepare, then those that are looked at. Both are compared.
    pub steps: Vec<Step>,
    /// How many of the steps only prepare; these must succeed.
    pub prepared: usize,
    /// The file system's limits.
    pub limits: Limits,
    /// Where IMFS goes beyond tmpfs on purpose: the outcomes that the steps after the preparation must have. The
    /// kernel is not asked.
    pub stated: Option<Vec<String>>,
}

impl Case {
    /// A case that prepares with `setup` and looks at `steps`.
    pub fn new(name: impl Into<String>, setup: Vec<Step>, steps: Vec<Step>) -> Self {
        let prepared = setup.len();
        let mut all = setup;
        all.extend(steps);
        Case { name: name.into(), steps: all, prepared, limits: Limits::default(), stated: None }
    }

    /// The same with other limits.
    pub fn limits(mut self, size: u64, inodes: u64) -> Self {
        self.limits = Limits { size, inodes, ..self.limits };
        self
    }

    /// A case that tmpfs cannot answer: each step with the outcome that it must have.
    pub fn stated(name: impl Into<String>, setup: Vec<Step>, steps: Vec<(Step, &str)>) -> Self {
        let (steps, outcomes): (Vec<_>, Vec<_>) = steps.into_iter().map(|(s, o)| (s, o.to_string())).unzip();
        Case { stated: Some(outcomes), ..Case::new(name, setup, steps) }
    }
}

/// Adds cases to a table.
pub trait Table {
    /// One case.
    fn add(&mut self, name: impl Into<String>, setup: Vec<Step>, steps: Vec<Step>);
    /// One case for each user: root prepares, the user acts.
    fn each_user(&mut self, name: impl Into<String>, setup: Vec<Step>, steps: Vec<Step>);
    /// One case for root and one for alice, for each path of [`crate::paths::PATHS`], over the tree that they belong to.
    fn each_path(&mut self, name: impl Into<String>, steps: impl Fn(&Bytes) -> Vec<Step>);
    /// One case for each user and each kind of object at `/w/x`.
    fn each_kind(&mut self, name: impl Into<String>, steps: impl Fn() -> Vec<Step>);
}

impl Table for Vec<Case> {
    fn add(&mut self, name: impl Into<String>, setup: Vec<Step>, steps: Vec<Step>) {
        self.push(Case::new(name, setup, steps));
    }

    fn each_user(&mut self, name: impl Into<String>, setup: Vec<Step>, steps: Vec<Step>) {
        let name = name.into();
        for (who, user) in users() {
            self.add(format!("{name}/{user}"), setup.clone(), as_user(who, steps.clone()));
        }
    }

    fn each_path(&mut self, name: impl Into<String>, steps: impl Fn(&Bytes) -> Vec<Step>) {
        let name = name.into();
        for (i, (about, path)) in crate::paths::paths().into_iter().enumerate() {
            for (who, user) in users().take(2) {
                let name = format!("{name}/path{i}:{about}/{user}");
                self.add(name, crate::paths::tree(), as_user(who, steps(&path)));
            }
        }
    }

    fn each_kind(&mut self, name: impl Into<String>, steps: impl Fn() -> Vec<Step>) {
        let name = name.into();
        for kind in KINDS {
            self.each_user(format!("{name}/{}", kind.name), with(kind), steps());
        }
    }
}

impl Step {
    /// The call that the step makes, if it makes one.
    pub fn call(&self) -> Option<&Call> {
        match &self.act {
            Act::Call(c) | Act::Start(c) => Some(c),
            Act::Finish => None,
        }
    }
}

/// What one side made of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The outcome of each step.
    pub outcomes: Vec<crate::outcome::Outcome>,
    /// The descriptors of each process and the whole tree, one line each.
    pub state: Vec<String>,
}

/// A side of the comparison.
pub trait Side {
    /// What failures call it.
    fn name(&self) -> &'static str;
    /// Runs the steps on a fresh file system.
    fn run(&mut self, limits: Limits, steps: &[Step]) -> Record;
}
