//! A receiver of webhooks in the process. It keeps the requests that it gets and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    Status(u16),
    /// Waits for ever.
    Nothing,
    /// Closes the connection.
    Hangup,
    /// A status and a body of so many bytes.
    Long(u16, usize),
    /// A redirect to this address.
    Redirect(String),
    /// A status, and `Retry-After`.
    RetryAfter(u16, String),
    /// A status and a body.
    Text(u16, &'static str),
}

#[derive(Clone, Debug)]
pub struct Received {
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }
}

type Decide = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Shared {
    decide: Mutex<Arc<Decide>>,
    received: Mutex<Vec<Received>>,
    most_at_once: Mutex<(usize, usize)>,
}

#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let decide: Decide = Box::new(|_| Reply::Status(200));
        let shared = Arc::new(Shared {
            decide: Mutex::new(Arc::new(decide)),
            received: Mutex::default(),
            most_at_once: Mutex::default(),
        });
        let receiver = Self { address, shared };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn reply(&self, decide: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.shared.decide.lock().expect("a lock") = Arc::new(Box::new(decide));
    }

    pub fn always(&self, reply: Reply) {
        self.reply(move |_| reply.clone());
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("a lock").clone()
    }

    pub fn types(&self) -> Vec<String> {
        self.received().iter().map(Received::event_type).collect()
    }

    pub fn forget(&self) {
        self.shared.received.lock().expect("a lock").clear();
    }

    /// The most requests that were open at the same time.
    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once.lock().expect("a lock").1
    }

    async fn serve(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        while let Some(received) = next_request(&mut read).await {
            {
                let mut open = self.shared.most_at_once.lock().expect("a lock");
                *open = (open.0 + 1, open.1.max(open.0 + 1));
            }
            let decide = Arc::clone(&self.shared.decide.lock().expect("a lock"));
            let reply = decide(&received);
            self.shared.received.lock().expect("a lock").push(received);
            tokio::task::yield_now().await;
            let answer = match reply {
                Reply::Nothing => std::future::pending().await,
                Reply::Hangup => None,
                Reply::Status(status) => Some(response(status, "", "")),
                Reply::Long(status, length) => Some(response(status, "", &"x".repeat(length))),
                Reply::Redirect(to) => Some(response(301, &format!("location: {to}\r\n"), "")),
                Reply::RetryAfter(status, when) => {
                    Some(response(status, &format!("retry-after: {when}\r\n"), ""))
                }
                Reply::Text(status, text) => Some(response(status, "", text)),
            };
            self.shared.most_at_once.lock().expect("a lock").0 -= 1;
            let Some(answer) = answer else { return };
            if write.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn response(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

async fn next_request(read: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Received> {
    let mut line = String::new();
    if read.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    read.read_exact(&mut body).await.ok()?;
    Some(Received { target, headers, body: String::from_utf8(body).ok()? })
}
