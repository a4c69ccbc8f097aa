//! Tables of a run as CSV (RFC 4180), for spreadsheets and data frames. A cell without a value is empty, never 0.

use ha_dashboard::domain::{
    Millis,
    audit::Entry,
    detail::{Endpoint, Figures},
    frame::{History, Metric, SeriesKey, Unit},
};
use jiff::Timestamp;

/// The columns of the table of endpoints.
const ENDPOINTS: [&str; 11] = [
    "method",
    "name",
    "status",
    "requests",
    "failed",
    "rate (1/s)",
    "min (s)",
    "p50 (s)",
    "p95 (s)",
    "p99 (s)",
    "max (s)",
];

/// The columns of the table of who did what.
const AUDIT: [&str; 10] =
    ["number", "time (UTC)", "who", "role", "address", "door", "act", "about", "outcome", "correlation_id"];

/// Each method, name and status in a row, over the whole run.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn endpoints(endpoints: &[Endpoint]) -> std::io::Result<String> {
    written(|table| {
        table.write_record(ENDPOINTS)?;
        for Endpoint { method, name, status, whole, .. } in endpoints {
            let Figures { requests, failed, rate, min_s, p50_s, p95_s, p99_s, max_s } = *whole;
            let texts = [method, name, status].map(|text| harmless(text));
            let numbers = [Some(requests), Some(failed), rate, min_s, p50_s, p95_s, p99_s, max_s].map(number);
            table.write_record(texts.into_iter().chain(numbers))?;
        }
        Ok(())
    })
}

/// Each point in time in a row, with the seconds since `origin_ms`, and each series in a column.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn series(history: &History, origin_ms: Millis) -> std::io::Result<String> {
    let head = |key: &SeriesKey| harmless(&format!("{key}{}", unit(key.metric)));
    written(|table| {
        let times = ["time (UTC)".to_owned(), "second (s)".to_owned()];
        table.write_record(times.into_iter().chain(history.series.keys().map(head)))?;
        for (row, at_ms) in history.at_ms.iter().enumerate() {
            let times = [time(*at_ms), number(Some((*at_ms as f64 - origin_ms as f64) / 1e3))];
            let values = history.series.values().map(|values| number(values.get(row).copied().flatten()));
            table.write_record(times.into_iter().chain(values))?;
        }
        Ok(())
    })
}

/// Who did what, newest first.
///
/// # Errors
/// Never in practice: writing to memory.
pub fn audit(entries: &[Entry]) -> std::io::Result<String> {
    written(|table| {
        table.write_record(AUDIT)?;
        for entry in entries {
            let texts = [
                &entry.who,
                &entry.role,
                &entry.address,
                &entry.door,
                &entry.act,
                &entry.about,
                &entry.outcome,
                &entry.correlation_id,
            ];
            let texts = texts.map(|text| harmless(text));
            table.write_record([entry.n.to_string(), time(entry.at_ms)].into_iter().chain(texts))?;
        }
        Ok(())
    })
}

fn written(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> std::io::Result<String> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    write(&mut table).map_err(std::io::Error::other)?;
    let bytes = table.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

fn number(value: Option<f64>) -> String {
    // 0 has no sign.
    value.filter(|value| value.is_finite()).map(|value| (value + 0.0).to_string()).unwrap_or_default()
}

fn time(at_ms: Millis) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map(|at| format!("{at:.3}")).unwrap_or_default()
}

fn unit(metric: Metric) -> &'static str {
    match metric.spec().unit {
        Unit::Count => "",
        Unit::PerSecond => " (1/s)",
        Unit::Share => " (share, 0 to 1)",
        Unit::Seconds => " (s)",
        Unit::Bytes => " (B)",
        Unit::BytesPerSecond => " (B/s)",
        Unit::Cores => " (cores)",
    }
}

/// What begins a formula in one spreadsheet or another, the wide forms of East Asian keyboards included.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Where a spreadsheet may see a cell begin, whichever separator it takes.
const BEGINS: [char; 6] = [',', ';', '|', '\t', '\r', '\n'];

/// A text that no spreadsheet takes for a formula: an apostrophe stands before what might begin one, see OWASP, "CSV injection".
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut begins = true;
    for (place, c) in text.char_indices() {
        if begins && FORMULA.contains(&c) || place == 0 && matches!(c, '\t' | '\r' | '\n') {
            safe.push('\'');
        }
        safe.push(c);
        // Blanks and quotes do not keep a formula from being one.
        begins = BEGINS.contains(&c) || begins && (c.is_whitespace() || c == '"');
    }
    safe
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::frame::{Dimension, Frame};

    use super::*;

    /// The rows that a program reads.
    fn rows(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    fn endpoint(name: &str, whole: Figures) -> Endpoint {
        Endpoint { method: "GET".into(), name: name.into(), status: "200".into(), whole, recent: None }
    }

    #[test]
    fn no_name_is_a_formula_and_every_name_comes_back() {
        for (name, written) in [
            ("/orders", "/orders"),
            ("a, \"b\"\nc", "a, \"b\"\nc"),
            ("Größe ✓ 你好", "Größe ✓ 你好"),
            ("a-b=c+d@e", "a-b=c+d@e"),
            ("", ""),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1+2", "'-1+2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("  =1", "  '=1"),
            ("\"=1", "\"'=1"),
            ("＝1", "'＝1"),
            ("x;=1", "x;'=1"),
            ("x\n=1", "x\n'=1"),
            ("x,\"-1", "x,\"'-1"),
        ] {
            let text = endpoints(&[endpoint(name, Figures::default())]).unwrap();
            let rows = rows(&text);
            assert_eq!((rows.len(), rows[1][1].as_str()), (2, written), "{name:?}: {text:?}");
        }
    }

    #[test]
    fn numbers_stay_numbers_and_what_was_not_measured_is_empty() {
        let whole =
            Figures { requests: 12.0, failed: -0.0, rate: Some(1.25), p95_s: Some(0.000_123), ..Figures::default() };
        let text = endpoints(&[endpoint("/", whole)]).unwrap();
        let row = "GET,/,200,12,0,1.25,,,0.000123,,\r\n";
        assert!(text.ends_with(row), "{text:?}");
        assert!(text.starts_with("method,name,status,requests,failed,rate (1/s),min (s),"), "{text:?}");
    }

    #[test]
    fn each_series_is_a_column_over_time() {
        let mut history = History::default();
        for (at_ms, p95, shop) in [(1_700_000_001_000, 0.25, f64::NAN), (1_700_000_002_500, f64::NAN, 7.0)] {
            let mut frame = Frame { at_ms, ..Frame::default() };
            frame.set(SeriesKey::whole(Metric::P95), p95);
            frame.set(SeriesKey::part(Metric::RequestRate, Dimension::Service, "shop"), shop);
            history.push(&frame);
        }
        let rows = rows(&series(&history, 1_700_000_002_000).unwrap());
        assert_eq!(rows[0], ["time (UTC)", "second (s)", "rps{service=shop} (1/s)", "p95 (s)"]);
        assert_eq!(rows[1], ["2023-11-14T22:13:21.000Z", "-1", "", "0.25"]);
        assert_eq!(rows[2], ["2023-11-14T22:13:22.500Z", "0.5", "7", ""]);
        assert_eq!(series(&History::default(), 0).unwrap(), "time (UTC),second (s)\r\n");
    }
}
