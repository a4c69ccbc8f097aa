//! The files a pipeline keeps: JSON, JUnit XML and the HTML report.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use ha_dashboard::{domain::prefs::Lang, report as page};

use super::report::Ended;
use crate::{cli::exit::Code, export::junit};

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
        let json = self.json.as_deref().filter(|path| *path != Path::new("-"));
        write("--json", json, || Ok(serde_json::to_string_pretty(&serde_json::json!({"not_run": why}))? + "\n"))?;
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
            write("--junit", self.junit.as_deref(), || ended.junit()),
            write("--report", self.html.as_deref(), || Ok(page::html(&ended.picture(), &ended.log, self.lang))),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_shows_before_the_test() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let files = |name: &str, folder: &Path| {
            let path = |flag: &str| (name == flag).then(|| folder.join("out"));
            let subject = junit::Subject { target: "shop".into(), pattern: "load".into() };
            Files { json: path("--json"), junit: path("--junit"), html: path("--report"), lang: Lang::En, subject }
        };
        for name in ["--json", "--junit", "--report"] {
            let problem = files(name, &blocked).claim().unwrap_err();
            assert!(problem.starts_with(&format!("{name} {}", blocked.join("out").display())), "{problem}");
            files(name, &dir.path().join("new")).claim().unwrap();
            let claimed = std::fs::read_to_string(dir.path().join("new/out")).unwrap();
            assert!(claimed.contains("did not end"), "{claimed}");
        }
        let standard = Files { json: Some("-".into()), ..files("", &blocked) };
        standard.claim().unwrap();
        assert!(!Path::new("-").exists());
    }
}
