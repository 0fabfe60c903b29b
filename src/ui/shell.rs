//! The layouts of pages: `Shell` for people who are signed in (a sidebar in wide windows, a header and a drawer on phones), and `Solo`
//! for pages with one task. Menus and the drawer are native popovers; every switch is a form.

use leptos::prelude::*;

pub use super::breadcrumb::Breadcrumb;
use super::form::Form;
use super::parts::{Avatar, HiddenFields, Icon, Mark, OrganizationAvatar, Rack, Symbol, capped};
use super::search_dialogs::{SearchButton, SearchDialogs, SearchIcon};
use crate::shared::{Role, Theme, VERSION};

/// What the layout shows besides the content: the person, the organizations and the current page.
#[derive(Clone, Debug)]
pub struct Chrome {
    pub person: SignedInPerson,
    pub organization: CurrentOrganization,
    /// The person's other organizations.
    pub others: Vec<OtherOrganization>,
    /// The items of the sidebar, in their order.
    pub places: Vec<Nav>,
    pub current: Option<Nav>,
    /// The number beside "Approvals".
    pub waiting: u64,
    pub theme: Theme,
    /// The host of `public_url`, shown next to the version.
    pub host: String,
    /// The path to return to after switching the organization or the theme.
    pub back: String,
}

#[derive(Clone, Debug)]
pub struct SignedInPerson {
    pub name: String,
    pub email: String,
}

#[derive(Clone, Debug)]
pub struct CurrentOrganization {
    pub id: String,
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Debug)]
pub struct OtherOrganization {
    pub id: String,
    pub name: String,
}

/// The items of the sidebar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    Overview,
    Keys,
    Protect,
    Approvals,
    Permissions,
    KeyPolicy,
    Agents,
    Members,
    Webhooks,
    Audit,
    Organization,
}

impl Nav {
    pub const ALL: [Self; 11] = [
        Self::Overview,
        Self::Keys,
        Self::Protect,
        Self::Approvals,
        Self::Permissions,
        Self::KeyPolicy,
        Self::Agents,
        Self::Members,
        Self::Webhooks,
        Self::Audit,
        Self::Organization,
    ];

    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Keys => "/settings/api-keys",
            Self::Protect => "/settings/protect",
            Self::Approvals => "/approvals",
            Self::Permissions => "/settings/permissions",
            Self::KeyPolicy => "/settings/key-policy",
            Self::Agents => "/settings/agents",
            Self::Members => "/settings/members",
            Self::Webhooks => "/settings/webhooks",
            Self::Audit => "/settings/audit-log",
            Self::Organization => "/settings/organization",
        }
    }

    /// Its symbol and name.
    pub const fn face(self) -> (Symbol, &'static str) {
        match self {
            Self::Overview => (Symbol::Overview, "Overview"),
            Self::Keys => (Symbol::Key, "API keys"),
            Self::Protect => (Symbol::Protect, "Protect your API"),
            Self::Approvals => (Symbol::Approvals, "Approvals"),
            Self::Permissions => (Symbol::Shield, "Permissions"),
            Self::KeyPolicy => (Symbol::Policy, "Key policy"),
            Self::Agents => (Symbol::Terminal, "Agents"),
            Self::Members => (Symbol::Members, "Members"),
            Self::Webhooks => (Symbol::Webhook, "Webhooks"),
            Self::Audit => (Symbol::Audit, "Audit log"),
            Self::Organization => (Symbol::Organization, "Organization"),
        }
    }

    pub fn is_open_to(self, role: Role) -> bool {
        !matches!(self, Self::Audit | Self::Webhooks) || role >= Role::Admin
    }
}

/// The layout for people who are signed in. `dialog` is above the page and makes it inert; `toast` is beside it.
#[component]
pub fn Shell(
    chrome: Chrome,
    #[prop(optional_no_strip)] dialog: Option<AnyView>,
    #[prop(optional_no_strip)] toast: Option<AnyView>,
    children: Children,
) -> AnyView {
    let covered = dialog.is_some();
    let Chrome { person, organization, others, places, current, waiting, theme, host, back } = chrome;
    let name = organization.name.clone();
    view! {
        <div inert=covered>
            <a
                class="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 btn btn-primary"
                href="#main"
            >
                "Skip to content"
            </a>
            <div class="min-h-dvh md:flex" data-private="">
                <aside class="sidebar flex-none" id="nav" popover="auto" aria-label="Navigation">
                    <div class="sidebar-in">
                        <OrganizationSwitch organization=organization.clone() others back=back.clone()/>
                        <div class="px-3 pb-3"><SearchButton/></div>
                        <nav class="px-3" aria-label="Main">
                            <ul class="grid gap-0.5">{items(places, current, organization.role, waiting)}</ul>
                        </nav>
                        <Account person theme host back/>
                    </div>
                </aside>
                <div class="min-w-0 flex-1">
                    <header class="sticky top-0 z-10 flex h-13 items-center justify-between gap-3 border-b border-line bg-sunken px-4 md:hidden">
                        <a href="/" class="flex min-w-0 items-center gap-2.5">
                            <Mark/>
                            <span class="truncate text-dense font-semi" dir="auto">{name}</span>
                        </a>
                        <span class="flex items-center">
                            <SearchIcon/>
                            <button type="button" class="btn btn-ghost -mr-2" popovertarget="nav">
                                <Icon symbol=Symbol::Menu/>
                                "Menu"
                            </button>
                        </span>
                    </header>
                    <main
                        id="main"
                        tabindex="-1"
                        class="mx-auto max-w-[76rem] px-4 pt-5 pb-16 outline-none sm:px-6 md:pt-9 lg:px-8 xl:px-10"
                    >
                        {children()}
                    </main>
                </div>
            </div>
        </div>
        {dialog}
        {toast}
        <SearchDialogs/>
    }
    .into_any()
}

fn items(places: Vec<Nav>, current: Option<Nav>, role: Role, waiting: u64) -> AnyView {
    places
        .into_iter()
        .filter(|item| item.is_open_to(role))
        .map(|item| {
            let (symbol, text) = item.face();
            let here = (current == Some(item)).then_some("page");
            let count = (item == Nav::Approvals && waiting > 0).then(|| {
                let text = capped(i64::try_from(waiting).unwrap_or(i64::MAX), MAX_WAITING);
                let label = format!("{text} waiting");
                view! { <span class="nav-count" role="img" aria-label=label>{text}</span> }
            });
            view! {
                <li>
                    <a class="nav-item" href=item.path() aria-current=here>
                        <Icon symbol/>
                        {text}
                        {count}
                    </a>
                </li>
            }
        })
        .collect_view()
        .into_any()
}

/// Counts above this number are not exact.
const MAX_WAITING: i64 = 99;

const OPENER: &str = "flex w-full items-center gap-2.5 rounded-control p-1.5 text-left hover:bg-press";

#[component]
fn OrganizationSwitch(
    organization: CurrentOrganization,
    others: Vec<OtherOrganization>,
    back: String,
) -> AnyView {
    let CurrentOrganization { name, role, .. } = organization;
    let others = others.into_iter().map(|other| {
        let fields = vec![("organization", other.id), ("back", back.clone())];
        view! {
            <Form action="/switch-organization">
                <HiddenFields fields/>
                <button type="submit" class="menu-item">
                    <OrganizationAvatar name=other.name.clone()/>
                    <span class="truncate" dir="auto">{other.name}</span>
                </button>
            </Form>
        }
    });
    view! {
        <div class="p-3">
            <button type="button" popovertarget="org-menu" class=OPENER title=name.clone()>
                <Mark/>
                <span class="min-w-0 flex-1">
                    <span class="block truncate text-dense leading-4 font-semi" dir="auto">{name.clone()}</span>
                    <span class="cap block truncate">{format!("You are {}", role.with_article())}</span>
                </span>
                <span class="text-ink-3"><Icon symbol=Symbol::UpDown/></span>
            </button>
            <div popover="auto" id="org-menu" class="menu menu-start" aria-label="Organizations">
                <a class="menu-item" href="/" aria-current="true">
                    <OrganizationAvatar name=name.clone()/>
                    <span class="truncate" dir="auto">{name}</span>
                    <span class="ml-auto pl-4"><Icon symbol=Symbol::Check/></span>
                </a>
                {others.collect_view()}
                <hr/>
                <a class="menu-item" href="/organizations/new">
                    <Icon symbol=Symbol::Plus/>
                    "New organization"
                </a>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Account(person: SignedInPerson, theme: Theme, host: String, back: String) -> AnyView {
    let SignedInPerson { name, email } = person;
    let title = format!("{name}, {email}");
    view! {
        <div class="mt-auto border-t border-line p-3">
            <button type="button" popovertarget="account-menu" class=OPENER title=title>
                <Avatar name=name.clone()/>
                <span class="min-w-0 flex-1">
                    <span class="block truncate text-dense leading-4 font-medium" dir="auto">{name}</span>
                    <span class="cap block truncate" dir="auto">{email}</span>
                </span>
                <span class="text-ink-3"><Icon symbol=Symbol::UpDown/></span>
            </button>
            <div popover="auto" id="account-menu" class="menu menu-up" aria-label="Account">
                <a class="menu-item" href="/settings/profile">
                    <Icon symbol=Symbol::User/>
                    "Profile"
                </a>
                <div class="px-2 py-1.5">
                    <ThemeSwitch theme back/>
                </div>
                <hr/>
                <Form action="/sign-out">
                    <button type="submit" class="menu-item">
                        <Icon symbol=Symbol::Out/>
                        "Sign out"
                    </button>
                </Form>
                <hr/>
                <p class="cap max-w-72 px-2 py-1 [overflow-wrap:anywhere]">
                    {format!("Latchkey {VERSION} · {host}")}
                </p>
            </div>
        </div>
    }
    .into_any()
}

/// The form that chooses the theme: light, dark, or that of the operating system.
#[component]
pub fn ThemeSwitch(theme: Theme, #[prop(into)] back: String) -> AnyView {
    let buttons = Theme::ALL.into_iter().map(move |choice| {
        let pressed = if choice == theme { "true" } else { "false" };
        view! {
            <button type="submit" name="theme" value=choice.as_str() aria-pressed=pressed>
                {choice.label()}
            </button>
        }
    });
    view! {
        <Form action="/preferences/theme">
            <HiddenFields fields=vec![("back", back)]/>
            <fieldset class="flex items-center justify-between gap-3">
                <legend class="sr-only">"Theme"</legend>
                <span class="text-dense" aria-hidden="true">"Theme"</span>
                <span class="seg">{buttons.collect_view()}</span>
            </fieldset>
        </Form>
    }
    .into_any()
}

/// The width of the column of a `Solo` page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoloWidth {
    /// Signing in.
    Slim,
    #[default]
    Usual,
    /// A form with sections.
    Wide,
}

/// The layout for pages with one task in the middle: signing in, setting up, approving a login, reading an error.
#[component]
pub fn Solo(
    #[prop(optional)] width: SoloWidth,
    /// Begins near the top, for long content.
    #[prop(optional)]
    tall: bool,
    /// Shows the rack of keys below: decoration for sign-in and setup only.
    #[prop(optional)]
    rack: bool,
    /// The host of `public_url`; not shown when empty.
    #[prop(into, optional)]
    host: String,
    children: Children,
) -> AnyView {
    let width = match width {
        SoloWidth::Slim => "max-w-[22rem]",
        SoloWidth::Usual => "max-w-[26rem]",
        SoloWidth::Wide => "max-w-[28rem]",
    };
    let top = if tall { "pt-7 sm:pt-9" } else { "pt-[clamp(1.75rem,11vh,7rem)]" };
    view! {
        <div class="flex min-h-dvh flex-col px-4">
            <header class=format!("flex justify-center {top}")>
                <a href="/" class="inline-flex items-center gap-2.5 rounded-badge">
                    <Mark class="size-8"/>
                    <span class="text-lead font-semi tracking-[-0.01em]">"Latchkey"</span>
                </a>
            </header>
            <main id="main" tabindex="-1" class=format!("mx-auto w-full {width} flex-1 pt-6 pb-10 outline-none")>
                {children()}
            </main>
            {rack.then(|| view! { <Rack/> })}
            {(!host.is_empty())
                .then(|| view! { <footer class="pb-6 text-center cap [overflow-wrap:anywhere]">{host}</footer> })}
        </div>
    }
    .into_any()
}

/// The title, a sentence below it, and the actions of the page at the right.
#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    #[prop(into, optional)] text: String,
    /// A time below the title instead of the sentence.
    #[prop(optional)]
    time: Option<AnyView>,
    #[prop(optional)] children: Option<Children>,
) -> AnyView {
    let text = (!text.is_empty()).then(|| text.into_any()).or(time);
    view! {
        <div class="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1">
            <h1 class="h-page [overflow-wrap:anywhere]" dir="auto">{title}</h1>
            {children.map(|actions| view! { <div class="row-span-1 self-start sm:row-span-2">{actions()}</div> })}
            {text.map(|text| view! { <p class="col-start-1 max-w-[40rem] text-ink-2 max-sm:col-span-2">{text}</p> })}
        </div>
    }
    .into_any()
}
