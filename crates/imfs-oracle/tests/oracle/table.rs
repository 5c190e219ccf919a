//! Runs a table on both sides and reports every case that differs.

use imfs_oracle::case::{Act, Case, Side, Step};
use imfs_oracle::compare::check;
use imfs_oracle::kernel::Kernel;

/// Only cases whose name contains this are run.
const ONLY: &str = "IMFS_ORACLE_CASE";

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
    let mut failures = Vec::new();
    let mut ran = 0;
    let (mut oracle, mut subject) = (Kernel::new(), Kernel::new());
    for case in cases {
        let name = format!("{table}/{}", case.name);
        if !name.contains(&only) {
            continue;
        }
        ran += 1;
        let subject: &mut dyn Side = &mut subject;
        if let Some(found) = check(&mut oracle, subject, &with_ticks(Case { name: name.clone(), ..case })) {
            failures.push(format!(
                "{found}repeat: {ONLY}='{name}' cargo nextest run -p imfs-oracle oracle::{table}\n"
            ));
        }
    }
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
