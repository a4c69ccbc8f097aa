//! What a fault cost, in the reader's language.

use super::numbers;
use crate::{
    domain::{
        Millis,
        cost::{Budget, Cost, Figure, Lack, Outage, Outcome, Tally},
        duration,
        fault::{Guard, Hypothesis},
        format::{self, NO_DATA},
        frame::Unit,
        prefs::Lang,
        run::ServiceTotals,
        service::Slo,
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
        // Somebody may have noticed while nobody took note of it.
        None if CLOCKS.iter().any(|figure| cost.why_not(*figure) == Some(Lack::Away)) => {
            (text.cost_detection_untold)((text.lack)(Lack::Away))
        }
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

/// The clocks of detection.
const CLOCKS: [Figure; 4] =
    [Figure::DetectedByClient, Figure::DetectedByGateway, Figure::DetectedByProbe, Figure::DetectedByBreaker];

/// When the dashboard was away meanwhile, and what follows from it; `None`: it was there all the time.
pub fn away(cost: &Cost, lang: Lang) -> Option<String> {
    let away = cost.away?;
    Some((lang.text().cost_away)(&seconds(away.from_ms, lang), &seconds(away.to_ms, lang)))
}

/// How long the service is out by now; `None`: it is not.
pub fn out_for(cost: &Cost, lang: Lang) -> Option<String> {
    let out = cost.outage.filter(|outage| outage.goes_on && outage.length_ms > 0)?;
    Some((lang.text().cost_out_for)(&seconds(out.length_ms, lang)))
}

/// A figure's name and its value; where there is none, why.
fn row(cost: &Cost, figure: Figure, value: Option<String>, text: &'static Text) -> (&'static str, String) {
    let lack = || match cost.why_not(figure) {
        None | Some(Lack::NotYet) => NO_DATA.to_owned(),
        Some(why) => format!("{NO_DATA} ({})", (text.lack)(why)),
    };
    ((text.figure)(figure), value.unwrap_or_else(lack))
}

/// The four clocks of detection side by side, each with its name and its value; where there is none, why.
pub fn clocks(cost: &Cost, lang: Lang) -> Vec<(&'static str, String)> {
    let clock = cost.detection;
    let times = [clock.client_ms, clock.gateway_ms, clock.probe_ms, clock.breaker_ms];
    let rows = CLOCKS.into_iter().zip(times);
    rows.map(|(figure, ms)| row(cost, figure, ms.map(|ms| seconds(ms, lang)), lang.text())).collect()
}

/// All figures of a cost, the clocks apart, each with its name and its value; where there is none, why.
pub fn figures(cost: &Cost, lang: Lang) -> Vec<(&'static str, String)> {
    let text = lang.text();
    let n = numbers(lang);
    let time = |ms: Option<Millis>| ms.map(|ms| seconds(ms, lang));
    let outage = |outage: Option<Outage>| {
        outage.map(|outage| match (outage.length_ms, outage.goes_on) {
            (0, _) => text.cost_no_outage.to_owned(),
            (length_ms, true) => (text.cost_so_far)(&seconds(length_ms, lang)),
            (length_ms, false) => seconds(length_ms, lang),
        })
    };
    let latency = [cost.latency.before_s, cost.latency.during_s, cost.latency.after_s];
    let latency = latency.map(|s| format::value_or_none(Unit::Seconds, s, n)).join(" → ");
    let budget = cost.budget.map(|budget| {
        (text.cost_budget)(&format::value(Unit::Count, budget.burn_rate, n), &format::percent(budget.of_run, n))
    });
    let rows = [
        (Figure::Availability, cost.until_recovered.as_ref().map(|tally| availability(tally, lang))),
        (Figure::Outage, outage(cost.outage)),
        (Figure::OutageByLoad, outage(cost.outage_by_load)),
        (Figure::Degraded, time(cost.degraded_ms)),
        (Figure::Recovered, time(cost.recovered_ms)),
        (Figure::Redundant, time(cost.redundant_ms)),
        (Figure::Lost, cost.lost.map(|lost| format::number(lost, 0, n))),
        (Figure::Budget, budget),
    ];
    let mut rows = rows.map(|(figure, value)| row(cost, figure, value, text)).to_vec();
    rows.insert(rows.len() - 1, (text.cost_latency, latency));
    rows
}

/// An availability in percent and in nines; where nothing failed, what that says of it.
pub fn availability(tally: &Tally, lang: Lang) -> String {
    let (text, n) = (lang.text(), numbers(lang));
    let share = format::percent(tally.availability().unwrap_or_default(), n);
    match (tally.nines(), tally.at_least()) {
        (Some(nines), _) => format!("{share}, {}", (text.cost_nines)(&format::number(nines, 1, n))),
        (None, Some(least)) => (text.cost_no_failure)(&format::number(tally.valid, 0, n), &format::percent(least, n)),
        (None, None) => share,
    }
}

/// What a service promises: `99.9% good, p95 ≤ 300 ms`.
pub fn promise(slo: &Slo, lang: Lang) -> String {
    let n = numbers(lang);
    let good = (lang.text().slo_good)(&format::percent(slo.availability / 100.0, n));
    let p95 = slo.p95_ms.map(|ms| format!(", p95 ≤ {}", format::value(Unit::Seconds, f64::from(ms) / 1e3, n)));
    good + &p95.unwrap_or_default()
}

/// What is left of the error budget that a promise allows these requests; `None`: there is nothing to reckon it from.
pub fn budget_left(tally: &Tally, slo: Option<Slo>, lang: Lang) -> Option<String> {
    let (text, n) = (lang.text(), numbers(lang));
    let used = Budget::of(tally, slo?, tally)?.of_run;
    Some(match used <= 1.0 {
        true => (text.budget_left)(&format::percent(1.0 - used, n)),
        false => (text.budget_overspent)(&format::number(used, 1, n)),
    })
}

/// How long a service was out at most; `None`: nobody can tell.
pub fn longest_outage(service: &ServiceTotals, lang: Lang) -> Option<String> {
    Some(match service.longest_outage_ms? {
        0 => lang.text().cost_no_outage.to_owned(),
        ms => seconds(ms, lang),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cost::{Absence, Detection, Latency, Untold};

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
        let missed = Cost {
            settled: true,
            untold: [Figure::Recovered, Figure::DetectedByGateway]
                .map(|figure| Untold { figure, why: Lack::Away })
                .into(),
            away: Some(Absence { from_ms: 800, to_ms: 12_340 }),
            ..told.clone()
        };
        let missed = Cost { detection: Detection::default(), recovered_ms: None, ..missed };
        assert_eq!(away(&told, Lang::En), None);
        assert_eq!(
            away(&missed, Lang::De).as_deref(),
            Some(
                "Von 0,8 s bis 12,3 s nach der Störung war das Dashboard nicht da; was nur das Dashboard sehen konnte, fehlt."
            )
        );
        for (cost, en, de) in [
            (
                &missed,
                "Detection unknown (the dashboard was away), 3 of 2,140 requests failed, recovery unknown (the dashboard was away)",
                "Erkennung unbekannt (das Dashboard war nicht da), 3 von 2.140 Anfragen fehlgeschlagen, Erholung unbekannt (das Dashboard war nicht da)",
            ),
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
    fn a_promise_has_a_budget_that_may_be_overspent() {
        let slo = Slo { availability: 99.9, p95_ms: Some(300) };
        assert_eq!(promise(&slo, Lang::En), "99.9% good, p95 ≤ 300 ms");
        let left =
            |bad, lang| budget_left(&Tally { seconds: 10.0, valid: 10_000.0, bad, dropped: 0.0 }, Some(slo), lang);
        assert_eq!(left(4.0, Lang::En).as_deref(), Some("60.0% left"));
        assert_eq!(left(25.0, Lang::De).as_deref(), Some("2,5-mal verbraucht"));
        assert_eq!(budget_left(&Tally::default(), Some(slo), Lang::En), None);
    }

    #[test]
    fn a_stopwatch_runs_while_the_service_is_out() {
        let told = |outage| out_for(&Cost { outage, ..Cost::default() }, Lang::En);
        let outage = |length_ms, goes_on| Some(Outage { after_ms: 0, length_ms, goes_on });
        assert_eq!(told(outage(3240, true)).as_deref(), Some("Out for 3.2 s"));
        assert_eq!([told(outage(3240, false)), told(outage(0, true)), told(None)], [None, None, None]);
    }

    #[test]
    fn figures_have_values_or_reasons() {
        let tally = Tally { seconds: 3.0, valid: 1500.0, bad: 15.0, dropped: 0.0 };
        let why = |figure, why| Untold { figure, why };
        let cost = Cost {
            until_recovered: Some(tally),
            outage: Some(Outage { after_ms: 0, length_ms: 8296, goes_on: true }),
            outage_by_load: Some(Outage { after_ms: 0, length_ms: 0, goes_on: false }),
            lost: Some(1263.0),
            recovered_ms: Some(9310),
            latency: Latency { before_s: Some(0.0109), during_s: None, after_s: Some(0.5) },
            budget: Some(Budget { burn_rate: 10.0, of_run: 0.125, of_30_days: 0.001 }),
            untold: vec![why(Figure::DetectedByBreaker, Lack::NotWatched), why(Figure::Redundant, Lack::NotYet)],
            ..Cost::default()
        };
        let told = |cost: &Cost, lang: Lang| {
            let all = clocks(cost, lang).into_iter().chain(figures(cost, lang));
            all.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
        };
        let en = told(&cost, Lang::En);
        for line in [
            "Availability until recovered: 99.0%, 2.0 nines",
            "Longest outage: 8.3 s so far",
            "Longest outage as the load saw it: none",
            "Detected by a circuit breaker: – (nobody there to notice)",
            "Recovered: 9.3 s",
            "Redundant again: –",
            "Requests lost: 1,263",
            "p95 before, during, after: 10.9 ms → – → 500 ms",
            "Error budget: used 10 times as fast as allowed: 12.5% of this run’s",
        ] {
            assert!(en.contains(&line.to_owned()), "{line} in {en:?}");
        }
        let good = Cost { until_recovered: Some(Tally { bad: 0.0, ..tally }), ..Cost::default() };
        assert_eq!(
            told(&good, Lang::De)[4],
            "Verfügbarkeit bis zur Erholung: kein Fehler in 1.500 Anfragen, also mindestens 99,8 %"
        );
    }
}
