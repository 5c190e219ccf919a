//! What a script said (TAP, the Test Anything Protocol), and the table that is made of it.

use std::collections::BTreeSet;

/// How one script went.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How many tests it announced, or ran if that is more.
    pub(crate) total: usize,
    pub(crate) passed: usize,
    pub(crate) skipped: usize,
    /// Failures that the script expects on this system.
    pub(crate) todo: usize,
    /// Lines that say what failed.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    /// Reads what a script printed, and how it ended: `None` for an exit status of 0.
    pub(crate) fn read(output: &str, end: Option<String>) -> Self {
        let mut outcome = Self::default();
        let mut announced = None;
        let mut seen = BTreeSet::new();
        for line in output.lines() {
            if let Some(plan) = line.strip_prefix("1..") {
                announced = plan.split_whitespace().next().and_then(|count| count.parse::<usize>().ok());
                continue;
            }
            let (good, rest) = match (line.strip_prefix("ok"), line.strip_prefix("not ok")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                _ => continue,
            };
            if !(rest.is_empty() || rest.starts_with(' ')) {
                continue;
            }
            let number = rest.split_whitespace().next().and_then(|number| number.parse::<usize>().ok());
            seen.insert(number.unwrap_or(seen.len() + 1));
            let remark = rest.split_once('#').map(|(_, remark)| remark.trim_start().to_ascii_lowercase());
            let is = |word: &str| remark.as_ref().is_some_and(|remark| remark.starts_with(word));
            if is("skip") {
                outcome.skipped += 1;
            } else if good {
                outcome.passed += 1;
            } else if is("todo") {
                outcome.todo += 1;
            } else {
                outcome.failures.push(line.to_owned());
            }
        }
        let ran = outcome.passed + outcome.skipped + outcome.todo + outcome.failures.len();
        outcome.total = ran.max(announced.unwrap_or(0));
        match announced {
            None => outcome.failures.push("it announced no tests".to_owned()),
            Some(count) if count != ran || seen.len() != ran => {
                outcome.failures.push(format!("it announced {count} tests and ran {ran}"));
            }
            Some(_) => {}
        }
        outcome.failures.extend(end);
        outcome
    }

    /// Its line of the table, and a line for each failure.
    pub(crate) fn lines(&self, name: &str) -> String {
        let dots = ".".repeat(28_usize.saturating_sub(name.len()).max(3));
        let mut text = format!("{name} {dots} {}/{}", self.passed, self.total);
        for (count, word) in [(self.skipped, "skipped"), (self.todo, "expected to fail")] {
            if count > 0 {
                text += &format!(", {count} {word}");
            }
        }
        text.push('\n');
        for failure in &self.failures {
            text += &format!("    {failure}\n");
        }
        text
    }
}

/// The last line.
pub(crate) fn total(outcomes: &[Outcome]) -> String {
    let sum = |count: fn(&Outcome) -> usize| outcomes.iter().map(count).sum::<usize>();
    let bad = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
    format!(
        "{} files, {} tests: {} passed, {} skipped, {} expected to fail, {} failed in {bad} files\n",
        outcomes.len(),
        sum(|o| o.total),
        sum(|o| o.passed),
        sum(|o| o.skipped),
        sum(|o| o.todo),
        sum(|o| o.total.saturating_sub(o.passed + o.skipped + o.todo)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_is_read() {
        let text =
            "1..5\nok 1\nnot ok 2 - tried 'x'\nok 3 # skip no root\nnot ok 4 # TODO Linux\nsomething\nok 5\n";
        let outcome = Outcome::read(text, None);
        assert_eq!((outcome.total, outcome.passed, outcome.skipped, outcome.todo), (5, 2, 1, 1));
        assert_eq!(outcome.failures, ["not ok 2 - tried 'x'"]);
        assert!(
            outcome
                .lines("open/00.t")
                .starts_with("open/00.t ................... 2/5, 1 skipped, 1 expected to fail\n    not")
        );
        assert_eq!(
            total(&[outcome]),
            "1 files, 5 tests: 2 passed, 1 skipped, 1 expected to fail, 1 failed in 1 files\n"
        );
    }

    #[test]
    fn what_is_missing_fails() {
        assert_eq!(Outcome::read("1..2\nok 1\n", None).failures, ["it announced 2 tests and ran 1"]);
        assert_eq!(Outcome::read("ok 1\n", None).failures, ["it announced no tests"]);
        assert_eq!(Outcome::read("1..2\nok 1\nok 1\n", None).failures.len(), 1);
        assert_eq!(Outcome::read("1..1\nok 1\n", Some("status 1".into())).failures, ["status 1"]);
    }
}
