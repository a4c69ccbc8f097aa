use super::story;
use crate::domain::{
    frame::History,
    live::Status,
    picture::Kept,
    run::Run,
    service::{Health, Service, ServiceStatus},
};

fn status(healths: &[Health]) -> Status {
    let shop = Service::new("shop", "http://shop");
    let service =
        |health: &Health| ServiceStatus { health: health.clone(), ..ServiceStatus::unknown(shop.clone(), &[]) };
    Status { services: healths.iter().map(service).collect(), ..Status::default() }
}

fn kept(run: &Run, status: &Status) -> Kept {
    Kept::of(run, status, &History::default(), &[], None).unwrap()
}

#[test]
fn a_run_keeps_how_the_services_were_at_its_end() {
    let run = story::run(&[]);
    let (fine, broken) = (status(&[Health::Up { latency_ms: 3.0 }]), status(&[Health::Degraded { status: 503 }]));
    let mut known = kept(&run, &fine);
    // Whoever looks later sees how they are by then.
    known.learn(kept(&run, &broken));
    assert_eq!(known.clone().picture(run.clone(), &broken).snapshot.status.services, fine.services);
    // What was kept before anybody noted that shows how they are.
    let old = Kept { services: vec![], ..known };
    assert_eq!(old.picture(run, &broken).snapshot.status.services, broken.services);
}
