//! What the service map shows of a state, and where its lines run. No drawing: fractions, steps and words.

use crate::{
    domain::{
        breaker::BreakerState,
        fault::Fault,
        frame::{Dimension, Metric},
        live::LiveState,
        prefs::Lang,
        run::Run,
        service::{Health, ProcessState, ReplicaStatus, ServiceStatus},
    },
    ui::{show, text::Text},
};

/// How a replica takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Light {
    /// It answers.
    On,
    /// It answers worse than it should, something is done to it, or it is coming back.
    Dim,
    /// It answers nobody.
    Dark,
    /// Nobody has asked it yet.
    Unknown,
}

impl Light {
    /// Its name in `data-light`.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Dim => "dim",
            Self::Dark => "dark",
            Self::Unknown => "unknown",
        }
    }

    fn of(replica: &ReplicaStatus, fault: Option<&Fault>) -> Self {
        let process = replica.process.as_ref().map(|process| process.state);
        let out = replica.gateway.as_ref().is_some_and(|word| !word.up);
        match (process, &replica.health) {
            (Some(ProcessState::Frozen | ProcessState::Held | ProcessState::Ended), _) => Self::Dark,
            (Some(ProcessState::Starting), _) => Self::Dim,
            (_, Health::Down { .. }) => Self::Dark,
            _ if out => Self::Dark,
            (_, Health::Degraded { .. }) => Self::Dim,
            _ if fault.is_some() => Self::Dim,
            (_, Health::Up { .. }) => Self::On,
            (_, Health::Unknown) if replica.gateway.is_some() => Self::On,
            (_, Health::Unknown) => Self::Unknown,
        }
    }
}

/// A replica on the map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot {
    /// How it takes part.
    pub(super) light: Light,
    /// How it is, in a word or two.
    pub(super) words: String,
    /// The gateway's share of requests for it, in %; `None`: hardly any traffic, or no gateway.
    pub(super) share: Option<u32>,
    /// How fast requests run to it, a step of [`flow`].
    pub(super) flow: u8,
}

impl Spot {
    /// A replica of a service that gets `rate` requests per second.
    pub(super) fn of(
        status: &ServiceStatus,
        replica: &ReplicaStatus,
        faults: &[Fault],
        rate: Option<f64>,
        lang: Lang,
    ) -> Self {
        let fault = at_work(faults, &replica.replica.name);
        let light = Light::of(replica, fault);
        let share_of = |one: &ReplicaStatus| match Light::of(one, None) {
            Light::Dark => 0.0,
            _ if status.replicas.len() == 1 => 1.0,
            _ => one.gateway.as_ref().and_then(|word| word.share).unwrap_or_default(),
        };
        // What a replica got that went dark a moment ago goes to the others already.
        let all: f64 = status.replicas.iter().map(share_of).sum();
        let rate = rate.filter(|_| all > 0.0).map(|rate| rate * share_of(replica) / all);
        let share = replica.gateway.as_ref().filter(|_| light != Light::Dark).and_then(|word| word.share);
        Self {
            light,
            words: words(replica, light, lang),
            share: share.map(|share| (share * 100.0).round() as u32),
            flow: flow(rate),
        }
    }
}

/// What is done to a replica.
pub(super) fn at_work<'a>(faults: &'a [Fault], replica: &str) -> Option<&'a Fault> {
    faults.iter().find(|fault| fault.state.is_on() && fault.hits(replica))
}

fn words(replica: &ReplicaStatus, light: Light, lang: Lang) -> String {
    let text: &'static Text = lang.text();
    let process = replica.process.as_ref().filter(|process| process.state != ProcessState::Running);
    if let Some(process) = process {
        return (text.process_state)(process.state, process.code);
    }
    match &replica.health {
        health @ Health::Up { .. } if light != Light::Dark => show::health(health, lang).1.to_owned(),
        // Nobody has asked it yet, but the gateway knows.
        Health::Unknown if light == Light::On => text.health_up.to_owned(),
        Health::Up { .. } | Health::Unknown if light == Light::Dark => text.map_out.to_owned(),
        health => show::health(health, lang).1.to_owned(),
    }
}

/// Requests per second that a service gets from the test at work; `None`: none is, or nothing is known.
pub(super) fn rate(state: &LiveState, run: Option<&Run>, service: Option<&str>) -> Option<f64> {
    run.filter(|run| run.state.is_active())?;
    let frame = &state.snapshot.frame;
    match service {
        Some(service) => frame.get_part(Metric::RequestRate, Dimension::Service, service),
        None => frame.get(Metric::RequestRate),
    }
}

/// The fastest step of [`flow`].
const FASTEST: u8 = 8;

/// As many replicas below each other are read from afar.
const ROWS: usize = 8;

/// How fast a rate in requests per second is drawn: 0 stands still, each step above is for twice as many, so that the drawing
/// begins anew only where the rate has changed by much.
pub(super) fn flow(rate: Option<f64>) -> u8 {
    match rate.filter(|rate| *rate > 0.0) {
        None => 0,
        // Below one a second it is as slow as it gets.
        Some(rate) => (rate.max(1.0) as u32).ilog2().saturating_add(1).min(FASTEST.into()) as u8,
    }
}

/// The services from top to bottom: those behind the gateway first, and how many they are.
pub(super) fn lanes(services: &[ServiceStatus]) -> (Vec<&ServiceStatus>, usize) {
    let (mut behind, others): (Vec<_>, Vec<_>) = services.iter().partition(|status| is_behind_gateway(status));
    let count = behind.len();
    behind.extend(others);
    (behind, count)
}

/// How many replicas stand side by side, so that those of so many services, the `most` each, make no more rows than a screen has
/// room for; all of them, where no number does.
pub(super) fn columns(services: usize, most: usize) -> usize {
    let most = most.max(1);
    (1..most).find(|columns| services * most.div_ceil(*columns) <= ROWS).unwrap_or(most)
}

/// Whether the gateway stands before a service.
fn is_behind_gateway(status: &ServiceStatus) -> bool {
    status.replicas.iter().any(|one| one.replica.door.is_some() || one.gateway.is_some())
}

/// A service that calls another: a bracket beside the lanes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// The lane of who calls.
    pub(super) caller: usize,
    /// The lane of who is called.
    pub(super) callee: usize,
    /// How far out the bracket runs, from 0.
    pub(super) track: usize,
    /// Where it leaves the caller, as a fraction of the height of all lanes.
    pub(super) from: f64,
    /// Where it reaches the callee, likewise.
    pub(super) to: f64,
}

impl Call {
    /// Every call among these lanes, each given by whom it calls. Brackets cross only where there is no other way.
    pub(super) fn all(lanes: &[&ServiceStatus]) -> Vec<Self> {
        let place = |name: &str| lanes.iter().position(|status| status.service.name == name);
        let mut calls = Vec::<Self>::new();
        for (caller, status) in lanes.iter().enumerate() {
            for callee in status.service.depends_on.iter().filter_map(|name| place(name)) {
                let known = calls.iter().any(|call| (call.caller, call.callee) == (caller, callee));
                if callee != caller && !known {
                    calls.push(Self { caller, callee, track: 0, from: 0.0, to: 0.0 });
                }
            }
        }
        // The short ones within the long ones.
        calls.sort_by_key(|call| call.caller.abs_diff(call.callee));
        for at in 0..calls.len() {
            let (inner, rest) = calls.split_at_mut(at);
            let call = &mut rest[0];
            let taken = |track| inner.iter().any(|other| other.track == track && other.overlaps(call));
            call.track = (0..).find(|track| !taken(*track)).unwrap_or_default();
        }
        let ports = (0..lanes.len()).map(|lane| ports(&calls, lane)).collect::<Vec<_>>();
        let height = lanes.len() as f64;
        let port = |lane: usize, call: &Self| {
            let ports = &ports[lane];
            let at = ports.iter().position(|port| *port == (call.caller, call.callee)).unwrap_or_default();
            (lane as f64 + (at + 1) as f64 / (ports.len() + 1) as f64) / height
        };
        let placed = calls.iter().map(|call| (port(call.caller, call), port(call.callee, call))).collect::<Vec<_>>();
        for (call, (from, to)) in calls.iter_mut().zip(placed) {
            (call.from, call.to) = (from, to);
        }
        calls
    }

    fn overlaps(&self, other: &Self) -> bool {
        let ends = |call: &Self| (call.caller.min(call.callee), call.caller.max(call.callee));
        let ((from, to), (other_from, other_to)) = (ends(self), ends(other));
        from.max(other_from) < to.min(other_to)
    }
}

/// The calls that end at a lane, from top to bottom, each by its caller and callee: those upwards first, the nearest of them
/// on top, then those downwards, the nearest at the bottom.
fn ports(calls: &[Call], lane: usize) -> Vec<(usize, usize)> {
    let other = |call: &&Call| if call.caller == lane { call.callee } else { call.caller };
    let mut here = calls.iter().filter(|call| call.caller == lane || call.callee == lane).collect::<Vec<_>>();
    here.sort_by_key(|call| {
        let other = other(call);
        (other > lane, std::cmp::Reverse(other), call.caller)
    });
    here.into_iter().map(|call| (call.caller, call.callee)).collect()
}

/// The worst state of the breakers through which a service calls another; `None`: nobody tells of any.
pub(super) fn breaker(state: &LiveState, caller: &str, callee: &str) -> Option<BreakerState> {
    let breakers = state.snapshot.status.breakers.all.iter();
    let states = breakers.filter(|one| one.service == caller && one.dependency == callee).filter_map(|one| one.state);
    states.max_by_key(|state| match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        fault::{FaultKind, FaultRequest, FaultState},
        service::{GatewayWord, ProcessStatus, Replica, Service, Silence},
    };

    fn service(name: &str, calls: &[&str]) -> ServiceStatus {
        let depends_on = calls.iter().map(|name| (*name).to_owned()).collect();
        let service = Service { depends_on, ..Service::new(name, "http://127.0.0.1:1") };
        ServiceStatus::unknown(service, &[])
    }

    /// Of each call: who calls whom, the track, and the ports in percent.
    fn calls(all: &[ServiceStatus]) -> Vec<(usize, usize, usize, u32, u32)> {
        let percent = |at: f64| (at * 100.0).round() as u32;
        let calls = Call::all(&all.iter().collect::<Vec<_>>());
        calls.iter().map(|c| (c.caller, c.callee, c.track, percent(c.from), percent(c.to))).collect()
    }

    #[test]
    fn brackets_stand_within_each_other_and_do_not_cross() {
        let shop = [service("product", &[]), service("user", &[]), service("checkout", &["product", "user"])];
        // The short one is inside and leaves above the long one.
        assert_eq!(calls(&shop), [(2, 1, 0, 78, 50), (2, 0, 1, 89, 17)]);
        let chain = [service("a", &["b", "d"]), service("b", &["c"]), service("c", &[]), service("d", &[])];
        // Those that only meet at a lane share a track; the long one runs around both.
        assert_eq!(calls(&chain), [(0, 1, 0, 17, 33), (1, 2, 0, 42, 63), (0, 3, 1, 8, 88)]);
        let odd = [service("a", &["a", "nobody", "b", "b"]), service("b", &["a"])];
        assert_eq!(calls(&odd).len(), 2, "nobody calls themselves, strangers, or twice");
        assert_eq!(calls(&odd).iter().map(|call| call.2).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn replicas_stand_side_by_side_where_there_are_many() {
        for (services, most, columns) in [
            (0, 0, 1),
            (3, 1, 1),
            (3, 2, 1),
            (4, 2, 1),
            (5, 2, 2),
            (6, 2, 2),
            (3, 3, 2),
            (4, 3, 2),
            (8, 3, 3),
            (1, 12, 2),
            // More than a screen has room for.
            (20, 2, 2),
        ] {
            assert_eq!(super::columns(services, most), columns, "{services} services of {most}");
        }
    }

    fn replica(health: Health, process: Option<ProcessState>, gateway: Option<(bool, f64)>) -> ReplicaStatus {
        let process = process.map(|state| ProcessStatus {
            state,
            since_ms: 0,
            until_ms: None,
            pid: None,
            code: None,
            restarts: 0,
        });
        let word = |(up, share)| GatewayWord {
            up,
            since_ms: 0,
            check: String::new(),
            share: Some(share),
            queue: 0,
            retries: 0,
        };
        ReplicaStatus {
            replica: Replica { name: "shop-1".into(), url: String::new(), door: None, container: None },
            health,
            missed: false,
            process,
            gateway: gateway.map(word),
        }
    }

    fn fault() -> Fault {
        Fault {
            id: "f-1".parse().expect("an id"),
            request: FaultRequest {
                kind: FaultKind::Latency,
                service: "shop".into(),
                replica: None,
                intensity: Some(5),
                duration_s: Some(9),
                even_last: false,
                hypothesis: None,
                guard: None,
            },
            replicas: vec!["shop-1".into()],
            of_replicas: 2,
            state: FaultState::Active,
            asked_ms: 0,
            set_at_ms: None,
            until_ms: 9_000,
            restored_at_ms: None,
            healthy_again_ms: None,
            by: String::new(),
        }
    }

    #[test]
    fn a_replica_goes_dark_when_anybody_who_knows_says_so() {
        let up = || Health::Up { latency_ms: 1.0 };
        let down = || Health::Down { reason: String::new(), why: Silence::Refused };
        let running = Some(ProcessState::Running);
        for (health, process, gateway, faults, light, en, de) in [
            (up(), running, Some((true, 0.5)), 0, Light::On, "Up", "Erreichbar"),
            (up(), None, None, 0, Light::On, "Up", "Erreichbar"),
            (Health::Unknown, None, Some((true, 0.5)), 0, Light::On, "Up", "Erreichbar"),
            (Health::Unknown, None, None, 0, Light::Unknown, "Not checked yet", "Noch nicht geprüft"),
            (up(), running, Some((true, 0.5)), 1, Light::Dim, "Up", "Erreichbar"),
            (Health::Degraded { status: 500 }, running, None, 0, Light::Dim, "Degraded", "Eingeschränkt"),
            (up(), Some(ProcessState::Held), None, 1, Light::Dark, "held down", "beendet und festgehalten"),
            (up(), Some(ProcessState::Frozen), Some((true, 0.5)), 1, Light::Dark, "frozen", "eingefroren"),
            (down(), Some(ProcessState::Starting), Some((false, 0.0)), 0, Light::Dim, "starting", "startet"),
            (down(), running, Some((true, 0.5)), 0, Light::Dark, "Down", "Ausgefallen"),
            (up(), running, Some((false, 0.0)), 0, Light::Dark, "Out of the gateway", "Nicht im Gateway"),
        ] {
            let mut status = service("shop", &[]);
            status.replicas = vec![replica(health, process, gateway)];
            let faults = vec![fault(); faults];
            for (lang, words) in [(Lang::En, en), (Lang::De, de)] {
                let spot = Spot::of(&status, &status.replicas[0], &faults, None, lang);
                assert_eq!((spot.light, spot.words.as_str()), (light, words));
            }
        }
    }

    #[test]
    fn requests_run_to_those_that_are_lit_and_stand_still_without_a_rate() {
        let up = || Health::Up { latency_ms: 1.0 };
        let mut status = service("shop", &[]);
        status.replicas = vec![replica(up(), None, Some((true, 0.5))), replica(up(), None, Some((true, 0.5)))];
        let flows = |status: &ServiceStatus, rate| {
            let spot = |one| Spot::of(status, one, &[], rate, Lang::En);
            status.replicas.iter().map(spot).map(|spot| (spot.flow, spot.share)).collect::<Vec<_>>()
        };
        assert_eq!(flows(&status, Some(80.0)), [(6, Some(50)), (6, Some(50))]);
        status.replicas[0] = replica(up(), Some(ProcessState::Held), Some((true, 0.4)));
        assert_eq!(flows(&status, Some(80.0)), [(0, None), (7, Some(50))], "all of it goes to the other at once");
        assert_eq!(flows(&status, None), [(0, None), (0, Some(50))]);
        assert_eq!([None, Some(0.0), Some(0.2), Some(1.0), Some(2.0), Some(1e9)].map(flow), [0, 0, 1, 1, 2, 8]);
    }
}
