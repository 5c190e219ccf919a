//! Runs cases on two sides and reports every difference, with the lines that repeat it.

use crate::args::Data;
use crate::call::{Call, map_write};
use crate::case::{Act, Case, Limits, Record, Side, Step};
use crate::outcome::Outcome;
use std::fmt::Write as _;

/// The first difference between two records of the same steps, or nothing.
pub fn difference(steps: &[Step], names: (&str, &str), a: &Record, b: &Record) -> Option<String> {
    for (i, step) in steps.iter().enumerate() {
        let (x, y) = (a.outcomes.get(i), b.outcomes.get(i));
        if x != y || x.is_some_and(Outcome::is_broken) {
            return Some(format!("step {i}: {step}\n{}", both(names, &show(x), &show(y))));
        }
    }
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|l| !those.contains(l)).cloned().collect()
    };
    let (x, y) = (only(&a.state, &b.state), only(&b.state, &a.state));
    (!x.is_empty() || !y.is_empty())
        .then(|| format!("state afterwards:\n{}", both(names, &x.join("\n"), &y.join("\n"))))
}

fn show(o: Option<&Outcome>) -> String {
    o.map_or("(no outcome)".into(), Outcome::to_string)
}

fn both(names: (&str, &str), x: &str, y: &str) -> String {
    let mut s = String::new();
    for (name, text) in [(names.0, x), (names.1, y)] {
        for line in text.lines() {
            writeln!(s, "    {name:>7}: {line}").expect("a String takes everything");
        }
    }
    s
}

/// What is found three times out of three. The kernel is shared with the whole machine, and what it does once may be
/// somebody else's doing.
pub(crate) fn every_time<T>(differs: &mut dyn FnMut() -> Option<T>) -> Option<T> {
    differs()?;
    differs()?;
    differs()
}

/// The steps for the other side, with what only the oracle knew: stores that end where the file does become as long as its
/// were. What a mapping stores past the end, in the last page, is no part of the file (mmap(2)), but tmpfs shows it once
/// the file grows.
pub fn as_answered(steps: &[Step], oracle: &Record) -> Vec<Step> {
    let mut steps = steps.to_vec();
    for (step, outcome) in steps.iter_mut().zip(&oracle.outcomes) {
        let Act::Call(Call::MapWriteWithin { slot, off, data }) = &step.act else { continue };
        let mut bytes = data.bytes();
        bytes.truncate(usize::try_from(outcome.ret).unwrap_or(bytes.len()));
        step.act = Act::Call(map_write(*slot, *off, Data::Lit(bytes)));
    }
    steps
}

/// Steps as a table has them.
pub fn as_table(steps: &[Step]) -> String {
    let mut s = String::from("seq![\n");
    for step in steps {
        writeln!(s, "    {step},").expect("a String takes everything");
    }
    s + "]"
}

/// What is wrong with a case on these two sides; the first is the oracle.
pub fn check(oracle: &mut dyn Side, subject: &mut dyn Side, case: &Case) -> Option<String> {
    let found = match &case.stated {
        Some(outcomes) => check_stated(subject, case, outcomes),
        None => {
            let names = (oracle.name(), subject.name());
            every_time(&mut || {
                let a = oracle.run(case.limits, &case.steps);
                let b = guarded(|| subject.run(case.limits, &as_answered(&case.steps, &a)));
                match a.outcomes.iter().take(case.prepared).position(Outcome::is_error) {
                    Some(i) => {
                        Some(format!("the preparation fails: {} gives {}\n", case.steps[i], a.outcomes[i]))
                    }
                    None => difference(&case.steps, names, &a, &b),
                }
            })
        }
    };
    found.map(|f| {
        let limits =
            if case.limits == Limits::default() { String::new() } else { format!("{:?}\n", case.limits) };
        let hidden = if case.prepared > 16 && std::env::var_os("IMFS_ORACLE_CASE").is_none() {
            case.prepared
        } else {
            0
        };
        format!("case {}\n{f}{limits}{}\n", case.name, as_table(&case.steps[hidden..]))
    })
}

/// A panic is the outcome of the first step.
pub(crate) fn guarded(run: impl FnOnce() -> Record) -> Record {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default();
        Record { outcomes: vec![Outcome::broken(&format!("(panicked: {text})"))], state: Vec::new() }
    })
}

fn check_stated(subject: &mut dyn Side, case: &Case, outcomes: &[String]) -> Option<String> {
    let got = guarded(|| subject.run(case.limits, &case.steps)).outcomes;
    if let Some(i) = got.iter().take(case.prepared).position(Outcome::is_error) {
        return Some(format!("the preparation fails: {} gives {}\n", case.steps[i], got[i]));
    }
    for (i, expected) in outcomes.iter().enumerate() {
        let (step, got) = (&case.steps[case.prepared + i], got.get(case.prepared + i));
        if show(got) != *expected {
            return Some(format!("step {step}\n{}", both(("stated", subject.name()), expected, &show(got))));
        }
    }
    None
}
