//! Icons on a 16 px grid with a 1.5 px stroke, square ends and mitred corners. They are inline SVG, so that a page contains only those
//! that it uses. They are decoration: the word is next to them or in the label of the control.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    Overview,
    Key,
    Members,
    Audit,
    Organization,
    Search,
    Plus,
    More,
    Down,
    Right,
    Left,
    UpDown,
    Copy,
    Check,
    Cross,
    Warning,
    Info,
    Eye,
    EyeOff,
    Rotate,
    Edit,
    Pause,
    Ban,
    Clock,
    Terminal,
    Menu,
    Download,
    User,
    Out,
    Shield,
    Mail,
    Arrow,
    Laptop,
    Globe,
    Webhook,
    Policy,
    Approvals,
    Protect,
    Minus,
    Dot,
    GitHub,
    Google,
}

impl Symbol {
    /// All symbols, for the gallery.
    pub const ALL: [Self; 42] = [
        Self::Overview,
        Self::Key,
        Self::Members,
        Self::Audit,
        Self::Organization,
        Self::Search,
        Self::Plus,
        Self::More,
        Self::Down,
        Self::Right,
        Self::Left,
        Self::UpDown,
        Self::Copy,
        Self::Check,
        Self::Cross,
        Self::Warning,
        Self::Info,
        Self::Eye,
        Self::EyeOff,
        Self::Rotate,
        Self::Edit,
        Self::Pause,
        Self::Ban,
        Self::Clock,
        Self::Terminal,
        Self::Menu,
        Self::Download,
        Self::User,
        Self::Out,
        Self::Shield,
        Self::Mail,
        Self::Arrow,
        Self::Laptop,
        Self::Globe,
        Self::Webhook,
        Self::Policy,
        Self::Approvals,
        Self::Protect,
        Self::Minus,
        Self::Dot,
        Self::GitHub,
        Self::Google,
    ];

    const fn paths(self) -> &'static str {
        match self {
            Self::Overview => r#"<path d="M2.75 13.25v-5M6.25 13.25v-10.5M9.75 13.25v-7M13.25 13.25v-3"/>"#,
            Self::Key => r#"<circle cx="5" cy="11" r="2.75"/><path d="M7.1 8.9l6-6M10.4 5.6l2.2 2.2"/>"#,
            Self::Members => {
                r#"<circle cx="6" cy="5" r="2.25"/><path d="M1.75 13.25c0-2.5 1.7-4 4.25-4s4.25 1.5 4.25 4M10.25 2.9a2.25 2.25 0 010 4.2M12 9.6c1.4.6 2.25 1.9 2.25 3.65"/>"#
            }
            Self::Audit => {
                r#"<path d="M2.75 3.75h1M6.25 3.75h7M2.75 8h1M6.25 8h7M2.75 12.25h1M6.25 12.25h4.5"/>"#
            }
            Self::Organization => {
                r#"<path d="M2.75 13.25V2.75h6.5v10.5M9.25 6.75h4v6.5M1.75 13.25h12.5M5.25 5.75h1.5M5.25 8.25h1.5M5.25 10.75h1.5"/>"#
            }
            Self::Search => r#"<circle cx="7" cy="7" r="4.25"/><path d="M10.25 10.25l3.25 3.25"/>"#,
            Self::Plus => r#"<path d="M8 3.25v9.5M3.25 8h9.5"/>"#,
            Self::More => {
                r#"<g fill="currentColor" stroke="none"><rect x="2.5" y="7" width="2" height="2"/><rect x="7" y="7" width="2" height="2"/><rect x="11.5" y="7" width="2" height="2"/></g>"#
            }
            Self::Down => r#"<path d="M4 6.25l4 4 4-4"/>"#,
            Self::Right => r#"<path d="M6 4l4 4-4 4"/>"#,
            Self::Left => r#"<path d="M10 4L6 8l4 4"/>"#,
            Self::UpDown => r#"<path d="M5 6l3-3 3 3M5 10l3 3 3-3"/>"#,
            Self::Copy => r#"<path d="M5.75 5.75h7.5v7.5h-7.5zM3.5 10.25h-.75v-7.5h7.5v.75"/>"#,
            Self::Check => r#"<path d="M3 8.5l3.25 3.25L13 5"/>"#,
            Self::Cross => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
            Self::Warning => {
                r#"<path d="M8 2.5l6 11H2zM8 6.75v3"/><path d="M8 11.6v.01" stroke-width="1.6"/>"#
            }
            Self::Info => r#"<circle cx="8" cy="8" r="5.75"/><path d="M8 7.5v3.25M8 5.2v.01"/>"#,
            Self::Eye => {
                r#"<path d="M1.5 8S4 3.75 8 3.75 14.5 8 14.5 8 12 12.25 8 12.25 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="1.75"/>"#
            }
            Self::EyeOff => {
                r#"<path d="M3.5 10.4C2.2 9.3 1.5 8 1.5 8S4 3.75 8 3.75c.8 0 1.5.17 2.2.43M12.6 5.7c1.2 1.1 1.9 2.3 1.9 2.3S12 12.25 8 12.25c-.7 0-1.4-.13-2-.35M2.75 13.25l10.5-10.5"/>"#
            }
            Self::Rotate => {
                r#"<path d="M13 7A5.25 5.25 0 003.6 5M3 9a5.25 5.25 0 009.4 2M3.25 2v3.25H6.5M12.75 14v-3.25H9.5"/>"#
            }
            Self::Edit => r#"<path d="M3 13h2.25l7.5-7.5L10.5 3.25 3 10.75zM8.9 4.85l2.25 2.25"/>"#,
            Self::Pause => r#"<path d="M5.5 3.25v9.5M10.5 3.25v9.5"/>"#,
            Self::Ban => r#"<circle cx="8" cy="8" r="5.5"/><path d="M4.2 4.2l7.6 7.6"/>"#,
            Self::Clock => r#"<circle cx="8" cy="8" r="5.75"/><path d="M8 4.75V8l2.25 1.5"/>"#,
            Self::Terminal => r#"<path d="M2.5 4l4 4-4 4M8.25 12.25h5.25"/>"#,
            Self::Menu => r#"<path d="M2.75 4.25h10.5M2.75 8h10.5M2.75 11.75h10.5"/>"#,
            Self::Download => r#"<path d="M8 2.5v7.75M4.75 7.25L8 10.5l3.25-3.25M2.75 13.25h10.5"/>"#,
            Self::User => {
                r#"<circle cx="8" cy="5.25" r="2.5"/><path d="M3 13.5c0-2.75 2-4.25 5-4.25s5 1.5 5 4.25"/>"#
            }
            Self::Out => r#"<path d="M6.25 2.75h-3.5v10.5h3.5M6.5 8h7M10.75 5l3 3-3 3"/>"#,
            Self::Shield => r#"<path d="M8 2l5 1.75V8c0 3-2 5-5 6-3-1-5-3-5-6V3.75z"/>"#,
            Self::Mail => r#"<path d="M2 3.75h12v8.5H2zM2.5 4.5L8 8.75l5.5-4.25"/>"#,
            Self::Arrow => r#"<path d="M2.75 8h10M9 4.25L12.75 8 9 11.75"/>"#,
            Self::Laptop => r#"<path d="M3.25 3.25h9.5v7h-9.5zM1.5 12.75h13"/>"#,
            Self::Globe => {
                r#"<circle cx="8" cy="8" r="5.75"/><path d="M2.25 8h11.5M8 2.25c2 1.7 2.6 3.6 2.6 5.75S10 12.05 8 13.75C6 12.05 5.4 10.15 5.4 8S6 3.95 8 2.25z"/>"#
            }
            Self::Policy => {
                r#"<path d="M2.75 4.75h4M10.25 4.75h3M2.75 11.25h2M8.25 11.25h5"/><path d="M6.75 3v3.5h3.5V3zM4.75 9.5V13h3.5V9.5z"/>"#
            }
            Self::Approvals => r#"<path d="M2.75 8.5l2.5 2.5 4.5-5M8 11l.25.25L13.25 5.5"/>"#,
            Self::Protect => {
                r#"<path d="M8 2l5 1.75V8c0 3-2 5-5 6-3-1-5-3-5-6V3.75zM5.75 7.75L7.5 9.5l3-3.25"/>"#
            }
            Self::Minus => r#"<path d="M4 8h8"/>"#,
            Self::Webhook => r#"<path d="M13.5 2.5L2 7.25l4.5 2.25L8.75 14zM6.5 9.5l3-3"/>"#,
            Self::Dot => r#"<circle cx="8" cy="8" r="2" fill="currentColor" stroke="none"/>"#,
            Self::GitHub => {
                r#"<path stroke="none" fill="currentColor" d="M8 0C3.58 0 0 3.58 0 8c0 3.54 2.29 6.53 5.47 7.59.4.07.55-.17.55-.38 0-.19-.01-.82-.01-1.49-2.01.37-2.53-.49-2.69-.94-.09-.23-.48-.94-.82-1.13-.28-.15-.68-.52-.01-.53.63-.01 1.08.58 1.23.82.72 1.21 1.87.87 2.33.66.07-.52.28-.87.51-1.07-1.78-.2-3.64-.89-3.64-3.95 0-.87.31-1.59.82-2.15-.08-.2-.36-1.02.08-2.12 0 0 .67-.21 2.2.82.64-.18 1.32-.27 2-.27.68 0 1.36.09 2 .27 1.53-1.04 2.2-.82 2.2-.82.44 1.1.16 1.92.08 2.12.51.56.82 1.27.82 2.15 0 3.07-1.87 3.75-3.65 3.95.29.25.54.73.54 1.48 0 1.07-.01 1.93-.01 2.2 0 .21.15.46.55.38A8.01 8.01 0 0016 8c0-4.42-3.58-8-8-8z"/>"#
            }
            Self::Google => {
                r##"<g stroke="none" transform="scale(.6667)"><path fill="#4285F4" d="M22.56 12.25c0-.78-.07-1.53-.2-2.25H12v4.26h5.92c-.26 1.37-1.04 2.53-2.21 3.31v2.77h3.57c2.08-1.92 3.28-4.74 3.28-8.09z"/><path fill="#34A853" d="M12 23c2.97 0 5.46-.98 7.28-2.66l-3.57-2.77c-.98.66-2.23 1.06-3.71 1.06-2.86 0-5.29-1.93-6.16-4.53H2.18v2.84C3.99 20.53 7.7 23 12 23z"/><path fill="#FBBC05" d="M5.84 14.09c-.22-.66-.35-1.36-.35-2.09s.13-1.43.35-2.09V7.07H2.18C1.43 8.55 1 10.22 1 12s.43 3.45 1.18 4.93l3.66-2.84z"/><path fill="#EA4335" d="M12 5.38c1.62 0 3.06.56 4.21 1.64l3.15-3.15C17.45 2.09 14.97 1 12 1 7.7 1 3.99 3.47 2.18 7.07l3.66 2.84c.87-2.6 3.3-4.53 6.16-4.53z"/></g>"##
            }
        }
    }
}

#[component]
pub fn Icon(
    symbol: Symbol,
    /// Utilities besides `icon`, such as `size-3.5`.
    #[prop(into, optional)]
    class: String,
) -> AnyView {
    let class = format!("icon {class}").trim_end().to_owned();
    view! { <svg class=class viewBox="0 0 16 16" aria-hidden="true" inner_html=symbol.paths()></svg> }
        .into_any()
}
