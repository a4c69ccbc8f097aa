//! Anything that may come.

use proptest::{collection, option, prelude::*, sample};

use crate::domain::{
    Millis, agenda,
    breaker::{Breaker, BreakerCalls, BreakerState, Breakers},
    burst::{Burst, BurstEnd},
    cost::{Absence, Budget, Cost, Detection, FaultCost, Figure, Lack, Latency, Outage, Outcome, Tally, Untold},
    criterion::{Criterion, Measure, Watched},
    event::{Event, EventKind},
    fault::{Fault, FaultEnd, FaultId, FaultKind, FaultRequest, FaultState, Guard, Hypothesis},
    frame::{Dimension, Frame, History, METRICS, Metric, SeriesKey},
    labels::Labels,
    live::{Cursor, EngineReason, EngineStatus, MetricsStatus, Snapshot, Status, Tick},
    origin::Origin,
    plan::{Model, OwnEnd, Pattern, Peak, Plan, Shape},
    recent::Recent,
    run::{Run, RunId, RunState, ServiceTotals, Totals, Verdict},
    schedule::Schedule,
    script::{Script, ScriptInput, ScriptKind},
    service::{
        GatewayWord, Health, ProcessState, ProcessStatus, Replica, ReplicaStatus, Service, ServiceStatus, Silence, Slo,
    },
    threshold::{Crossing, MetricKind, NotAThreshold, Observed, THRESHOLD_METRICS, Threshold},
    validate::{Draft, Excess, Field, FieldError, Limits, Problem, Rules},
};

pub const LIMITS: Limits = Limits { max_vus: 2000, max_rate: 5000, max_duration_s: 86_400 };

/// Text with all that is special somewhere: JSON, HTML, PromQL, newlines, emoji.
pub fn text() -> impl Strategy<Value = String> {
    "([a-z\"'{}<>&=\\\\\n, ä€😀-]|\\$\\{){0,12}"
}

/// A number that JSON keeps exactly.
pub fn number() -> impl Strategy<Value = f64> {
    (0_u32..10_000_000).prop_map(|n| f64::from(n) / 1024.0)
}

pub fn rules() -> Rules {
    let script = |name: &str, kind| Script { name: name.into(), kind };
    let own = |duration_s, max_vus| ScriptKind::Own {
        executors: vec!["constant-vus".into()],
        duration_s,
        end: OwnEnd::Time { after_s: 60 },
        max_vus,
        thresholds: vec!["http_req_duration:p(95)<500".into(), "http_req_duration{service:x}:max<5".into()],
    };
    Rules {
        limits: LIMITS,
        services: vec!["product-service".into(), "checkout-service".into()],
        scripts: vec![
            script("api-load-test.js", ScriptKind::Scheduled),
            script("broken.js", ScriptKind::Broken { message: "Unexpected token ;".into() }),
            script("endless.js", own(None, 1)),
            script("long.js", own(Some(86_401), 1)),
            script("own.js", own(Some(90), 7)),
            script("wide.js", own(Some(90), 2001)),
        ],
        scenarios: Vec::new(),
    }
}

/// A run of 60 s that just started.
pub fn run_of_a_minute() -> Run {
    let shape = Shape::Pattern { pattern: Pattern::Load, peak: Peak::Vus { vus: 5 }, duration_s: 60, ramp_s: None };
    let plan = Plan {
        script: "a.js".into(),
        target: "shop".into(),
        shape,
        thresholds: vec![],
        request_timeout_s: 3,
        stop_when: vec![],
        regression: vec![],
    };
    Run {
        id: "r-1".parse().unwrap(),
        schedule: plan.schedule(),
        plan,
        state: RunState::Starting,
        created_ms: 9_000,
        started_ms: None,
        ended_ms: None,
        deadline_ms: 100_000,
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels::default(),
        bursts: Vec::new(),
        origin: Default::default(),
        criteria: Vec::new(),
        regressions: vec![],
        thresholds: vec![],
        totals: None,
        correlation_id: String::new(),
    }
}

pub fn threshold() -> impl Strategy<Value = Threshold> {
    use crate::domain::threshold::MetricKind::{Counter, Gauge, Rate, Trend};
    let custom = [("my_metric", Trend), ("_x1", Rate), ("Mine", Counter), ("g", Gauge)];
    let metric = prop_oneof![sample::select(THRESHOLD_METRICS.to_vec()), sample::select(custom.to_vec())];
    let sign = sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    // Nothing that separates tags or thresholds, no blanks and quotes around.
    let tags = collection::btree_map("[a-z_]{1,3}", "[a-z<>=:/.ä€]{1,6}", 0..3);
    (metric, 0_usize..7, 0_u32..=1000, sign, number(), tags).prop_map(
        |((metric, kind), pick, percentile, sign, limit, tags)| {
            let percentile = f64::from(percentile) / 10.0;
            let (aggregation, limit) = match kind {
                Trend => {
                    (["avg", "med", "min", "max"].get(pick).map_or(format!("p({percentile})"), |a| (*a).into()), limit)
                }
                Rate => ("rate".into(), limit / 10_000.0),
                Counter => (["count", "rate"][pick % 2].into(), limit),
                Gauge => ("value".into(), limit),
            };
            let threshold = format!("{metric}:{aggregation}{sign}{limit}").parse::<Threshold>().unwrap();
            Threshold { tags, ..threshold }
        },
    )
}

pub fn criterion() -> impl Strategy<Value = Criterion> {
    let of = sample::select(Measure::ALL.to_vec()).prop_map(|(of, _)| of);
    (of, 1_u32..1_000_000, 1_u32..=600).prop_map(|(of, limit, for_s)| {
        let over = match of {
            Measure::Unwatched => 0.0,
            of if of.is_share() => (f64::from(limit) / 1e6).max(0.001),
            _ => (f64::from(limit) * 60.0 / 1e6).max(0.001),
        };
        Criterion { of, over, for_s }
    })
}

/// A draft that is valid under [`rules`].
pub fn draft() -> impl Strategy<Value = Draft> {
    let closed = sample::select(Pattern::ALL.to_vec()).prop_map(|pattern| (pattern, Model::Vus));
    let open = Pattern::ALL.into_iter().filter(|pattern| pattern.allows(Model::ArrivalRate)).collect::<Vec<_>>();
    let open = sample::select(open).prop_map(|pattern| (pattern, Model::ArrivalRate));
    // Short tests and low peaks are where arithmetic goes wrong.
    let duration = prop_oneof![5_u32..60, 5..=LIMITS.max_duration_s];
    let peak = prop_oneof![1_u32..12, 1..=LIMITS.max_vus];
    let target = sample::select(rules().targets());
    let vus = option::of((1..=LIMITS.max_vus).prop_flat_map(|max| (1..=max, Just(max))));
    let rules = (collection::vec(threshold(), 0..6), collection::vec(criterion(), 0..3));
    (prop_oneof![closed, open], peak, duration, option::of(0.0..=1.0), target, vus, rules).prop_map(
        |((pattern, model), peak, duration, ramp, target, vus, (thresholds, stop_when))| Draft {
            script: "api-load-test.js".into(),
            target,
            pattern: pattern.name().into(),
            model: model.name().into(),
            peak: peak.to_string(),
            duration: duration.to_string(),
            ramp: ramp.map(|share: f64| ((share * f64::from(duration / 2)) as u32).to_string()).unwrap_or_default(),
            pre_allocated_vus: vus.map(|(pre, _)| pre.to_string()).unwrap_or_default(),
            max_vus: vus.map(|(_, max)| max.to_string()).unwrap_or_default(),
            thresholds: thresholds.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            request_timeout: String::new(),
            regression: "p95 10 %; failed 0.5 points".into(),
            stop_when: stop_when.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            scenario: String::new(),
            scenario_text: String::new(),
        },
    )
}

pub fn plan() -> impl Strategy<Value = Plan> {
    let own = (text(), text(), any::<(u32, u32)>(), own_end(), collection::vec(threshold(), 0..3)).prop_map(
        |(script, target, (duration_s, max_vus), end, thresholds)| Plan {
            script,
            target,
            shape: Shape::Own { duration_s, max_vus, end },
            thresholds,
            request_timeout_s: 60,
            stop_when: vec![],
            regression: vec![],
        },
    );
    prop_oneof![3 => draft().prop_map(|draft| draft.validate(&rules()).unwrap()), 1 => own]
}

pub fn own_end() -> impl Strategy<Value = OwnEnd> {
    prop_oneof![
        Just(OwnEnd::Unknown),
        any::<u32>().prop_map(|after_s| OwnEnd::Time { after_s }),
        any::<u64>().prop_map(|iterations| OwnEnd::Iterations { iterations }),
    ]
}

pub fn peak() -> impl Strategy<Value = Peak> {
    prop_oneof![
        any::<u32>().prop_map(|vus| Peak::Vus { vus }),
        any::<(u32, u32, u32)>().prop_map(|(rate, pre_allocated_vus, max_vus)| Peak::ArrivalRate {
            rate,
            pre_allocated_vus,
            max_vus
        }),
    ]
}

pub fn run_id() -> impl Strategy<Value = RunId> {
    "[a-z0-9-]{1,64}".prop_map(|id| id.parse().unwrap())
}

pub fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Passed),
        Just(Verdict::Failed),
        Just(Verdict::Stopped),
        Just(Verdict::Aborted),
        Just(Verdict::Cancelled),
        Just(Verdict::TimedOut),
        (any::<Option<i32>>(), text()).prop_map(|(exit_code, message)| Verdict::Crashed { exit_code, message }),
    ]
}

/// Boxed, like all that is as large: a test's stack does not hold them all at once.
fn burst_end() -> impl Strategy<Value = BurstEnd> {
    sample::select(vec![BurstEnd::Done, BurstEnd::Removed, BurstEnd::WithRun, BurstEnd::Crashed])
}

fn burst() -> BoxedStrategy<Burst> {
    let peak = prop_oneof![
        (1..=LIMITS.max_vus).prop_map(|vus| Peak::Vus { vus }),
        (1..=LIMITS.max_rate).prop_map(|rate| Peak::open(rate, None, None, LIMITS.max_vus)),
    ];
    let times = any::<(Millis, Option<Millis>, Option<Millis>, bool)>();
    (any::<u32>(), peak, [text(), text()], any::<u32>(), times, option::of(burst_end()))
        .prop_map(|(instance, peak, [target, message], duration_s, (asked_ms, started_ms, ended_ms, removing), end)| {
            Burst { instance, peak, target, duration_s, asked_ms, started_ms, ended_ms, removing, end, message }
        })
        .boxed()
}

pub fn run() -> BoxedStrategy<Run> {
    let state = prop_oneof![
        Just(RunState::Starting),
        Just(RunState::Running),
        Just(RunState::Stopping),
        verdict().prop_map(RunState::Finished),
    ];
    let crossing = any::<(Millis, Option<Millis>)>().prop_map(|(from_ms, to_ms)| Crossing { from_ms, to_ms });
    let crossings = collection::vec(crossing, 0..3);
    let observed = (threshold(), option::of(number()), any::<[Option<bool>; 2]>(), crossings)
        .prop_map(|(threshold, value, [ok, k6_ok], crossings)| Observed { threshold, value, ok, k6_ok, crossings });
    let times = any::<(Millis, Option<Millis>, Option<Millis>, Millis)>();
    let told = (collection::vec(observed, 0..3), collection::vec(burst(), 0..3), option::of(totals()));
    (run_id(), plan(), state, times, told, (labels(), text()))
        .prop_map(|(id, plan, state, times, (thresholds, bursts, totals), (labels, correlation_id))| {
            let (created_ms, started_ms, ended_ms, deadline_ms) = times;
            let regressions = plan.regression.iter().map(|limit| limit.judge(totals.as_ref(), None)).collect();
            let criteria = plan.stop_when.iter().copied().map(Watched::new).collect();
            Run {
                id,
                schedule: plan.schedule(),
                plan,
                state,
                created_ms,
                started_ms,
                ended_ms,
                deadline_ms,
                thresholds,
                totals,
                scenario: None,
                so_far: Vec::new(),
                stop_problem: None,
                bursts,
                criteria,
                regressions,
                labels,
                origin: Origin { door: "rest".into(), k6: correlation_id.clone(), ..Origin::default() },
                correlation_id,
            }
        })
        .boxed()
}

pub fn labels() -> impl Strategy<Value = Labels> {
    let labels = (text(), text(), collection::vec(text(), 0..3), any::<[bool; 2]>(), any::<Option<Millis>>());
    labels.prop_map(|(name, note, tags, [star, baseline], trashed_ms)| Labels {
        name,
        note,
        tags,
        star,
        baseline,
        trashed_ms,
    })
}

fn totals() -> impl Strategy<Value = Totals> {
    let service = (text(), number(), option::of(number())).prop_map(|(name, requests, p95_s)| ServiceTotals {
        name,
        requests,
        p95_s,
        ..ServiceTotals::default()
    });
    let statuses = collection::btree_map(text(), number(), 0..3);
    (option::of(number()), collection::vec(service, 0..3), statuses).prop_map(|(requests, services, statuses)| Totals {
        requests,
        services,
        statuses,
        ..Totals::default()
    })
}

pub fn service() -> impl Strategy<Value = Service> {
    let slo = option::of((number(), option::of(any::<u32>())));
    (text(), text(), text(), collection::vec(text(), 0..3), slo).prop_map(
        |(name, url, health_path, depends_on, slo)| Service {
            name,
            url,
            health_path,
            depends_on,
            slo: slo.map(|(availability, p95_ms)| Slo { availability, p95_ms }),
        },
    )
}

pub fn health() -> impl Strategy<Value = Health> {
    let silence = prop_oneof![Just(Silence::Refused), Just(Silence::BrokenOff), Just(Silence::Other)];
    prop_oneof![
        Just(Health::Unknown),
        number().prop_map(|latency_ms| Health::Up { latency_ms }),
        any::<u16>().prop_map(|status| Health::Degraded { status }),
        (text(), silence).prop_map(|(reason, why)| Health::Down { reason, why }),
    ]
}

fn process_state() -> impl Strategy<Value = ProcessState> {
    prop_oneof![
        Just(ProcessState::Starting),
        Just(ProcessState::Running),
        Just(ProcessState::Frozen),
        Just(ProcessState::Held),
        Just(ProcessState::Ended),
    ]
}

fn replica() -> impl Strategy<Value = ReplicaStatus> {
    let replica = (text(), text(), option::of(text()), option::of(text()))
        .prop_map(|(name, url, door, container)| Replica { name, url, door, container });
    let process = (process_state(), any::<Option<u32>>(), any::<Option<i32>>(), any::<u32>(), any::<Option<u32>>())
        .prop_map(|(state, pid, code, restarts, until)| ProcessStatus {
            state,
            since_ms: 7,
            until_ms: until.map(Millis::from),
            pid,
            code,
            restarts,
        });
    let gateway = (any::<bool>(), text(), option::of(number()), any::<u32>()).prop_map(|(up, check, share, queue)| {
        GatewayWord { up, since_ms: 7, check, share, queue: queue.into(), retries: 3 }
    });
    (replica, health(), any::<bool>(), option::of(process), option::of(gateway)).prop_map(
        |(replica, health, missed, process, gateway)| ReplicaStatus { replica, health, missed, process, gateway },
    )
}

pub fn status() -> impl Strategy<Value = Status> {
    let services = collection::vec((service(), health(), collection::vec(replica(), 0..3)), 0..3);
    let metrics =
        (option::of(text()), any::<bool>(), text(), option::of(text()), any::<Option<u32>>(), any::<Option<u32>>())
            .prop_map(|(url, reachable, problem, grafana, delayed_s, many_series)| MetricsStatus {
                url,
                reachable,
                problem,
                jaeger: grafana.clone(),
                grafana,
                delayed_s,
                many_series,
            });
    let breakers = collection::vec(breaker(), 0..3).prop_map(|all| Breakers { triggered: all.len() as u64, all });
    let told = (fault(), option::of(run()), cost()).prop_map(|(fault, run, cost)| FaultCost {
        fault: fault.id,
        run: run.map(|run| run.id),
        cost,
    });
    let faults = (collection::vec(fault(), 0..3), collection::vec(told, 0..2)).boxed();
    (option::of(run()), services, faults, text(), option::of(text()), any::<bool>(), metrics, breakers).prop_map(
        |(run, services, (faults, costs), note, k6_version, ready, metrics, breakers)| Status {
            run,
            faults,
            costs,
            breakers,
            services: services
                .into_iter()
                .map(|(service, health, replicas)| ServiceStatus {
                    service,
                    health,
                    missed: replicas.len() == 1,
                    replicas,
                })
                .collect(),
            engine: EngineStatus {
                name: "process".into(),
                k6_version,
                place: note.clone(),
                note,
                why: ready.then_some(EngineReason::Automatic),
                ready,
                image: None,
            },
            storage_problem: metrics.problem.clone(),
            metrics,
        },
    )
}

pub fn breaker() -> BoxedStrategy<Breaker> {
    let state = option::of(sample::select(BreakerState::ALL.to_vec()));
    let numbers = any::<([u64; 4], Option<Millis>)>();
    (text(), text(), text(), state, option::of(number()), numbers)
        .prop_map(|(service, replica, dependency, state, failure_share, (counts, last_change_ms))| {
            let [success, failure, rejected, opened] = counts;
            let calls = BreakerCalls { success, failure, rejected };
            Breaker { service, replica, dependency, state, failure_share, calls, opened, last_change_ms }
        })
        .boxed()
}

pub fn event() -> impl Strategy<Value = Event> {
    let kind =
        prop_oneof![
            run_id().prop_map(|run| EventKind::RunStarted { run }),
            run_id().prop_map(|run| EventKind::StopRequested { run }),
            option::of(run_id()).prop_map(|run| EventKind::EmergencyStop { run }),
            (run_id(), verdict()).prop_map(|(run, verdict)| EventKind::RunEnded { run, verdict }),
            run_id().prop_map(|run| EventKind::RunAdopted { run }),
            (run_id(), burst()).prop_map(|(run, Burst { instance, peak, target, duration_s, .. })| {
                EventKind::LoadAdded { run, instance, peak, target, for_s: duration_s }
            }),
            (run_id(), burst(), burst_end()).prop_map(|(run, Burst { instance, peak, message, .. }, end)| {
                EventKind::LoadRemoved { run, instance, peak, end, message }
            }),
            (text(), any::<bool>()).prop_map(|(threshold, ok)| EventKind::Threshold { threshold, ok }),
            (text(), option::of(number()), any::<bool>())
                .prop_map(|(threshold, value, ok)| EventKind::ThresholdDecided { threshold, value, ok }),
            (text(), health()).prop_map(|(service, health)| EventKind::Health { service, health }),
            breaker().prop_map(|breaker| EventKind::Breaker {
                service: breaker.service,
                replica: breaker.replica,
                dependency: breaker.dependency,
                state: breaker.state.unwrap_or(BreakerState::Closed),
            }),
            (text(), text(), health()).prop_map(|(service, replica, health)| EventKind::ReplicaHealth {
                service,
                replica,
                health
            }),
            (text(), text(), any::<bool>(), text())
                .prop_map(|(service, replica, up, check)| EventKind::GatewayServer { service, replica, up, check }),
            (text(), text(), process_state(), any::<Option<i32>>())
                .prop_map(|(service, replica, state, code)| EventKind::Process { service, replica, state, code }),
            (any::<u32>(), text()).prop_map(|(seconds, reason)| EventKind::MetricsDelayed { seconds, reason }),
            Just(EventKind::MetricsBack),
            fault().prop_map(|Fault { id, request, replicas, .. }| EventKind::FaultSet {
                fault: id,
                kind: request.kind,
                service: request.service,
                replicas,
                intensity: request.intensity,
                for_s: request.duration_s,
            }),
            (fault(), fault_end()).prop_map(|(Fault { id, request, replicas, .. }, why)| EventKind::FaultRestored {
                fault: id,
                kind: request.kind,
                service: request.service,
                replicas,
                why,
            }),
            (text(), plan_outcome()).prop_map(|(plan, outcome)| EventKind::PlanDue { plan, outcome }),
            (fault(), text()).prop_map(|(Fault { id, request, replicas, .. }, reason)| EventKind::FaultFailed {
                fault: id,
                kind: request.kind,
                service: request.service,
                replicas,
                reason,
            }),
        ];
    (any::<Millis>(), kind).prop_map(|(at_ms, kind)| Event { at_ms, kind })
}

fn plan_outcome() -> impl Strategy<Value = agenda::Outcome> {
    prop_oneof![
        run_id().prop_map(|run| agenda::Outcome::Started { run }),
        run_id().prop_map(|running| agenda::Outcome::Skipped { running }),
        any::<u32>().prop_map(|times| agenda::Outcome::Missed { times }),
        text().prop_map(|reason| agenda::Outcome::Failed { reason }),
    ]
}

fn fault_end() -> impl Strategy<Value = FaultEnd> {
    sample::select(vec![
        FaultEnd::Time,
        FaultEnd::Asked,
        FaultEnd::Guard,
        FaultEnd::Load,
        FaultEnd::Done,
        FaultEnd::Shutdown,
    ])
}

fn fault_request() -> impl Strategy<Value = FaultRequest> {
    let hypothesis = prop_oneof![
        number().prop_map(|share| Hypothesis::FailedBelow { share }),
        any::<u32>().prop_map(|seconds| Hypothesis::RecoveredWithin { seconds }),
    ];
    let guard = (number(), any::<u32>()).prop_map(|(failed_over, for_s)| Guard { failed_over, for_s });
    let kind = sample::select(FaultKind::ALL.to_vec());
    let plain = any::<(Option<u8>, Option<u32>, bool)>();
    (kind, text(), option::of(text()), plain, option::of(hypothesis), option::of(guard)).prop_map(
        |(kind, service, replica, (intensity, duration_s, even_last), hypothesis, guard)| FaultRequest {
            kind,
            service,
            replica,
            intensity,
            duration_s,
            even_last,
            hypothesis,
            guard,
        },
    )
}

pub fn fault() -> BoxedStrategy<Fault> {
    let state = prop_oneof![
        Just(FaultState::Setting),
        Just(FaultState::Active),
        fault_end().prop_map(|why| FaultState::Restoring { why }),
        fault_end().prop_map(|why| FaultState::Restored { why }),
        text().prop_map(|reason| FaultState::Failed { reason }),
    ];
    let id = "[a-z0-9-]{1,64}".prop_map(|id| id.parse::<FaultId>().unwrap());
    let times = any::<(Millis, Millis, [Option<Millis>; 3])>();
    (id, fault_request(), collection::vec(text(), 0..3), any::<u32>(), state, times, text())
        .prop_map(|(id, request, replicas, of_replicas, state, (asked_ms, until_ms, times), by)| {
            let [set_at_ms, restored_at_ms, healthy_again_ms] = times;
            Fault {
                id,
                request,
                replicas,
                of_replicas,
                state,
                asked_ms,
                set_at_ms,
                until_ms,
                restored_at_ms,
                healthy_again_ms,
                by,
            }
        })
        .boxed()
}

pub fn cost() -> BoxedStrategy<Cost> {
    let tally = || {
        [number(), number(), number(), number()].prop_map(|[seconds, valid, bad, dropped]| Tally {
            seconds,
            valid,
            bad,
            dropped,
        })
    };
    let outage = any::<(Millis, Millis, bool)>().prop_map(|(after_ms, length_ms, goes_on)| Outage {
        after_ms,
        length_ms,
        goes_on,
    });
    let numbers = || [option::of(number()), option::of(number()), option::of(number())];
    let outcome =
        prop_oneof![Just(Outcome::Held), Just(Outcome::Broken), Just(Outcome::Untold { why: Lack::ShortBaseline })];
    let counts = (tally(), option::of(tally()), option::of(outage), any::<bool>());
    let times = any::<[Option<Millis>; 5]>();
    (counts, times, numbers(), numbers(), option::of(outcome))
        .prop_map(|((span, until_recovered, outage, settled), times, latency, [lost, rate, run], outcome)| {
            let [recovered_ms, redundant_ms, degraded_ms, client_ms, breaker_ms] = times;
            let [before_s, during_s, after_s] = latency;
            Cost {
                settled,
                span,
                until_recovered,
                outage,
                degraded_ms,
                detection: Detection { client_ms, breaker_ms, ..Detection::default() },
                recovered_ms,
                calm_ms: recovered_ms,
                redundant_ms,
                lost,
                latency: Latency { before_s, during_s, after_s },
                budget: rate.zip(run).map(|(burn_rate, of_run)| Budget { burn_rate, of_run, of_30_days: of_run }),
                outcome,
                outage_by_load: outage,
                untold: vec![Untold { figure: Figure::DetectedByGateway, why: Lack::NotWatched }],
                away: client_ms.zip(breaker_ms).map(|(from_ms, to_ms)| Absence { from_ms, to_ms }),
            }
        })
        .boxed()
}

pub fn metric() -> impl Strategy<Value = Metric> {
    sample::select(METRICS.iter().map(|spec| spec.metric).collect::<Vec<_>>())
}

pub fn series_key() -> impl Strategy<Value = SeriesKey> {
    let dimension = sample::select(Dimension::ALL.iter().map(|(dimension, _)| *dimension).collect::<Vec<_>>());
    (metric(), option::of((dimension, text()))).prop_map(|(metric, part)| SeriesKey { metric, part })
}

pub fn frame() -> impl Strategy<Value = Frame> {
    let windows = (option::of(any::<u32>()), option::of(any::<u32>()));
    (any::<Millis>(), option::of(any::<Millis>()), windows, collection::btree_map(series_key(), number(), 0..6))
        .prop_map(|(at_ms, counted_ms, (rates_ms, percentiles_ms), values)| Frame {
            at_ms,
            counted_ms,
            rates_ms,
            percentiles_ms,
            values,
        })
}

pub fn history() -> impl Strategy<Value = History> {
    collection::vec(frame(), 0..6).prop_map(|frames| {
        let mut history = History::default();
        for frame in &frames {
            history.push(frame);
        }
        history
    })
}

pub fn cursor() -> impl Strategy<Value = Cursor> {
    any::<(u64, u64)>().prop_map(|(epoch, seq)| Cursor { epoch, seq })
}

pub fn snapshot() -> BoxedStrategy<Snapshot> {
    (cursor(), any::<Millis>(), status(), frame(), history(), collection::vec(event(), 0..4))
        .prop_map(|(cursor, now_ms, status, frame, history, events)| {
            let mut recent = Recent::default();
            recent.look(now_ms, &status.services);
            Snapshot { cursor, now_ms, status, frame, history, events, recent }
        })
        .boxed()
}

pub fn tick() -> BoxedStrategy<Tick> {
    (cursor(), any::<Millis>(), frame(), any::<bool>(), option::of(status()), collection::vec(event(), 0..4))
        .prop_map(|(cursor, now_ms, frame, record, status, events)| Tick {
            cursor,
            now_ms,
            frame,
            record,
            status,
            events,
        })
        .boxed()
}

pub fn script_input() -> impl Strategy<Value = ScriptInput> {
    (plan(), collection::vec(service(), 0..4))
        .prop_map(|(plan, services)| ScriptInput::new(&plan, plan.schedule().as_ref(), &services))
}

pub fn script() -> impl Strategy<Value = Script> {
    let kind = prop_oneof![
        Just(ScriptKind::Scheduled),
        Just(ScriptKind::Pending),
        (collection::vec(text(), 0..3), any::<(Option<u32>, u32)>(), own_end(), collection::vec(text(), 0..3))
            .prop_map(|(executors, (duration_s, max_vus), end, thresholds)| ScriptKind::Own {
                executors,
                duration_s,
                end,
                max_vus,
                thresholds
            }),
        text().prop_map(|message| ScriptKind::Broken { message }),
    ];
    (text(), kind).prop_map(|(name, kind)| Script { name, kind })
}

fn excess() -> impl Strategy<Value = Excess> {
    prop_oneof![
        any::<u32>().prop_map(|max_s| Excess::NoEnd { max_s }),
        any::<(u32, u32)>().prop_map(|(asked_s, max_s)| Excess::TooLong { asked_s, max_s }),
        any::<(u32, u32)>().prop_map(|(asked, max)| Excess::TooManyVus { asked, max }),
    ]
}

fn not_a_threshold() -> impl Strategy<Value = NotAThreshold> {
    let kind = || option::of(sample::select(vec![MetricKind::Trend, MetricKind::Rate, MetricKind::Counter]));
    prop_oneof![
        Just(NotAThreshold::NoRule),
        text().prop_map(|name| NotAThreshold::NotAMetric { name }),
        text().prop_map(|given| NotAThreshold::BadTags { given }),
        text().prop_map(|rule| NotAThreshold::NoComparison { rule }),
        (text(), text(), kind()).prop_map(|(metric, given, kind)| NotAThreshold::WrongStatistic {
            metric,
            given,
            kind
        }),
        (text(), text(), kind()).prop_map(|(metric, given, kind)| NotAThreshold::WrongLimit { metric, given, kind }),
        any::<u32>().prop_map(|most| NotAThreshold::TooMany { most }),
        text().prop_map(|message| NotAThreshold::Refused { message }),
    ]
}

pub fn field_error() -> impl Strategy<Value = FieldError> {
    let fields = Field::ALL;
    let list = || collection::vec(text(), 0..3);
    let problem = prop_oneof![
        Just(Problem::Missing),
        Just(Problem::NotAHypothesis),
        Just(Problem::NotAGuard),
        Just(Problem::OfWholeService),
        any::<(u32, u32)>().prop_map(|(min, max)| Problem::NotInRange { min, max }),
        any::<(u32, u32)>().prop_map(|(min_s, max_s)| Problem::NotADuration { min_s, max_s }),
        list().prop_map(|allowed| Problem::NotOneOf { allowed }),
        list().prop_map(|allowed| Problem::ModelNotForPattern { allowed }),
        (text(), option::of(any::<u32>()), option::of(not_a_threshold()))
            .prop_map(|(hint, line, fault)| { Problem::NotAThreshold { hint, line, fault } }),
        text().prop_map(|message| Problem::BrokenScript { message }),
        any::<u32>().prop_map(|most| Problem::NotAScriptName { most }),
        Just(Problem::NotUtf8),
        any::<u32>().prop_map(|most_bytes| Problem::TooLarge { most_bytes }),
        (text(), option::of(excess())).prop_map(|(hint, excess)| Problem::OwnOptionsTooLarge { hint, excess }),
    ];
    (sample::select(fields.to_vec()), text(), problem).prop_map(|(field, value, problem)| FieldError {
        field,
        value,
        problem,
    })
}

/// Any arguments of [`Schedule::new`], valid or not.
pub fn schedule_of_anything() -> impl Strategy<Value = Schedule> {
    let pattern = sample::select(Pattern::ALL.to_vec());
    (pattern, peak(), any::<u32>(), any::<Option<u32>>())
        .prop_map(|(pattern, peak, duration_s, ramp_s)| Schedule::new(pattern, peak, duration_s, ramp_s))
}
