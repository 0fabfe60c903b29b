//! One attempt: a signed request, and what its response means.

use axum::http::{Request, header};

use super::retry::{next_attempt, retry_after};
use super::signature::{seconds, sign};
use super::store::{ClaimedDelivery, ClaimedEndpoint, DeliveryRecord};
use crate::platform::App;
use crate::platform::outbound::PublicClient;
use crate::shared::Timestamp;

/// The maximum number of bytes of a response or an error that are stored.
const MAX_EXCERPT_BYTES: usize = 1_024;
/// The response of an endpoint that wants no more events.
const GONE: u16 = 410;

/// Signs and sends a delivery.
pub async fn attempt(
    app: &App,
    client: &PublicClient,
    endpoint: &ClaimedEndpoint,
    delivery: &ClaimedDelivery,
) -> DeliveryRecord {
    let (at, began) = (app.clock.now(), app.clock.steady());
    let responded = match request(endpoint, delivery, at) {
        Some(request) => client.send(request).await,
        None => Err("The address or the signing secret cannot be read".to_owned()),
    };
    let took = app.clock.steady().saturating_sub(began);
    let ended = app.clock.now();
    let (status, error, response, busy_until) = match responded {
        Ok(response) => {
            let status = response.status.as_u16();
            (
                Some(status),
                String::new(),
                excerpt(&response.body),
                retry_after(status, &response.headers, ended),
            )
        }
        Err(error) => (None, excerpt(error.as_bytes()), String::new(), None),
    };
    let record = DeliveryRecord {
        id: delivery.id,
        endpoint: endpoint.id,
        lane: delivery.lane.clone(),
        number: delivery.attempts + 1,
        failures: delivery.failures,
        at: ended,
        took: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
        status: status.map(i64::from),
        error,
        response,
        due_at: None,
        busy_until,
        is_delivered: false,
        given_up_because: "",
    };
    with_outcome(app, record, delivery, status)
}

/// Sets the outcome of the delivery: delivered, tried again later, or given up.
fn with_outcome(
    app: &App,
    record: DeliveryRecord,
    delivery: &ClaimedDelivery,
    status: Option<u16>,
) -> DeliveryRecord {
    match status {
        Some(200..=299) => DeliveryRecord { is_delivered: true, failures: 0, ..record },
        Some(GONE) => DeliveryRecord { failures: record.failures + 1, given_up_because: "gone", ..record },
        _ => {
            let failures = record.failures + 1;
            let next = next_attempt(&app.random, record.at, u32::try_from(failures).unwrap_or(u32::MAX));
            let next = record.busy_until.map_or(next, |until| next.max(until));
            let is_over = next >= delivery.expires_at;
            DeliveryRecord {
                failures,
                due_at: (!is_over).then_some(next),
                given_up_because: if is_over { "expired" } else { "" },
                ..record
            }
        }
    }
}

fn request(
    endpoint: &ClaimedEndpoint,
    delivery: &ClaimedDelivery,
    at: Timestamp,
) -> Option<Request<Vec<u8>>> {
    let id = format!("msg_{}", delivery.event);
    let secrets = std::iter::once(&endpoint.secret).chain(&endpoint.previous);
    let signature = sign(secrets, &id, at, &delivery.body);
    if signature.is_empty() {
        return None;
    }
    Request::post(&endpoint.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds(at))
        .header("webhook-signature", signature)
        .body(delivery.body.clone().into_bytes())
        .ok()
}

/// Truncates a response or an error, and removes characters that the database cannot store or a page cannot show.
fn excerpt(bytes: &[u8]) -> String {
    let part = &bytes[..bytes.len().min(MAX_EXCERPT_BYTES)];
    let text = String::from_utf8_lossy(part);
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_stored_as_short_plain_text() {
        assert_eq!(excerpt(b"fine\n"), "fine\n");
        assert_eq!(excerpt(b"a\0b\x1b[31mc\r\nd"), "ab[31mc\nd");
        assert_eq!(excerpt(&[0xff, b'x']), "\u{fffd}x");
        assert_eq!(excerpt(&vec![b'x'; 20_000]).len(), MAX_EXCERPT_BYTES);
        assert_eq!(excerpt(b""), "");
    }
}
