//! What k6's versions do differently, all of it, behind the version that the program itself reports.

use std::fmt;

/// A version of k6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// As k6 writes it, for example `v1.1.0`.
    text: String,
    major: u32,
    minor: u32,
}

impl Version {
    /// Reads what `k6 version` prints: the program's own file name, the version and how it was built; lines on extensions
    /// may follow. `None`: that is not k6.
    pub fn read(printed: &str) -> Option<Self> {
        let mut words = printed.lines().next()?.split_ascii_whitespace().skip(1);
        let text = words.next()?;
        let build = words.collect::<Vec<_>>().join(" ");
        let mut numbers = text.strip_prefix('v')?.split(['.', '-', '+']).map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
        // Only programs in Go name it there.
        let by_go = ["(go", ", go"].iter().any(|mark| build.contains(mark)) && build.ends_with(')');
        by_go.then(|| Self { text: text.to_owned(), major, minor })
    }

    /// The variable that makes k6 push durations as native histograms.
    pub fn native_histograms(&self) -> (&'static str, &'static str) {
        // The old name works in v2.1 and newer, too, with a warning in every log.
        if (self.major, self.minor) >= (2, 1) {
            ("K6_FEATURES", "native-histograms")
        } else {
            ("K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM", "true")
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What k6 said, recorded.
#[cfg(test)]
pub mod recorded {
    /// `k6 version` of v1.1.0.
    pub const V1: &str = "k6 v1.1.0 (commit/0e3fb953be, go1.24.4, linux/amd64)\n";
    /// `k6 version` of v2.2.0, in a file named `k6-2.2`.
    pub const V2: &str = "k6-2.2 v2.2.0 (commit/00a9a1b7f5, go1.26.5, linux/amd64)\n";
    /// The last lines that v1.1.0 logged of a script whose `setup()` threw, after one whose iteration did.
    pub const V1_EXCEPTION: [&str; 2] = [
        r#"{"executor":"shared-iterations","level":"error","msg":"Error: in iter\n\tat default (file:///t3.js:1:104(3))\n","scenario":"default","source":"stacktrace","time":"2026-11-25T02:05:00Z"}"#,
        r#"{"hint":"script exception","level":"error","msg":"Error: in setup\n\tat setup (file:///t2.js:1:32(3))\n","time":"2026-11-25T02:05:00Z"}"#,
    ];
    /// The same as v2.2.0 words it: both are stack traces.
    pub const V2_EXCEPTION: [&str; 2] = [
        r#"{"executor":"shared-iterations","level":"error","msg":"Error: in iter\n\tat default (file:///t3.js:1:104(3))\n","scenario":"default","source":"stacktrace","time":"2026-11-25T02:05:00Z"}"#,
        r#"{"hint":"script exception","level":"error","msg":"Error: in setup\n\tat setup (file:///t2.js:1:32(3))\n","source":"stacktrace","time":"2026-11-25T02:05:00Z"}"#,
    ];
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_whatever_the_file_is_named() {
        for (printed, expected) in [
            (recorded::V1, "v1.1.0"),
            (recorded::V2, "v2.2.0"),
            ("k6 v2.2.0 (go1.26.5, linux/amd64)\n", "v2.2.0"),
            ("k6 v2.1.0 (commit/devel, go1.26.4, darwin/arm64)\nExtensions:\n  x v1.0.0, k6/x/y [js]\n", "v2.1.0"),
            ("my_k6 v1.3.0-rc1 (commit/83a87a41e2, go1.24.4, linux/arm64)", "v1.3.0-rc1"),
        ] {
            assert_eq!(Version::read(printed).unwrap().to_string(), expected, "{printed}");
        }
        for printed in ["", "k6", "true (GNU coreutils) 9.1", "Terraform v1.5.7\non linux_amd64\n", "k6 1.1.0 (go1.24)"]
        {
            assert_eq!(Version::read(printed), None, "{printed}");
        }
    }

    #[test]
    fn each_version_is_asked_for_histograms_in_its_own_words() {
        let variable =
            |text: &str| Version::read(&format!("k6 {text} (go1.24.4, linux/amd64)")).unwrap().native_histograms().0;
        let old = "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM";
        assert_eq!(["v1.1.0", "v1.9.0", "v2.0.4"].map(variable), [old; 3]);
        assert_eq!(["v2.1.0", "v2.2.0", "v3.0.0"].map(variable), ["K6_FEATURES"; 3]);
    }
}
