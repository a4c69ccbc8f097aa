//! A line of k6's log.

use serde_json::Value;

/// The lines of several logs in the order of their times. A line without one, such as those of a stack trace, stays behind
/// the line before it.
pub fn merged(mut logs: Vec<Vec<String>>) -> Vec<String> {
    if logs.len() == 1 {
        return logs.pop().unwrap_or_default();
    }
    let mut lines = Vec::new();
    for log in logs {
        let mut time = String::new();
        for line in log {
            if let Some(own) = LogLine::parse(&line).field("time") {
                own.clone_into(&mut time);
            }
            lines.push((time.clone(), line));
        }
    }
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// One line: fields, or, where k6 or a script printed something else, the text as it is.
pub enum LogLine<'a> {
    /// Structured.
    Fields(serde_json::Map<String, Value>),
    /// Anything else.
    Text(&'a str),
}

impl<'a> LogLine<'a> {
    /// Reads a line.
    pub fn parse(line: &'a str) -> Self {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Self::Fields(fields),
            _ => Self::Text(line),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Fields(fields) => fields.get(name)?.as_str(),
            Self::Text(_) => None,
        }
    }

    /// `info`, `warning`, `error` and so on; `None` for plain text.
    pub fn level(&self) -> Option<&str> {
        self.field("level")
    }

    /// Whether it is what an iteration threw. k6 v2 marks what ended the script as a stack trace, too, but names no
    /// scenario with it.
    pub fn of_iteration(&self) -> bool {
        self.field("source") == Some("stacktrace") && self.field("scenario").is_some()
    }

    /// The output that wrote it.
    pub fn output(&self) -> Option<&str> {
        self.field("output")
    }

    /// What it says.
    pub fn message(&self) -> &str {
        match self {
            Self::Fields(_) => self.field("msg").unwrap_or_default(),
            Self::Text(text) => text,
        }
    }

    /// Whether it reports an error.
    pub fn is_error(&self) -> bool {
        matches!(self.level(), Some("error" | "fatal" | "panic"))
    }

    /// For people: time, level and message, and the error where k6 keeps it apart.
    pub fn readable(&self) -> String {
        if let Self::Text(text) = self {
            return (*text).to_owned();
        }
        let time = self.field("time").unwrap_or("-");
        let level = self.level().unwrap_or("-").to_uppercase();
        let message = self.message().trim();
        match self.field("error") {
            Some(error) if !message.contains(error) => format!("{time} {level} {message}: {error}"),
            _ => format!("{time} {level} {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_logs_read_as_one() {
        let line = |time: u32, said: &str| format!(r#"{{"time":"2026-11-23T17:43:{time:02}Z","msg":"{said}"}}"#);
        let one = vec![line(1, "a"), line(5, "c"), "  at c".to_owned()];
        let other = vec!["before".to_owned(), line(3, "b"), line(7, "d")];
        let expected = ["before".into(), line(1, "a"), line(3, "b"), line(5, "c"), "  at c".into(), line(7, "d")];
        assert_eq!(merged(vec![one, other]), expected);
        let alone = vec![line(5, "late"), line(1, "early")];
        assert_eq!(merged(vec![alone.clone()]), alone, "one log stays as k6 wrote it");
    }

    #[test]
    fn lines_read_well() {
        for (line, expected) in [
            (
                r#"{"level":"error","msg":"Failed to send","error":"refused","time":"2026-11-23T17:43:27Z"}"#,
                "2026-11-23T17:43:27Z ERROR Failed to send: refused",
            ),
            (r#"{"level":"info","msg":"hi\n","time":"t","source":"console"}"#, "t INFO hi"),
            (r#"{"msg":7}"#, "- - "),
            ("  iterations.....: 1", "  iterations.....: 1"),
            ("[1]", "[1]"),
        ] {
            assert_eq!(LogLine::parse(line).readable(), expected);
        }
    }
}
