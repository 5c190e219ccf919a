//! Runs a table on both sides and reports every case that differs.

use imfs_oracle::cage::Cages;
use imfs_oracle::case::{Act, Case, Step};
use imfs_oracle::compare::check;
use imfs_oracle::kernel::Kernel;

/// Only cases whose name contains this are run.
const ONLY: &str = "IMFS_ORACLE_CASE";

/// How many threads share a table: most of a case's time is spent waiting for the clock.
const THREADS: usize = 3;

/// How many differences are printed in full.
const SHOWN: usize = 40;

/// Whether this process may mount and change users; says so loudly when it may not.
pub(crate) fn may_run() -> bool {
    // SAFETY: has no argument and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("SKIPPED: the kernel as oracle needs root, to mount a tmpfs and to become other users");
    }
    root
}

/// Lets time pass before every step that is looked at, so that each stamp tells which step moved it.
fn with_ticks(case: Case) -> Case {
    let tick = || Step::from(imfs_oracle::call::tick());
    let mut steps = Vec::new();
    let mut stated = Vec::new();
    let mut outcomes = case.stated.clone().unwrap_or_default().into_iter();
    for (i, step) in case.steps.into_iter().enumerate() {
        if i >= case.prepared {
            if matches!(&step.act, Act::Call(c) | Act::Start(c) if c.moves_stamps()) {
                steps.push(Step { proc: step.proc, ..tick() });
                stated.push("0".to_string());
            }
            stated.extend(outcomes.next());
        }
        steps.push(step);
    }
    Case { steps, stated: case.stated.map(|_| stated), ..case }
}

/// Runs all cases.
///
/// # Panics
/// When one differs, after all have run.
pub(crate) fn run(table: &str, cases: Vec<Case>) {
    if !may_run() {
        return;
    }
    let only = std::env::var(ONLY).unwrap_or_default();
    let named = cases.into_iter().map(|c| Case { name: format!("{table}/{}", c.name), ..c });
    let cases: Vec<_> = named.filter(|c| c.name.contains(&only)).collect();
    let ran = cases.len();
    let failures: Vec<String> = std::thread::scope(|s| {
        let parts = cases.chunks(ran.div_ceil(THREADS).max(1));
        let threads: Vec<_> = parts.map(|part| s.spawn(|| run_part(table, part))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a part of the table panicked")).collect()
    });
    println!("{table}: {ran} cases, {} differ", failures.len());
    if !failures.is_empty() {
        let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
        panic!(
            "{} of {ran} cases differ; the first {}:\n\n{shown}",
            failures.len(),
            failures.len().min(SHOWN)
        );
    }
}

fn run_part(table: &str, cases: &[Case]) -> Vec<String> {
    let (mut oracle, mut subject) = (Kernel::new(), Cages::new());
    let repeat =
        |name: &str| format!("repeat: {ONLY}='{name}' cargo nextest run -p imfs-oracle oracle::{table}\n");
    let differs = |case: &Case| {
        check(&mut oracle, &mut subject, &with_ticks(case.clone())).map(|f| f + &repeat(&case.name))
    };
    cases.iter().filter_map(differs).collect()
}
