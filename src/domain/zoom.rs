//! A stretch of a run's time axis, looked at closely.

use serde::{Deserialize, Serialize};

use super::duration;

/// From when to when, as typed: times since the run's start, as on a clock or with units. Empty: from its start, to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoomDraft {
    /// From when.
    pub from: String,
    /// To when.
    pub to: String,
}

/// A stretch, in whole seconds since the run's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zoom {
    /// From when.
    pub from_s: u32,
    /// To when.
    pub to_s: u32,
}

/// Why there is no such stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZoomProblem {
    /// That is no time.
    NotATime {
        /// What was typed.
        value: String,
    },
    /// It would begin after the end of the run.
    TooLate {
        /// The run's length, in seconds.
        length_s: u32,
    },
    /// It is shorter than [`Zoom::LEAST_S`], or ends before it begins.
    TooShort,
}

impl Zoom {
    /// The shortest stretch, in seconds: values come once a second.
    pub const LEAST_S: u32 = 3;

    /// The stretch of a run of so many seconds; `None`: all of it. An end past the run's is the run's.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(draft: &ZoomDraft, length_s: u32) -> Result<Option<Self>, ZoomProblem> {
        let time = |text: &str, usual: u32| match text.trim() {
            "" => Ok(usual),
            text => {
                duration::parse(text).ok_or_else(|| ZoomProblem::NotATime { value: text.chars().take(40).collect() })
            }
        };
        let (from_s, to_s) = (time(&draft.from, 0)?, time(&draft.to, length_s)?.min(length_s));
        if from_s >= length_s && from_s > 0 {
            return Err(ZoomProblem::TooLate { length_s });
        }
        if (from_s, to_s) == (0, length_s) {
            return Ok(None);
        }
        if to_s < from_s.saturating_add(Self::LEAST_S) {
            return Err(ZoomProblem::TooShort);
        }
        Ok(Some(Self { from_s, to_s }))
    }

    /// What lies before it, as long as it is; `None`: it begins with the run.
    pub fn earlier(self) -> Option<Self> {
        let from_s = self.from_s.saturating_sub(self.to_s - self.from_s);
        (self.from_s > 0).then(|| Self { from_s, to_s: from_s + (self.to_s - self.from_s) })
    }

    /// What lies behind it in a run of so many seconds, as long as it is; `None`: it ends with the run.
    pub fn later(self, length_s: u32) -> Option<Self> {
        let to_s = self.to_s.saturating_add(self.to_s - self.from_s).min(length_s);
        (self.to_s < length_s).then(|| Self { from_s: to_s - (self.to_s - self.from_s), to_s })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zoom(from: &str, to: &str) -> Result<Option<(u32, u32)>, ZoomProblem> {
        let draft = ZoomDraft { from: from.into(), to: to.into() };
        Zoom::of(&draft, 300).map(|zoom| zoom.map(|zoom| (zoom.from_s, zoom.to_s)))
    }

    #[test]
    fn a_stretch_is_read_as_people_write_times() {
        let no_time = |value: &str| Err(ZoomProblem::NotATime { value: value.into() });
        for (from, to, told) in [
            ("", "", Ok(None)),
            ("0", "5 min", Ok(None)),
            (" 1:30 ", "2:00", Ok(Some((90, 120)))),
            ("90", "", Ok(Some((90, 300)))),
            ("", "10 s", Ok(Some((0, 10)))),
            ("4:00", "1:00:00", Ok(Some((240, 300)))),
            ("x", "", no_time("x")),
            ("", "-1", no_time("-1")),
            ("5:00", "", Err(ZoomProblem::TooLate { length_s: 300 })),
            ("2:00", "1:00", Err(ZoomProblem::TooShort)),
            ("60", "62", Err(ZoomProblem::TooShort)),
            ("60", "63", Ok(Some((60, 63)))),
            ("0", "0", Err(ZoomProblem::TooShort)),
        ] {
            assert_eq!(zoom(from, to), told, "{from:?} {to:?}");
        }
        let long = "9".repeat(10_000);
        assert_eq!(zoom(&long, ""), no_time(&long[..40]));
    }

    proptest! {
        #[test]
        fn steps_keep_the_length_and_stay_in_the_run(length_s in 3_u32..100_000, from in any::<u32>(), to in any::<u32>()) {
            let draft = ZoomDraft { from: (from % length_s).to_string(), to: (to % length_s).to_string() };
            let Ok(Some(zoom)) = Zoom::of(&draft, length_s) else { return Ok(()) };
            for step in [zoom.earlier(), zoom.later(length_s)].into_iter().flatten() {
                prop_assert_eq!(step.to_s - step.from_s, zoom.to_s - zoom.from_s);
                prop_assert!(step.to_s <= length_s && step != zoom);
            }
            prop_assert_eq!(zoom.earlier().is_none(), zoom.from_s == 0);
            prop_assert_eq!(zoom.later(length_s).is_none(), zoom.to_s == length_s);
        }
    }
}
