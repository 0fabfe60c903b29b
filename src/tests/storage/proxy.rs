//! A proxy on loopback in front of a test's PostgreSQL. It can stop forwarding, as a frozen server does.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

pub struct Proxy {
    is_frozen: watch::Sender<bool>,
    /// Ends with the proxy, and every connection with it.
    _connections: JoinSet<()>,
}

impl Proxy {
    /// Listens at a port for the server of an address.
    pub async fn listen(port: u16, server: &Url) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
        let server = (server.host_str().expect("a host").to_owned(), server.port().expect("a port"));
        let is_frozen = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let is_frozen = is_frozen.clone();
            async move {
                let mut connections = JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    let (server, is_frozen) = (server.clone(), is_frozen.subscribe());
                    connections.spawn(async move {
                        let Ok(server) = TcpStream::connect(server).await else { return };
                        let ((from_client, to_client), (from_server, to_server)) =
                            (client.into_split(), server.into_split());
                        tokio::select! {
                            () = forward(from_client, to_server, is_frozen.clone()) => {}
                            () = forward(from_server, to_client, is_frozen) => {}
                        }
                    });
                }
            }
        });
        Self { is_frozen, _connections: tasks }
    }

    pub fn freeze(&self) {
        self.is_frozen.send_replace(true);
    }

    pub fn thaw(&self) {
        self.is_frozen.send_replace(false);
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_frozen: watch::Receiver<bool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut bytes).await {
        if length == 0 || is_frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// A port at which nobody listens.
pub async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The address of the same database at another port.
pub fn at_port(address: &Url, port: u16) -> String {
    let mut address = address.clone();
    address.set_port(Some(port)).expect("an address with a host");
    address.into()
}
