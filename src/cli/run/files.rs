//! The files a pipeline keeps: JSON, JUnit XML and the HTML report.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use ha_dashboard::{
    domain::live::Snapshot,
    ui::{report as page, text::Lang},
};

use super::{junit, report::Report};
use crate::cli::exit::Code;

/// Where the result goes.
#[derive(Debug, Clone)]
pub struct Files {
    /// JSON; `-`: standard output.
    pub json: Option<PathBuf>,
    /// JUnit XML.
    pub junit: Option<PathBuf>,
    /// The HTML report.
    pub html: Option<PathBuf>,
    /// The HTML report's language.
    pub lang: Lang,
    /// What the test is of, for tests that never ran.
    pub subject: junit::Subject,
}

/// A test that ran, however it ended.
#[derive(Debug)]
pub struct Ended {
    /// What it came to.
    pub report: Report,
    /// The picture at its end, with its course over time.
    pub snapshot: Snapshot,
    /// k6's last lines, oldest first.
    pub log: Vec<String>,
}

impl Files {
    /// Puts files in place that say the test did not end. They stay if the program is killed, and a folder that can't be
    /// written to shows before any load is sent.
    ///
    /// # Errors
    /// A line that names the flag and the file.
    pub fn claim(&self) -> Result<(), String> {
        self.not_run("the test did not end: the program that ran it was killed, or the machine stopped")
    }

    /// Tells why there was no test.
    ///
    /// # Errors
    /// A line that names the flag and the file.
    pub fn not_run(&self, why: &str) -> Result<(), String> {
        write("--junit", self.junit.as_deref(), || junit::not_run(&self.subject, why))?;
        write("--report", self.html.as_deref(), || Ok(page::html_without_run(&self.subject.target, why, self.lang)))
    }

    /// Tells how the test ended.
    ///
    /// # Errors
    /// A line that names the flag and the file.
    pub fn ended(&self, ended: &Ended) -> Result<(), String> {
        let json = || Ok(serde_json::to_string_pretty(&ended.report)? + "\n");
        // All are tried: a pipeline keeps what is there.
        let results = [
            match self.json.as_deref() {
                Some(path) if path == Path::new("-") => json()
                    .and_then(|text: String| std::io::stdout().write_all(text.as_bytes()))
                    .map_err(|error| format!("--json -: {error}")),
                path => write("--json", path, json),
            },
            write("--junit", self.junit.as_deref(), || junit::ended(ended)),
            write("--report", self.html.as_deref(), || {
                Ok(page::html(&ended.report.run, &ended.snapshot, &ended.log, self.lang))
            }),
        ];
        let problems: Vec<String> = results.into_iter().filter_map(Result::err).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }

    /// Like [`Files::not_run`] for a program about to end: says on standard error what could not be written.
    pub fn give_up(&self, why: &str, code: Code) -> Code {
        if let Err(problem) = self.not_run(why) {
            eprintln!("{problem}");
        }
        code
    }
}

fn write(flag: &str, path: Option<&Path>, text: impl FnOnce() -> std::io::Result<String>) -> Result<(), String> {
    let Some(path) = path else { return Ok(()) };
    let written = text().and_then(|text| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    });
    written.map_err(|error| format!("{flag} {}: {error}", path.display()))
}
