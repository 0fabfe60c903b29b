//! A proxy on loopback in front of a test's PostgreSQL. It can stop forwarding, as a frozen server does.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

pub struct Proxy {
    faults: watch::Sender<ProxyFaults>,
    /// Ends with the proxy, and every connection with it.
    _connections: JoinSet<()>,
}

#[derive(Default)]
struct ProxyFaults {
    is_frozen: bool,
    /// Connections with these numbers forward nothing any more.
    silenced: BTreeSet<usize>,
    /// Connections on which the server has not answered yet.
    waiting: BTreeSet<usize>,
    /// The number of the newest connection.
    newest: usize,
}

impl Proxy {
    /// Listens at a port for the server of an address.
    pub async fn listen(port: u16, server: &Url) -> Self {
        let listener = bound(port).await;
        let server = (server.host_str().expect("a host").to_owned(), server.port().expect("a port"));
        let faults = watch::Sender::new(ProxyFaults::default());
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let faults = faults.clone();
            async move {
                let mut connections = JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    faults.send_modify(|faults| faults.newest += 1);
                    let (server, number, faults) = (server.clone(), faults.borrow().newest, faults.clone());
                    connections.spawn(async move {
                        let Ok(server) = TcpStream::connect(server).await else { return };
                        let ((from_client, to_client), (from_server, to_server)) =
                            (client.into_split(), server.into_split());
                        tokio::select! {
                            () = forward(from_client, to_server, number, &faults, true) => {}
                            () = forward(from_server, to_client, number, &faults, false) => {}
                        }
                    });
                }
            }
        });
        Self { faults, _connections: tasks }
    }

    pub fn freeze(&self) {
        self.faults.send_modify(|faults| faults.is_frozen = true);
    }

    pub fn thaw(&self) {
        self.faults.send_modify(|faults| faults.is_frozen = false);
    }

    /// The connections that are open now die without a sign; new ones work.
    pub fn silence_open(&self) {
        self.faults.send_modify(|faults| faults.silenced = (1..=faults.newest).collect());
    }

    /// The connections on which a statement waits now die without a sign; all others work.
    pub fn silence_waiting(&self) {
        self.faults.send_modify(|faults| faults.silenced = faults.waiting.clone());
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: usize,
    faults: &watch::Sender<ProxyFaults>,
    is_to_server: bool,
) {
    let forwards = |faults: &ProxyFaults| !faults.is_frozen && !faults.silenced.contains(&number);
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut bytes).await {
        if length == 0 || faults.subscribe().wait_for(forwards).await.is_err() {
            return;
        }
        faults.send_if_modified(|faults| {
            if is_to_server {
                faults.waiting.insert(number);
            } else {
                faults.waiting.remove(&number);
            }
            false
        });
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// A proxy that listened there before is dropped with its tasks, which takes a moment.
async fn bound(port: u16) -> TcpListener {
    let bound = async {
        loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), bound).await.expect("the port is free")
}

/// A port that nobody listens at. It lies below those that the system chooses for connections, so that none takes it while
/// no proxy listens.
pub async fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return port;
        }
    }
}

/// The address of the same database at another port.
pub fn at_port(address: &Url, port: u16) -> String {
    let mut address = address.clone();
    address.set_port(Some(port)).expect("an address with a host");
    address.into()
}
