use proptest::prelude::*;

use super::any;
use crate::domain::{
    plan::{GRACE_S, Pattern, Peak, Shape},
    schedule::{Executor, Phase, PhaseName, Schedule},
};

fn phases(schedule: &Schedule) -> Vec<(PhaseName, u32, u32)> {
    schedule.phases.iter().map(|Phase { name, duration_s, target }| (*name, *duration_s, *target)).collect()
}

#[test]
fn patterns_look_as_described() {
    use PhaseName::{Baseline, Hold, RampDown, RampUp, Recovery, Spike, Step};
    let vus = |vus| Peak::Vus { vus };
    type Row<'a> = (Pattern, u32, u32, Option<u32>, &'a [(PhaseName, u32, u32)]);
    let table: &[Row] = &[
        (Pattern::Smoke, 2, 30, None, &[(RampUp, 0, 2), (Hold, 30, 2), (RampDown, 0, 0)]),
        (Pattern::Load, 50, 60, None, &[(RampUp, 12, 50), (Hold, 36, 50), (RampDown, 12, 0)]),
        (Pattern::Load, 50, 60, Some(30), &[(RampUp, 30, 50), (Hold, 0, 50), (RampDown, 30, 0)]),
        (Pattern::Load, 1, 5, None, &[(RampUp, 1, 1), (Hold, 3, 1), (RampDown, 1, 0)]),
        (
            Pattern::Stress,
            100,
            62,
            None,
            &[
                (RampUp, 6, 20),
                (Step, 10, 20),
                (Step, 0, 40),
                (Step, 10, 40),
                (Step, 0, 60),
                (Step, 10, 60),
                (Step, 0, 80),
                (Step, 10, 80),
                (Step, 0, 100),
                (Step, 10, 100),
                (RampDown, 6, 0),
            ],
        ),
        (Pattern::Stress, 1, 5, None, &[(RampUp, 1, 1), (Step, 3, 1), (RampDown, 1, 0)]),
        (Pattern::Stress, 9, 6, Some(3), &[(RampUp, 3, 9), (Step, 0, 9), (RampDown, 3, 0)]),
        (
            Pattern::Spike,
            50,
            60,
            None,
            &[
                (RampUp, 6, 5),
                (Baseline, 14, 5),
                (Spike, 0, 50),
                (Spike, 14, 50),
                (Recovery, 0, 5),
                (Recovery, 20, 5),
                (RampDown, 6, 0),
            ],
        ),
        (Pattern::Spike, 50, 6, Some(3), &[(RampUp, 3, 50), (RampDown, 3, 0)]),
        (Pattern::Soak, 20, 3600, None, &[(RampUp, 180, 20), (Hold, 3240, 20), (RampDown, 180, 0)]),
        (Pattern::Breakpoint, 200, 100, None, &[(RampUp, 95, 200), (RampDown, 5, 0)]),
        (Pattern::Breakpoint, 200, 100, Some(0), &[(RampUp, 100, 200), (RampDown, 0, 0)]),
        // Fewer steps than usual where load or time is too small for them, and parts that don't come out even.
        (
            Pattern::Stress,
            3,
            20,
            None,
            &[(RampUp, 2, 1), (Step, 5, 1), (Step, 0, 2), (Step, 5, 2), (Step, 0, 3), (Step, 6, 3), (RampDown, 2, 0)],
        ),
        (
            Pattern::Stress,
            10,
            6,
            Some(2),
            &[(RampUp, 2, 5), (Step, 1, 5), (Step, 0, 10), (Step, 1, 10), (RampDown, 2, 0)],
        ),
        (
            Pattern::Spike,
            4,
            7,
            Some(3),
            &[
                (RampUp, 3, 1),
                (Baseline, 0, 1),
                (Spike, 0, 4),
                (Spike, 1, 4),
                (Recovery, 0, 1),
                (Recovery, 0, 1),
                (RampDown, 3, 0),
            ],
        ),
        (Pattern::Load, 10, 4, Some(9), &[(RampUp, 2, 10), (Hold, 0, 10), (RampDown, 2, 0)]),
    ];
    for (pattern, peak, duration_s, ramp_s, expected) in table {
        let schedule = Schedule::new(*pattern, vus(*peak), *duration_s, *ramp_s);
        assert_eq!(phases(&schedule), *expected, "{pattern:?}");
    }
}

#[test]
fn the_course_can_be_read_at_any_time() {
    let schedule = Schedule::new(Pattern::Spike, Peak::Vus { vus: 50 }, 60, None);
    for (at, value, phase) in [
        (-1.0, 0.0, None),
        (0.0, 0.0, Some((PhaseName::RampUp, 6.0))),
        (3.0, 2.5, Some((PhaseName::RampUp, 3.0))),
        (6.0, 5.0, Some((PhaseName::Baseline, 14.0))),
        (19.5, 5.0, Some((PhaseName::Baseline, 0.5))),
        (20.0, 50.0, Some((PhaseName::Spike, 14.0))),
        (34.0, 5.0, Some((PhaseName::Recovery, 20.0))),
        (57.0, 2.5, Some((PhaseName::RampDown, 3.0))),
        (60.0, 0.0, None),
        (f64::INFINITY, 0.0, None),
        (f64::NAN, 0.0, None),
    ] {
        assert!((schedule.value_at(at) - value).abs() < 1e-9, "{at}: {}", schedule.value_at(at));
        assert_eq!(schedule.phase_at(at).map(|(phase, left)| (phase.name, left)), phase, "{at}");
    }
    let corners =
        [(0.0, 0.0), (6.0, 5.0), (20.0, 5.0), (20.0, 50.0), (34.0, 50.0), (34.0, 5.0), (54.0, 5.0), (60.0, 0.0)];
    assert_eq!(schedule.points(), corners);
    assert_eq!((schedule.duration_s(), schedule.longest_s(), schedule.peak()), (60, 60 + GRACE_S, 50));
    assert_eq!(schedule.expected_iterations(), None);

    let peak = Peak::ArrivalRate { rate: 50, pre_allocated_vus: 10, max_vus: 100 };
    let open = Schedule::new(Pattern::Load, peak, 60, None);
    assert_eq!(open.expected_iterations(), Some(50.0 * 48.0));
    assert_eq!((open.executor, open.pre_allocated_vus, open.max_vus), (Executor::RampingArrivalRate, 10, 100));
}

proptest! {
    #[test]
    fn a_valid_plan_lasts_its_duration_and_stays_below_its_peak(draft in any::draft(), at in 0.0..1.0) {
        let plan = draft.validate(&any::rules()).unwrap();
        let Shape::Pattern { peak, duration_s, .. } = plan.shape else { panic!("{plan:?}") };
        let schedule = plan.schedule().unwrap();
        prop_assert_eq!(schedule.duration_s(), duration_s);
        prop_assert_eq!(duration_s.to_string(), draft.duration);
        prop_assert_eq!(schedule.peak(), peak.value());
        prop_assert_eq!(schedule.phases.last().unwrap().target, 0);
        let end = f64::from(duration_s);
        prop_assert_eq!(schedule.value_at(end), 0.0);
        let points = schedule.points();
        prop_assert_eq!(points.first(), Some(&(0.0, 0.0)));
        prop_assert_eq!(points.last(), Some(&(end, 0.0)));
        let value = schedule.value_at(at * end);
        prop_assert!((0.0..=f64::from(peak.value())).contains(&value), "{}", value);
        let (phase, left) = schedule.phase_at(at * end).unwrap();
        prop_assert!(left > 0.0 && left <= f64::from(phase.duration_s) + 1e-6, "{} of {:?}", left, phase);
        // Only the end is quiet: k6 would otherwise end earlier than planned.
        let (_, before) = schedule.phases.split_last().unwrap();
        prop_assert!(before.iter().all(|phase| phase.target > 0));
        if let Some(iterations) = schedule.expected_iterations() {
            prop_assert!(iterations > 0.0 && iterations <= end * f64::from(peak.value()));
        }
    }

    #[test]
    fn even_nonsense_keeps_to_duration_and_peak(schedule in any::schedule_of_anything()) {
        let sum = schedule.phases.iter().map(|phase| u64::from(phase.duration_s)).sum::<u64>();
        prop_assert_eq!(u64::from(schedule.duration_s()), sum);
        prop_assert_eq!(schedule.phases.last().unwrap().target, 0);
        schedule.value_at(f64::from(u32::MAX));
    }
}
