//! The box that shows a secret once. The secret is only in the HTML of one response: no island receives it, copying reads the text
//! of the page, and leaving the page clears the box.

use leptos::prelude::*;

use super::{LazyView, path_of};
use crate::keys::islands::{CopyUsage, RevealGuard};
use crate::keys::server::{self as keys, Key, Revealed};
use crate::platform::App;
use crate::shared::Kind;
use crate::ui::islands::CopyButton;
use crate::ui::parts::{Glyph, GlyphSize, Icon, LinkButton, LivePart, RadioOption, RadioTabs, Symbol};

/// The id of the element that contains the secret.
pub const PLAINTEXT: &str = "plaintext";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Created,
    Rotated,
}

pub fn reveal(app: &App, revealed: Revealed, occasion: Occasion) -> LazyView {
    let origin = app.public_url.origin().to_owned();
    let first_call = app.live.expect(keys::first_call(&revealed.key.org, revealed.key.secret));
    Box::new(move || draw(&origin, revealed, occasion, first_call))
}

fn draw(origin: &str, revealed: Revealed, occasion: Occasion, first_call: String) -> AnyView {
    let Revealed { key, plaintext } = revealed;
    let start = format!("{}_{}_", key.kind.prefix(), key.secret);
    let masked = plaintext.expose().strip_prefix(&start).unwrap_or_default().to_owned();
    let length = start.len() + masked.len();
    let dots = "•".repeat(masked.len());
    let (title, home, done) = match occasion {
        Occasion::Created => {
            (format!("New key: {}", key.name), super::HOME.to_owned(), super::HOME.to_owned())
        }
        Occasion::Rotated => {
            let path = path_of(key.id);
            (format!("New secret: {}", key.name), path.clone(), path)
        }
    };
    let usage = usage(origin, &key, &format!("{}_{}…", key.kind.prefix(), key.secret));
    let visible = start.len() - 1;
    let head = head(title, &key);
    let secret = secret(start, masked, dots, length, visible);
    view! {
        <section class="reveal mt-6 overflow-hidden rounded-panel border border-brass-line bg-surface" aria-labelledby="new-key">
            {head}
            <div class="grid grid-cols-[minmax(0,1fr)] lg:grid-cols-[minmax(0,1fr)_minmax(0,1.08fr)]">{secret}{usage}</div>
            <div class="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-3 text-dense sm:px-5">
                <LivePart
                    topic=first_call waiting="Waiting for the first call…" soon="It appears here within a second of arriving."
                    elsewhere=(path_of(key.id), "See the first call on the key's page.".to_owned())
                    done="First call received."
                />
                <LinkButton href=done class="stored ml-auto max-sm:mt-2 max-sm:w-full">"I've saved it"</LinkButton>
            </div>
            <RevealGuard reload_address=home/>
        </section>
    }
    .into_any()
}

pub(super) fn head(title: String, key: &Key) -> AnyView {
    let (seed, kind) = (key.secret.to_string(), key.kind);
    view! {
        <div class="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-brass-line bg-brass-tint px-4 py-3 sm:px-5">
            <Glyph seed kind size=GlyphSize::Large/>
            <div class="mr-auto min-w-0">
                <h2 id="new-key" class="h-sect [overflow-wrap:anywhere]" dir="auto">{title}</h2>
                <p class="text-dense font-medium text-brass-ink">"Copy it now. This is the only time you will see it."</p>
            </div>
        </div>
    }
    .into_any()
}

pub(super) fn secret(start: String, masked: String, dots: String, length: usize, visible: usize) -> AnyView {
    let text = view! {
        <div
            class="mono rounded-control border border-control px-3.5 py-3 text-lead leading-7 select-all [overflow-wrap:anywhere]"
            translate="no"
        >
            <span id=PLAINTEXT><span class="font-medium text-brass-ink">{start}</span><span class="mask-off">{masked}</span></span>
            <span class="mask-on"><span class="sr-only">", rest hidden"</span><span aria-hidden="true">{dots}</span></span>
        </div>
    }
    .into_any();
    let hide = view! {
        <label class="btn btn-secondary has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-focus">
            <input type="checkbox" class="mask-toggle sr-only" aria-label="Hide the key"/>
            <span class="when-shown"><span class="inline-flex items-center gap-1.5"><Icon symbol=Symbol::EyeOff/>"Hide"</span></span>
            <span class="when-hidden"><span class="inline-flex items-center gap-1.5"><Icon symbol=Symbol::Eye/>"Show"</span></span>
        </label>
    }
    .into_any();
    let copy = view! {
        <CopyButton target=PLAINTEXT.to_owned() class="btn btn-primary".to_owned() name=String::new()>
            <Icon symbol=Symbol::Copy/>
            "Copy key"
        </CopyButton>
    }
    .into_any();
    view! {
        <div class="border-line p-4 max-lg:border-b sm:p-5 lg:border-r">
            {text}
            <div class="mt-3 flex flex-wrap items-center gap-2">
                {copy}
                {hide}
                <span class="scriptless cap">"A click on the key selects all of it."</span>
                <span class="cap ml-auto hidden sm:inline">{format!("{length} characters")}</span>
            </div>
            <p class="hint mt-4 max-w-[30rem]">
                {format!("Latchkey stores only a fingerprint, so nobody can show you this key again. The first {visible} \
                characters stay visible in the list. If you lose it, rotate it.")}
            </p>
        </div>
    }
    .into_any()
}

/// An example of how to use the key: its tab, a hint, and a text that contains the beginning of the key.
struct Sample {
    id: &'static str,
    tab: &'static str,
    hint: String,
    text_before: String,
    text_after: String,
    /// The text contains the key itself.
    filled: bool,
}

fn samples(origin: &str, name: &str) -> Vec<Sample> {
    let me = format!("{origin}/api/v1/me");
    let plain = |id, tab, hint: &str, code: String| Sample {
        id,
        tab,
        hint: hint.to_owned(),
        text_before: code,
        text_after: String::new(),
        filled: false,
    };
    vec![
        Sample {
            id: "curl",
            tab: "curl",
            hint: "Run this in a terminal.".to_owned(),
            text_before: format!("curl {me} \\\n  -H \"Authorization: Bearer "),
            text_after: "\"".to_owned(),
            filled: true,
        },
        Sample {
            id: "env",
            tab: ".env",
            hint: format!("Add this line to the .env file of {name}."),
            text_before: "LATCHKEY_API_KEY=".to_owned(),
            text_after: String::new(),
            filled: true,
        },
        plain(
            "py",
            "Python",
            "Reads the key from LATCHKEY_API_KEY.",
            format!(
                "# pip install httpx\nimport os, httpx\n\nr = httpx.get(\n    \"{me}\",\n    headers={{\"Authorization\": \
                 f\"Bearer {{os.environ['LATCHKEY_API_KEY']}}\"}},\n)\nprint(r.json())"
            ),
        ),
        plain(
            "js",
            "JavaScript",
            "Node 18 or newer. Reads the key from LATCHKEY_API_KEY.",
            format!(
                "const r = await fetch(\"{me}\", {{\n  headers: {{ Authorization: `Bearer \
                 ${{process.env.LATCHKEY_API_KEY}}` }},\n}});\nconsole.log(await r.json());"
            ),
        ),
        plain(
            "go",
            "Go",
            "Reads the key from LATCHKEY_API_KEY.",
            format!(
                "req, _ := http.NewRequest(\"GET\",\n  \"{me}\", nil)\nreq.Header.Set(\"Authorization\",\n  \"Bearer \
                 \"+os.Getenv(\"LATCHKEY_API_KEY\"))\nres, err := http.DefaultClient.Do(req)"
            ),
        ),
    ]
}

fn usage(origin: &str, key: &Key, start: &str) -> AnyView {
    let samples = samples(origin, &key.name);
    let connect = (key.kind == Kind::Mcp).then(|| {
        view! {
            <p class="hint mt-2">
                "For an MCP client: " <a class="link" href="/settings/agents/connect?way=key">"Connect an agent"</a>
            </p>
        }
    });
    let tabs = samples.iter().enumerate().map(|(place, sample)| {
        RadioOption::new(sample.id, sample.tab, place == 0).id(format!("u-{}", sample.id))
    });
    let tabs: Vec<_> = tabs.collect();
    let start = start.to_owned();
    let panes = samples.into_iter().map(move |Sample { id, tab, hint, text_before, text_after, filled }| {
        let code_id = format!("usage-{id}");
        let key = filled.then(|| view! { <span class="k">{start.clone()}</span> });
        view! {
            <div class=format!("pane p-{id} pt-3")>
                <div class="mb-2 flex min-h-7 items-center justify-between gap-3">
                    <p class="hint [overflow-wrap:anywhere]" dir="auto">{hint}</p>
                    <CopyUsage target=code_id.clone() plain=PLAINTEXT.to_owned()>
                        <Icon symbol=Symbol::Copy/>
                        "Copy"
                    </CopyUsage>
                </div>
                <pre class="code" id=code_id tabindex="0" role="group" aria-label=format!("{tab} example") translate="no">{text_before}{key}{text_after}</pre>
            </div>
        }
    });
    view! {
        <div class="usage p-4 pt-2 sm:p-5 sm:pt-2">
            <RadioTabs label="Ready-made usage" name="usage" options=tabs/>
            {panes.collect_view()}
            <p class="hint mt-3">
                <span class="needs-script">"Copy puts the full key in place of " <span class="mono">"…"</span></span>
                <span class="scriptless">"Put the full key in place of " <span class="mono">"…"</span></span>
            </p>
            {connect}
        </div>
    }
    .into_any()
}
