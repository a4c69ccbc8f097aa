//! The scenarios there are, step by step.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::{
    domain::{
        format,
        scenario::{Offer, Scenario, ScenarioError},
    },
    ui::{
        load::Form,
        show,
        text::{Text, use_text},
    },
};

/// What each scenario does, and the way to a load test with it.
#[component]
pub fn Scenarios() -> impl IntoView {
    let form: Form = expect_context();
    let text = use_text();
    let offers =
        move || form.rules().with(|rules| rules.as_ref().map(|rules| rules.scenarios.clone()).unwrap_or_default());
    move || {
        let offers = offers();
        (!offers.is_empty()).then(|| {
            let offers = offers.into_iter().map(|offer| card(offer, text)).collect_view();
            view! {
                <section class="card" aria-labelledby="scenarios">
                    <h2 id="scenarios">{text.scenarios}</h2>
                    <p class="muted">{text.scenarios_intro}</p>
                    <ul class="fault-list">{offers}</ul>
                </section>
            }
            .into_any()
        })
    }
}

fn card(offer: Offer, text: &'static Text) -> AnyView {
    let Offer { file, scenario } = offer;
    let (name, body) = match scenario {
        Ok(scenario) => (scenario.name.clone(), steps(&scenario, &file, text)),
        Err(errors) => (file.clone(), mistakes(&errors, text)),
    };
    view! {
        <li class="fault" data-testid="scenario">
            <div class="run-head">
                <h3>{name}</h3>
                <span class="muted break">{file}</span>
            </div>
            {body}
        </li>
    }
    .into_any()
}

fn steps(scenario: &Scenario, file: &str, text: &'static Text) -> AnyView {
    let steps = scenario.steps.iter().map(|step| {
        let at = format::clock(f64::from(step.at_s));
        view! { <li><span class="scenario-at">{at}</span>" "{show::scenario::step(step, text)}</li> }.into_any()
    });
    let steps = steps.collect_view();
    let query = ParamsMap::from_iter([("scenario", file.to_owned())]);
    let href = format!("/load{}", query.to_query_string());
    view! {
        <p class="muted">{scenario.description.clone()}</p>
        <ol class="scenario-steps">{steps}</ol>
        <p><a class="button" href=href>{text.scenario_start}</a></p>
    }
    .into_any()
}

fn mistakes(errors: &[ScenarioError], text: &'static Text) -> AnyView {
    let errors =
        errors.iter().map(|error| view! { <li class="break">{show::scenario::error(error, text)}</li> }.into_any());
    let errors = errors.collect_view();
    view! {
        <p>{text.scenario_broken}</p>
        <ul class="scenario-mistakes">{errors}</ul>
    }
    .into_any()
}
