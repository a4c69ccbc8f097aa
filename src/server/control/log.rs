//! A line of k6's log.

use serde_json::Value;

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
