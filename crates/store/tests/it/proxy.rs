//! A proxy between us and the store that does to single requests what networks do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Pass,
    /// The connection breaks before the server has the request.
    DropBefore,
    /// The connection breaks when the server has done it.
    DropAfter,
    /// The server has half of it when the connection breaks.
    HalfRequest,
    /// The answer breaks off after so many bytes.
    Truncate(usize),
    /// The server gets it twice; we get the second answer.
    Repeat,
    /// The server never gets it, and no error is reported.
    SilentBefore,
    /// The server has done it, and no answer is sent.
    SilentAfter,
    /// A gateway answers for the server, which has never got it.
    BusyBefore,
    /// The server has done it, and a gateway says that it is busy.
    BusyAfter,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

struct State {
    upstream: SocketAddr,
    /// For the next requests, the last one first; then all pass.
    plan: Mutex<Vec<Fault>>,
    /// What came: method and path with its query.
    seen: Mutex<Vec<String>>,
}

impl Proxy {
    pub(crate) async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { upstream, plan: Mutex::default(), seen: Mutex::default() });
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&served);
                tokio::spawn(async move {
                    // A connection that breaks is what this is about.
                    drop(state.serve(client).await);
                });
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens to the next requests; to those after them nothing.
    pub(crate) fn plan(&self, faults: &[Fault]) {
        *self.state.plan.lock().unwrap() = faults.iter().rev().copied().collect();
        self.state.seen.lock().unwrap().clear();
    }

    /// What came since [`Self::plan`].
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// One request: each has a connection of its own, since its answer says that it is the last.
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let request = read_request(&mut client).await?;
        let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
        self.seen.lock().unwrap().push(line.rsplit_once(' ').map_or("", |(start, _)| start).to_owned());
        let fault = self.plan.lock().unwrap().pop().unwrap_or(Fault::Pass);
        let busy = b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        match fault {
            Fault::DropBefore => {}
            Fault::SilentBefore => wait_for_end(client).await,
            Fault::BusyBefore => client.write_all(busy).await?,
            Fault::HalfRequest => {
                let mut server = TcpStream::connect(self.upstream).await?;
                server.write_all(&request[..request.len() / 2]).await?;
            }
            Fault::Pass => client.write_all(&self.ask(&request).await?).await?,
            Fault::Repeat => {
                self.ask(&request).await?;
                client.write_all(&self.ask(&request).await?).await?;
            }
            Fault::DropAfter => drop(self.ask(&request).await?),
            Fault::Truncate(len) => {
                let answer = self.ask(&request).await?;
                client.write_all(&answer[..len.min(answer.len() - 1)]).await?;
            }
            Fault::BusyAfter => {
                self.ask(&request).await?;
                client.write_all(busy).await?;
            }
            Fault::SilentAfter => {
                self.ask(&request).await?;
                wait_for_end(client).await;
            }
        }
        Ok(())
    }

    async fn ask(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(self.upstream).await?;
        // A server that refuses the request for its head reads no body: then both break off, after the answer.
        let sent = server.write_all(request).await;
        let mut answer = Vec::new();
        let read = server.read_to_end(&mut answer).await;
        if answer.is_empty() { sent.and(read).map(|_| answer) } else { Ok(answer) }
    }
}

/// Until the other side has given up.
async fn wait_for_end(mut client: TcpStream) {
    let mut byte = [0];
    while matches!(client.read(&mut byte).await, Ok(1)) {}
}

/// A whole request, with a header that makes the answer the connection's last.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    assert!(!text.contains("transfer-encoding"), "{text}");
    let body =
        text.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
    while request.len() < head + 4 + body {
        if client.read_buf(&mut request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    request.splice(head..head, *b"\r\nconnection: close");
    Ok(request)
}
