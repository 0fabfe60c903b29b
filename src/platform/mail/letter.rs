//! A letter is an email with a few paragraphs and one link. Its plain text and its HTML are built from the same parts.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use crate::shared::Timestamp;

/// Has no `Debug`, because its link may be a secret.
#[derive(Clone)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    paragraphs: Vec<String>,
    /// Label and address.
    link: Option<(String, String)>,
    /// The paragraphs after the link.
    closing: Vec<String>,
}

impl Letter {
    pub fn new(to: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            subject: subject.into(),
            paragraphs: Vec::new(),
            link: None,
            closing: Vec::new(),
        }
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn paragraph(mut self, text: impl Into<String>) -> Self {
        let paragraphs = if self.link.is_some() { &mut self.closing } else { &mut self.paragraphs };
        paragraphs.push(text.into());
        self
    }

    #[must_use]
    pub fn link(mut self, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.link = Some((label.into(), url.into()));
        self
    }

    pub(super) fn message(
        &self,
        sender: &Mailbox,
        id: &str,
        now: Timestamp,
    ) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
        let to: Address = self.to.parse()?;
        let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = Message::builder()
            .from(sender.clone())
            .to(Mailbox::new(None, to))
            .subject(self.subject.as_str())
            .date(date)
            .message_id(Some(format!("<{id}@{}>", sender.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(self.text(), self.html()))?;
        Ok(message)
    }

    fn text(&self) -> String {
        let mut parts = self.paragraphs.clone();
        if let Some((label, url)) = &self.link {
            parts.push(format!("{label}:\n{url}"));
        }
        parts.extend(self.closing.iter().cloned());
        parts.join("\n\n") + "\n"
    }

    fn html(&self) -> String {
        let paragraph = |text: &String| format!("<p style=\"margin:0 0 16px\">{}</p>\n", escaped(text));
        let mut body: String = self.paragraphs.iter().map(paragraph).collect();
        if let Some((label, url)) = &self.link {
            let (label, url) = (escaped(label), escaped(url));
            body.push_str(&format!(
                "<p style=\"margin:24px 0\"><a href=\"{url}\" style=\"background:#1d2327;color:#fff;padding:10px \
                 16px;border-radius:5px;text-decoration:none;display:inline-block\">{label}</a></p>\n\
                 <p style=\"margin:0 0 16px;font-size:13px;color:#555\">Or open this address:<br>{url}</p>\n"
            ));
        }
        body.extend(self.closing.iter().map(paragraph));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"font:15px/1.5 system-ui,sans-serif;color:#1d2327;max-width:34em;margin:0;padding:24px\">\n\
             {body}</body>\n</html>\n",
            escaped(&self.subject)
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(name: &str) -> Letter {
        Letter::new("bob@x.example", format!("{name} invites you"))
            .paragraph(format!("{name} invites you."))
            .link("Join", "https://keys.example/invite/a&b")
            .paragraph("If you did not expect this, do nothing.")
    }

    fn formatted(letter: &Letter) -> Result<String, String> {
        let sender: Mailbox = "Latchkey <keys@example.com>".parse().expect("a sender");
        let message = letter.message(&sender, "id", Timestamp::from_millis(1_795_168_800_000));
        let message = message.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(message.formatted()).expect("seven bits"))
    }

    #[test]
    fn text_and_html_say_the_same() {
        let letter = letter("Alice");
        assert_eq!(
            letter.text(),
            "Alice invites you.\n\nJoin:\nhttps://keys.example/invite/a&b\n\nIf you did not expect this, do nothing.\n"
        );
        let html = letter.html();
        assert!(
            html.contains("href=\"https://keys.example/invite/a&amp;b\"")
                && html.contains("Alice invites you.")
        );
    }

    #[test]
    fn names_can_write_neither_headers_nor_markup() {
        let letter = letter("<b>\"Eve\"</b>\r\nBcc: all@x.example");
        assert!(!letter.html().contains("<b>"));
        let mail = formatted(&letter).expect("a letter");
        let head = mail.split("\r\n\r\n").next().expect("a head");
        assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
        assert!(
            head.contains("Auto-Submitted: auto-generated")
                && head.contains("Date: Fri, 20 Nov 2026 10:00:00")
        );
        assert!(formatted(&Letter::new("no address", "x")).is_err());
        assert!(formatted(&Letter::new("a@b\r\nRCPT TO:<c@d>", "x")).is_err());
    }

    #[test]
    fn text_in_every_script_is_encoded() {
        let mail = formatted(&letter("Алиса 👩 山田")).expect("a letter");
        assert!(mail.is_ascii() && mail.contains("Subject: =?utf-8?b?"), "{mail}");
    }
}
