//! How Slack wants text (<https://docs.slack.dev/messaging/formatting-message-text>).

use super::words::NoticeWords;

/// Lines of plain words, the first one in bold, and a link to more.
pub fn text(lines: &[String], link: Option<String>, words: &NoticeWords) -> String {
    let mut lines = lines.iter();
    let first = lines.next().map(|line| format!("*{}*", escaped(&line.replace('*', "∗"))));
    let link = link.map(|url| format!("<{}|{}>", escaped(&url), escaped(words.more)));
    first.into_iter().chain(lines.map(|line| escaped(line))).chain(link).collect::<Vec<_>>().join("\n")
}

/// The three characters with which Slack begins links, mentions and entities.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
