//! When a plan starts by itself: time zones, changes of summer time, lines of cron. Nothing here knows what time it is.

use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use ha_dashboard::domain::{
    Millis,
    agenda::{AgendaRefusal, AppointmentDraft, When},
};
use jiff_of_cron::{
    Timestamp, Zoned,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

/// What comes later than so many years after now never comes: 29 February is there after eight at the latest.
const FAR_YEARS: i64 = 10;

/// Most characters of a line of cron.
const LONGEST_LINE: usize = 200;

/// Times of a checked appointment.
pub struct Times {
    course: Course,
    zone: TimeZone,
}

enum Course {
    Once(Timestamp),
    Cron(Box<Cron>),
}

/// Reads what was typed; says when it is, and on which clock.
///
/// # Errors
/// [`AgendaRefusal`]. What is over by `now_ms` is refused, too. A line that never comes takes a second to find out.
pub fn check(draft: &AppointmentDraft, now_ms: Millis) -> Result<(When, String, Millis), AgendaRefusal> {
    let zone = match draft.zone.trim() {
        "" => "UTC",
        zone => zone,
    };
    let when = match (draft.at.trim(), draft.cron.trim()) {
        (at, "") if !at.is_empty() => When::Once { at: at.replace('T', " ") },
        ("", line) if !line.is_empty() => When::Cron { line: line.split_whitespace().collect::<Vec<_>>().join(" ") },
        _ => return Err(AgendaRefusal::OneOfTwo),
    };
    let times = Times::new(&when, zone)?;
    let next = times.after(now_ms).ok_or(match when {
        When::Once { .. } => AgendaRefusal::Past,
        When::Cron { .. } => AgendaRefusal::Never,
    })?;
    Ok((when, zone.to_owned(), next))
}

impl Times {
    /// The times of an appointment on the clock of a zone. A time that clocks show twice is the first of them.
    ///
    /// # Errors
    /// [`AgendaRefusal`]; not that it is over or never comes.
    pub fn new(when: &When, zone: &str) -> Result<Self, AgendaRefusal> {
        let zone = TimeZone::get(zone).map_err(|_| AgendaRefusal::NoZone)?;
        let course = match when {
            When::Once { at } => {
                let local: DateTime = at.parse().map_err(|_| AgendaRefusal::NotATime)?;
                let on_clock = zone.to_ambiguous_timestamp(local);
                if matches!(on_clock.offset(), AmbiguousOffset::Gap { .. }) {
                    return Err(AgendaRefusal::SkippedByClocks);
                }
                Course::Once(on_clock.earlier().map_err(|_| AgendaRefusal::NotATime)?)
            }
            When::Cron { line } => Course::Cron(Box::new(cron(line)?)),
        };
        Ok(Self { course, zone })
    }

    /// The first time after a moment; `None`: there is none.
    pub fn after(&self, after_ms: Millis) -> Option<Millis> {
        let after = timestamp(after_ms)?;
        let next = match &self.course {
            Course::Once(at) => (*at > after).then_some(*at)?,
            Course::Cron(cron) => {
                let from = Zoned::new(after, self.zone.clone());
                let next = cron.find_next_occurrence(&from, false).ok()?.timestamp();
                let is_far = next.as_second() - after.as_second() > FAR_YEARS * 366 * 86_400;
                (!is_far).then_some(next)?
            }
        };
        Millis::try_from(next.as_millisecond()).ok()
    }

    /// The first times after a moment, so many at most.
    pub fn next(&self, after_ms: Millis, most: usize) -> Vec<Millis> {
        let next = |at: &Millis| self.after(*at);
        std::iter::successors(self.after(after_ms), next).take(most).collect()
    }

    /// How many times lie between two moments, the later one included, as far as `most`.
    pub fn count(&self, after_ms: Millis, to_ms: Millis, most: u32) -> u32 {
        let times = std::iter::successors(self.after(after_ms), |at| self.after(*at));
        times.take_while(|at| *at <= to_ms).take(most as usize).fold(0, |count, _| count + 1)
    }

    /// A moment on the clock: `Fri 2026-11-27 09:00 CET`.
    pub fn shown(&self, at_ms: Millis) -> String {
        let at = timestamp(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Zoned::new(at, self.zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string()
    }
}

fn timestamp(at_ms: Millis) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()
}

fn cron(line: &str) -> Result<Cron, AgendaRefusal> {
    let refused = |message: String| AgendaRefusal::NotCron { message };
    if line.len() > LONGEST_LINE {
        return Err(refused(format!("it has more than {LONGEST_LINE} characters")));
    }
    if line.split_whitespace().count() > 5 {
        return Err(AgendaRefusal::TooOften);
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(line).map_err(|error| match error {
        CronError::InvalidPattern(what) | CronError::IllegalCharacters(what) | CronError::ComponentError(what) => {
            refused(what.trim_end_matches('.').to_owned())
        }
        other => refused(other.to_string().trim_end_matches('.').to_owned()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BERLIN: &str = "Europe/Berlin";

    fn ms(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond().try_into().unwrap()
    }

    fn of_line(line: &str) -> Times {
        Times::new(&When::Cron { line: line.into() }, BERLIN).unwrap()
    }

    fn shown(times: &Times, from: &str, most: usize) -> Vec<String> {
        times.next(ms(from), most).into_iter().map(|at| times.shown(at)).collect()
    }

    #[test]
    fn clocks_that_go_forward_neither_skip_nor_double_a_day() {
        // At 02:00 on 28 March 2027 it is 03:00 at once.
        let nightly = of_line("30 2 * * *");
        assert_eq!(
            shown(&nightly, "2027-03-27T00:00:00Z", 3),
            ["Sat 2027-03-27 02:30 CET", "Sun 2027-03-28 03:00 CEST", "Mon 2027-03-29 02:30 CEST"]
        );
        let hourly = of_line("0 * * * *");
        assert_eq!(
            shown(&hourly, "2027-03-28T00:30:00Z", 2),
            ["Sun 2027-03-28 03:00 CEST", "Sun 2027-03-28 04:00 CEST"]
        );
    }

    #[test]
    fn clocks_that_go_back_start_a_nightly_plan_once() {
        // At 03:00 on 31 October 2027 it is 02:00 again.
        let nightly = of_line("30 2 * * *");
        assert_eq!(
            shown(&nightly, "2027-10-30T12:00:00Z", 2),
            ["Sun 2027-10-31 02:30 CEST", "Mon 2027-11-01 02:30 CET"]
        );
        let hourly = of_line("0 * * * *");
        let next = hourly.next(ms("2027-10-30T23:30:00Z"), 4);
        assert!(next.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000), "{next:?}");
    }

    #[test]
    fn a_single_time_is_that_of_the_zones_clock() {
        let once = |at: &str, zone: &str, now: &str| {
            let draft = AppointmentDraft { at: at.into(), zone: zone.into(), ..AppointmentDraft::default() };
            check(&draft, ms(now)).map(|(_, _, due)| due)
        };
        let now = "2026-11-26T00:00:00Z";
        assert_eq!(once("2026-11-27 09:00", BERLIN, now), Ok(ms("2026-11-27T08:00:00Z")));
        assert_eq!(once("2026-11-27T09:00", "", now), Ok(ms("2026-11-27T09:00:00Z")));
        assert_eq!(once("2027-10-31 02:30", BERLIN, now), Ok(ms("2027-10-31T00:30:00Z")), "the first of two");
        for (at, zone, why) in [
            ("2027-03-28 02:30", BERLIN, AgendaRefusal::SkippedByClocks),
            ("2026-11-26 00:59", BERLIN, AgendaRefusal::Past),
            ("1970-01-01 00:00", "UTC", AgendaRefusal::Past),
            ("tomorrow", BERLIN, AgendaRefusal::NotATime),
            ("2026-13-01 00:00", BERLIN, AgendaRefusal::NotATime),
            ("2026-11-27 09:00", "Europe/Nowhere", AgendaRefusal::NoZone),
            ("2026-11-27 09:00", "../../etc/passwd", AgendaRefusal::NoZone),
        ] {
            assert_eq!(once(at, zone, now), Err(why), "{at} {zone}");
        }
        assert_eq!(once(" ", BERLIN, now), Err(AgendaRefusal::OneOfTwo));
    }

    #[test]
    fn lines_that_never_come_or_come_too_often_are_refused() {
        let line = |line: &str| {
            let draft = AppointmentDraft { cron: line.into(), zone: BERLIN.into(), ..AppointmentDraft::default() };
            check(&draft, ms("2026-11-26T00:00:00Z"))
        };
        for good in ["0 9 * * 1-5", "*/15 * * * *", "0 0 29 2 *", "@daily", "0 9 * * MON", "  0  9 * * * "] {
            line(good).unwrap_or_else(|refusal| panic!("{good}: {refusal}"));
        }
        assert_eq!(line("* * * * * *"), Err(AgendaRefusal::TooOften));
        assert_eq!(line("0 0 30 2 *"), Err(AgendaRefusal::Never));
        for wrong in ["60 * * * *", "a b c d e", "* * * *", "0 9 * * MON#9", "@every", &"1,".repeat(200)] {
            assert!(matches!(line(wrong), Err(AgendaRefusal::NotCron { .. })), "{wrong}");
        }
        let both = AppointmentDraft { at: "2026-11-27 09:00".into(), cron: "@daily".into(), ..Default::default() };
        assert_eq!(check(&both, 0), Err(AgendaRefusal::OneOfTwo));
    }

    #[test]
    fn what_was_missed_is_counted_to_a_bound() {
        let hourly = of_line("0 * * * *");
        let (from, to) = (ms("2026-11-26T00:30:00Z"), ms("2026-11-26T05:00:00Z"));
        assert_eq!((hourly.count(from, to, 100), hourly.count(from, to, 3)), (5, 3));
        assert_eq!(hourly.count(from, from, 100), 0);
    }
}
