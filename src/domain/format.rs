//! Numbers for people, in English and German.

use super::{decimal, frame::Unit};

/// What stands for a value that isn't there.
pub const NO_DATA: &str = "–";

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// `1,234.5` and `5%`
    #[default]
    En,
    /// `1.234,5` and `5 %`
    De,
}

impl Numbers {
    /// What separates the fraction.
    pub fn decimal(self) -> char {
        match self {
            Self::En => '.',
            Self::De => ',',
        }
    }

    /// What separates thousands.
    pub fn group(self) -> char {
        match self {
            Self::En => ',',
            Self::De => '.',
        }
    }
}

/// A value in its unit, with about three digits: `6.80 ms`, `1.25 s`, `0.53%`, `12.5 MB/s`. [`NO_DATA`] for what is not
/// finite.
pub fn value(unit: Unit, value: f64, numbers: Numbers) -> String {
    if !value.is_finite() {
        return NO_DATA.into();
    }
    match unit {
        Unit::Count if (value - value.round()).abs() < 0.005 => number(value, 0, numbers),
        Unit::Count | Unit::Cores => three_digits(value, numbers),
        Unit::PerSecond => format!("{}/s", three_digits(value, numbers)),
        Unit::Share => percent(value, numbers),
        Unit::Seconds => seconds(value, numbers),
        Unit::Bytes => bytes(value, numbers),
        Unit::BytesPerSecond => format!("{}/s", bytes(value, numbers)),
    }
}

/// Like [`value`]; [`NO_DATA`] for none.
pub fn value_or_none(unit: Unit, value: Option<f64>, numbers: Numbers) -> String {
    value.map_or_else(|| NO_DATA.into(), |value| self::value(unit, value, numbers))
}

/// A share of 0–1 as percent. What is above 0 never shows as 0.
pub fn percent(share: f64, numbers: Numbers) -> String {
    if !share.is_finite() {
        return NO_DATA.into();
    }
    let percent = share * 100.0;
    let (below, digits) = match percent {
        0.0 => ("", number(0.0, 0, numbers)),
        p if (0.0..0.01).contains(&p) => ("<", number(0.01, 2, numbers)),
        100.0 => ("", number(100.0, 0, numbers)),
        // Not all is never shown as all.
        p if (99.95..100.0).contains(&p) => ("", number(p.min(99.99), 2, numbers)),
        p => ("", three_digits(p, numbers)),
    };
    match numbers {
        Numbers::En => format!("{below}{digits}%"),
        Numbers::De => format!("{below}{digits} %"),
    }
}

/// A time in seconds, shown in ms below one second.
pub fn seconds(seconds: f64, numbers: Numbers) -> String {
    if !seconds.is_finite() {
        return NO_DATA.into();
    }
    match seconds * 1000.0 {
        ms if ms.abs() < 999.5 => format!("{} ms", three_digits(ms, numbers)),
        _ => format!("{} s", three_digits(seconds, numbers)),
    }
}

/// A time in milliseconds, k6's own unit.
pub fn milliseconds(ms: f64, numbers: Numbers) -> String {
    seconds(ms / 1000.0, numbers)
}

/// A number of bytes with a decimal prefix: 1 kB = 1000 B.
pub fn bytes(bytes: f64, numbers: Numbers) -> String {
    if !bytes.is_finite() {
        return NO_DATA.into();
    }
    let prefixes = ["kB", "MB", "GB", "TB", "PB"];
    if bytes.abs() < 999.5 {
        return format!("{} B", number(bytes, 0, numbers));
    }
    let mut scaled = bytes / 1000.0;
    let mut prefix = 0;
    while scaled.abs() >= 999.5 && prefix + 1 < prefixes.len() {
        scaled /= 1000.0;
        prefix += 1;
    }
    format!("{} {}", three_digits(scaled, numbers), prefixes[prefix])
}

/// A length as on a clock, `mm:ss`, from an hour on `h:mm:ss`, rounded down to the second. Round up before for time left.
pub fn clock(seconds: f64) -> String {
    // A cast saturates, and takes what is not a number for 0.
    let seconds = seconds as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A number with so many decimals, grouped by thousands.
pub fn number(value: f64, decimals: usize, numbers: Numbers) -> String {
    if !value.is_finite() {
        return NO_DATA.into();
    }
    let plain = decimal::fixed(value.abs(), decimals);
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::with_capacity(plain.len() * 2);
    // What rounds to zero has no sign.
    if value < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(numbers.group());
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(numbers.decimal());
        text.push_str(fraction);
    }
    text
}

/// At most `most` characters of a text, for showing what somebody typed.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}

/// A number with as many decimals as three digits need; 0 has none.
fn three_digits(value: f64, numbers: Numbers) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    number(value, decimals, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_well_in_both_languages() {
        let table = [
            (Unit::Count, 0.0, "0", "0"),
            (Unit::Count, 1234.0, "1,234", "1.234"),
            (Unit::Count, 2.5, "2.50", "2,50"),
            (Unit::PerSecond, 0.0, "0/s", "0/s"),
            (Unit::PerSecond, 12.34, "12.3/s", "12,3/s"),
            (Unit::PerSecond, 12_345.6, "12,346/s", "12.346/s"),
            (Unit::Share, 0.0, "0%", "0 %"),
            (Unit::Share, 0.000_001, "<0.01%", "<0,01 %"),
            (Unit::Share, 0.0053, "0.53%", "0,53 %"),
            (Unit::Share, 0.999_99, "99.99%", "99,99 %"),
            (Unit::Share, 1.0, "100%", "100 %"),
            (Unit::Seconds, 0.0068, "6.80 ms", "6,80 ms"),
            (Unit::Seconds, 0.009_996, "10.0 ms", "10,0 ms"),
            (Unit::Seconds, 0.25, "250 ms", "250 ms"),
            (Unit::Seconds, 0.9996, "1.00 s", "1,00 s"),
            (Unit::Seconds, 1.25, "1.25 s", "1,25 s"),
            (Unit::Bytes, 999.0, "999 B", "999 B"),
            (Unit::Bytes, 999.7, "1.00 kB", "1,00 kB"),
            (Unit::Bytes, 12_500_000.0, "12.5 MB", "12,5 MB"),
            (Unit::Bytes, 999_600_000.0, "1.00 GB", "1,00 GB"),
            (Unit::BytesPerSecond, 1500.0, "1.50 kB/s", "1,50 kB/s"),
            (Unit::Cores, 0.25, "0.25", "0,25"),
            (Unit::Count, f64::NAN, NO_DATA, NO_DATA),
            (Unit::Seconds, f64::INFINITY, NO_DATA, NO_DATA),
            (Unit::Count, -0.0, "0", "0"),
            (Unit::Count, -1234.0, "-1,234", "-1.234"),
            // A count is whole where it is nearly so, on both sides.
            (Unit::Count, 2.004, "2", "2"),
            (Unit::Count, 1.996, "2", "2"),
            (Unit::Count, 2.006, "2.01", "2,01"),
            (Unit::Count, 1.994, "1.99", "1,99"),
            (Unit::Count, 0.004, "0", "0"),
            (Unit::Count, 0.005, "0.01", "0,01"),
            // Three digits wherever the decimal point is, and none that rounding makes four of.
            (Unit::Cores, 9.994, "9.99", "9,99"),
            (Unit::Cores, 9.995, "10.0", "10,0"),
            (Unit::Cores, 9.996, "10.0", "10,0"),
            (Unit::Cores, 99.94, "99.9", "99,9"),
            (Unit::Cores, 99.95, "100", "100"),
            (Unit::Cores, 99.96, "100", "100"),
            (Unit::Cores, -9.994, "-9.99", "-9,99"),
            (Unit::Cores, -99.96, "-100", "-100"),
            (Unit::Cores, -0.001, "0.00", "0,00"),
            (Unit::Share, 0.000_099, "<0.01%", "<0,01 %"),
            (Unit::Share, 0.000_1, "0.01%", "0,01 %"),
            (Unit::Share, 0.000_101, "0.01%", "0,01 %"),
            (Unit::Share, 0.9994, "99.9%", "99,9 %"),
            (Unit::Share, 0.9995, "99.95%", "99,95 %"),
            (Unit::Share, 1.5, "150%", "150 %"),
            (Unit::Share, -0.5, "-50.0%", "-50,0 %"),
            (Unit::Share, f64::NAN, NO_DATA, NO_DATA),
            (Unit::Seconds, 0.9994, "999 ms", "999 ms"),
            (Unit::Seconds, 0.9995, "1.00 s", "1,00 s"),
            (Unit::Seconds, -0.25, "-250 ms", "-250 ms"),
            (Unit::Seconds, -2.0, "-2.00 s", "-2,00 s"),
            (Unit::Bytes, 0.0, "0 B", "0 B"),
            (Unit::Bytes, 999.4, "999 B", "999 B"),
            (Unit::Bytes, 999.5, "1.00 kB", "1,00 kB"),
            (Unit::Bytes, -1500.0, "-1.50 kB", "-1,50 kB"),
            (Unit::Bytes, 999_499.0, "999 kB", "999 kB"),
            (Unit::Bytes, 999_500.0, "1.00 MB", "1,00 MB"),
            (Unit::Bytes, 2.5e12, "2.50 TB", "2,50 TB"),
            (Unit::Bytes, 2.5e15, "2.50 PB", "2,50 PB"),
            (Unit::Bytes, 2.5e18, "2,500 PB", "2.500 PB"),
            (Unit::Bytes, f64::NEG_INFINITY, NO_DATA, NO_DATA),
            (Unit::BytesPerSecond, 12.0, "12 B/s", "12 B/s"),
        ];
        for (unit, number, en, de) in table {
            assert_eq!(value(unit, number, Numbers::En), en, "{unit:?} {number}");
            assert_eq!(value(unit, number, Numbers::De), de, "{unit:?} {number}");
        }
        assert_eq!(value_or_none(Unit::Count, None, Numbers::De), NO_DATA);
        assert_eq!(value_or_none(Unit::Count, Some(7.0), Numbers::De), "7");
        assert_eq!(milliseconds(500.0, Numbers::En), "500 ms");
        // Whoever asks for a kind of text directly is no worse off.
        for text in [percent, seconds, milliseconds, bytes].map(|text| text(f64::NAN, Numbers::En)) {
            assert_eq!(text, NO_DATA);
        }
        assert_eq!(number(f64::INFINITY, 2, Numbers::En), NO_DATA);
    }

    #[test]
    fn thousands_are_grouped_from_the_right() {
        for (value, decimals, en, de) in [
            (0.0, 0, "0", "0"),
            (0.0, 2, "0.00", "0,00"),
            (999.0, 0, "999", "999"),
            (1000.0, 1, "1,000.0", "1.000,0"),
            (12_345.678, 2, "12,345.68", "12.345,68"),
            (123_456.0, 0, "123,456", "123.456"),
            (-1_234_567.0, 0, "-1,234,567", "-1.234.567"),
            (-0.04, 1, "0.0", "0,0"),
            (-0.06, 1, "-0.1", "-0,1"),
            (-9.0, 0, "-9", "-9"),
            (-1.0, 0, "-1", "-1"),
        ] {
            assert_eq!(number(value, decimals, Numbers::En), en);
            assert_eq!(number(value, decimals, Numbers::De), de);
        }
    }

    #[test]
    fn lengths() {
        for (seconds, text) in [
            (0.0, "00:00"),
            (-3.0, "00:00"),
            (59.99, "00:59"),
            (90.0, "01:30"),
            (3599.0, "59:59"),
            (3600.0, "1:00:00"),
            (3661.0, "1:01:01"),
            (36_000.0, "10:00:00"),
            (f64::NAN, "00:00"),
        ] {
            assert_eq!(clock(seconds), text);
        }
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(cut("äöü", 2), "äö");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("", 3), "");
    }
}
