use proptest::prelude::*;

use super::any;
use crate::domain::{grafana::run_url, run::Run};

proptest! {
    #[test]
    fn a_link_shows_the_run_and_its_time(mut run in any::run()) {
        let url = |run: &Run| run_url("http://grafana.test/sub", run);
        let start = format!("http://grafana.test/sub/d/ha-dashboard-run/load-test-run?var-testid={}", run.id);
        (run.created_ms, run.started_ms, run.ended_ms) = (100_000, None, None);
        prop_assert_eq!(url(&run), format!("{start}&from=95000&to=now"));
        (run.started_ms, run.ended_ms) = (Some(102_000), Some(162_000));
        prop_assert_eq!(url(&run), format!("{start}&from=97000&to=192000"));
        run.started_ms = Some(1);
        prop_assert_eq!(url(&run), format!("{start}&from=0&to=192000"));
    }
}
