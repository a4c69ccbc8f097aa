//! The watch over a store that somebody else runs.

use std::time::Duration;

use serde::Deserialize;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    client::{Client, StoreError},
    version::{keeps_native_histograms, parse_number},
};
use crate::server::feed::StoreFeed;

/// Pause between looks while it answers, and while it does not.
const PAUSE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(2)];

const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct BuildInfo {
    version: String,
}

#[derive(Deserialize)]
struct Flags {
    #[serde(rename = "enable-feature", default)]
    features: String,
    #[serde(rename = "web.enable-remote-write-receiver", default)]
    receiver: String,
}

/// Looks at the store at `url` until `token` is cancelled.
pub async fn watch(url: String, feed: watch::Sender<StoreFeed>, token: CancellationToken) {
    let client = Client::new(reqwest::Client::new(), &url, TIMEOUT);
    loop {
        let before = feed.borrow().clone();
        let now = look(&client, &before).await;
        let pause = PAUSE[usize::from(now.url.is_none())];
        feed.send_if_modified(|before| {
            let changed = *before != now;
            if changed {
                tracing::info!(url = client.base(), problem = now.problem, "the metrics store changed");
                *before = now;
            }
            changed
        });
        tokio::select! {
            () = token.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

async fn look(client: &Client, before: &StoreFeed) -> StoreFeed {
    match client.value("vector(1)", None).await {
        Ok(_) => {}
        // Busy is not gone.
        Err(error @ StoreError::Timeout { .. }) if before.url.is_some() => {
            return StoreFeed { problem: error.to_string(), ..before.clone() };
        }
        Err(error) => {
            let problem = format!("{error}: start it, or set HAD_PROMETHEUS_URL to one that runs");
            return StoreFeed { problem, ..StoreFeed::default() };
        }
    }
    let version = get::<BuildInfo>(client, "buildinfo").await.and_then(|build| parse_number(&build.version));
    let flags = get::<Flags>(client, "flags").await;
    let by_flag = flags.as_ref().is_some_and(|flags| flags.features.contains("native-histograms"));
    let native_histograms = version.is_some_and(|version| keeps_native_histograms(version, by_flag));
    let problem = if flags.is_some_and(|flags| flags.receiver == "false") {
        "the metrics store takes no samples from k6: start it with --web.enable-remote-write-receiver"
    } else if !native_histograms {
        "the metrics store keeps no native histograms, so there are no percentiles: use Prometheus 3.8 or newer, or \
         2.40 to 3.7 with --enable-feature=native-histograms"
    } else {
        ""
    };
    StoreFeed { url: Some(client.base().to_owned()), problem: problem.into(), native_histograms }
}

/// A part of the status API, which not every store has.
async fn get<T: serde::de::DeserializeOwned>(client: &Client, part: &str) -> Option<T> {
    client.status::<Envelope<T>>(part).await.map(|envelope| envelope.data)
}
