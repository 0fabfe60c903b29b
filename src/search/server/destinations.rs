//! The pages and actions that the search offers.

use super::rows::{RowLead, SearchRow};
use crate::orgs::server::Member;
use crate::shared::Permission;
use crate::ui::parts::Symbol;
use crate::ui::shell::Nav;

/// A page or an action: its address, symbol, name, and further words by which it is found.
type Destination = (&'static str, Symbol, &'static str, &'static str);

/// Pages that are not in the navigation.
const PAGES: [Destination; 3] = [
    ("/settings/api-keys/refusals", Symbol::Ban, "Refused requests", "rejected denied errors log"),
    ("/settings/profile", Symbol::User, "Profile", "account password sessions second factor emails"),
    ("/organizations/new", Symbol::Plus, "New organization", "create team"),
];

const ACTIONS: [(Permission, Destination); 8] = [
    (Permission::ManageOwnKeys, ("/settings/api-keys/new", Symbol::Plus, "Create key", "new add api")),
    (
        Permission::ManageMembers,
        ("/settings/members", Symbol::Mail, "Invite members", "add people invitation"),
    ),
    (
        Permission::ManagePermissions,
        ("/settings/permissions", Symbol::Shield, "Add permission", "new create"),
    ),
    (
        Permission::ManageWebhooks,
        ("/settings/webhooks/new", Symbol::Webhook, "Add webhook", "new create endpoint"),
    ),
    (Permission::See, ("/settings/protect#try", Symbol::Protect, "Try a key", "test check verify")),
    (Permission::See, ("/settings/api-keys/export", Symbol::Download, "Export API keys", "download csv")),
    (
        Permission::ReadAudit,
        ("/settings/audit-log/export", Symbol::Download, "Export audit log", "download events jsonl csv"),
    ),
    (
        Permission::See,
        ("/settings/api-keys?status=expiring&sort=expiring", Symbol::Clock, "Show expiring keys", "soon end"),
    ),
];

/// The pages that the member may open and that the text names.
pub fn pages(member: &Member, text: &str) -> Vec<SearchRow> {
    let in_navigation = Nav::ALL.into_iter().filter(|nav| nav.is_open_to(member.org.role)).map(|nav| {
        let (symbol, name) = nav.face();
        (nav.path(), symbol, name, "")
    });
    in_navigation.chain(PAGES).filter(|place| is_named(place, text)).map(row).collect()
}

/// What the member may do and the text names.
pub fn actions(member: &Member, text: &str) -> Vec<SearchRow> {
    let allowed = ACTIONS.into_iter().filter(|(permission, _)| member.may(*permission));
    allowed.map(|(_, action)| action).filter(|action| is_named(action, text)).map(row).collect()
}

fn row((href, symbol, name, _): Destination) -> SearchRow {
    SearchRow {
        href: href.to_owned(),
        lead: RowLead::Symbol(symbol),
        text: name.to_owned(),
        note: String::new(),
    }
}

/// Each word of the text begins a word of the destination.
fn is_named((_, _, name, further): &Destination, text: &str) -> bool {
    let words: Vec<String> =
        name.split_whitespace().chain(further.split_whitespace()).map(str::to_lowercase).collect();
    let text = text.to_lowercase();
    text.split_whitespace().all(|beginning| words.iter().any(|word| word.starts_with(beginning)))
}
