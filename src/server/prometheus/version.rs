//! Versions of Prometheus, and what they can do.

/// Versions with native histograms behind a flag, and since when without.
pub const NATIVE_HISTOGRAMS: [(u32, u32); 2] = [(2, 40), (3, 8)];

/// Major and minor version in the output of `--version`.
pub fn parse_version(text: &str) -> Option<(u32, u32)> {
    let rest = text.split_once("prometheus, version ")?.1;
    parse_number(rest)
}

/// Major and minor of `2.42.0+ds`.
pub fn parse_number(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether a Prometheus of this version keeps native histograms with or without the flag.
pub fn keeps_native_histograms(version: (u32, u32), flag: bool) -> bool {
    version >= NATIVE_HISTOGRAMS[1] || (version >= NATIVE_HISTOGRAMS[0] && flag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let debian =
            "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)\n  build user: x";
        assert_eq!(parse_version(debian), Some((2, 42)));
        assert_eq!(parse_version("something else 1.2.3"), None);
        assert_eq!(parse_number("v3.8.1"), Some((3, 8)));
        assert_eq!(parse_number(""), None);
        assert!(keeps_native_histograms((2, 42), true) && !keeps_native_histograms((2, 42), false));
        assert!(keeps_native_histograms((3, 8), false) && !keeps_native_histograms((2, 39), true));
    }
}
