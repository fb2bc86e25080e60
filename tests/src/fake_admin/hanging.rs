//! Proxies that take a connection and never end their answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How an answer begins that breaks off.
const BEGINNING: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{\"configs\": [";

/// Accepts connections for ever. Where it `begins` an answer, it stops in the middle of it.
pub(super) async fn run(listener: TcpListener, begins: bool) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(hang(stream, begins));
            }
            // The system may be short of files for a moment.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Holds a connection until the other side gives it up.
async fn hang(mut stream: TcpStream, begins: bool) {
    let mut request = [0; 4096];
    while stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
        if begins && stream.write_all(BEGINNING).await.is_err() {
            return;
        }
    }
}
