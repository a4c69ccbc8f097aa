//! A run with a scenario leg by leg, in the reader's language.

use super::{cost, scenario};
use crate::{
    domain::{
        cost::FaultCost,
        fault::FaultState,
        format,
        guide::{Guide, Leg, Obstacle, Part, Turn},
        plan::Model,
        prefs::Lang,
    },
    ui::text::Text,
};

/// A leg in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How far along it is.
    pub turn: Turn,
    /// When it begins, on the run's clock.
    pub at: String,
    /// What happens.
    pub title: String,
    /// What there is to see while it is at work.
    pub watch: &'static str,
    /// What has come of it, so far or in the end.
    pub told: Vec<String>,
    /// Whether nothing of that will change any more.
    pub settled: bool,
}

/// What a leg is about.
pub fn title(leg: &Leg, text: &'static Text) -> String {
    match (leg.part, leg.step) {
        (Part::Fault(_), Some(step)) => scenario::step(step, text),
        (Part::Recovery(_), _) => text.guide_recovery.into(),
        (Part::End, _) => text.guide_end.into(),
        (Part::Load | Part::Fault(_), _) => text.guide_load.into(),
    }
}

/// Every leg in words.
pub fn lines(guide: &Guide, costs: &[FaultCost], lang: Lang) -> Vec<Line> {
    let text = lang.text();
    let line = |leg: &Leg| {
        let (told, settled) = told(leg, costs, lang);
        let at = format::clock(f64::from(leg.at_s));
        Line { turn: leg.turn, at, title: title(leg, text), watch: (text.guide_watch)(leg.watch), told, settled }
    };
    guide.legs.iter().map(line).collect()
}

/// What comes next, and in how many seconds, rounded up.
pub fn next(guide: &Guide, text: &'static Text) -> Option<(String, f64)> {
    let (at, in_s) = guide.next?;
    Some((title(guide.legs.get(at)?, text), in_s.ceil()))
}

/// What has come of a leg, and whether nothing of that will change.
fn told(leg: &Leg, costs: &[FaultCost], lang: Lang) -> (Vec<String>, bool) {
    let text = lang.text();
    let begun = matches!(leg.turn, Turn::Done | Turn::Now);
    let Some(fault) = leg.fault.filter(|_| begun) else {
        let lost = leg.turn == Turn::Done && matches!(leg.part, Part::Fault(_));
        return (if lost { vec![text.guide_unknown.into()] } else { Vec::new() }, true);
    };
    let known = costs.iter().find(|known| known.fault == fault.id).map(|known| &known.cost);
    let settled = known.is_some_and(|cost| cost.settled);
    match (leg.part, known) {
        (Part::Fault(_), _) if matches!(fault.state, FaultState::Failed { .. }) => {
            let FaultState::Failed { reason } = &fault.state else { return (Vec::new(), true) };
            (vec![(text.fault_failed)(reason)], true)
        }
        (Part::Fault(_), Some(known)) => {
            let outcome = fault.request.hypothesis.zip(known.outcome).map(|(hypothesis, outcome)| {
                format!("{}: {}", cost::hypothesis(&hypothesis, lang), cost::outcome(&outcome, text).1)
            });
            let sentence = cost::sentence(known, lang);
            (vec![sentence].into_iter().chain(outcome).collect(), settled)
        }
        (Part::Recovery(_), Some(known)) => {
            let redundant = known.redundant_ms.map(|ms| (text.guide_redundant)(&cost::seconds(ms, lang)));
            (redundant.into_iter().collect(), settled)
        }
        _ => (Vec::new(), known.is_none() || settled),
    }
}

/// What is in the way of the guided demo, and what to do.
pub fn obstacle(obstacle: &Obstacle, text: &'static Text) -> String {
    match obstacle {
        Obstacle::NoFile => text.guide_no_file.into(),
        Obstacle::Scenario(error) => (text.guide_elsewhere)(&scenario::error(error, text)),
        Obstacle::Load(error) => {
            let field = text.field(error.field, Model::Vus);
            (text.guide_no_load)(&format!("{field}: {}", super::field_error(error, text)))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{
        cost::{Cost, Detection, Figure, Lack, Outcome, Tally, Untold},
        fault::{Fault, FaultEnd, FaultKind, FaultRequest, Hypothesis},
        labels::Labels,
        plan::{Pattern, Peak, Plan, Shape},
        run::{Run, RunState},
        scenario::{Scenario, ScenarioError, ScenarioProblem, Step},
        validate::{Field, Problem},
    };

    /// 25 s into a run in which a replica was killed from 10 s to 15 s.
    fn run() -> Run {
        let fault = FaultRequest {
            kind: FaultKind::Kill,
            service: "shop".into(),
            replica: Some("shop-1".into()),
            intensity: None,
            duration_s: Some(5),
            even_last: false,
            hypothesis: Some(Hypothesis::FailedBelow { share: 0.01 }),
            guard: None,
        };
        let shape = Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 5 }, duration_s: 60, ramp_s: None };
        Run {
            id: "r-1".parse().unwrap(),
            schedule: None,
            plan: Plan {
                script: "a.js".into(),
                target: "shop".into(),
                shape,
                thresholds: vec![],
                request_timeout_s: 3,
                stop_when: vec![],
                regression: vec![],
            },
            scenario: Some(Scenario { steps: vec![Step { at_s: 10, fault }], ..Scenario::default() }),
            state: RunState::Running,
            created_ms: 0,
            started_ms: Some(0),
            ended_ms: None,
            deadline_ms: 100_000,
            thresholds: vec![],
            totals: None,
            so_far: vec![],
            stop_problem: None,
            labels: Labels::default(),
            bursts: Vec::new(),
            origin: Default::default(),
            criteria: Vec::new(),
            regressions: vec![],
            correlation_id: String::new(),
        }
    }

    fn fault(run: &Run, state: FaultState) -> Fault {
        Fault {
            id: "f-1".parse().unwrap(),
            request: run.scenario.as_ref().unwrap().steps[0].fault.clone(),
            replicas: vec!["shop-1".into()],
            of_replicas: 2,
            state,
            asked_ms: 10_010,
            set_at_ms: Some(10_100),
            until_ms: 15_100,
            restored_at_ms: Some(15_120),
            healthy_again_ms: None,
            by: String::new(),
        }
    }

    #[test]
    fn each_leg_tells_what_has_come_of_it_and_nothing_that_is_not_known() {
        let run = run();
        let restored = [fault(&run, FaultState::Restored { why: FaultEnd::Time })];
        let failed = [fault(&run, FaultState::Failed { reason: "no process".into() })];
        let cost = |cost| [FaultCost { fault: "f-1".parse().unwrap(), run: None, cost }];
        let known = cost(Cost {
            settled: true,
            span: Tally { seconds: 6.0, valid: 1755.0, bad: 1.0, dropped: 0.0 },
            detection: Detection { gateway_ms: Some(600), ..Detection::default() },
            recovered_ms: Some(800),
            redundant_ms: Some(6_200),
            outcome: Some(Outcome::Held),
            ..Cost::default()
        });
        let why = Lack::ShortBaseline;
        let early = cost(Cost { untold: vec![Untold { figure: Figure::Recovered, why }], ..known[0].cost.clone() });
        let early = [FaultCost {
            cost: Cost { recovered_ms: None, outcome: None, ..early[0].cost.clone() },
            ..early[0].clone()
        }];
        let told = |faults: &[Fault], costs: &[FaultCost], lang| {
            let guide = Guide::of(&run, faults, 25_000).unwrap();
            lines(&guide, costs, lang).into_iter().map(|line| line.told.join(" | ")).collect::<Vec<_>>()
        };
        for (faults, costs, lang, expected) in [
            (
                &restored[..],
                &known[..],
                Lang::En,
                [
                    "Detected after 0.6 s, 1 of 1,755 requests failed, recovered after 0.8 s | The failed share stays below 1.00%: held",
                    "All replicas there again 6.2 s after the fault began",
                ],
            ),
            (
                &restored,
                &known,
                Lang::De,
                [
                    "Erkannt nach 0,6 s, 1 von 1.755 Anfragen fehlgeschlagen, erholt nach 0,8 s | Die Fehlerquote bleibt unter 1,00 %: bestätigt",
                    "Alle Replikate wieder da 6,2 s nach Beginn der Störung",
                ],
            ),
            (
                &restored,
                &early,
                Lang::En,
                [
                    "Detected after 0.6 s, 1 of 1,755 requests failed, recovery unknown (too little load before the fault)",
                    "All replicas there again 6.2 s after the fault began",
                ],
            ),
            (&restored, &[], Lang::En, ["", ""]),
            (&failed, &[], Lang::En, ["Failed: no process", ""]),
            (&[], &known, Lang::En, [Lang::En.text().guide_unknown, ""]),
        ] {
            assert_eq!(told(faults, costs, lang), ["", expected[0], expected[1], ""], "{lang:?}");
        }
        let guide = Guide::of(&run, &restored, 25_000).unwrap();
        let titles = lines(&guide, &known, Lang::En).into_iter().map(|line| format!("{} {}", line.at, line.title));
        let expected =
            ["00:00 Load begins", "00:10 Kill · shop-1, for 5 s", "00:15 Back to normal", "01:00 What it cost"];
        assert_eq!(titles.collect::<Vec<_>>(), expected);
        assert_eq!(next(&guide, Lang::De.text()), Some(("Was es gekostet hat".into(), 35.0)));
    }

    #[test]
    fn an_obstacle_says_what_to_do() {
        let text = Lang::En.text();
        let error = ScenarioError { step: Some(1), line: Some(6), problem: ScenarioProblem::Empty };
        let told = obstacle(&Obstacle::Scenario(error), text);
        assert!(told.contains("Step 1") && told.contains("guided-demo.yaml"), "{told}");
        let error = Problem::NotADuration { min_s: 5, max_s: 60 }.of(Field::Duration, "3 min");
        let told = obstacle(&Obstacle::Load(error), text);
        assert!(told.contains("Duration: ") && told.contains("60 s"), "{told}");
        assert!(obstacle(&Obstacle::NoFile, text).contains("guided-demo.yaml"));
    }
}
