//! Exit codes. Those of a test are k6's own where it has one.

use std::process::ExitCode;

use ha_dashboard::domain::run::Verdict;

/// An exit code with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u8);

/// A flag, a setting or a plan is not allowed.
pub const INVALID: Code = Code(2);
/// Something around the program is missing: k6, Prometheus, a port, a folder.
pub const ENVIRONMENT: Code = Code(3);
/// One of the test's stop criteria was met.
pub const ABORTED: Code = Code(98);
/// A threshold was crossed, or it is worse than its baseline by more than allowed.
pub const FAILED: Code = Code(99);
/// The test was stopped.
pub const STOPPED: Code = Code(105);
/// k6 crashed without an exit code of its own.
pub const CRASHED: Code = Code(107);
/// The test was ended because it was past its deadline.
pub const TIMED_OUT: Code = Code(124);

/// What `--help` says about them.
pub const HELP: &str = "\
Exit codes:
    0      ended as asked; a test passed
    1      healthcheck: the dashboard does not answer
    2      a flag, a setting or a plan is not allowed
    3      something is missing: k6, Prometheus, a port, a folder
   98      one of the test's stop criteria was met, so it was stopped
   99      a threshold was crossed, or the test is worse than its baseline by more than allowed
  105      the test was stopped
  100-110  k6 ended by itself with this code; 107 also where it left none
  124      the test was past its deadline and was ended";

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.0)
    }
}

impl From<&Verdict> for Code {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self(0),
            Verdict::Failed => FAILED,
            Verdict::Stopped | Verdict::Cancelled => STOPPED,
            Verdict::Aborted => ABORTED,
            Verdict::TimedOut => TIMED_OUT,
            Verdict::Crashed { exit_code, .. } => {
                // 99 and 105 would tell another story.
                let own = exit_code.and_then(|code| u8::try_from(code).ok());
                own.filter(|code| (100..=110).contains(code) && *code != STOPPED.0).map_or(CRASHED, Self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_code() {
        let crashed = |exit_code| Verdict::Crashed { exit_code, message: String::new() };
        let cases = [
            (Verdict::Passed, 0),
            (Verdict::Failed, 99),
            (Verdict::Stopped, 105),
            (Verdict::Aborted, 98),
            (Verdict::Cancelled, 105),
            (Verdict::TimedOut, 124),
            (crashed(Some(108)), 108),
            (crashed(Some(137)), 107),
            (crashed(Some(105)), 107),
            (crashed(Some(-1)), 107),
            (crashed(None), 107),
        ];
        for (verdict, code) in cases {
            assert_eq!(Code::from(&verdict).0, code, "{verdict:?}");
        }
    }
}
