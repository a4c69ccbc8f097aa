use crate::domain::{
    plan::{Model, Pattern, Peak},
    schedule::{Executor, PhaseName},
};

#[test]
fn names_lead_back_to_what_they_name() {
    for pattern in Pattern::ALL {
        assert_eq!(Pattern::from_name(pattern.name()), Some(pattern));
        assert_eq!(serde_json::to_value(pattern).unwrap(), pattern.name());
    }
    for model in Model::ALL {
        assert_eq!(Model::from_name(model.name()), Some(model));
        assert_eq!(serde_json::to_value(model).unwrap(), model.name());
    }
    assert_eq!((Pattern::from_name(""), Pattern::from_name("Load"), Model::from_name("VUs")), (None, None, None));
}

#[test]
fn what_goes_to_k6_is_named_as_on_the_wire() {
    for executor in [Executor::RampingVus, Executor::RampingArrivalRate] {
        assert_eq!(serde_json::to_value(executor).unwrap(), executor.name());
    }
    use PhaseName::{Baseline, Hold, RampDown, RampUp, Recovery, Spike, Step};
    for phase in [RampUp, Hold, Step, Baseline, Spike, Recovery, RampDown] {
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
    }
}

#[test]
fn a_smoke_or_soak_test_is_closed_and_the_others_may_be_open() {
    let open = Pattern::ALL.into_iter().filter(|pattern| pattern.allows(Model::ArrivalRate)).collect::<Vec<_>>();
    assert_eq!(open, [Pattern::Load, Pattern::Stress, Pattern::Spike, Pattern::Breakpoint]);
    assert!(Pattern::ALL.into_iter().all(|pattern| pattern.allows(Model::Vus)));
}

#[test]
fn a_peak_counts_vus_or_iterations_but_always_has_a_limit_of_vus() {
    let closed = Peak::Vus { vus: 7 };
    let open = Peak::ArrivalRate { rate: 50, pre_allocated_vus: 5, max_vus: 20 };
    assert_eq!((closed.model(), closed.value(), closed.max_vus()), (Model::Vus, 7, 7));
    assert_eq!((open.model(), open.value(), open.max_vus()), (Model::ArrivalRate, 50, 20));
}
