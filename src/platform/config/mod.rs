//! Configuration: a struct of settings for each topic, declared once with defaults and descriptions. The declaration is used to read
//! and validate `Leptos.toml` and the environment, and to print `latchkey serve --help`.

mod client;
mod outside;
mod public_keys;
mod read;
mod setting;
mod value;

pub use client::DeviceClient;
pub use outside::{AllowedTarget, ProviderUrl, SmtpTls, SmtpUrl, is_loopback};
pub use public_keys::PublicKeys;
pub use read::{ConfigError, Sources};
pub use setting::Setting;
#[cfg(test)]
pub use value::SettingValue;
pub use value::{Bytes, DatabaseUrl, LogFormat, PublicUrl, SignUp};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use lettre::message::Mailbox;
use read::{range, settings};

use super::Secret;
use crate::shared::{Kind, Plan};

/// The front end's name, as in Cargo.toml's `[package.metadata.leptos]`.
pub const OUTPUT_NAME: &str = "latchkey";
/// The folder of scripts and styles below the site root, as in Cargo.toml.
pub const SITE_PKG_DIR: &str = "pkg";

settings! {
    /// The options of Leptos, in the table `[leptos]`.
    table "leptos"
    pub struct SiteSettings {
        /// Address and port to listen on
        pub site_addr: SocketAddr = "127.0.0.1:3000",
        /// Folder of the built front end. Release binaries ignore it, because they contain the front end
        pub site_root: PathBuf = "target/site",
        /// Port of the reload signal of `make dev`
        pub reload_port: u16 = "3001" from "1" to "65535",
    }
}

settings! {
    /// How clients reach this server.
    table "latchkey"
    pub struct WebSettings {
        /// Address that browsers use. It determines cookies, links and accepted origins. Empty: http and site_addr
        pub public_url: Option<PublicUrl> = "",
        /// Addresses or ranges of trusted reverse proxies, whose X-Forwarded-For is used; separated by commas
        pub trusted_proxies: Vec<IpNet> = "",
        /// Bearer token for /metrics. Empty: only direct requests from this machine can read it
        pub metrics_token: String = "",
    }
}

settings! {
    /// Where data is stored.
    table "latchkey"
    pub struct DatabaseSettings {
        /// sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME
        pub database_url: DatabaseUrl = "sqlite:data/latchkey.db",
        /// Maximum number of database connections
        pub database_connections: u32 = "8" from "1" to "1000",
        /// How long a request waits for a connection, and on SQLite for another process's write lock
        pub database_timeout: Duration = "5s" from "100ms" to "5m",
    }
}

settings! {
    /// Limits on the size and time of requests.
    table "latchkey"
    pub struct LimitSettings {
        /// Maximum size of a request body
        pub max_body: Bytes = "1MiB" from "1KiB" to "1GiB",
        /// Maximum size of all headers of a request together
        pub max_headers: Bytes = "32KiB" from "1KiB" to "1MiB",
        /// Time to receive the headers of a request
        pub header_timeout: Duration = "10s" from "100ms" to "10m",
        /// How long an idle connection stays open between two requests
        pub keep_alive_timeout: Duration = "75s" from "1s" to "1h",
        /// How long a client may pause while it sends a request body
        pub body_timeout: Duration = "10s" from "100ms" to "10m",
        /// Time limit for a request
        pub request_timeout: Duration = "10s" from "1s" to "10m",
        /// How long a client may read nothing of a response before its connection is closed
        pub send_timeout: Duration = "30s" from "100ms" to "10m",
        /// How long running requests may continue when the server stops
        pub shutdown_grace: Duration = "20s" from "0s" to "10m",
    }
}

settings! {
    /// Accounts, sessions and the audit log.
    table "latchkey"
    pub struct AccountSettings {
        /// Who can create an account: people with an invitation, everybody who confirms an email address (open), or nobody (closed)
        pub sign_up: SignUp = "invitation",
        /// A session ends when it is unused for this long
        pub session_idle: Duration = "7d" from "5m" to "400d",
        /// A session ends after this time, even while it is used
        pub session_life: Duration = "30d" from "5m" to "400d",
        /// How long audit events are stored. Empty: forever
        pub audit_retention: Option<Duration> = "" from "1d" to "36500d",
        /// How long audit events of refusals, and of requests by people without an account, are stored
        pub refusal_retention: Duration = "90d" from "1d" to "36500d",
    }
}

settings! {
    /// API keys and their usage.
    table "latchkey"
    pub struct KeySettings {
        /// Plans that include /api/v1, separated by commas: free, agency, business, enterprise
        pub api_plans: Vec<Plan> = "agency,business,enterprise",
        /// Plan of new organizations
        pub default_plan: Plan = "enterprise",
        /// Cost of hashing a new key's secret: scrypt with N = 2 to the power of this, r = 8, p = 1
        pub key_hash_cost: u32 = "10" from "1" to "20",
        /// Maximum number of verified tokens in memory. Others are checked against the database
        pub remembered_tokens: u32 = "1000000" from "1" to "100000000",
        /// How long usage (charts and callers) is stored
        pub usage_retention: Duration = "90d" from "1d" to "3650d",
    }
}

settings! {
    /// Command-line logins through the browser.
    table "latchkey"
    pub struct DeviceSettings {
        /// Additional programs that can log in, separated by commas: an id, or id=Name with the name for the approval page
        pub device_clients: Vec<DeviceClient> = "",
        /// How long a code can be approved
        pub device_code_life: Duration = "10m" from "1m" to "1d",
        /// How often a program may poll for the approval of its code
        pub device_poll_interval: Duration = "5s" from "1s" to "30s",
        /// Whether links contain the code (true), or people type it (false)
        pub device_prefilled_codes: bool = "true",
        /// Maximum number of new codes per address and minute
        pub device_codes_per_minute: u32 = "10" from "1" to "100000",
        /// Maximum number of pending codes per address
        pub device_codes_open: u32 = "20" from "1" to "10000",
        /// Maximum number of wrong codes per person in ten minutes
        pub device_wrong_codes_per_person: u32 = "5" from "1" to "10000",
        /// Maximum number of wrong codes per address in an hour
        pub device_wrong_codes_per_address: u32 = "20" from "1" to "10000",
        /// People whose session is older must sign in again before they approve a login
        pub device_session_age: Duration = "12h" from "1m" to "400d",
        /// How long keys of logins work, of command lines and of MCP clients. Empty: until they are revoked
        pub login_key_life: Option<Duration> = "" from "1h" to "36500d",
    }
}

settings! {
    /// The MCP server.
    table "latchkey"
    pub struct McpSettings {
        /// Kinds of keys that work at /api/mcp, separated by commas: live, test, claw, secret, mcp
        pub mcp_kinds: Vec<Kind> = "mcp,live,claw",
    }
}

settings! {
    /// Logins of MCP clients through the browser.
    table "latchkey"
    pub struct OAuthSettings {
        /// MCP clients inside your network that may describe themselves at an address, over https or http, separated by commas: ranges such as 10.1.0.0/16, or HOST:PORT. All others must have public addresses and use https
        pub oauth_client_targets: Vec<AllowedTarget> = "",
    }
}

settings! {
    /// Identity providers for signing in. A provider is offered if its id and secret are set.
    table "latchkey"
    pub struct ProviderSettings {
        /// Client id of an OAuth app at GitHub. Empty: no sign-in with GitHub
        pub github_client_id: String = "",
        /// Its secret
        pub github_client_secret: Secret = "",
        /// Address of GitHub, or of your GitHub Enterprise Server
        pub github_url: ProviderUrl = "https://github.com",
        /// Client id at Google. Empty: no sign-in with Google
        pub google_client_id: String = "",
        /// Its secret
        pub google_client_secret: Secret = "",
        /// Issuer of an OpenID Connect provider, which must support discovery. Empty: none
        pub oidc_issuer: Option<ProviderUrl> = "",
        /// Client id there
        pub oidc_client_id: String = "",
        /// Its secret
        pub oidc_client_secret: Secret = "",
        /// Name of that provider on the button "Continue with …"
        pub oidc_name: String = "SSO",
        /// Time limit for a response of an identity provider
        pub provider_timeout: Duration = "5s" from "100ms" to "2m",
    }
}

settings! {
    /// Events that are sent to other servers.
    table "latchkey"
    pub struct WebhookSettings {
        /// Receivers of webhooks inside your network, over https or http, separated by commas: ranges such as 10.1.0.0/16, or HOST:PORT. All other receivers must have public addresses and use https
        pub webhook_targets: Vec<AllowedTarget> = "",
        /// Time limit for a webhook delivery
        pub webhook_timeout: Duration = "10s" from "100ms" to "1m",
    }
}

settings! {
    /// Reports of leaked keys.
    table "latchkey"
    pub struct LeakSettings {
        /// GitHub's public keys for secret scanning, as https://api.github.com/meta/public_keys/secret_scanning returns them, to verify signed reports. Empty: signatures are ignored
        pub github_scanning_keys: Option<PublicKeys> = "",
    }
}

settings! {
    /// How mail is sent. Without a mail server, pages show links to copy instead.
    table "latchkey"
    pub struct MailSettings {
        /// smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS; with "?tls=none" for a relay without TLS. Empty: no email is sent
        pub smtp_url: Option<SmtpUrl> = "",
        /// Sender of emails, such as Latchkey <keys@example.com>
        pub mail_from: Option<Mailbox> = "",
        /// Time limit for sending one email. No page waits for it
        pub mail_timeout: Duration = "20s" from "100ms" to "10m",
    }
}

settings! {
    /// The log on standard output.
    table "latchkey"
    pub struct LogSettings {
        /// Log level, or a filter such as "info,latchkey=debug"
        pub log: String = "info",
        /// Log format: human or json
        pub log_format: LogFormat = "human",
    }
}

impl ProviderSettings {
    /// Refuses an incomplete provider, whose button would be missing without an explanation.
    fn check(&self) -> Result<(), ConfigError> {
        let is_set = |secret: &Secret| !secret.expose().is_empty();
        for (name, id, secret) in [
            ("github", &self.github_client_id, &self.github_client_secret),
            ("google", &self.google_client_id, &self.google_client_secret),
            ("oidc", &self.oidc_client_id, &self.oidc_client_secret),
        ] {
            if id.is_empty() == is_set(secret) {
                return Err(ConfigError::new(format!(
                    "{name}_client_id and {name}_client_secret: a provider needs both"
                )));
            }
        }
        if self.oidc_issuer.is_some() == self.oidc_client_id.is_empty() {
            return Err(ConfigError::new("oidc_issuer and oidc_client_id: a provider needs both"));
        }
        if self.oidc_name.trim().is_empty() {
            return Err(ConfigError::new("oidc_name: the button needs a name"));
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    pub site: SiteSettings,
    pub web: WebSettings,
    pub database: DatabaseSettings,
    pub limits: LimitSettings,
    pub accounts: AccountSettings,
    pub keys: KeySettings,
    pub device: DeviceSettings,
    pub mcp: McpSettings,
    pub oauth: OAuthSettings,
    pub providers: ProviderSettings,
    pub webhooks: WebhookSettings,
    pub leaks: LeakSettings,
    pub mail: MailSettings,
    pub log: LogSettings,
}

impl Config {
    /// All settings, in the order of the help and the README.
    pub fn settings() -> Vec<Setting> {
        [
            SiteSettings::SETTINGS,
            WebSettings::SETTINGS,
            DatabaseSettings::SETTINGS,
            LimitSettings::SETTINGS,
            AccountSettings::SETTINGS,
            KeySettings::SETTINGS,
            DeviceSettings::SETTINGS,
            McpSettings::SETTINGS,
            OAuthSettings::SETTINGS,
            ProviderSettings::SETTINGS,
            WebhookSettings::SETTINGS,
            LeakSettings::SETTINGS,
            MailSettings::SETTINGS,
            LogSettings::SETTINGS,
        ]
        .concat()
    }

    pub fn read(sources: &Sources) -> Result<Self, ConfigError> {
        sources.refuse_unknown(&Self::settings())?;
        let config = Self {
            site: SiteSettings::read(sources)?,
            web: WebSettings::read(sources)?,
            database: DatabaseSettings::read(sources)?,
            limits: LimitSettings::read(sources)?,
            accounts: AccountSettings::read(sources)?,
            keys: KeySettings::read(sources)?,
            device: DeviceSettings::read(sources)?,
            mcp: McpSettings::read(sources)?,
            oauth: OAuthSettings::read(sources)?,
            providers: ProviderSettings::read(sources)?,
            webhooks: WebhookSettings::read(sources)?,
            leaks: LeakSettings::read(sources)?,
            mail: MailSettings::read(sources)?,
            log: LogSettings::read(sources)?,
        };
        config.check()?;
        Ok(config)
    }

    /// Validates combinations of settings.
    fn check(&self) -> Result<(), ConfigError> {
        self.providers.check()?;
        if self.mail.smtp_url.is_some() != self.mail.mail_from.is_some() {
            return Err(ConfigError::new("smtp_url and mail_from: mail needs both"));
        }
        if self.accounts.sign_up == SignUp::Open && self.mail.smtp_url.is_none() {
            return Err(ConfigError::new(
                "sign_up: open needs smtp_url, because addresses are confirmed by mail",
            ));
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.log).is_err() {
            return Err(ConfigError::new(format!(
                "log: \"{}\" is neither a level (error, warn, info, debug, trace) nor a filter",
                self.log.log
            )));
        }
        Ok(())
    }

    /// The address that browsers use.
    pub fn public_url(&self) -> PublicUrl {
        self.web.public_url.clone().unwrap_or_else(|| PublicUrl::of_listener(self.site.site_addr))
    }

    /// The text of `latchkey serve --help`.
    pub fn help() -> String {
        let mut text = String::from(
            "Settings come from Leptos.toml (tables [leptos] and [latchkey]) and the environment, which wins:\n",
        );
        for setting in Self::settings() {
            let default = if setting.default.is_empty() { "empty" } else { setting.default };
            let range = setting
                .range
                .map(|(least, greatest)| format!("; between {least} and {greatest}"))
                .unwrap_or_default();
            text.push_str(&format!(
                "\n  {} (in [{}]: {})\n      {} [default: {default}{range}]\n",
                setting.variable(),
                setting.table,
                setting.name,
                setting.help
            ));
        }
        text
    }
}
