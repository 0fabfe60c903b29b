//! The deliveries of an endpoint: a row for each, which opens to its attempts and to what was sent.

use std::collections::HashMap;

use leptos::prelude::*;

use super::{HOME, path_of};
use crate::shared::{DeliveryId, Timestamp, WebhookId};
use crate::ui::form::Form as PageForm;
use crate::ui::parts::{
    Button, EmptyState, ExactTime, Icon, LinkButton, LinkOption, LinkSegment, Pagination, Shape, StatusShape,
    Symbol, Time, counted, grouped,
};
use crate::webhooks::server::service::{Delivery, DeliveryAttempt, DeliveryState};

/// Which deliveries the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryTableFilter {
    All,
    /// Those with more than one attempt.
    Retried,
    In(DeliveryState),
}

impl DeliveryTableFilter {
    const ALL: [Self; 5] = [
        Self::All,
        Self::Retried,
        Self::In(DeliveryState::Waiting),
        Self::In(DeliveryState::Delivered),
        Self::In(DeliveryState::GivenUp),
    ];

    /// The value in addresses.
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Retried => "retried",
            Self::In(state) => state.as_str(),
        }
    }

    /// Returns `All` for any other text.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|filter| filter.as_str() == text).unwrap_or(Self::All)
    }

    pub fn state(self) -> Option<DeliveryState> {
        if let Self::In(state) = self { Some(state) } else { None }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Retried => "Retried",
            Self::In(DeliveryState::Waiting) => "Waiting",
            Self::In(DeliveryState::Delivered) => "Delivered",
            Self::In(DeliveryState::GivenUp) => "Given up",
        }
    }
}

/// One page of deliveries.
pub struct DeliveryTable {
    pub endpoint: WebhookId,
    /// The path and query of the endpoint, as requests name it.
    pub target: String,
    pub filter: DeliveryTableFilter,
    /// False on the first page.
    pub is_later_page: bool,
    pub deliveries: Vec<Delivery>,
    pub attempts: HashMap<DeliveryId, Vec<DeliveryAttempt>>,
    pub has_more: bool,
    pub can_resend: bool,
}

fn address(endpoint: WebhookId, filter: DeliveryTableFilter, before: Option<DeliveryId>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if filter != DeliveryTableFilter::All {
        query.append_pair("state", filter.as_str());
    }
    if let Some(before) = before {
        query.append_pair("before", &before.to_string());
    }
    match query.finish() {
        query if query.is_empty() => path_of(endpoint),
        query => format!("{}?{query}", path_of(endpoint)),
    }
}

pub fn view(table: DeliveryTable, now: Timestamp) -> AnyView {
    let options = DeliveryTableFilter::ALL.map(|filter| {
        LinkOption::new(address(table.endpoint, filter, None), filter.label(), filter == table.filter)
    });
    let options = options.to_vec();
    view! {
        <section class="min-w-0" aria-labelledby="deliveries">
            <div class="flex flex-wrap items-center justify-between gap-3">
                <h2 class="h-sect" id="deliveries">"Deliveries"</h2>
                <LinkSegment label="Deliveries" options/>
            </div>
            {content(table, now)}
        </section>
    }
    .into_any()
}

fn content(table: DeliveryTable, now: Timestamp) -> AnyView {
    let DeliveryTable { endpoint, filter, is_later_page, deliveries, has_more, .. } = &table;
    let (endpoint, filter) = (*endpoint, *filter);
    if deliveries.is_empty() {
        return nothing(endpoint, filter != DeliveryTableFilter::All || *is_later_page);
    }
    let last = deliveries.last().filter(|_| *has_more).map(|last| last.id);
    let next = last.map(|last| address(endpoint, filter, Some(last))).unwrap_or_default();
    let previous = if *is_later_page { address(endpoint, filter, None) } else { String::new() };
    let count = deliveries.len() as u64;
    let summary = format!("{}, stored for 30 days", counted(count, "delivery", "deliveries"));
    let DeliveryTable { target, deliveries, mut attempts, can_resend, .. } = table;
    let rows = deliveries.into_iter().map(|delivery| {
        let attempts = attempts.remove(&delivery.id).unwrap_or_default();
        row(delivery, attempts, &target, can_resend, now)
    });
    let rows = rows.collect_view();
    view! {
        <div class="panel mt-3 overflow-hidden">
            <div class="openhead" aria-hidden="true">
                <span>"Time"</span><span>"Event"</span><span>"Response"</span><span class="text-right">"Took"</span><span></span>
            </div>
            {rows}
            <Pagination summary previous next previous_label="Newest" next_label="Older"/>
        </div>
    }
    .into_any()
}

fn nothing(endpoint: WebhookId, is_narrowed: bool) -> AnyView {
    if is_narrowed {
        return view! {
            <EmptyState class="mt-3" title="No such deliveries" text="No delivery matches, or the list ends before this page.">
                <LinkButton href=path_of(endpoint)>"Show all deliveries"</LinkButton>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState
            class="mt-3" title="No deliveries yet"
            text="They appear here with the response of the receiver. Send a test event to see whether it responds."
        />
    }
    .into_any()
}

/// The outcome of the delivery, as a shape, a CSS class and a text.
fn outcome(delivery: &Delivery) -> (Option<Shape>, &'static str, String) {
    let attempts = delivery.attempts;
    let response =
        delivery.last_status.map_or_else(|| delivery.last_error.clone(), |status| status.to_string());
    match delivery.state() {
        DeliveryState::Delivered if attempts > 1 => {
            (None, "text-ink-2", format!("Delivered on attempt {attempts}"))
        }
        DeliveryState::Delivered => (None, "text-ink-2", format!("{response}, delivered")),
        DeliveryState::Waiting if attempts == 0 => (Some(Shape::Unused), "text-ink-2", "Waiting".to_owned()),
        DeliveryState::Waiting => {
            (Some(Shape::Expiring), "tone-warn", format!("{response}, attempt {attempts}"))
        }
        DeliveryState::GivenUp => {
            let why = match delivery.given_up_because.as_str() {
                "gone" => "Given up: 410 Gone",
                "off" => "Given up: webhook off",
                "backlog" => "Given up: too many waiting",
                _ => "Given up after a day",
            };
            (Some(Shape::Revoked), "tone-warn", why.to_owned())
        }
    }
}

fn row(
    delivery: Delivery,
    attempts: Vec<DeliveryAttempt>,
    target: &str,
    can_resend: bool,
    now: Timestamp,
) -> AnyView {
    let (shape, tone, words) = outcome(&delivery);
    let shape = shape.map(|shape| view! { <StatusShape shape class="inline-block size-2.5 mr-1.5"/> });
    let took = match delivery.attempts {
        0 => String::new(),
        _ => duration(delivery.last_took),
    };
    let class = format!("o-answer truncate {tone}");
    let (event_type, subject) = (delivery.event_type.clone(), delivery.subject.clone());
    view! {
        <details class="openrow">
            <summary>
                <span class="o-time num text-ink-3"><Time at=delivery.created_at now/></span>
                <span class="o-type min-w-0 truncate">
                    <span class="mono mr-2 text-cap leading-5">{event_type}</span>
                    <span class="text-ink-2" dir="auto">{subject}</span>
                </span>
                <span class=class>{shape}{words}</span>
                <span class="o-took num text-right text-ink-2">{took}</span>
                <span class="chev"><Icon symbol=Symbol::Right/></span>
            </summary>
            {opened(delivery, attempts, target, can_resend)}
        </details>
    }
    .into_any()
}

fn opened(delivery: Delivery, attempts: Vec<DeliveryAttempt>, target: &str, can_resend: bool) -> AnyView {
    let event = format!("msg_{}", delivery.event);
    let next = delivery.due_at.map(|due| {
        let text = if delivery.attempts == 0 { "First attempt" } else { "Next attempt" };
        view! { <div><dt>{text}</dt><dd class="num"><ExactTime at=due/></dd></div> }
    });
    let trail = (!attempts.is_empty()).then(|| {
        let steps = attempts.iter().map(attempt).collect_view();
        view! { <ol class="trail">{steps}</ol> }
    });
    let body = serde_json::from_str::<serde_json::Value>(&delivery.body)
        .and_then(|body| serde_json::to_string_pretty(&body))
        .unwrap_or_else(|_| delivery.body.clone());
    // The timestamp and the signature are new at each attempt.
    let sent = format!(
        "POST {target}\nwebhook-id: {event}\nwebhook-timestamp: …\nwebhook-signature: v1,…\n\n{body}"
    );
    let action = format!("{HOME}/deliveries/{}/resend", delivery.id);
    let label = if delivery.due_at.is_some() { "Try now" } else { "Send again" };
    let button = can_resend.then(|| {
        if delivery.waits_for_earlier {
            return view! { <p class="hint mt-3">"Waits for an earlier event of the same key, which is sent first."</p> }
                .into_any();
        }
        view! { <PageForm action class="mt-2"><Button icon=Symbol::Rotate>{label}</Button></PageForm> }.into_any()
    });
    view! {
        <div class="grid grid-cols-[minmax(0,1fr)] gap-x-10 gap-y-4 border-t border-line bg-sunken px-4 py-4 md:grid-cols-[minmax(0,1fr)_minmax(0,1.15fr)]">
            <div>
                {trail}
                <dl class="facts mt-3 border-t border-line">
                    <div><dt>"Event id"</dt><dd class="mono text-cap leading-5">{event}</dd></div>
                    <div><dt>"Event time"</dt><dd class="num"><ExactTime at=delivery.created_at/></dd></div>
                    {next}
                </dl>
                {button}
            </div>
            <pre class="code !bg-surface" tabindex="0" role="group" aria-label="Request" translate="no">{sent}</pre>
        </div>
    }
    .into_any()
}

fn attempt(attempt: &DeliveryAttempt) -> AnyView {
    let is_success = attempt.status.is_some_and(|status| (200..=299).contains(&status));
    let (class, symbol) =
        if is_success { ("dot dot-ok", Symbol::Check) } else { ("dot dot-skip", Symbol::Cross) };
    let title = match attempt.status {
        Some(status) => format!("{status} after {}", duration(attempt.took)),
        None => attempt.error.clone(),
    };
    let number = format!("Attempt {}, ", attempt.number);
    let response = attempt.response.clone();
    let response = (!response.trim().is_empty()).then(|| {
        view! { <pre class="mono mt-1 max-h-40 overflow-auto text-cap leading-5 whitespace-pre-wrap text-ink-2 [overflow-wrap:anywhere]" tabindex="0" role="group" aria-label="Response" translate="no">{response}</pre> }
    });
    view! {
        <li>
            <span class=class><Icon symbol/></span>
            <div class="min-w-0">
                <b class="font-medium [overflow-wrap:anywhere]">{title}</b>
                <span class="cap num block">{number}<ExactTime at=attempt.at/></span>
                {response}
            </div>
        </li>
    }
    .into_any()
}

/// "84 ms", "1.9 s".
fn duration(millis: i64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..100_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} s", grouped(millis.unsigned_abs() / 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let words = [84, 999, 1_000, 1_949, 10_000].map(duration);
        assert_eq!(words, ["84 ms", "999 ms", "1.0 s", "1.9 s", "10.0 s"]);
    }
}
