//! Serves the router until told to stop, then finishes what it began.

use crate::audit::By;
use crate::audit::Entry;
use crate::error::{Error, Result};
use crate::http::router;
use crate::state::App;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

/// A client has this long to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests under way have this long to end once the server was told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// Connections served at once; more wait in the system's queue.
const CONNECTIONS: usize = 4096;

/// Serves until `stop` resolves. Prints `listening on http://HOST:PORT` once it answers, and then a
/// word of welcome.
pub async fn serve(app: App, welcome: &str, stop: impl Future<Output = ()>) -> Result<()> {
    app.config.refuse().map_err(Error::Internal)?;
    let listener = TcpListener::bind(app.config.listen).await?;
    let address = listener.local_addr()?;
    let _ = app.base_url.set(app.config.base_url(address));
    note(&app, "server.started").await?;
    announce(address, welcome)?;
    if let Some(link) = crate::actions::setup_link(&app).await? {
        // Past the log's filter and format: without this line nobody gets in.
        let told = format!("nobody has an account yet; within the hour, set up here: {link}");
        writeln!(std::io::stderr(), "evenhand: {told}")?;
    }

    crate::actions::take_upload::resume(&app).await?;
    let housekeeping = tokio::spawn(housekeep(app.clone()));
    let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 << 10);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100);

    tokio::pin!(stop);
    loop {
        let place = room.clone().acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a peer that was gone at once: neither lasts.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let make = service.clone();
        let Ok(service) = make.oneshot(peer).await;
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }

    app.accepting.store(false, Ordering::SeqCst);
    drop(listener);
    housekeeping.abort();
    tracing::info!("stopping: finishing the requests under way");
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    note(&app, "server.stopped").await?;
    app.store.close().await;
    Ok(())
}

/// Says in the audit log that the server started or stopped, and signs the log.
async fn note(app: &App, action: &'static str) -> Result<()> {
    let mut tx = app.store.begin(&By::SERVER, &app.clock).await?;
    tx.note(
        Entry::new(action, "server", &app.origin)
            .after(json!({ "version": env!("CARGO_PKG_VERSION") })),
    );
    tx.commit().await?;
    app.checkpoint().await?;
    Ok(())
}

/// What must be done now and then: sign the log, forget what has expired.
async fn housekeep(app: App) {
    let mut hourly = tokio::time::interval(Duration::from_hours(1));
    hourly.tick().await;
    loop {
        hourly.tick().await;
        let now = crate::clock::micros(app.clock.now());
        if let Err(error) = app.checkpoint().await {
            tracing::error!(%error, "the audit log could not be signed");
        }
        if let Err(error) = app.store.sweep_sessions(now).await {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
        if let Err(error) = app.store.sweep_failed_logins(now).await {
            tracing::warn!(%error, "old failed log-ins could not be removed");
        }
        if let Err(error) = app.store.sweep_links(now).await {
            tracing::warn!(%error, "expired links could not be removed");
        }
        if let Err(error) = app.store.sweep_idempotency_keys(now).await {
            tracing::warn!(%error, "old Idempotency-Keys could not be removed");
        }
        if let Err(error) = app.store.sweep_request_counts(now / 60_000_000).await {
            tracing::warn!(%error, "counts of requests could not be removed");
        }
        if let Err(error) = app.store.sweep_rows(now).await {
            tracing::warn!(%error, "rows that were kept long enough could not be removed");
        }
        if let Err(error) = crate::actions::take_upload::give_up(&app).await {
            tracing::warn!(%error, "uploads whose file is gone could not be settled");
        }
        if let Err(error) = crate::actions::take_upload::remove_strays(&app).await {
            tracing::warn!(%error, "files that belong to no upload could not be removed");
        }
        // Runs go stale and waivers end without anybody's doing.
        crate::actions::findings::refresh_after(&app, None).await;
    }
}

/// The first line is the one that scripts wait for.
fn announce(address: SocketAddr, welcome: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "listening on http://{address}")?;
    out.write_all(welcome.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Resolves on Ctrl-C or SIGTERM. A second one ends the process at once: whoever asks twice does
/// not want to wait, and nothing that was acknowledged is lost by it.
///
/// Signals are caught from this call on, not from the first poll: one that comes while the server
/// starts is not lost, and does not kill it half way.
pub fn told_to_stop() -> impl Future<Output = ()> {
    let signals = Signals::new();
    async move {
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(error) => {
                tracing::warn!(%error, "signals cannot be caught: only kill -9 ends this server");
                return std::future::pending().await;
            }
        };
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("told to stop again: not waiting for anything");
            std::process::exit(STOPPED_TWICE);
        });
    }
}

/// Exit code after a second signal: 128 + SIGINT, as shells have it.
const STOPPED_TWICE: i32 = 130;

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
