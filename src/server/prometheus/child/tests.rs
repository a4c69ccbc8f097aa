#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn versions_are_read() {
    let debian = "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)\n  build user: x";
    assert_eq!(parse_version(debian), Some((2, 42)));
    assert_eq!(parse_version("something else 1.2.3"), None);
    assert_eq!(parse_number("v3.8.1"), Some((3, 8)));
    assert_eq!(parse_number(""), None);
    assert!(keeps_native_histograms((2, 42), true) && !keeps_native_histograms((2, 42), false));
    assert!(keeps_native_histograms((3, 8), false) && !keeps_native_histograms((2, 39), true));
}
