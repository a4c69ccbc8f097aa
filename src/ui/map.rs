//! The service map: load, gateway, services and their replicas, and how requests run between them.
//!
//! Everything stands on it in words; lines and moving dots say once more what the words do.

mod layout;

use leptos::prelude::*;

use self::layout::{Call, Light, Spot};
use super::{
    condition::{ConditionBadge, Of, Watched},
    live::Live,
    show,
    text::{use_lang, use_text},
};
use crate::domain::{
    decimal::fixed,
    format,
    frame::{Metric, Unit},
};

/// The services in their lanes, and who of them calls whom: all that changes rarely.
#[derive(Debug, Clone, Default, PartialEq)]
struct Ground {
    /// Names of services, each with those of its replicas.
    lanes: Vec<(String, Vec<String>)>,
    /// How many of them are behind the gateway.
    behind: usize,
    calls: Vec<Call>,
}

/// The map.
#[component]
pub fn ServiceMap() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let ground = Memo::new(move |_| {
        live.state.with(|state| {
            let (lanes, behind) = layout::lanes(&state.snapshot.status.services);
            let calls = Call::all(&lanes);
            let replicas = |one: &crate::domain::service::ServiceStatus| {
                one.replicas.iter().map(|one| one.replica.name.clone()).collect()
            };
            let lanes = lanes.into_iter().map(|one| (one.service.name.clone(), replicas(one))).collect();
            Ground { lanes, behind, calls }
        })
    });
    move || {
        let Ground { lanes, behind, calls } = ground.get();
        if lanes.is_empty() {
            return view! { <p class="card empty">{text.services_empty}</p> }.into_any();
        }
        let tracks = calls.iter().map(|call| call.track + 1).max().unwrap_or_default();
        let most = lanes.iter().map(|(_, replicas)| replicas.len()).max().unwrap_or_default();
        let columns = layout::columns(lanes.len(), most);
        let rows = most.div_ceil(columns).max(1);
        let style =
            format!("--lanes:{};--behind:{behind};--tracks:{tracks};--columns:{columns};--rows:{rows}", lanes.len());
        let names = lanes.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let brackets = calls.iter().map(|call| bracket(call, &names, live)).collect_view();
        let services = lanes.into_iter().enumerate().map(|(at, (name, replicas))| {
            let calls = calls.iter().filter(|call| call.caller == at);
            let calls = calls.filter_map(|call| names.get(call.callee).cloned()).collect::<Vec<_>>();
            let direct = at >= behind;
            view! { <Lane name replicas calls direct columns /> }.into_any()
        });
        let services = services.collect_view();
        view! {
            <div class="map" data-testid="map" style=style data-dense=(columns > 1).then_some("") data-gateway=(behind > 0).then_some("")>
                <Source />
                {(behind > 0).then(|| view! { <Gateway /> }.into_any())}
                <ol class="map-lanes" aria-label=text.by_service>{services}</ol>
                <div class="map-calls" aria-hidden="true">{brackets}</div>
            </div>
        }
        .into_any()
    }
}

/// Who asks: the test at work.
#[component]
fn Source() -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let rate =
        Memo::new(move |_| live.state.with(|state| live.run.with(|run| layout::rate(state, run.as_ref(), None))));
    let users = Memo::new(move |_| {
        let at_work = live.run.with(|run| run.as_ref().is_some_and(|run| run.state.is_active()));
        at_work.then(|| live.state.with(|state| state.snapshot.frame.get(Metric::Vus))).flatten()
    });
    let said = move |unit, value: Option<f64>| format::value_or_none(unit, value, show::numbers(lang));
    view! {
        <p class="map-source" data-flow=move || layout::flow(rate.get())>
            <strong>{text.load_short}</strong>
            <span class="tabular">
                {move || match (users.get(), rate.get()) {
                    (None, None) => text.map_no_load.to_owned(),
                    (users, rate) => {
                        let users = format!("{} {}", said(Unit::Count, users), text.vus_unit);
                        format!("{users}, {}", said(Unit::PerSecond, rate))
                    }
                }}
            </span>
            <i class="map-wire" aria-hidden="true"></i>
        </p>
    }
}

/// What stands before the replicas.
#[component]
fn Gateway() -> impl IntoView {
    let live: Live = expect_context();
    let text = use_text();
    let there = Memo::new(move |_| {
        live.state.with(|state| {
            let replicas = state.snapshot.status.services.iter().flat_map(|status| &status.replicas);
            replicas.filter(|one| one.gateway.is_some()).count() > 0
        })
    });
    view! {
        <p class="map-gateway" data-testid="map-gateway" data-light=move || if there.get() { "on" } else { "dark" }>
            <strong>{text.gateway}</strong>
            <span>{move || if there.get() { text.map_gateway_there } else { text.map_gateway_away }}</span>
        </p>
    }
}

/// A service with its replicas.
#[component]
fn Lane(
    name: String,
    replicas: Vec<String>,
    /// The services that it calls.
    calls: Vec<String>,
    /// Whether no gateway stands before it.
    direct: bool,
    /// How many replicas stand side by side where there is little room.
    columns: usize,
) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let watched = Watched::new(Of::Now, &name);
    let wanted = name.clone();
    let rate = Memo::new(move |_| {
        live.state.with(|state| live.run.with(|run| layout::rate(state, run.as_ref(), Some(&wanted))))
    });
    let rate = move || rate.get().map(|rate| format::value(Unit::PerSecond, rate, show::numbers(lang)));
    let only = replicas.len() < 2;
    let service = name.clone();
    let spots = replicas.into_iter().enumerate().map(|(at, replica)| {
        view! { <Place service=service.clone() replica only first=at % columns == 0 /> }.into_any()
    });
    let spots = spots.collect_view();
    view! {
        <li
            class="map-lane"
            data-testid=format!("map-service-{name}")
            data-condition=move || watched.condition.get().id()
            data-direct=direct.then_some("")
        >
            <div class="map-head">
                <strong class="break">{name.clone()}</strong>
                <ConditionBadge watched />
                <span class="map-rate tabular">{rate}</span>
            </div>
            <ul class="map-places">{spots}</ul>
            {(!calls.is_empty()).then(|| view! { <p class="visually-hidden">{(text.breaker_calls_whom)(&calls.join(", "))}</p> }.into_any())}
        </li>
    }
}

/// A replica, and the line to it.
#[component]
fn Place(
    service: String,
    replica: String,
    /// Whether the service has no other.
    only: bool,
    /// Whether it is the first of those side by side.
    first: bool,
) -> impl IntoView {
    let live: Live = expect_context();
    let (lang, text) = (use_lang(), use_text());
    let label = match replica.strip_prefix(service.as_str()).and_then(|rest| rest.strip_prefix('-')) {
        _ if only => text.map_only.to_owned(),
        Some(number) => (text.map_replica)(number),
        None => replica.clone(),
    };
    let wanted = replica.clone();
    let spot = Memo::new(move |_| {
        live.state.with(|state| {
            let status = &state.snapshot.status;
            let service = status.services.iter().find(|status| status.service.name == service)?;
            let replica = service.replicas.iter().find(|one| one.replica.name == wanted)?;
            let rate = live.run.with(|run| layout::rate(state, run.as_ref(), Some(&service.service.name)));
            Some(Spot::of(service, replica, &status.faults, rate, lang))
        })
    });
    let wanted = replica.clone();
    let fault = Memo::new(move |_| {
        let now_ms = live.now_ms.get();
        live.state.with(|state| {
            let fault = layout::at_work(&state.snapshot.status.faults, &wanted)?;
            let left = fault.left_s(now_ms).map(|left| format!(" · {}", format::clock(left.ceil())));
            Some(format!("{}{}", (text.fault_kind)(fault.request.kind), left.unwrap_or_default()))
        })
    });
    let light = Memo::new(move |_| spot.with(|spot| spot.as_ref().map_or(Light::Unknown, |spot| spot.light)));
    let part =
        move |part: fn(&Spot) -> Option<String>| Memo::new(move |_| spot.with(|spot| spot.as_ref().and_then(part)));
    let words = part(|spot| Some(spot.words.clone()));
    let share = part(|spot| spot.share.map(|share| share.to_string()));
    let flow = Memo::new(move |_| spot.with(|spot| spot.as_ref().map_or(0, |spot| spot.flow)));
    view! {
        <li
            class="map-place"
            data-testid=format!("map-replica-{replica}")
            data-light=move || light.get().id()
            data-flow=flow
            data-first=first.then_some("")
            title=replica.clone()
        >
            <i class="map-wire" aria-hidden="true"></i>
            <span class="map-label">{label}</span>
            <span class="map-words">{words}</span>
            {move || share.get().map(|share| view! { <span class="map-share tabular">{(text.map_share)(&share)}</span> }.into_any())}
            {move || fault.get().map(|fault| view! { <span class="map-fault tabular">{fault}</span> }.into_any())}
        </li>
    }
}

/// The line of a call, from who calls to who is called.
fn bracket(call: &Call, names: &[String], live: Live) -> AnyView {
    let percent = |at: f64| fixed(at * 100.0, 2);
    let (top, height) = (call.from.min(call.to), (call.from - call.to).abs());
    let style = format!("--track-of:{};top:{}%;height:{}%", call.track, percent(top), percent(height));
    let name = |lane: usize| names.get(lane).cloned().unwrap_or_default();
    let (caller, callee) = (name(call.caller), name(call.callee));
    let asked = caller.clone();
    let flow = Memo::new(move |_| {
        live.state.with(|state| live.run.with(|run| layout::flow(layout::rate(state, run.as_ref(), Some(&asked)))))
    });
    let breaker =
        Memo::new(move |_| live.state.with(|state| layout::breaker(state, &caller, &callee)).map(|state| state.name()));
    view! {
        <i
            class="map-call"
            style=style
            data-way=if call.to < call.from { "up" } else { "down" }
            data-flow=flow
            data-breaker=breaker
        >
            <b></b>
        </i>
    }
    .into_any()
}
