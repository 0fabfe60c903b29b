//! A server behind a real socket, for tests of what comes before the first parsed request.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::harness::Server;
use crate::platform::http::serve::serve;
use crate::server;

pub struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Listening {
    pub async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel::<()>();
        let (app, dispatcher) = (server.app.clone(), server::dispatcher(&server.app));
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, dispatcher, &app.config.limits, stopped).await;
        });
        Self { address, stop, serving }
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    pub async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("the server reads");
        let mut answer = Vec::new();
        // A server that closes while bytes are still on their way may reset the connection.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.expect("it stops without a panic");
    }
}

/// Of an answer's first line; 0 where there is none.
pub fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
