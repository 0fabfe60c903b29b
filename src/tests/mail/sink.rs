//! A mail server in the process that stores received emails.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use std::time::Duration;

/// How the mail server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkBehavior {
    Accepts,
    NeverResponds,
    StopsAfterData,
    RejectsTemporarily,
    /// Rejects the first letter temporarily.
    RejectsFirst,
    RejectsPermanently,
}

#[derive(Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    text: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let mut head = self.text.lines().take_while(|line| !line.is_empty());
        head.find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    }

    /// The text of the email, without the soft line breaks of its encoding.
    pub fn text(&self) -> String {
        self.text.replace("=\r\n", "").replace("=3D", "=")
    }

    /// The path of the link to this server.
    pub fn link(&self) -> String {
        let text = self.text();
        let start = text.find("\r\nhttp://latchkey.test/").expect("a link on a line of its own");
        let link = text[start + 2..].lines().next().expect("a line");
        link.strip_prefix("http://latchkey.test").expect("our address").to_owned()
    }
}

pub struct Sink {
    url: String,
    letters: mpsc::UnboundedReceiver<Received>,
    calls: mpsc::UnboundedReceiver<()>,
}

impl Sink {
    pub async fn start() -> Self {
        Self::with(SinkBehavior::Accepts).await
    }

    pub async fn with(behavior: SinkBehavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let (letter, letters) = mpsc::unbounded_channel();
        let (call, calls) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut behavior = behavior;
            while let Ok((stream, _)) = listener.accept().await {
                let _ = call.send(());
                tokio::spawn(talk(stream, behavior, letter.clone()));
                if behavior == SinkBehavior::RejectsFirst {
                    behavior = SinkBehavior::Accepts;
                }
            }
        });
        Self { url, letters, calls }
    }

    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![("LATCHKEY_SMTP_URL", &self.url), ("LATCHKEY_MAIL_FROM", "Latchkey <keys@tidewater.example>")]
    }

    /// Waits for the next email.
    pub async fn letter(&mut self) -> Received {
        let next = tokio::time::timeout(Duration::from_secs(10), self.letters.recv());
        next.await.expect("a letter in time").expect("a letter")
    }

    pub fn letter_now(&mut self) -> Option<Received> {
        self.letters.try_recv().ok()
    }

    pub async fn was_called(&mut self) {
        let next = tokio::time::timeout(Duration::from_secs(10), self.calls.recv());
        next.await.expect("a call in time").expect("a call");
    }
}

async fn talk(stream: TcpStream, behavior: SinkBehavior, letters: mpsc::UnboundedSender<Received>) {
    if behavior == SinkBehavior::NeverResponds {
        let _stream = stream;
        return std::future::pending().await;
    }
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut say = async |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).await.is_ok();
    let (mut from, mut to) = (String::new(), Vec::new());
    say("220 sink").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let inner = |prefix: &str| {
            let rest = line.strip_prefix(prefix)?;
            Some(rest.split('>').next().unwrap_or_default().to_owned())
        };
        if let Some(sender) = inner("MAIL FROM:<") {
            from = sender;
            say("250 ok").await;
        } else if let Some(receiver) = inner("RCPT TO:<") {
            to.push(receiver);
            match behavior {
                SinkBehavior::RejectsTemporarily | SinkBehavior::RejectsFirst => say("450 later").await,
                SinkBehavior::RejectsPermanently => say("550 never").await,
                _ => say("250 ok").await,
            };
        } else if line == "DATA" {
            say("354 go on").await;
            let mut text = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                if line == "." {
                    break;
                }
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push_str("\r\n");
            }
            if behavior == SinkBehavior::StopsAfterData {
                return std::future::pending().await;
            }
            let _ = letters.send(Received { from: from.clone(), to: std::mem::take(&mut to), text });
            say("250 taken").await;
        } else if line == "QUIT" {
            say("221 bye").await;
            return;
        } else {
            say("250 ok").await;
        }
    }
}
