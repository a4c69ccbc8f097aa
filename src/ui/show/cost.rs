//! What a fault cost, in the reader's language.

use super::numbers;
use crate::{
    domain::{
        Millis,
        cost::{Cost, Figure, Lack, Outcome},
        duration,
        fault::{Guard, Hypothesis},
        format,
        prefs::Lang,
    },
    ui::text::Text,
};

/// The cost as one sentence without a full stop: `Detected after 0.9 s, 3 of 2,140 requests failed, recovered after 1.4 s`.
pub fn sentence(cost: &Cost, lang: Lang) -> String {
    let text = lang.text();
    let count = |n: f64| format::number(n, 0, numbers(lang));
    let clock = cost.detection;
    let first_ms = [clock.client_ms, clock.gateway_ms, clock.probe_ms, clock.breaker_ms].into_iter().flatten().min();
    let detected = match first_ms {
        Some(after_ms) => (text.cost_detected)(&seconds(after_ms, lang)),
        None if cost.settled => text.cost_not_detected.into(),
        None => text.cost_not_detected_yet.into(),
    };
    let failed = match cost.span.valid {
        0.0 => text.cost_no_load.into(),
        valid => (text.cost_failed)(&count(cost.span.bad), &count(valid)),
    };
    let recovered = match (cost.recovered_ms, cost.why_not_recovered()) {
        (Some(0), _) => Some(text.cost_unnoticed.to_owned()),
        (Some(after_ms), _) => Some((text.cost_recovered)(&seconds(after_ms, lang))),
        (None, Some(Lack::NotYet)) => Some(text.cost_not_recovered_yet.to_owned()),
        (None, Some(Lack::NoLoad) | None) => None,
        (None, Some(why)) => Some((text.cost_recovery_untold)((text.lack)(why))),
    };
    let words = [Some(detected), Some(failed), recovered].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A time of a fault, in seconds with a tenth: it is known no better.
pub fn seconds(ms: Millis, lang: Lang) -> String {
    format!("{} s", format::number(ms as f64 / 1e3, 1, numbers(lang)))
}

/// A hypothesis as people say it.
pub fn hypothesis(hypothesis: &Hypothesis, lang: Lang) -> String {
    let text = lang.text();
    match hypothesis {
        Hypothesis::FailedBelow { share } => (text.hypothesis_failed)(&format::percent(*share, numbers(lang))),
        Hypothesis::RecoveredWithin { seconds } => (text.hypothesis_recovered)(&duration::text(*seconds)),
    }
}

/// A guard as people say it.
pub fn guard(guard: &Guard, lang: Lang) -> String {
    (lang.text().guard)(&format::percent(guard.failed_over, numbers(lang)), &duration::text(guard.for_s))
}

/// How good an outcome is: `ok`, `bad` or empty, and its words.
pub fn outcome(outcome: &Outcome, text: &'static Text) -> (&'static str, String) {
    match outcome {
        Outcome::Held => ("ok", text.outcome_held.into()),
        Outcome::Broken => ("bad", text.outcome_broken.into()),
        Outcome::Untold { why: Lack::NotYet } => ("", text.outcome_open.into()),
        Outcome::Untold { why } => ("", (text.outcome_untold)((text.lack)(*why))),
    }
}

/// The figures that can't be told any more, each with its reason; what is still to come is not among them.
pub fn untold(cost: &Cost, text: &'static Text) -> Vec<(&'static str, &'static str)> {
    // That nobody saw anything is a figure of its own: it stands where the time would.
    let seen = |figure| {
        use Figure::{DetectedByBreaker, DetectedByClient, DetectedByGateway, DetectedByProbe};
        matches!(figure, DetectedByClient | DetectedByGateway | DetectedByProbe | DetectedByBreaker)
    };
    let is_lack = |why, figure| why != Lack::NotYet && !(why == Lack::NotSeen && seen(figure));
    let lacks = cost.untold.iter().filter(|untold| is_lack(untold.why, untold.figure));
    lacks.map(|untold| ((text.figure)(untold.figure), (text.lack)(untold.why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cost::{Detection, Tally, Untold};

    #[test]
    fn a_cost_is_one_sentence() {
        let told = Cost {
            settled: true,
            span: Tally { seconds: 60.0, valid: 2140.0, bad: 3.0, dropped: 0.0 },
            detection: Detection { gateway_ms: Some(920), probe_ms: Some(2100), ..Detection::default() },
            recovered_ms: Some(1400),
            ..Cost::default()
        };
        let why = |why| vec![Untold { figure: Figure::Recovered, why }];
        let unnoticed = Cost { recovered_ms: Some(0), detection: Detection::default(), ..told.clone() };
        let early = Cost { recovered_ms: None, untold: why(Lack::ShortBaseline), ..told.clone() };
        let nothing = Cost { settled: false, untold: why(Lack::NoLoad), ..Cost::default() };
        for (cost, en, de) in [
            (
                &told,
                "Detected after 0.9 s, 3 of 2,140 requests failed, recovered after 1.4 s",
                "Erkannt nach 0,9 s, 3 von 2.140 Anfragen fehlgeschlagen, erholt nach 1,4 s",
            ),
            (
                &unnoticed,
                "Detected by nobody, 3 of 2,140 requests failed, customers noticed nothing",
                "Von niemandem erkannt, 3 von 2.140 Anfragen fehlgeschlagen, Kunden haben nichts gemerkt",
            ),
            (
                &early,
                "Detected after 0.9 s, 3 of 2,140 requests failed, recovery unknown (too little load before the fault)",
                "Erkannt nach 0,9 s, 3 von 2.140 Anfragen fehlgeschlagen, Erholung unbekannt (zu wenig Last vor der Störung)",
            ),
            (
                &nothing,
                "Not detected yet, no requests to lose",
                "Noch nicht erkannt, keine Anfragen, die verloren gehen",
            ),
        ] {
            assert_eq!(sentence(cost, Lang::En), en);
            assert_eq!(sentence(cost, Lang::De), de);
        }
    }

    #[test]
    fn what_is_still_to_come_is_not_untold() {
        let untold_of = |figure, why| Cost { untold: vec![Untold { figure, why }], ..Cost::default() };
        let text = Lang::En.text();
        assert!(untold(&untold_of(Figure::Recovered, Lack::NotYet), text).is_empty());
        assert!(untold(&untold_of(Figure::DetectedByProbe, Lack::NotSeen), text).is_empty());
        assert_eq!(untold(&untold_of(Figure::Redundant, Lack::NotSeen), text).len(), 1);
        assert_eq!(
            untold(&untold_of(Figure::DetectedByBreaker, Lack::NotWatched), text),
            [("Detected by a circuit breaker", "nobody there to notice")]
        );
    }
}
