//! The key policy of an organization: rules for all of its keys, as pure functions over facts of a key. Creating and checking
//! keys, and the preview of a change, use the same functions. Settings → Key policy is in `policy_settings`.

mod grace;
mod reasons;
mod rules;
pub mod server;
mod weakening;

pub use grace::{KeyPolicy, PolicyRefusal, RuleStartTimes};
pub use reasons::{LoginConstraints, role_below};
pub use rules::{CallerAddress, KeyFacts, MAX_RULE_DAYS, PolicyRule, PolicyRules};
