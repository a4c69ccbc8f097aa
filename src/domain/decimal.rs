//! Numbers as decimal text, in no language and without a unit.
//!
//! The standard library does all of this, by tables of powers that don't compress: with its own code that was 30 of the
//! page's kB on the wire. Here decimals are cut off by plain arithmetic, and where the shortest text or the nearest number
//! is asked for, the browser's own script knows them.

/// A number with so many decimals, as `{:.N}` has it: rounded to the nearest, a tie to the even digit.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return shortest(value);
    }
    let (mantissa, exponent) = parts(value.abs());
    // Least digit first. Half of a number is five of its tenths, so every number has an end.
    let mut digits: Vec<u8> = mantissa.to_string().bytes().rev().map(|byte| byte - b'0').collect();
    let factor = if exponent < 0 { 5 } else { 2 };
    (0..exponent.unsigned_abs()).for_each(|_| multiply(&mut digits, factor));
    let fraction = if exponent < 0 { exponent.unsigned_abs() as usize } else { 0 };
    if fraction > decimals {
        cut(&mut digits, fraction - decimals);
    } else {
        digits.splice(..0, std::iter::repeat_n(0, decimals - fraction));
    }
    while digits.len() <= decimals {
        digits.push(0);
    }
    let mut text = String::with_capacity(digits.len() + 2);
    if value.is_sign_negative() {
        text.push('-');
    }
    for (place, digit) in digits.iter().enumerate().rev() {
        text.push(char::from(b'0' + digit));
        if place == decimals && decimals > 0 {
            text.push('.');
        }
    }
    text
}

/// The shortest text that is read as this number again, without an exponent.
pub fn shortest(value: f64) -> String {
    #[cfg(feature = "hydrate")]
    return js_sys::Number::from(value)
        .to_string_with_radix(10)
        .map(|text| without_exponent(&String::from(text)))
        .unwrap_or_default();
    #[cfg(not(feature = "hydrate"))]
    return value.to_string();
}

/// The number nearest to a text of digits, with or without sign, point and exponent; `None` for any other text.
pub fn parse(text: &str) -> Option<f64> {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.bytes().all(is_part) || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    #[cfg(feature = "hydrate")]
    return Some(wasm_bindgen::JsValue::from_str(text).unchecked_into_f64()).filter(|number| !number.is_nan());
    #[cfg(not(feature = "hydrate"))]
    return text.parse().ok();
}

/// A number from 0 as mantissa · 2^exponent, with the exponent nearest to 0.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let (mut mantissa, mut exponent) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent - 1075),
    };
    while exponent < 0 && mantissa % 2 == 0 {
        // Nothing is left of 0 but 0.
        if mantissa == 0 {
            return (0, 0);
        }
        mantissa /= 2;
        exponent += 1;
    }
    (mantissa, exponent)
}

fn multiply(digits: &mut Vec<u8>, factor: u8) {
    let mut carry = 0;
    for digit in digits.iter_mut() {
        carry += *digit * factor;
        *digit = carry % 10;
        carry /= 10;
    }
    if carry > 0 {
        digits.push(carry);
    }
}

/// Rounds so many digits away.
fn cut(digits: &mut Vec<u8>, count: usize) {
    // All of them, and a 0 above.
    if digits.len() <= count {
        digits.resize(count + 1, 0);
    }
    let rest: Vec<u8> = digits.drain(..count).collect();
    let (half, below) = rest.split_last().map_or((0, false), |(half, below)| (*half, below.iter().any(|d| *d > 0)));
    if half > 5 || half == 5 && (below || digits[0] % 2 == 1) {
        let mut place = 0;
        while digits.get(place) == Some(&9) {
            digits[place] = 0;
            place += 1;
        }
        match digits.get_mut(place) {
            Some(digit) => *digit += 1,
            None => digits.push(1),
        }
    }
}

/// `1.5e-7` as `0.00000015`: a script writes very large and very small numbers with an exponent.
#[cfg(any(feature = "hydrate", test))]
fn without_exponent(text: &str) -> String {
    let Some((number, exponent)) = text.split_once('e') else { return text.to_owned() };
    let Ok(exponent) = exponent.trim_start_matches('+').parse::<i32>() else { return text.to_owned() };
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (digits, point) = (format!("{whole}{fraction}"), whole.len() as i32 + exponent);
    match usize::try_from(point) {
        Ok(point) if point > 0 => match digits.split_at_checked(point) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
        },
        _ => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decimals_are_those_of_the_standard_library(value in any::<f64>(), near in -1e6..1e6_f64, decimals in 0..9_usize) {
            for value in [value, near, near / 1e6, (near * 8.0).round() / 8.0, near.round()] {
                prop_assert_eq!(fixed(value, decimals), format!("{value:.decimals$}"));
            }
        }

        #[test]
        fn an_exponent_is_written_out(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            prop_assert_eq!(without_exponent(&format!("{value:e}")), value.to_string());
        }

        #[test]
        fn what_was_written_is_read(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            prop_assert_eq!(parse(&shortest(value)), Some(value));
        }
    }

    #[test]
    fn decimals_of_ties_ends_and_what_is_no_number() {
        for value in [0.0, -0.0, 0.5, 1.5, 2.5, -2.5, 0.125, 0.375, 9.995, 99.95, 0.999_999, 9.5, 1e22, f64::MAX] {
            for decimals in 0..4 {
                assert_eq!(fixed(value, decimals), format!("{value:.decimals$}"), "{value}");
            }
        }
        for value in [f64::MIN_POSITIVE, f64::from_bits(1), f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(fixed(value, 2), format!("{value:.2}"));
        }
    }

    #[test]
    fn scripts_write_exponents_with_a_sign() {
        for (script, plain) in [
            ("1e+21", "1000000000000000000000"),
            ("-1.25e+22", "-12500000000000000000000"),
            ("1e-7", "0.0000001"),
            ("0.05", "0.05"),
            ("Infinity", "Infinity"),
        ] {
            assert_eq!(without_exponent(script), plain);
        }
    }

    #[test]
    fn only_digits_with_sign_point_and_exponent_are_numbers() {
        for (text, number) in [
            ("500", Some(500.0)),
            ("+0.5", Some(0.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("-1e3", Some(-1000.0)),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1-2", None),
            (" 1", None),
            ("0x10", None),
            ("inf", None),
            ("NaN", None),
            ("1_000", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
