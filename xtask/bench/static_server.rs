//! The limit of a request: a server that reads a head and answers with fixed bytes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{Says, Server};

pub(crate) const NAME: &str = "static answer";

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";

/// Starts this program again as that server.
pub(crate) fn start() -> Result<Server> {
    let own = std::env::current_exe().context("failed to find the path of this program")?;
    Server::start(Command::new(own).arg("--serve-static"), &Says::OnStdout)
}

/// Serves for ever on a free port, a thread per connection.
pub(crate) fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("failed to listen")?;
    println!("Serving http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream.context("failed to accept a connection")?;
        // A client that went away is no failure of the server's.
        std::thread::spawn(|| drop(answer(stream)));
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            stream.write_all(ANSWER)?;
            filled = 0;
        }
    }
}
