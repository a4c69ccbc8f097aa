//! The runs on record: which of them are looked for, and what a list tells of each.

use serde::{Deserialize, Serialize};

use super::{
    Millis,
    duration::whole_number,
    frame::{History, Metric, SeriesKey},
    labels::Labels,
    plan::{Pattern, Plan, Shape},
    run::{Run, RunId, RunState, Verdict},
    validate::{FieldError, FieldName, Problem, Refused},
};

/// What is looked for, as typed: nothing is lost, nothing is trusted. Empty: anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// Words that a run's name, note, tags, target, script, pattern or id hold, all of them.
    pub search: String,
    /// The target.
    pub target: String,
    /// A pattern's name, or `own`: the script's own options.
    pub pattern: String,
    /// A verdict's name.
    pub verdict: String,
    /// A tag.
    pub tag: String,
    /// A length of time up to now, like `24h`, see [`Search::SINCE`].
    pub since: String,
    /// Anything: starred runs only.
    pub starred: String,
    /// Anything: those in the trash instead.
    pub trash: String,
    /// The page, from 1.
    pub page: String,
}

/// The fields that may be refused, named as in [`Search`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchField {
    /// [`Search::search`]
    Search,
    /// [`Search::target`]
    Target,
    /// [`Search::pattern`]
    Pattern,
    /// [`Search::verdict`]
    Verdict,
    /// [`Search::tag`]
    Tag,
    /// [`Search::since`]
    Since,
    /// [`Search::page`]
    Page,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Words in small letters, all of which must be there.
    pub words: Vec<String>,
    /// The target.
    pub target: Option<String>,
    /// A pattern's name, or `own`.
    pub pattern: Option<String>,
    /// A verdict's name.
    pub verdict: Option<String>,
    /// A tag in small letters.
    pub tag: Option<String>,
    /// Made at most so long ago, in ms.
    pub since_ms: Option<Millis>,
    /// Starred runs only.
    pub starred: bool,
    /// Those in the trash instead of those that are not.
    pub trash: bool,
    /// The page, from 0.
    pub page: u32,
    /// Most runs of a page.
    pub most: u32,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub id: RunId,
    /// When Start was pressed.
    pub created_ms: Millis,
    /// Where it is.
    pub state: RunState,
    /// What people say of it.
    pub labels: Labels,
    /// What was asked for.
    pub plan: Plan,
    /// How long it sent load, in seconds; none: it never did, or is at work.
    pub took_s: Option<f64>,
    /// 95th percentile of request durations, in seconds.
    pub p95_s: Option<f64>,
    /// Share of failed requests, 0–1.
    pub failed_share: Option<f64>,
    /// Requests sent.
    pub requests: Option<f64>,
    /// What is drawn of it.
    #[serde(default)]
    pub gist: Gist,
}

/// What a list tells of a run's course.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gist {
    /// 95th percentiles of request durations over time, the worst of each of at most [`Gist::POINTS`] equal parts, in ms;
    /// `None`: nothing is known of a part.
    pub course_ms: Vec<Option<u32>>,
    /// How many faults were set while it was at work.
    pub faults: u32,
    /// The longest time a service was out by one of them, in ms; none: nothing is known of that.
    pub out_ms: Option<Millis>,
}

/// What is found on a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Newest first.
    pub runs: Vec<(Run, Gist)>,
    /// How many are found, on all pages.
    pub found: u32,
}

/// What may be looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// How many runs there are, but for those in the trash.
    pub all: u32,
    /// How many are in the trash.
    pub trashed: u32,
    /// The targets that there are runs of.
    pub targets: Vec<String>,
    /// The tags that there are.
    pub tags: Vec<String>,
}

/// A page of runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// Newest first.
    pub rows: Vec<RunRow>,
    /// How many are found, on all pages.
    pub found: u32,
    /// Which page it is, from 0.
    pub page: u32,
    /// What else may be looked for.
    pub choices: Choices,
}

impl FieldName for SearchField {
    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Target => "target",
            Self::Pattern => "pattern",
            Self::Verdict => "verdict",
            Self::Tag => "tag",
            Self::Since => "since",
            Self::Page => "page",
        }
    }
}

impl Search {
    /// What [`Search::since`] may be, with its length in hours.
    pub const SINCE: [(&'static str, u32); 4] = [("24h", 24), ("7d", 168), ("30d", 720), ("365d", 8760)];

    /// Most characters of any field.
    pub const LONGEST: u32 = 200;

    /// The last page that can be asked for.
    const LAST_PAGE: u32 = 1_000_000;

    /// Whether nothing in particular is looked for, on whichever page.
    pub fn is_open(&self) -> bool {
        Self { page: String::new(), ..self.clone() } == Self::default()
    }

    /// Every field with its name, in the order of an address.
    pub fn pairs(&self) -> [(&'static str, &str); 9] {
        [
            ("search", &self.search),
            ("target", &self.target),
            ("pattern", &self.pattern),
            ("verdict", &self.verdict),
            ("tag", &self.tag),
            ("since", &self.since),
            ("starred", &self.starred),
            ("trash", &self.trash),
            ("page", &self.page),
        ]
    }

    /// The query that it asks for. Blanks around values are ignored.
    ///
    /// # Errors
    /// Every refused field.
    pub fn validate(&self) -> Result<Query, Vec<FieldError<SearchField>>> {
        let mut refused = Refused::default();
        for (field, text) in
            [(SearchField::Search, &self.search), (SearchField::Target, &self.target), (SearchField::Tag, &self.tag)]
        {
            if text.chars().count() > Self::LONGEST as usize {
                let _: Option<()> = refused.add(field, text, Problem::TooLong { most: Self::LONGEST });
            }
        }
        let patterns = Pattern::ALL.map(Pattern::name).into_iter().chain([OWN]).collect::<Vec<_>>();
        let pattern = one_of(SearchField::Pattern, &self.pattern, &patterns, &mut refused);
        let verdict = one_of(SearchField::Verdict, &self.verdict, &Verdict::NAMES, &mut refused);
        let since = one_of(SearchField::Since, &self.since, &Self::SINCE.map(|(name, _)| name), &mut refused);
        let hours = since.and_then(|since| Self::SINCE.iter().find(|(name, _)| *name == since));
        let page = match self.page.trim() {
            "" => Some(1),
            text => match whole_number(text) {
                Some(page) if (1..=Self::LAST_PAGE).contains(&page) => Some(page),
                _ => refused.add(SearchField::Page, text, Problem::NotInRange { min: 1, max: Self::LAST_PAGE }),
            },
        };
        let errors = refused.into_errors();
        let (Some(page), true) = (page, errors.is_empty()) else { return Err(errors) };
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Query {
            words: self.search.to_lowercase().split_whitespace().map(str::to_owned).collect(),
            target: given(&self.target),
            pattern,
            verdict,
            tag: given(&self.tag).map(|tag| tag.to_lowercase()),
            since_ms: hours.map(|(_, hours)| Millis::from(*hours) * 3_600_000),
            starred: given(&self.starred).is_some(),
            trash: given(&self.trash).is_some(),
            page: page - 1,
            most: Query::PAGE,
        })
    }
}

/// In place of a pattern's name: the script's own options.
const OWN: &str = "own";

fn one_of(field: SearchField, text: &str, allowed: &[&str], refused: &mut Refused<SearchField>) -> Option<String> {
    match text.trim() {
        "" => None,
        text if allowed.contains(&text) => Some(text.to_owned()),
        text => {
            let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
            refused.add(field, text, Problem::NotOneOf { allowed })
        }
    }
}

/// The name of a plan's pattern, or `own`.
pub fn pattern_name(plan: &Plan) -> &'static str {
    match plan.shape {
        Shape::Pattern { pattern, .. } => pattern.name(),
        Shape::Own { .. } => OWN,
    }
}

impl Query {
    /// Most runs of a page for people.
    pub const PAGE: u32 = 50;
}

impl Default for Query {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            target: None,
            pattern: None,
            verdict: None,
            tag: None,
            since_ms: None,
            starred: false,
            trash: false,
            page: 0,
            most: Self::PAGE,
        }
    }
}

impl Found {
    /// As a page of a list.
    pub fn page(self, page: u32, choices: Choices) -> Page {
        let rows = self.runs.into_iter().map(|(run, gist)| RunRow::new(run, gist)).collect();
        Page { rows, found: self.found, page, choices }
    }
}

impl RunRow {
    /// What a list tells of a run.
    pub fn new(run: Run, gist: Gist) -> Self {
        let took = run.started_ms.zip(run.ended_ms).map(|(from, to)| to.saturating_sub(from) as f64 / 1000.0);
        let totals = run.totals.unwrap_or_default();
        Self {
            id: run.id,
            created_ms: run.created_ms,
            state: run.state,
            labels: run.labels,
            plan: run.plan,
            took_s: took,
            p95_s: totals.p95_s,
            failed_share: totals.failed_share,
            requests: totals.requests,
            gist,
        }
    }
}

impl Gist {
    /// Most points of a course.
    pub const POINTS: usize = 40;

    /// The course of a history: each part shows its worst.
    pub fn course(history: &History) -> Vec<Option<u32>> {
        let (Some(first), Some(last)) = (history.at_ms.first(), history.at_ms.last()) else { return Vec::new() };
        let Some(values) = history.series.get(&SeriesKey::whole(Metric::P95)) else { return Vec::new() };
        let points = Self::POINTS.min(history.at_ms.len());
        let mut course = vec![None; points];
        let span = (last - first + 1) as u128;
        for (at_ms, value) in history.at_ms.iter().zip(values) {
            let place = ((at_ms - first) as u128 * points as u128 / span) as usize;
            let value = value.filter(|value| value.is_finite()).map(|seconds| (seconds * 1000.0).round() as u32);
            course[place] = course[place].max(value);
        }
        course
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::frame::Frame;

    #[test]
    fn nothing_typed_looks_for_everything() {
        assert_eq!(Search::default().validate().unwrap(), Query::default());
        let blank = Search { search: "  ".into(), tag: " ".into(), page: " 1 ".into(), ..Search::default() };
        assert_eq!(blank.validate().unwrap(), Query::default());
    }

    #[test]
    fn what_is_typed_is_looked_for() {
        let search = Search {
            search: " Größe  CHECKOUT ".into(),
            verdict: "timed-out".into(),
            pattern: "own".into(),
            tag: "V2".into(),
            since: "7d".into(),
            starred: "on".into(),
            page: "3".into(),
            ..Search::default()
        };
        let query = search.validate().unwrap();
        assert_eq!(query.words, ["größe", "checkout"]);
        assert_eq!((query.pattern.as_deref(), query.verdict.as_deref()), (Some("own"), Some("timed-out")));
        assert_eq!((query.tag.as_deref(), query.since_ms, query.page), (Some("v2"), Some(604_800_000), 2));
        assert!(query.starred && !query.trash);
    }

    #[test]
    fn what_is_refused_is_named() {
        let long = "x".repeat(201);
        let search = Search {
            search: long.clone(),
            pattern: "waves".into(),
            verdict: "good".into(),
            since: "yesterday".into(),
            page: "0".into(),
            ..Search::default()
        };
        let errors = search.validate().unwrap_err();
        let fields = errors.iter().map(|error| error.field.name()).collect::<Vec<_>>();
        assert_eq!(fields, ["search", "pattern", "verdict", "since", "page"]);
        for (error, hint) in errors.iter().zip(["at most 200", "smoke", "timed-out", "24h", "from 1 to"]) {
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_course_keeps_the_worst(values in prop::collection::vec((1_u64..5000, prop::option::of(0.0..60.0_f64)), 0..300)) {
            let mut history = History::default();
            let mut at_ms = 1_000_000;
            for (step, value) in &values {
                at_ms += step;
                let mut frame = Frame { at_ms, ..Frame::default() };
                frame.set(SeriesKey::whole(Metric::P95), value.unwrap_or(f64::NAN));
                history.push(&frame);
            }
            let course = Gist::course(&history);
            let worst = values.iter().filter_map(|(_, value)| *value).fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
            prop_assert!(course.len() <= Gist::POINTS);
            prop_assert_eq!(course.iter().flatten().max().copied(), worst.map(|worst| (worst * 1000.0).round() as u32));
        }
    }
}
