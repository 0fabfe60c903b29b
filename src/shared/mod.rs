//! What both builds know and nothing else depends on.

mod id;
mod kind;
mod permission;
mod plan;
mod return_path;
mod role;
mod secret_id;
mod spread;
mod theme;
mod timestamp;

pub use id::{AgentId, Compact, EventId, InvitationId, KeyId, LoginId, OrgId, UserId};
pub use kind::Kind;
pub use permission::{Door, Permission};
pub use plan::Plan;
pub use return_path::ReturnPath;
pub use role::Role;
pub use secret_id::SecretId;
pub use spread::Spread;
pub use theme::Theme;
pub use timestamp::Timestamp;

/// The version in Cargo.toml, shown in the account menu, `--version` and `/metrics`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
