//! Lengths of time as people write them, and as they are written back.

/// Units from the longest to the shortest: seconds in one, and what it is called in English and German, in lower case.
const UNITS: [(u32, &[&str]); 3] = [
    (3600, &["h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"]),
    (60, &["m", "min", "mins", "minute", "minutes", "minuten"]),
    (1, &["s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden"]),
];

/// Reads a length in whole seconds: `90`, `90 s`, `2 min`, `1m30s`, `1 h 30 min`, `1 Std.`, or as on a clock `1:30` and
/// `1:30:00`; `None` for anything else, and for more than `u32` holds.
pub fn parse(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.contains(':') {
        return clock(text);
    }
    whole_number(text).or_else(|| with_units(text))
}

/// Writes a length so that [`parse`] reads the same: `90 s`, `2 min 30 s`, `1 h 30 min`.
pub fn text(seconds: u32) -> String {
    // Up to here people count seconds.
    if seconds < 120 {
        return format!("{seconds} s");
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, unit)| format!("{number} {unit}")).collect::<Vec<_>>().join(" ")
}

/// Digits only: no sign, no fraction, nothing that `u32` can't hold.
pub(super) fn whole_number(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `m:ss` or `h:mm:ss`; what comes after a colon has two digits and is below 60.
fn clock(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let first = whole_number(parts.next()?)?;
    let rest =
        parts.map(|part| whole_number(part).filter(|n| part.len() == 2 && *n < 60)).collect::<Option<Vec<_>>>()?;
    (rest.len() <= 2).then_some(())?;
    rest.iter().try_fold(first, |total, part| total.checked_mul(60)?.checked_add(*part))
}

/// Numbers with units, each unit once, longer ones first.
fn with_units(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = 0_u32;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number = whole_number(&rest[..digits])?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        let (seconds, _) = units.find(|(_, names)| names.contains(&name.as_str()))?;
        total = total.checked_add(number.checked_mul(*seconds)?)?;
        rest = rest[end..].trim_start_matches('.').trim_start();
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("60", Some(60)),
            (" 60 s ", Some(60)),
            ("5m", Some(300)),
            ("2 min", Some(120)),
            ("2\u{a0}Min.", Some(120)),
            ("1h30m", Some(5400)),
            ("1 h 30 min", Some(5400)),
            ("1 Std. 30 Min. 5 Sek.", Some(5405)),
            ("2 Stunden", Some(7200)),
            ("1 hour 1 minute 1 second", Some(3661)),
            ("5 minutes", Some(300)),
            ("1h 30m 5s", Some(5405)),
            ("1H5S", Some(3605)),
            ("90m", Some(5400)),
            ("1:30", Some(90)),
            ("01:30", Some(90)),
            ("90:00", Some(5400)),
            ("1:30:05", Some(5405)),
            ("0", Some(0)),
            ("", None),
            ("s", None),
            (":", None),
            (":30", None),
            ("1:", None),
            ("1:5", None),
            ("1:60", None),
            ("1:00:00:00", None),
            ("1:30 min", None),
            ("-5", None),
            ("+5", None),
            ("1.5m", None),
            ("5m5", None),
            ("5m5m", None),
            ("5s5m", None),
            ("5ms", None),
            ("1d", None),
            ("ten", None),
            ("1e3", None),
            ("4294967296", None),
            ("1193047h", None),
            ("71582789:00", None),
            ("٣s", None),
        ] {
            assert_eq!(parse(text), seconds, "{text:?}");
        }
    }

    #[test]
    fn lengths_are_written_to_be_read() {
        for (seconds, written) in [
            (0, "0 s"),
            (5, "5 s"),
            (90, "90 s"),
            (120, "2 min"),
            (150, "2 min 30 s"),
            (3600, "1 h"),
            (3605, "1 h 5 s"),
            (5405, "1 h 30 min 5 s"),
            (86_400, "24 h"),
        ] {
            assert_eq!(text(seconds), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_the_same(seconds in prop_oneof![0_u32..10_000, any::<u32>()]) {
            prop_assert_eq!(parse(&text(seconds)), Some(seconds));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9hmsMin.:St ü]{0,10}") {
            let _ = parse(&text);
        }
    }
}
