//! Lanes: threads that serve connections, one connection each as long as there are enough of them.
//!
//! A lane runs its connection, the guest and SQLite on one thread, so that a request costs one wake-up. SQLite blocks,
//! but only the connection whose request waits for it anyway. Handing each statement, or each request, to a pool of
//! blocking threads costs several wake-ups per request instead.
//!
//! ```text
//! accept ──┬── lane 1: connection, guest, SQLite
//!          ├── lane 2: …
//!          ├── lane n
//!          └── the shared lane: all further connections; their guests run on threads of their own
//! ```
//!
//! The shared lane never blocks, so that a probe is answered however many connections there are.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::app::App;
use crate::connections::{Connection, Connections};
use crate::handler::Place;
use crate::limits::PROBES;
use crate::router;

/// How long a client may take to send a request's head, and how long a connection may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// The most that a connection reads ahead, in bytes: a URL of up to 65,534 bytes and its headers.
const HEAD_BYTES: usize = 128 << 10;

/// How long requests may go on after the signal to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

type Accepted = (std::net::TcpStream, Arc<Connection>);

/// The lanes that have been started so far.
pub(crate) struct Lanes {
    app: Arc<App>,
    connections: Arc<Connections>,
    lanes: Vec<Lane>,
    shared: Option<Lane>,
    most: usize,
    /// Held by every lane; closed when the last one has ended.
    alive: mpsc::Sender<Infallible>,
    ended: mpsc::Receiver<Infallible>,
}

struct Lane {
    connections: UnboundedSender<Accepted>,
    open: Arc<AtomicUsize>,
}

impl Lanes {
    /// No lane yet, and never more than `most`; connections never more than so many.
    pub(crate) fn new(app: App, most: usize, connections: usize) -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self {
            app: Arc::new(app),
            connections: Connections::new(connections),
            lanes: Vec::new(),
            shared: None,
            most,
            alive,
            ended,
        }
    }

    /// Gives the connection to a lane that has none, else to a new lane, else to the one that many share.
    ///
    /// # Errors
    /// The machine refuses a thread or a descriptor; the connection is closed then.
    pub(crate) fn serve(&mut self, stream: std::net::TcpStream, client: SocketAddr) -> Result<()> {
        let accepted = (stream, self.connections.open(client));
        let free = self.lanes.iter().position(|lane| lane.open.load(Ordering::Relaxed) == 0);
        let lane = match free {
            Some(free) => &self.lanes[free],
            None if self.lanes.len() < self.most => {
                let name = format!("lane-{}", self.lanes.len());
                self.lanes.push(start(self.app.clone(), name, Place::Here, self.most, self.alive.clone())?);
                self.lanes.last().context("no lane")?
            }
            None => match &mut self.shared {
                Some(lane) => lane,
                empty => {
                    let name = "lane-shared".to_owned();
                    empty.insert(start(self.app.clone(), name, Place::Apart, self.most, self.alive.clone())?)
                }
            },
        };
        lane.open.fetch_add(1, Ordering::Relaxed);
        lane.connections.send(accepted).context("failed to reach a lane")
    }

    /// Closes idle connections and waits for the others. `false` if some did not end within [`GRACE`].
    pub(crate) async fn stop(self) -> bool {
        let Self { lanes, shared, alive, mut ended, .. } = self;
        drop((lanes, shared, alive));
        // A lane that SQLite blocks sees the end of its own grace late.
        tokio::time::timeout(GRACE + Duration::from_secs(1), ended.recv()).await.is_ok()
    }
}

fn start(app: Arc<App>, name: String, place: Place, most: usize, alive: mpsc::Sender<Infallible>) -> Result<Lane> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let open = Arc::new(AtomicUsize::new(0));
    // Guests on threads of their own: as many as there are instances.
    let threads = most + PROBES as usize;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(threads).build().context("failed to start a lane")?;
    let run = {
        let open = open.clone();
        move || {
            runtime.block_on(run(app, place, receiver, open));
            drop(alive);
        }
    };
    std::thread::Builder::new().name(name).spawn(run).context("failed to start a lane")?;
    Ok(Lane { connections: sender, open })
}

/// Serves until the sender of connections is gone.
async fn run(app: Arc<App>, place: Place, mut accepted: UnboundedReceiver<Accepted>, open: Arc<AtomicUsize>) {
    let connections = GracefulShutdown::new();
    while let Some((stream, connection)) = accepted.recv().await {
        let ended = Ended(open.clone());
        match TcpStream::from_std(stream) {
            Ok(stream) => connect(stream, connection, app.clone(), place, &connections, ended),
            Err(error) => tracing::error!("failed to take a connection: {error}"),
        }
    }
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("stopped with a request unfinished after {} s", GRACE.as_secs());
    }
}

/// Counts a connection out when it has ended.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn connect(
    stream: TcpStream,
    connection: Arc<Connection>,
    app: Arc<App>,
    place: Place,
    connections: &GracefulShutdown,
    ended: Ended,
) {
    // Answers are written whole: waiting for more to send would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("failed to set TCP_NODELAY: {error}");
    }
    let serving = connection.clone();
    let service = service_fn(move |request| {
        let (app, connection) = (app.clone(), serving.clone());
        async move { Ok::<_, Infallible>(router::answer(app, connection, request, place).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES);
    let served = connections.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        tokio::select! {
            result = served => if let Err(error) = result {
                tracing::debug!("connection ended: {error}");
            },
            () = connection.unwanted() => tracing::debug!("an idle connection is closed for a new one"),
        }
        drop((connection, ended));
    });
}
