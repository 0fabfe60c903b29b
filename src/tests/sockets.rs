//! A server behind a real socket, for tests of connections and of what comes before the first parsed request.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::harness::Server;
use crate::platform::http::serve::serve;

/// A timeout that no test reaches.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct ListeningServer {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl ListeningServer {
    pub async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel::<()>();
        let (dispatcher, limits) = (server.dispatcher(), server.app.config.limits.clone());
        let serving = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, dispatcher, &limits, stopped).await;
        });
        Self { address, stop, serving }
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    pub async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("the server reads");
        let mut response = Vec::new();
        // A server that closes while bytes are still on their way may reset the connection.
        let _ = stream.read_to_end(&mut response).await;
        String::from_utf8_lossy(&response).into_owned()
    }

    /// Sends a request on a new connection, which buffers little.
    pub async fn request(&self, path: &str, cookies: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let mut stream = socket.connect(self.address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: latchkey.test\r\ncookie: {cookies}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request");
        stream
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.serving).await.expect("it stops").expect("it stops without a panic");
    }
}

/// Of an answer's first line; 0 where there is none.
pub fn status_of(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
