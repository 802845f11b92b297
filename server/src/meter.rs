//! Counts what the server does, for Prometheus to read at `/metrics`.
//!
//! One recorder per server and none for the process, so that two servers in one process (as in
//! tests) do not count together.

use crate::state::App;
use crate::store::Store;
use app::domain::UploadState;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use metrics_facade::{
    counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const REQUESTS: &str = "evenhand_http_requests_total";
const SECONDS: &str = "evenhand_http_request_duration_seconds";
const UPLOADS: &str = "evenhand_uploads_total";
const SETTLED: &str = "evenhand_uploads_settled_total";
const WAITING: &str = "evenhand_uploads_waiting";
const AUDIT: &str = "evenhand_audit_entries";
const CONNECTIONS: &str = "evenhand_database_connections";
const BUILD: &str = "evenhand_build_info";

/// From a page out of memory to a million rows read.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Cheap to clone.
#[derive(Clone)]
pub struct Meter {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Default for Meter {
    fn default() -> Self {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), &BUCKETS)
            .expect("the list of buckets is not empty");
        let recorder = builder.build_recorder();
        let meter = Self { handle: recorder.handle(), recorder: Arc::new(recorder) };
        meter.with(|| {
            describe_counter!(REQUESTS, "Requests answered, by route, method and status");
            describe_histogram!(SECONDS, "Time to the head of the answer, by route and method");
            describe_counter!(UPLOADS, "Uploads, by how they were answered");
            describe_counter!(SETTLED, "Uploads read after the answer, by what became of them");
            describe_gauge!(WAITING, "Uploads of all servers that are answered and not read yet");
            describe_gauge!(AUDIT, "Entries in the audit log");
            describe_gauge!(CONNECTIONS, "Connections to the database, by pool and state");
            describe_gauge!(BUILD, "Always 1; the version is a label");
            gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            // There from the start, so that the first refusal shows as a rise.
            for outcome in ["accepted", "refused", "failed"] {
                counter!(UPLOADS, "outcome" => outcome).absolute(0);
            }
            for state in UploadState::ALL.iter().filter(|it| **it != UploadState::Waiting) {
                counter!(SETTLED, "state" => state.as_str()).absolute(0);
            }
        });
        meter
    }
}

impl Meter {
    fn with<T>(&self, run: impl FnOnce() -> T) -> T {
        metrics_facade::with_local_recorder(&*self.recorder, run)
    }

    fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        self.with(|| {
            let (route, method) = (route.to_owned(), method.to_owned());
            histogram!(SECONDS, "route" => route.clone(), "method" => method.clone())
                .record(took.as_secs_f64());
            if method == "POST" && is_upload(&route) {
                let outcome = match status {
                    200..=399 => "accepted",
                    400..=499 => "refused",
                    _ => "failed",
                };
                counter!(UPLOADS, "outcome" => outcome).increment(1);
            }
            counter!(REQUESTS, "route" => route, "method" => method, "status" => status.to_string())
                .increment(1);
        });
    }

    /// Counts an upload that was read after it was answered.
    pub fn settled(&self, state: UploadState) {
        self.with(|| counter!(SETTLED, "state" => state.as_str()).increment(1));
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn render(&self, store: &Store) -> crate::Result<String> {
        let entries = store.audit_head().await?.size;
        let waiting = store.uploads_under_way().await?;
        let pools: Vec<(&'static str, u32, usize)> = match store {
            Store::Sqlite { read, write } => vec![
                ("read", read.size(), read.num_idle()),
                ("write", write.size(), write.num_idle()),
            ],
            Store::Postgres(pool) => vec![("all", pool.size(), pool.num_idle())],
        };
        self.with(|| {
            gauge!(AUDIT).set(entries as f64);
            gauge!(WAITING).set(waiting as f64);
            for (pool, size, idle) in pools {
                let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(size);
                gauge!(CONNECTIONS, "pool" => pool, "state" => "idle").set(f64::from(idle));
                gauge!(CONNECTIONS, "pool" => pool, "state" => "busy").set(f64::from(size - idle));
            }
        });
        self.handle.run_upkeep();
        Ok(self.handle.render())
    }
}

/// Whether a route takes uploads.
fn is_upload(route: &str) -> bool {
    route.ends_with("/runs") || route.ends_with("/predictions") || route.ends_with("/upload")
}

/// Counts and times every request under its route's pattern: what is asked for is not a label,
/// because anybody could make up any number of them.
pub async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = if crate::http::is_known(&method) { method.as_str() } else { "other" };
    app.meter.answered(route, method, response.status().as_u16(), started.elapsed());
    response
}
