//! The runs on record: what is looked for, the list of what is found, and what people say of a run.

mod filter;
mod labels;
mod list;

pub use self::{
    filter::Filter,
    labels::{BaselineButton, Gone, LabelCard, Unsaved},
    list::{LastGone, List, Outcome},
};

use crate::domain::past::Search;

/// The address of the runs that are looked for.
pub(super) fn address(search: &Search) -> String {
    let pairs = search.pairs();
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
    if query.is_empty() { "/runs".into() } else { format!("/runs?{query}") }
}

/// A value as a query holds it.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte.into()),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_what_is_looked_for() {
        assert_eq!(address(&Search::default()), "/runs");
        let search = Search { search: "a&b ü".into(), page: "2".into(), ..Search::default() };
        assert_eq!(address(&search), "/runs?search=a%26b%20%C3%BC&page=2");
    }
}
