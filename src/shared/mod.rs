//! Basic types that both builds and all slices use.

mod id;
mod kind;
mod name_text;
mod permission;
mod plan;
mod return_path;
mod role;
mod secret_id;
#[cfg(feature = "ssr")]
mod text_column;
mod theme;
mod timestamp;
mod token_text;

pub use id::{
    AgentId, ApprovalId, DeliveryId, EventId, InvitationId, KeyId, LeakReportId, LoginId, MessageId, OrgId,
    PermissionId, UserId, WebhookId,
};
pub use kind::Kind;
pub use name_text::{has_hidden_characters, name_key};
pub use permission::{Permission, PrincipalKind};
pub use plan::Plan;
pub use return_path::ReturnPath;
pub use role::Role;
pub use secret_id::SecretId;
#[cfg(feature = "ssr")]
use text_column::text_column;
pub use theme::Theme;
pub use timestamp::Timestamp;
pub use token_text::{TOKEN_IN_TEXT, contains_token, hides_token, is_invisible};

/// The version in Cargo.toml, shown in the account menu, `--version` and `/metrics`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
