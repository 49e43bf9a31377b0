//! What is measured, for `/metrics`. Times are in seconds.

use std::sync::OnceLock;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;

const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// The process's recorder. There is one, however many servers run in it.
pub fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(
                    Matcher::Full("headwater_items".into()),
                    &[0.0, 1.0, 10.0, 20.0, 50.0, 100.0, 1000.0],
                )
            })
            .expect("there are buckets");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder of the process's own stays; then /metrics is empty.
        let _ = metrics::set_global_recorder(recorder);
        describe();
        handle
    })
}

fn describe() {
    describe_histogram!("headwater_first_item_seconds", "From a request for a stream to its first rows");
    describe_histogram!("headwater_complete_seconds", "From a request for a stream to the end of its page");
    describe_histogram!("headwater_request_seconds", "From a request for a page to its answer");
    describe_histogram!("headwater_items", "Items of a page");
    describe_counter!("headwater_cache_total", "Pages asked for, by whether they were kept");
    describe_counter!("headwater_problems_total", "Requests that were refused or failed, by code");
    describe_gauge!("headwater_live_clients", "Streams that are following changes");
    describe_gauge!("headwater_freshness_seconds", "The age of the newest batch when its entries were told");
    describe_gauge!("headwater_position", "The newest position of the log");
    describe_gauge!("headwater_pool_connections", "Open connections to the database, by whether they are idle");
    describe_gauge!("headwater_cache_bytes", "Bytes of kept pages");
}

/// What is measured of one route. Names are looked up once, not for each request.
#[derive(Debug)]
pub struct Meters {
    first_item: Histogram,
    complete: Histogram,
    request: Histogram,
    items: Histogram,
    hits: Counter,
    misses: Counter,
    live: Gauge,
}

impl Meters {
    /// Those of the route with this path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        recorder();
        let route = || path.to_owned();
        Self {
            first_item: histogram!("headwater_first_item_seconds", "route" => route()),
            complete: histogram!("headwater_complete_seconds", "route" => route()),
            request: histogram!("headwater_request_seconds", "route" => route()),
            items: histogram!("headwater_items", "route" => route()),
            hits: counter!("headwater_cache_total", "route" => route(), "result" => "hit"),
            misses: counter!("headwater_cache_total", "route" => route(), "result" => "miss"),
            live: gauge!("headwater_live_clients", "route" => route()),
        }
    }

    /// The first rows of a stream were sent.
    pub fn first_item(&self, began: Instant) {
        self.first_item.record(began.elapsed());
    }

    /// A stream's page was sent.
    pub fn complete(&self, began: Instant, items: usize) {
        self.complete.record(began.elapsed());
        self.items.record(items as f64);
    }

    /// A page was answered.
    pub fn answered(&self, began: Instant, items: usize) {
        self.request.record(began.elapsed());
        self.items.record(items as f64);
    }

    /// A page was asked for.
    pub fn cache(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.increment(1);
    }

    /// Counts a stream for as long as it lives.
    #[must_use]
    pub fn live(&self) -> impl Drop + Send + use<> {
        struct Live(Gauge);
        impl Drop for Live {
            fn drop(&mut self) {
                self.0.decrement(1.0);
            }
        }
        self.live.increment(1.0);
        Live(self.live.clone())
    }
}

/// A request was refused or failed.
pub fn problem(code: u16) {
    counter!("headwater_problems_total", "code" => format!("HW{code:04}")).increment(1);
}
