//! k6's log as the page shows it while it grows: as many lines as anybody reads, those that a filter leaves.

use html_escape::encode_text;

use super::words::Words;
use crate::{
    api::page::LogPage,
    domain::{format, frame::Unit, prefs::Lang},
    ui::show,
};

/// Most lines that are shown, the last ones: a page with more is slow.
const SHOWN: usize = 500;

/// What of a log's lines has the text `filter`, in whichever case; `version`: another one where there are other lines.
pub fn log_page(version: u64, lines: &[String], filter: &str, over: bool, lang: Lang) -> LogPage {
    let words = Words::of(lang);
    let wanted = filter.trim().to_lowercase();
    let fits = |line: &&String| wanted.is_empty() || line.to_lowercase().contains(&wanted);
    let found = lines.iter().filter(fits).collect::<Vec<_>>();
    let shown = &found[found.len().saturating_sub(SHOWN)..];
    let count = |count: usize| format::value(Unit::Count, count as f64, show::numbers(lang));
    let (shown_count, found_count, all_count) = (count(shown.len()), count(found.len()), count(lines.len()));
    let note = match (lines.len(), found.len()) {
        (0, _) => words.log_none.to_owned(),
        (_, 0) => (words.log_none_fits)(&all_count),
        (all, found) if found == all && found == shown.len() => (words.log_all)(&all_count),
        (all, found) if found == all => (words.log_newest)(&shown_count, &all_count),
        _ => (words.log_found)(&shown_count, &found_count, &all_count),
    };
    LogPage { version, over, note, lines: shown.iter().map(|line| marked(line)).collect() }
}

/// A line, marked where it tells of something wrong.
fn marked(line: &str) -> String {
    let text = encode_text(line);
    match line.split(' ').nth(1) {
        Some("ERROR" | "FATAL" | "PANIC") => format!("<span class=\"status\" data-tone=\"bad\">{text}</span>\n"),
        Some("WARNING") => format!("<span class=\"status\" data-tone=\"warn\">{text}</span>\n"),
        _ => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_that_fit_are_shown_and_the_others_counted() {
        let lines = (0..10_000).map(|number| {
            let level = if number % 100 == 0 { "ERROR" } else { "INFO" };
            format!("12:00:00 {level} line {number} <b>&")
        });
        let lines = lines.collect::<Vec<_>>();
        let page = |lines: &[String], filter: &str| log_page(7, lines, filter, false, Lang::En);
        let all = page(&lines, "");
        assert_eq!((all.lines.lines().count(), all.note.as_str()), (500, "The newest 500 of 10,000 lines."));
        assert!(all.lines.ends_with("12:00:00 INFO line 9999 &lt;b&gt;&amp;\n"), "nothing of it is HTML");
        assert!(all.lines.starts_with("<span class=\"status\" data-tone=\"bad\">12:00:00 ERROR line 9500"));
        for (lines, filter, shown, note) in [
            (&lines[..3], "", 3, "3 lines."),
            (&lines[..3], "  ", 3, "3 lines."),
            (&lines[..], "error", 100, "100 of 100 lines that fit, of 10,000."),
            (&lines[..], "INFO LINE", 500, "500 of 9,900 lines that fit, of 10,000."),
            (&lines[..], "no such word", 0, "None of 10,000 lines fits."),
            (&[], "", 0, "k6 has written no log yet."),
        ] {
            let page = page(lines, filter);
            assert_eq!((page.lines.lines().count(), page.note.as_str()), (shown, note), "{filter}");
        }
        assert_eq!(log_page(1, &lines, "", true, Lang::De).note, "Die neuesten 500 von 10.000 Zeilen.");
    }
}
