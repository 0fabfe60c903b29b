//! The role and the expiry that the approver of a login chooses for its key.

use crate::key_policy::LoginConstraints;
use crate::keys::server::check_expiry;
use crate::platform::App;
use crate::shared::{Role, Timestamp};
use crate::ui::parts::exact;

/// Fields of the form with their errors.
pub type WrongFields = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug, Default)]
pub struct KeyChoice {
    /// None means the highest allowed role.
    pub role: Option<Role>,
    pub expiry: ChosenExpiry,
}

#[derive(Clone, Copy, Debug, Default)]
pub enum ChosenExpiry {
    /// The latest time that is allowed.
    #[default]
    Latest,
    Never,
    At(Timestamp),
}

/// The limits of the role and the expiry of a login's key.
pub struct KeyLimits {
    pub highest_role: Role,
    /// The latest allowed expiry. None means that the key may work without an end.
    pub latest: Option<Timestamp>,
    /// The device can fetch the key until this time.
    pub redeem_until: Timestamp,
}

/// When the key of a login that is approved now expires at the latest.
pub fn latest_expiry(app: &App, constraints: &LoginConstraints) -> Option<Timestamp> {
    let life_ends = app.config.device.login_key_life.map(|life| app.clock.now().plus(life));
    [life_ends, constraints.expires_by].into_iter().flatten().min()
}

impl KeyLimits {
    /// The role and the expiry of the key, or the fields of the form with their errors.
    pub fn check(
        &self,
        choice: &KeyChoice,
        now: Timestamp,
    ) -> Result<(Role, Option<Timestamp>), WrongFields> {
        let role = choice.role.unwrap_or(self.highest_role);
        let role = if role > self.highest_role {
            Err(format!("This key can be {} at most.", self.highest_role.with_article()))
        } else {
            Ok(role)
        };
        match (role, self.check_expiry(choice.expiry, now)) {
            (Ok(role), Ok(expires_at)) => Ok((role, expires_at)),
            (role, expiry) => {
                let role = role.err().map(|why| ("role", why));
                Err(role.into_iter().chain(expiry.err().map(|why| ("expires_at", why))).collect())
            }
        }
    }

    fn check_expiry(&self, chosen: ChosenExpiry, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let at = match chosen {
            ChosenExpiry::Latest => return Ok(None),
            ChosenExpiry::Never => None,
            ChosenExpiry::At(at) => {
                check_expiry(at, now)?;
                Some(at)
            }
        };
        match self.latest {
            Some(latest) if at.is_none_or(|at| at > latest) => {
                Err(format!("This key must expire by {}.", exact(latest)))
            }
            _ if at.is_some_and(|at| at <= self.redeem_until) => {
                Err("The key would expire before the terminal fetches it. Choose a later day.".to_owned())
            }
            _ => Ok(at),
        }
    }
}
