//! One request: what is asked for on the left, and what the person can do on the right.

use leptos::prelude::*;

use crate::approvals::server::NextStep;
use crate::approvals::{ApprovalRequest, ApprovalState, MAX_REASON_LENGTH, approval_path};
use crate::shared::Timestamp;
use crate::ui::form::{Form, FormErrors};
use crate::ui::parts::{
    Avatar, Badge, Button, ExactTime, HiddenFields, Icon, LinkButton, Look, Note, Shape, Symbol, TextArea,
    Time, Tone, Wording,
};

/// The buttons of the card.
pub enum CardActions {
    /// Approve or deny, with the errors of the last attempt and the reason that was entered.
    Decide { errors: FormErrors, reason: String },
    /// The person asked for it.
    Own { next: Option<NextStep>, can_withdraw: bool },
    /// A request of an agent, which has a page of its own at this address.
    Open(String),
    /// Nothing. The text says why.
    Nothing(String),
}

/// Without `has_heading` the card has no title: the page of one request shows the title as its own heading.
pub fn card(request: &ApprovalRequest, actions: CardActions, has_heading: bool, now: Timestamp) -> AnyView {
    let id = format!("ask-{}", request.id);
    let heading = has_heading.then(|| {
        let (title, href) = (request.title.clone(), approval_path(request.id));
        view! {
            <h3 class="h-sect [overflow-wrap:anywhere]" id=id.clone() dir="auto">
                <a class="hover:underline underline-offset-3" href=href>{title}</a>
            </h3>
        }
    });
    let label = request.title.clone();
    let facts = request.details.iter().map(|(label, text)| {
        let (label, text) = (label.clone(), text.clone());
        view! { <div><dt>{label}</dt><dd class="whitespace-pre-line" dir="auto">{text}</dd></div> }
    });
    let facts = facts.collect_view();
    view! {
        <article class="panel ask" aria-label=label>
            <div class="p-4 sm:p-5">
                <div class="flex flex-wrap items-start justify-between gap-x-6 gap-y-2">
                    {heading}
                    <span class="cap leading-5.5">{times(request, now)}</span>
                </div>
                <div class="mt-3">{requester(request)}</div>
                <dl class="facts mt-3 border-t border-line">{facts}</dl>
                {decision(request, now)}
            </div>
            {side(request, actions)}
        </article>
    }
    .into_any()
}

fn times(request: &ApprovalRequest, now: Timestamp) -> AnyView {
    let (created, expires) = (request.created_at, request.expires_at);
    if request.state(now).is_open() {
        view! { <Time at=created now/>" · expires on "<Time at=expires now wording=Wording::Date/> }
            .into_any()
    } else {
        view! { <Time at=created now/> }.into_any()
    }
}

fn requester(request: &ApprovalRequest) -> AnyView {
    let name = request.requester_name.clone();
    let caption = match request.key_name.as_str() {
        "" => "Requested in the browser".to_owned(),
        key => format!("Requested with the key {key}"),
    };
    view! {
        <div class="flex items-center gap-3">
            <Avatar name=name.clone() class="size-8"/>
            <div class="min-w-0">
                <b class="block text-dense font-semi" dir="auto">{name}</b>
                <span class="cap block" dir="auto">{caption}</span>
            </div>
        </div>
    }
    .into_any()
}

/// The name of the person who decided, the time and the reason. None while the request is pending.
fn decision(request: &ApprovalRequest, now: Timestamp) -> Option<AnyView> {
    let state = request.state(now);
    if state == ApprovalState::Pending {
        return None;
    }
    let by = match request.decided_by_name.as_str() {
        "" => view! { "Nobody decided it." }.into_any(),
        name => {
            let verb = if state == ApprovalState::Denied { "Denied" } else { "Approved" };
            let when = request.decided_at.map(|at| view! { ", "<ExactTime at/> });
            view! { {format!("{verb} by {name}")}{when}"." }.into_any()
        }
    };
    let reason = request.reason.clone();
    let reason = (!reason.is_empty())
        .then(|| view! { <p class="mt-1 whitespace-pre-line" dir="auto">{format!("“{reason}”")}</p> });
    Some(
        view! {
            <div class="mt-3 border-t border-line pt-3 text-dense text-ink-2">
                {state_badge(state)}
                <p class="mt-1" dir="auto">{by}</p>
                {reason}
            </div>
        }
        .into_any(),
    )
}

pub fn state_badge(state: ApprovalState) -> AnyView {
    let (tone, shape) = match state {
        ApprovalState::Pending => (Tone::Plain, Shape::Expiring),
        ApprovalState::Approved => (Tone::Brass, Shape::Active),
        ApprovalState::Used => (Tone::Ok, Shape::Active),
        ApprovalState::Denied => (Tone::Plain, Shape::Revoked),
        ApprovalState::Expired => (Tone::Plain, Shape::Expired),
        ApprovalState::Withdrawn => (Tone::Plain, Shape::Disabled),
    };
    view! { <Badge tone shape text=state.label()/> }.into_any()
}

fn side(request: &ApprovalRequest, actions: CardActions) -> Option<AnyView> {
    let path = approval_path(request.id);
    match actions {
        CardActions::Decide { errors, reason } => Some(verdict(request, errors, reason)),
        CardActions::Own { next, can_withdraw } => {
            let next = next.map(|NextStep { label, action, hint }| {
                view! {
                    <Form action>
                        <Button look=Look::Primary icon=Symbol::Key>{label}</Button>
                        <p class="hint mt-2">{hint}</p>
                    </Form>
                }
            });
            let waits = next.is_none();
            let withdraw = can_withdraw.then(|| {
                let hint = waits.then(|| view! { <p class="hint mt-2">"You requested this, so another person must decide."</p> });
                view! {
                    <Form action=format!("{path}/withdraw")>
                        <Button>"Withdraw"</Button>
                        {hint}
                    </Form>
                }
            });
            let is_empty = next.is_none() && withdraw.is_none();
            (!is_empty).then(|| {
                view! { <div class="grid content-start gap-5 p-4 sm:p-5">{next}{withdraw}</div> }.into_any()
            })
        }
        CardActions::Open(href) => Some(
            view! {
                <div class="p-4 sm:p-5">
                    <LinkButton href>"Open request"</LinkButton>
                    <p class="hint mt-2">"An agent asks for this. You can create or decline it there."</p>
                </div>
            }
            .into_any(),
        ),
        CardActions::Nothing(why) if why.is_empty() => None,
        CardActions::Nothing(why) => {
            Some(view! { <div class="p-4 sm:p-5"><Note><p>{why}</p></Note></div> }.into_any())
        }
    }
}

/// Approve and Deny look equally important. The form carries the hash of what the person saw.
fn verdict(request: &ApprovalRequest, errors: FormErrors, reason: String) -> AnyView {
    let (action, hash) = (approval_path(request.id), request.hash.clone());
    let prefix = format!("why-{}", request.id);
    view! {
        <Form action errors failed="Nothing was decided." prefix class="flex flex-col gap-3 p-4 sm:p-5">
            <HiddenFields fields=vec![("hash", hash)]/>
            // The default button for Enter; it neither approves nor denies.
            <button
                type="submit" name="verdict" value="none" formnovalidate tabindex="-1" aria-hidden="true" class="sr-only"
            ></button>
            <div class="grid grid-cols-2 gap-2">
                <button class="btn btn-verdict !h-10" name="verdict" value="deny" type="submit">
                    <Icon symbol=Symbol::Cross/>
                    "Deny"
                </button>
                <button class="btn btn-verdict !h-10" name="verdict" value="approve" type="submit">
                    <Icon symbol=Symbol::Check/>
                    "Approve"
                </button>
            </div>
            <TextArea
                name="reason" label="Reason" value=reason optional=true max_length=MAX_REASON_LENGTH
                hint="Required to deny. The requester sees it."
            />
        </Form>
    }
    .into_any()
}
