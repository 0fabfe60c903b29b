//! The gallery's sections of fields, choices and the dialog, and the layout of pages with one form.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use leptos::prelude::*;

use super::{Line, Section};
use crate::platform::App;
use crate::platform::http::Visit;
use crate::shared::{Kind, Role};
use crate::ui::form::{Form, FormErrors, SubmitButton};
use crate::ui::parts::*;
use crate::ui::server::page::Page;
use crate::ui::shell::{Breadcrumb, Solo, SoloWidth, ThemeSwitch};

pub fn sections(errors: FormErrors) -> AnyView {
    view! {
        <Section
            title="Form"
            text="Label above, hint below. An error replaces the hint and says what to do. Send it to see its errors."
        >
            <Form action="/gallery" errors failed="The key was not created." class="max-w-[36rem]">
                <div class="grid gap-4">
                    {fields()}
                    <Line class="border-t border-line pt-4">
                        <SubmitButton text="Create key"/>
                        <LinkButton href="/gallery" look=Look::Ghost>"Cancel"</LinkButton>
                    </Line>
                </div>
            </Form>
        </Section>
        <Section title="Fields" text="Every type of field.">
            <div class="grid max-w-[44rem] gap-4 sm:grid-cols-2">
                <Input name="email" label="Email" kind="email" value="alice@tidewater.example" autocomplete="username"/>
                <Input
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    aside=view! { <a class="link text-dense" href="/gallery">"Reset password"</a> }.into_any()
                />
                <Input name="until" label="Expiry date" kind="date" value="2027-05-31" min="2026-11-21"/>
                <Input name="rpm" label="Requests per minute" kind="number" min="1" inputmode="numeric" placeholder="No limit" optional=true/>
                <SearchField name="q" label="Search by name or prefix" placeholder="Name or prefix" class="self-end"/>
                <Select
                    name="sort"
                    label="Sort"
                    options=vec![
                        SelectOption::new("used", "Last used first", true),
                        SelectOption::new("new", "Newest first", false),
                    ]
                />
            </div>
        </Section>
        <Section title="Segment and tabs" text="Segments choose a value. Tabs choose a view. Both are real radios or links.">
            <div class="grid justify-items-start gap-5">
                <LinkSegment
                    label="Status"
                    options=vec![
                        LinkOption::new("?status=active", "Active", false).count("17"),
                        LinkOption::new("?status=expiring", "Expiring", false).count("2"),
                        LinkOption::new("?status=rotating", "Rotating", false).count("1"),
                        LinkOption::new("?status=all", "All", true).count("23"),
                    ]
                />
                <RadioSegment
                    label="Expires"
                    name="expiry"
                    options=vec![
                        RadioOption::new("never", "Never", false),
                        RadioOption::new("7", "7 days", false),
                        RadioOption::new("90", "90 days", true),
                    ]
                />
                <RadioTabs
                    label="Ready-made usage"
                    name="usage"
                    options=vec![
                        RadioOption::new("curl", "curl", true),
                        RadioOption::new("py", "Python", false),
                        RadioOption::new("go", "Go", false),
                    ]
                />
                <LinkTabs
                    label="Settings"
                    options=vec![
                        LinkOption::new("/gallery", "Profile", true),
                        LinkOption::new("/gallery", "Sessions", false),
                    ]
                />
            </div>
        </Section>
    }
    .into_any()
}

fn fields() -> AnyView {
    let kinds = Kind::ALL.into_iter().zip([
        "Production traffic",
        "Staging and local work",
        "Claw agents",
        "Server to server only",
        "MCP clients",
    ]);
    let kinds = kinds.map(|(kind, caption)| {
        Choice::new(kind.as_str(), kind.label(), caption)
            .mark(view! { <Glyph seed=format!("sample-{kind}") kind/> })
            .code(format!("{}_", kind.prefix()))
            .checked(kind == Kind::Live)
    });
    let captions = ["Read only", "Read and write", "Also manage keys", "Everything"];
    let roles = Role::ALL.into_iter().zip(captions).map(|(role, caption)| {
        Choice::new(role.as_str(), role.label(), caption)
            .mark(view! { <Pins role/> })
            .checked(role == Role::Member)
            .disabled(role == Role::Owner)
    });
    view! {
        <Input name="name" label="Name" hint="Name it after the program that will use it." max_length=80 verbatim=true autocomplete="off"/>
        <ChoiceList name="kind" label="Kind" choices=kinds.collect()/>
        <ChoiceCells
            name="role"
            label="Role"
            remark="frozen at creation"
            hint="You are an admin, so your keys can have this role at most."
            choices=roles.collect()
        />
        <TextArea
            name="cidr"
            label="Allowed addresses"
            hint="One CIDR range per line. Leave empty to allow every address."
            value="198.51.100.0/24\n203.0.113.300"
            control="mono"
            verbatim=true
            optional=true
        />
        <Checkbox name="mine" label="I started this login on my own device"/>
    }
    .into_any()
}

#[component]
pub fn SampleDialog() -> AnyView {
    view! {
        <Dialog
            id="revoke"
            title="Revoke ci-deploy?"
            close="/gallery"
            width=DialogWidth::Narrow
            described_by="revoke-cost"
        >
            <Form action="/gallery" prefix="revoke">
                <DialogBody>
                    <p class="text-ink-2" id="revoke-cost">
                        "Every request with this key fails from the moment you revoke it. You cannot undo this."
                    </p>
                    <dl class="facts mt-3 border-y border-line">
                        <div>
                            <dt>"In the last 24 h"</dt>
                            <dd>"312 calls from 2 addresses"</dd>
                        </div>
                        <div>
                            <dt>"Secrets"</dt>
                            <dd>"Both the new and the old one stop"</dd>
                        </div>
                    </dl>
                    <Input
                        name="confirm"
                        label="Type ci-deploy to confirm"
                        hint="We ask because the key was used in the last 7 days."
                        pattern="ci-deploy"
                        autocomplete="off"
                        verbatim=true
                        focus=true
                        class="mt-4"
                    />
                </DialogBody>
                <DialogFoot>
                    <LinkButton href="/gallery">"Keep key"</LinkButton>
                    <SubmitButton text="Revoke key" saving="Revoking…" look=Look::Danger/>
                </DialogFoot>
            </Form>
        </Dialog>
    }
    .into_any()
}

pub async fn solo(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    let (host, theme) = (app.public_url.authority().to_owned(), visit.theme);
    Page::new(&app, &visit, "Sign in")
        .render(move || {
            view! {
                <Solo width=SoloWidth::Slim rack=true host>
                    <h1 class="h-page text-center">"Sign in"</h1>
                    <p class="mt-1 text-center text-ink-2">"to manage the API keys of your organization"</p>
                    <Form action="/gallery" class="mt-6">
                        <Input name="email" label="Email" kind="email" autocomplete="username" large=true focus=true/>
                        <Input
                            name="password"
                            label="Password"
                            kind="password"
                            autocomplete="current-password"
                            large=true
                            class="mt-4"
                            aside=view! { <a class="link text-dense" href="/gallery">"Reset password"</a> }.into_any()
                        />
                        <SubmitButton text="Sign in" saving="Signing in…" size=Size::Large class="mt-5 w-full"/>
                        <div class="my-5 flex items-center gap-3 cap">
                            <span class="h-px flex-1 bg-line"></span>
                            "or"
                            <span class="h-px flex-1 bg-line"></span>
                        </div>
                        <div class="grid gap-2">
                            <Button size=Size::Large icon=Symbol::GitHub unchecked=true>"Continue with GitHub"</Button>
                            <Button size=Size::Large icon=Symbol::Google unchecked=true>"Continue with Google"</Button>
                            <Button size=Size::Large icon=Symbol::Shield unchecked=true>"Continue with SSO"</Button>
                        </div>
                    </Form>
                    <div class="mt-6"><ThemeSwitch theme back="/gallery/solo"/></div>
                    <div class="mt-6"><Breadcrumb up=vec![("/gallery".to_owned(), "Gallery".to_owned())] here="Solo"/></div>
                </Solo>
            }
        })
        .await
}
