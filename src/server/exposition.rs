//! The Prometheus text format.

use std::fmt::Write;

/// The format's content type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Families of samples in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    families: Vec<Family>,
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: String,
}

impl Exposition {
    /// Adds a sample to its family, whose values go up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: f64) {
        self.sample("gauge", name, help, labels, value);
    }

    /// Adds a sample to its family, whose values only go up; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], count: u64) {
        self.sample("counter", name, help, labels, count as f64);
    }

    /// Adds a histogram: `counts` are how often up to each of the `bounds`, and how often at all.
    pub fn histogram(&mut self, name: &'static str, help: &'static str, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut lines = String::new();
        let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".into()]);
        for (bound, count) in bounds.zip(counts) {
            // Writing to a string can't fail.
            let _ = writeln!(lines, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let all = counts.last().copied().unwrap_or_default();
        let _ = write!(lines, "{name}_sum {sum}\n{name}_count {all}\n");
        self.families.push(Family { name, kind: "histogram", help, lines });
    }

    fn sample(
        &mut self,
        kind: &'static str,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let index = self.families.iter().position(|family| family.name == name).unwrap_or_else(|| {
            self.families.push(Family { name, kind, help, lines: String::new() });
            self.families.len() - 1
        });
        let lines = &mut self.families[index].lines;
        lines.push_str(name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            // Writing to a string can't fail.
            let _ = write!(lines, "{before}{label}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(lines, "{end} {value}");
    }

    /// The text.
    pub fn finish(self) -> String {
        let mut text = String::new();
        for Family { name, kind, help, lines } in self.families {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
        text
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped_and_families_stay_together() {
        let mut text = Exposition::default();
        text.gauge("a", "A.", &[("x", "quote \" back \\ line\nend"), ("y", "")], 1.0);
        text.counter("b_total", "B.", &[], 3);
        text.gauge("a", "A.", &[("x", "ä")], 0.5);
        let expected = "# HELP a A.\n# TYPE a gauge\na{x=\"quote \\\" back \\\\ line\\nend\",y=\"\"} 1\na{x=\"ä\"} 0.5\n\
                        # HELP b_total B.\n# TYPE b_total counter\nb_total 3\n";
        assert_eq!(text.finish(), expected);
    }
}
