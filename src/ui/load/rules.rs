//! The thresholds, one by one or as text. The text is what is sent; both change it.

use leptos::prelude::*;

use super::{
    fields::FieldMessage,
    state::{Form, RULE_ID},
};
use crate::{
    domain::{
        format::Numbers,
        rule::{COMPARISONS, OFFERS, Offer, Rule, percentile},
        validate::{Field, entries},
    },
    ui::{
        browser,
        parts::literal,
        show,
        text::{use_lang, use_text},
    },
};

/// One threshold: in parts where they can say it, else in k6's words.
#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Parts(Rule),
    Words(String),
}

impl Entry {
    fn all(text: &str, numbers: Numbers) -> Vec<Self> {
        let entries = entries(text).filter(|(_, entry)| !entry.is_empty());
        entries
            .map(|(_, entry)| Rule::read(entry, numbers).map_or_else(|| Self::Words(entry.into()), Self::Parts))
            .collect()
    }

    fn text(&self, numbers: Numbers) -> String {
        match self {
            Self::Parts(rule) => rule.text(numbers),
            Self::Words(words) => words.replace('\n', " "),
        }
    }
}

/// The rows of the editor.
#[derive(Clone, Copy)]
struct Rows {
    form: Form,
    numbers: Numbers,
    /// Each row holds its own state, so that typing in one leaves the others alone.
    entries: RwSignal<Vec<RwSignal<Entry>>>,
}

impl Rows {
    fn new(form: Form, numbers: Numbers) -> Self {
        let rows = Self { form, numbers, entries: RwSignal::default() };
        rows.read();
        rows
    }

    /// Makes the rows anew from the text.
    fn read(self) {
        let entries = Entry::all(&self.form.value_now(Field::Thresholds), self.numbers);
        self.entries.set(entries.into_iter().map(RwSignal::new).collect());
    }

    /// What the rows say, a line each.
    fn text(self) -> String {
        let lines = self.entries.with_untracked(|entries| {
            entries.iter().map(|entry| entry.with_untracked(|entry| entry.text(self.numbers))).collect::<Vec<_>>()
        });
        lines.join("\n")
    }

    fn write(self) {
        self.form.type_thresholds(self.text());
    }

    fn change(self, row: RwSignal<Entry>, change: impl FnOnce(&mut Entry)) {
        row.update(change);
        self.write();
    }

    /// Adds what is suggested for the first metric that no row is about.
    fn add(self) {
        let (count, offer) = self.entries.with_untracked(|entries| {
            let is_about = |offer: &Offer| {
                entries.iter().any(|entry| {
                    entry.with_untracked(|entry| matches!(entry, Entry::Parts(rule) if rule.metric == offer.metric))
                })
            };
            (entries.len(), OFFERS.iter().find(|offer| !is_about(offer)).or(OFFERS.first()))
        });
        if let Some(offer) = offer {
            self.entries.update(|entries| entries.push(RwSignal::new(Entry::Parts(offer.rule()))));
            self.write();
            browser::focus_soon(format!("{RULE_ID}-{count}-metric"));
        }
    }

    /// Removes a row and moves the keyboard to the one that takes its place, or to what adds one.
    fn remove(self, row: usize) {
        self.entries.update(|entries| {
            entries.remove(row);
        });
        self.write();
        let left = self.entries.with_untracked(Vec::len);
        browser::focus_soon(match left {
            0 => format!("{RULE_ID}-add"),
            left => format!("{RULE_ID}-{}-remove", row.min(left - 1)),
        });
    }
}

/// The thresholds.
#[component]
pub(super) fn ThresholdsField(
    /// The form.
    form: Form,
) -> impl IntoView {
    let text = use_text();
    let field = Field::Thresholds;
    let rows = Rows::new(form, show::numbers(use_lang()));
    let as_text = form.as_text();
    Effect::new(move |_| {
        form.refilled().track();
        if rows.text() != form.value_now(field) {
            rows.read();
        }
    });
    let hint =
        Signal::derive(move || if as_text.get() { text.thresholds_text_hint } else { text.thresholds_hint }.to_owned());
    let described = form.described_by(field);
    view! {
        <fieldset class="field thresholds-field" data-as=move || if as_text.get() { "text" } else { "rules" }>
            <legend>{text.thresholds_field}</legend>
            <div class="rules">
                {move || {
                    let entries = rows.entries.get();
                    entries.into_iter().enumerate().map(|(at, entry)| row(rows, at, entry)).collect_view()
                }}
            </div>
            <textarea
                id=Form::id(field)
                class="code"
                name=field.control()
                rows="3"
                autocomplete="off"
                spellcheck="false"
                aria-label=text.thresholds_text
                aria-describedby=described
                aria-invalid=form.invalid(field)
                on:input=move |event| form.edit(field, event_target_value(&event))
                on:blur=move |_| form.leave(field)
                inner_html=literal(&form.value_now(field))
            ></textarea>
            <div class="rule-tools">
                <button
                    type="button"
                    class="link-button rule-add"
                    id=format!("{RULE_ID}-add")
                    on:click=move |_| rows.add()
                >
                    {text.rule_add}
                </button>
                <button
                    type="button"
                    class="link-button"
                    data-testid="thresholds-view"
                    on:click=move |_| {
                        rows.read();
                        as_text.update(|as_text| *as_text = !*as_text);
                    }
                >
                    {move || if as_text.get() { text.thresholds_as_rules } else { text.thresholds_as_text }}
                </button>
            </div>
            <FieldMessage form field hint />
            <p class="field-message text-hint">{text.thresholds_text_hint}</p>
        </fieldset>
    }
}

/// A threshold's controls.
fn row(rows: Rows, at: usize, entry: RwSignal<Entry>) -> AnyView {
    let text = use_text();
    let controls = match entry.get_untracked() {
        Entry::Parts(rule) => parts(rows, at, entry, rule),
        Entry::Words(words) => {
            let set = move |words: String| rows.change(entry, |entry| *entry = Entry::Words(words));
            let label = Signal::stored(text.thresholds_text.to_owned());
            input(rows.form, at, "code rule-words", label, words, Box::new(set))
        }
    };
    view! {
        <div class="rule" role="group" aria-label=(text.rule_number)(at + 1)>
            {controls}
            <button
                type="button"
                class="icon-button rule-remove"
                id=format!("{RULE_ID}-{at}-remove")
                aria-label=(text.rule_remove)(at + 1)
                title=(text.rule_remove)(at + 1)
                on:click=move |_| rows.remove(at)
            >
                <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                    <path d="M7 7l10 10M17 7L7 17" />
                </svg>
            </button>
        </div>
    }
    .into_any()
}

fn parts(rows: Rows, at: usize, entry: RwSignal<Entry>, first: Rule) -> AnyView {
    let text = use_text();
    let id = move |part: &str| format!("{RULE_ID}-{at}-{part}");
    let rule = Memo::new(move |_| match entry.get() {
        Entry::Parts(rule) => rule,
        Entry::Words(_) => first.clone(),
    });
    let change = move |change: &dyn Fn(&mut Rule)| {
        rows.change(entry, |entry| {
            if let Entry::Parts(rule) = entry {
                change(rule);
            }
        });
    };
    let metric = Memo::new(move |_| rule.with(|rule| rule.metric));
    let unit = Memo::new(move |_| rule.with(Rule::unit));
    // What belongs to the metric is made anew when that changes; what is typed only when the metric changes its limit.
    let of_metric = move || {
        let Some(offer) = Offer::of(metric.get()) else { return ().into_any() };
        let now = rule.get_untracked();
        let mut statistics: Vec<String> = offer.statistics.iter().map(|name| (*name).to_owned()).collect();
        with_chosen(&mut statistics, &now.statistic);
        let statistics = statistics.into_iter().map(|name| {
            let label = match percentile(&name) {
                Some(_) => name.replace(['(', ')'], ""),
                None => (text.rule_statistic_name)(&name, offer.unit(&name)).to_owned(),
            };
            (name, label)
        });
        let mut comparisons = COMPARISONS.to_vec();
        with_chosen(&mut comparisons, &now.comparison);
        let signs = comparisons.clone().into_iter();
        let signs = signs.map(|sign| (sign.sign().into(), (text.rule_comparison_name)(sign).into()));
        let service = offer.by_service.then(|| {
            let mut services = rows.form.rules().with_untracked(|rules| {
                rules.iter().flat_map(|rules| rules.services.iter().cloned()).collect::<Vec<_>>()
            });
            if let Some(service) = &now.service {
                with_chosen(&mut services, service);
            }
            let every = (String::new(), text.rule_every_service.to_owned());
            let services = std::iter::once(every).chain(services.into_iter().map(|name| (name.clone(), name)));
            let set = move |name: String| {
                change(&|rule| rule.service = Some(name.clone()).filter(|name| !name.is_empty()));
            };
            let chosen = now.service.clone().unwrap_or_default();
            choice(id("service"), text.rule_service, services.collect(), chosen, Box::new(set))
        });
        let set_statistic = move |name: String| change(&|rule| rule.statistic.clone_from(&name));
        let set_sign = move |sign: String| {
            if let Some(comparison) = comparisons.iter().copied().find(|comparison| comparison.sign() == sign) {
                change(&|rule| rule.comparison = comparison);
            }
        };
        let set_limit = move |limit: String| change(&|rule| rule.limit.clone_from(&limit));
        let label = Signal::derive(move || format!("{} {}", text.rule_limit, (text.rule_unit)(unit.get())));
        view! {
            {service}
            {choice(id("statistic"), text.rule_statistic, statistics.collect(), now.statistic, Box::new(set_statistic))}
            {choice(
                id("comparison"),
                text.rule_comparison,
                signs.collect(),
                now.comparison.sign().into(),
                Box::new(set_sign),
            )}
            <span class="rule-limit">
                {input(rows.form, at, "", label, now.limit, Box::new(set_limit))}
                <span class="rule-unit" aria-hidden="true">
                    {move || (text.rule_unit)(unit.get())}
                </span>
            </span>
        }
        .into_any()
    };
    let metrics = OFFERS.iter().map(|offer| (offer.metric.into(), (text.rule_metric_name)(offer.metric).into()));
    let set_metric = move |name: String| {
        if let Some(offer) = Offer::of(&name) {
            change(&|rule| *rule = rule.about(offer));
        }
    };
    let chosen = metric.get_untracked().to_owned();
    view! {
        {choice(id("metric"), text.rule_metric, metrics.collect(), chosen, Box::new(set_metric))}
        {of_metric}
    }
    .into_any()
}

/// What is chosen is among the choices, also where it is not offered.
fn with_chosen<T: PartialEq + Clone>(choices: &mut Vec<T>, chosen: &T) {
    if !choices.contains(chosen) {
        choices.push(chosen.clone());
    }
}

/// A text field of the row `at`.
fn input(
    form: Form,
    at: usize,
    class: &'static str,
    label: Signal<String>,
    value: String,
    set: Box<dyn Fn(String)>,
) -> AnyView {
    view! {
        <input
            type="text"
            class=class
            id=format!("{RULE_ID}-{at}-limit")
            autocomplete="off"
            spellcheck="false"
            aria-label=label
            aria-invalid=form.invalid_rule(at)
            aria-describedby=form.described_by(Field::Thresholds)
            value=value
            on:input=move |event| set(event_target_value(&event))
            on:blur=move |_| form.leave(Field::Thresholds)
        />
    }
    .into_any()
}

/// A drop-down list; values and what is shown for them.
fn choice(
    id: String,
    label: &'static str,
    choices: Vec<(String, String)>,
    chosen: String,
    set: Box<dyn Fn(String)>,
) -> AnyView {
    let options = choices.into_iter().map(|(value, label)| {
        let selected = value == chosen;
        view! {
            <option value=value selected=selected>
                {label}
            </option>
        }
        .into_any()
    });
    let part = id.rsplit('-').next().map(|part| format!("rule-{part}"));
    view! {
        <select class=part id=id aria-label=label on:change=move |event| set(event_target_value(&event))>
            {options.collect_view()}
        </select>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_the_text_says() {
        let text = "http_req_duration:p(95)<500, my_trend:avg<1\nnonsense\n\nchecks:rate>=0.99;";
        let entries = Entry::all(text, Numbers::De);
        assert_eq!(entries.len(), 4);
        let lines = entries.iter().map(|entry| entry.text(Numbers::De)).collect::<Vec<_>>();
        assert_eq!(lines, ["http_req_duration:p(95)<500", "my_trend:avg<1", "nonsense", "checks:rate>=0.99"]);
        let in_parts = entries.iter().map(|entry| matches!(entry, Entry::Parts(_))).collect::<Vec<_>>();
        assert_eq!(in_parts, [true, false, false, true]);
    }
}
