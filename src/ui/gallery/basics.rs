//! The gallery's sections of colors, type, icons, glyphs, statuses, buttons and notes.

use leptos::prelude::*;

use super::{Line, NOW, Section};
use crate::shared::{Kind, Role, Timestamp};
use crate::ui::form::Form;
use crate::ui::islands::CopyButton;
use crate::ui::parts::*;

const COLOURS: [(&str, &str); 18] = [
    ("bg-page", "page"),
    ("bg-surface", "surface"),
    ("bg-sunken", "sunken"),
    ("bg-press", "press"),
    ("bg-line", "line"),
    ("bg-edge", "edge"),
    ("bg-control", "control"),
    ("bg-ink-3", "ink-3"),
    ("bg-ink-2", "ink-2"),
    ("bg-ink", "ink"),
    ("bg-brass", "brass"),
    ("bg-brass-2", "brass-2"),
    ("bg-brass-tint", "brass-tint"),
    ("bg-ok", "ok"),
    ("bg-info", "info"),
    ("bg-warn", "warn"),
    ("bg-danger", "danger"),
    ("bg-danger-solid", "danger-solid"),
];

pub fn sections() -> AnyView {
    view! { {look()}{marks()}{buttons()}{notices()} }.into_any()
}

fn look() -> AnyView {
    let colours = COLOURS.into_iter().map(|(class, name)| {
        view! {
            <div class="w-24">
                <div class=format!("h-10 rounded-badge border border-line {class}")></div>
                <div class="cap mt-1">{name}</div>
            </div>
        }
    });
    let icons = Symbol::ALL.into_iter().map(|symbol| {
        view! { <span title=format!("{symbol:?}")><Icon symbol/></span> }
    });
    view! {
        <Section
            title="Colour"
            text="Steel carries the page, ink carries text and the primary action, brass marks a working key. Signals appear only for exceptions."
        >
            <Line>{colours.collect_view()}</Line>
        </Section>
        <Section title="Type" text="Instrument Sans for words, Geist Mono for anything a machine reads.">
            <div class="grid gap-3">
                <div class="text-figure font-semi tracking-[-0.02em]">"117,500"</div>
                <div class="h-page">"API keys"</div>
                <div class="h-sect">"Needs attention"</div>
                <div>"Each key lets one program call your API."</div>
                <div class="text-dense">"alice@mbp-alice"</div>
                <div class="cap">"CLI login on mbp-alice"</div>
                <div><KeyText kind=Kind::Live start="8fK2mQ4pXv7d"/></div>
            </div>
        </Section>
        <Section title="Icons" text="16 px grid, 1.5 px stroke. Decoration: the word is beside them.">
            <Line>{icons.collect_view()}</Line>
        </Section>
    }
    .into_any()
}

fn marks() -> AnyView {
    let kinds = Kind::ALL.into_iter().map(|kind| {
        view! { <div class="flex items-center gap-3"><Glyph seed=format!("sample-{kind}") kind/>{kind.label()}</div> }
    });
    let at = |seconds: i64| Timestamp::from_millis(NOW.millis() + seconds * 1_000);
    view! {
        <Section
            title="Key glyph"
            text="Bow shape tells the kind, cuts come from the visible start of the key, brass means accepted right now."
        >
            <div class="grid grid-cols-2 gap-x-6 gap-y-4 text-dense sm:grid-cols-4">
                {kinds.collect_view()}
                <div class="flex items-center gap-3">
                    <Glyph seed="kT0eB6mHx9Rv" kind=Kind::Live off=true/>
                    "Not accepted"
                </div>
            </div>
            <div class="mt-5 flex flex-wrap items-end gap-6">
                <Glyph seed="8fK2mQ4pXv7d" kind=Kind::Live size=GlyphSize::Large/>
                <Glyph seed="Q7wN3xLr9TbE" kind=Kind::Live size=GlyphSize::Large/>
                <Glyph seed="b9XnR4tGw2Ka" kind=Kind::Secret size=GlyphSize::Large/>
                <Glyph seed="Zr5cV1hYk8Ms" kind=Kind::Live size=GlyphSize::Huge title="Cut key of ci-deploy"/>
            </div>
        </Section>
        <Section
            title="Role and status"
            text="A shape and a word, never colour alone. An active key has no badge: normal is silent."
        >
            <Line>{Role::ALL.into_iter().map(|role| view! { <RolePins role/> }).collect_view()}</Line>
            <Line class="mt-4">
                <Badge tone=Tone::Ok shape=Shape::Active text="Active"/>
                <Badge tone=Tone::Warn shape=Shape::Expiring text="Expiring"/>
                <Badge tone=Tone::Info shape=Shape::Rotating text="Rotating"/>
                <Badge tone=Tone::Warn shape=Shape::Limited text="Rate limited"/>
                <Badge shape=Shape::Disabled text="Disabled"/>
                <Badge shape=Shape::Expired text="Expired"/>
                <Badge tone=Tone::Danger shape=Shape::Revoked text="Revoked"/>
                <Badge tone=Tone::Line shape=Shape::Unused text="Never used"/>
                <Badge tone=Tone::Brass shape=Shape::New text="New"/>
                <Badge tone=Tone::Line text="You"/>
            </Line>
            <Line class="mt-4 text-dense">
                <Reason tone=Tone::Danger shape=Shape::Address text="Address not allowed"/>
                <Reason tone=Tone::Danger shape=Shape::Secret text="Wrong secret"/>
                <Reason tone=Tone::Danger shape=Shape::Permission text="Permission missing"/>
                <Reason tone=Tone::Warn shape=Shape::Quota text="Quota used up"/>
                <Reason tone=Tone::Danger shape=Shape::Locked text="Not in the plan"/>
                <Reason tone=Tone::Danger shape=Shape::Flood text="Many wrong secrets"/>
                <div class="w-40"><ShareBar ink=Ink::Rejected percent=62/></div>
            </Line>
        </Section>
        <Section title="People and time" text="Initials beside the name. Times from now or in the viewer's zone, UTC on hover.">
            <Line class="text-dense">
                <Avatar name="Alice Marsh"/>
                <Avatar name="مريم حسن"/>
                <Time at=at(-4) now=NOW/>
                <Time at=at(-11) now=NOW/>
                <Time at=at(-26 * 60) now=NOW/>
                <Time at=at(-86_400) now=NOW/>
                <Time at=at(-42 * 86_400) now=NOW/>
                <Time at=at(3 * 86_400) now=NOW class="tone-warn font-medium"/>
                <Time at=at(-200 * 86_400) now=NOW wording=Wording::Day/>
                <Time at=at(-26 * 60) now=NOW wording=Wording::Moment/>
                <Time at=at(8 * 86_400) now=NOW wording=Wording::LastDay/>
                <ExactTime at=NOW/>
            </Line>
        </Section>
    }
    .into_any()
}

fn buttons() -> AnyView {
    let pause = MenuItem::Action {
        action: "/gallery".to_owned(),
        fields: Vec::new(),
        symbol: Symbol::Pause,
        text: "Disable",
    };
    let items = vec![
        MenuItem::link("/gallery", Symbol::Rotate, "Rotate…"),
        MenuItem::link("/gallery", Symbol::Edit, "Edit"),
        pause,
        MenuItem::Rule,
        MenuItem::danger("/gallery", Symbol::Ban, "Revoke…"),
    ];
    view! {
        <Section
            title="Buttons"
            text="One primary per view. Danger is quiet on pages and solid only inside its confirmation."
        >
            <Line>
                <Button look=Look::Primary icon=Symbol::Plus>"Create key"</Button>
                <Button icon=Symbol::Rotate>"Rotate"</Button>
                <Button look=Look::Ghost>"Cancel"</Button>
                <Button look=Look::DangerQuiet icon=Symbol::Ban>"Revoke key…"</Button>
                <Button look=Look::Danger>"Revoke key"</Button>
            </Line>
            <Line class="mt-4">
                <Button size=Size::Small>"Review"</Button>
                <Button look=Look::Primary size=Size::Large>"Sign in"</Button>
                <LinkButton href="/gallery" icon_after=Symbol::Arrow>"A link"</LinkButton>
                <IconLink href="/gallery" symbol=Symbol::Edit label="Edit"/>
                <Menu id="sample-menu" label="Actions for ci-deploy" items/>
            </Line>
            <div class="mt-4 grid max-w-96 grid-cols-2 gap-3">
                <Button look=Look::Verdict icon=Symbol::Cross>"Deny"</Button>
                <Button look=Look::Verdict icon=Symbol::Check>"Approve"</Button>
            </div>
        </Section>
        <Section title="Copy" text="Needs a script; without one, a click selects the whole text. Never claims a copy that failed.">
            <div class="grid gap-3">
                <div
                    class="mono select-all rounded-control border border-control px-3.5 py-3 text-lead leading-7 [overflow-wrap:anywhere]"
                    id="sample-text"
                >
                    "ak_live_T3yBn6WqHs0J_sample"
                </div>
                <CopyButton
                    target="sample-text".to_owned()
                    class=button_class(Look::Primary, Size::Usual, "")
                    name=String::new()
                >
                    <Icon symbol=Symbol::Copy/>
                    "Copy key"
                </CopyButton>
            </div>
        </Section>
    }
    .into_any()
}

fn notices() -> AnyView {
    view! {
        <Section
            title="Live state"
            text="Five pins search while we wait; they line up when the first call arrives. Reduced motion shows them still."
        >
            <div class="grid gap-3 text-dense">
                <LivePart waiting="Waiting for the first call…" done="First call received."/>
                <LivePart lost=true waiting="Waiting for the first call…" done="First call received."/>
                <LivePart arrived=true waiting="Waiting for the first call…" done="First call received."/>
                <LivePart
                    waiting="Waiting for the first call…" done="First call received."
                    refused="Your first call came from 10.0.0.7, which this key does not allow."
                />
            </div>
        </Section>
        <Section
            title="Notes and toasts"
            text="A note stays on the page. A toast confirms what just happened and leaves after 6 s; errors stay until closed."
        >
            <div class="grid max-w-[34rem] gap-3">
                <Note>
                    <p>"Old secrets are accepted for 48 h after a rotation."</p>
                </Note>
                <Note tone=Tone::Info>
                    <p>"The key was made on another device."</p>
                </Note>
                <Note tone=Tone::Ok>
                    <p>"The address is confirmed."</p>
                </Note>
                <Note tone=Tone::Warn>
                    <p>
                        <b>"Only continue if you started this login yourself."</b>
                    </p>
                </Note>
                <Note tone=Tone::Danger alert=true>
                    <p>"The key was not created. Correct the allowed addresses and try again."</p>
                </Note>
                <Line>
                    <LinkButton href="/gallery?toast=done">"Toast: done"</LinkButton>
                    <LinkButton href="/gallery?toast=undoable">"Toast: undo"</LinkButton>
                    <LinkButton href="/gallery?toast=failed">"Toast: failed"</LinkButton>
                    <LinkButton href="/gallery?long=1">"Long names"</LinkButton>
                    <LinkButton href="/gallery/solo">"Solo"</LinkButton>
                    <LinkButton href="/gallery/problem/404">"Not found"</LinkButton>
                    <LinkButton href="/gallery/problem/503">"Database away"</LinkButton>
                </Line>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
pub fn SampleToast(outcome: ToastOutcome) -> AnyView {
    match outcome {
        ToastOutcome::Done => view! {
            <Toast outcome title="warehouse-sync rotated." detail="The old secret works for 48 h."/>
        },
        ToastOutcome::Undoable => view! {
            <Toast outcome title="warehouse-sync is disabled.">
                <Form action="/gallery"><Button look=Look::Ghost size=Size::Small>"Undo"</Button></Form>
            </Toast>
        },
        ToastOutcome::Failed => view! {
            <Toast outcome title="The key was not disabled." detail="Somebody else revoked it a moment ago."/>
        },
    }
    .into_any()
}
