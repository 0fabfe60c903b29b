//! The button that opens the command palette, the palette, and the list of keyboard shortcuts.

use std::sync::LazyLock;

use leptos::prelude::*;

use super::palette::PaletteKeys;
use super::parts::{Icon, Symbol};

const SHORTCUTS: [(&[&str], &str); 5] = [
    (&["Ctrl", "K"], "Search pages, keys, members and actions (⌘ K on a Mac)"),
    (&["/"], "Go to the search of this page"),
    (&["C"], "Create a key"),
    (&["G", "K"], "Go to API keys"),
    (&["?"], "Show this list"),
];

/// Without a script, a link to the page of the search.
#[component]
pub fn SearchButton() -> AnyView {
    view! {
        <a class="nav-search" href="/search" data-palette="">
            <Icon symbol=Symbol::Search/>
            <span class="flex-1">"Search"</span>
            {keys(&["Ctrl", "K"])}
        </a>
    }
    .into_any()
}

/// The same on phones.
#[component]
pub fn SearchIcon() -> AnyView {
    view! { <a class="btn-icon" href="/search" data-palette="" aria-label="Search"><Icon symbol=Symbol::Search/></a> }
        .into_any()
}

/// Closed until a script opens one of them. They are on every page and the same for everybody, so they are rendered once.
#[component]
pub fn SearchDialogs() -> AnyView {
    static PALETTE: LazyLock<String> = LazyLock::new(|| palette().to_html());
    static SHORTCUT_LIST: LazyLock<String> = LazyLock::new(|| shortcut_list().to_html());
    view! {
        <PaletteKeys>
            <dialog class="palette" id="palette" aria-label="Search and commands" inner_html=PALETTE.as_str()></dialog>
            <dialog
                class="dialog dialog-narrow"
                id="shortcuts"
                aria-labelledby="shortcuts-title"
                inner_html=SHORTCUT_LIST.as_str()
            ></dialog>
        </PaletteKeys>
    }
    .into_any()
}

fn palette() -> AnyView {
    view! {
        <div class="palette-in">
            <Icon symbol=Symbol::Search/>
            <input
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-label="Search keys, pages, members and actions"
                placeholder="Search keys, pages, members and actions"
                autocomplete="off"
                spellcheck="false"
            />
            <button type="button" class="btn-icon sm:hidden" data-close="" aria-label="Close">
                <Icon symbol=Symbol::Cross/>
            </button>
            <span class="max-sm:hidden">{keys(&["Esc"])}</span>
        </div>
        <div class="palette-list" id="palette-list" role="listbox" aria-label="Results"></div>
        <div class="palette-foot">
            <span>{keys(&["↑", "↓"])} "Move"</span>
            <span>{keys(&["Enter"])} "Open"</span>
            <span>{keys(&["Ctrl", "Enter"])} "New tab"</span>
        </div>
    }
    .into_any()
}

fn shortcut_list() -> AnyView {
    let shortcuts = SHORTCUTS.map(|(keys_of, what)| {
        view! {
            <div class="flex items-center justify-between gap-4">
                <dt>{what}</dt>
                <dd>{keys(keys_of)}</dd>
            </div>
        }
    });
    view! {
        <div class="dialog-head">
            <h2 class="h-sect" id="shortcuts-title">"Keyboard shortcuts"</h2>
            <button type="button" class="btn-icon" data-close="" aria-label="Close">
                <Icon symbol=Symbol::Cross/>
            </button>
        </div>
        <dl class="dialog-body grid gap-2 text-dense">{shortcuts.collect_view()}</dl>
    }
    .into_any()
}

fn keys(keys: &[&'static str]) -> AnyView {
    let keys: Vec<_> = keys.iter().map(|key| view! { <kbd class="kbd">{*key}</kbd> }).collect();
    view! { <span class="kbd-row">{keys}</span> }.into_any()
}
