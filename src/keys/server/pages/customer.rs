//! The fields about a key that is handed to a customer: owner, permissions, quota and metadata. For admins.

use leptos::prelude::*;
use serde::Deserialize;

use crate::keys::server::{Customer, CustomerDraft, KeyQuota, QuotaDraft};
use crate::keys::{MAX_EXTERNAL_ID_LENGTH, QuotaPeriod};
use crate::orgs::server::Member;
use crate::permissions::server as permissions;
use crate::platform::{App, Error};
use crate::shared::Permission;
use crate::ui::form::FormErrors;
use crate::ui::parts::{Icon, Input, Select, SelectOption, Symbol, TextArea, grouped};

/// The submitted text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct CustomerFieldTexts {
    pub external_id: String,
    pub metadata: String,
    /// Names, separated by spaces, commas or lines.
    pub permissions: String,
    pub quota: String,
    pub quota_period: String,
}

impl CustomerFieldTexts {
    pub fn of(customer: &Customer) -> Self {
        let Customer { external_id, metadata, permissions, quota } = customer;
        Self {
            external_id: external_id.clone().unwrap_or_default(),
            metadata: metadata.clone().unwrap_or_default(),
            permissions: permissions.join("\n"),
            quota: quota.map(|KeyQuota { limit, .. }| limit.to_string()).unwrap_or_default(),
            quota_period: quota.map(|KeyQuota { period, .. }| period.as_str().to_owned()).unwrap_or_default(),
        }
    }

    fn is_empty(&self) -> bool {
        [&self.external_id, &self.metadata, &self.permissions, &self.quota]
            .into_iter()
            .all(|text| text.trim().is_empty())
    }

    /// Invalid numbers become zero, which the service rejects.
    pub fn draft(&self, errors: &mut FormErrors) -> CustomerDraft {
        let quota = self.quota.trim().replace(',', "");
        let period = QuotaPeriod::parse(&self.quota_period);
        if !quota.is_empty() && period.is_none() {
            errors.add("quota_period", "Choose a day or a month.");
        }
        let separators = |c: char| c.is_whitespace() || c == ',';
        CustomerDraft {
            external_id: self.external_id.clone(),
            metadata: self.metadata.clone(),
            permissions: self
                .permissions
                .split(separators)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            quota: period
                .filter(|_| !quota.is_empty())
                .map(|period| QuotaDraft { limit: quota.parse().unwrap_or(0), period }),
        }
    }
}

/// The choices of the form, for those who may set these fields.
pub struct CustomerChoices {
    /// The names that the organization lists.
    listed: Vec<String>,
    has_errors: bool,
}

/// The hint names no more permissions than this.
const MAX_NAMED: usize = 12;

impl CustomerChoices {
    /// None for those who may not set these fields.
    pub async fn load(app: &App, member: &Member, errors: &FormErrors) -> Result<Option<Self>, Error> {
        if !member.may(Permission::ManagePermissions) {
            return Ok(None);
        }
        let listed = permissions::list(app, member).await?.into_iter().map(|listed| listed.name).collect();
        let names = ["external_id", "permissions", "quota", "quota_period", "metadata"];
        let has_errors = names.into_iter().any(|field| errors.of(field).is_some());
        Ok(Some(Self { listed, has_errors }))
    }

    /// The fields, folded until one is filled or wrong.
    pub fn fields(self, typed: CustomerFieldTexts) -> AnyView {
        let open = self.has_errors || !typed.is_empty();
        let remark = if open { "" } else { "for keys of your customers" };
        let hint = self.permission_hint();
        let periods = [(QuotaPeriod::Day, "a day"), (QuotaPeriod::Month, "a month")];
        let chosen = QuotaPeriod::parse(&typed.quota_period).unwrap_or(QuotaPeriod::Day);
        let periods: Vec<_> = periods
            .into_iter()
            .map(|(period, label)| SelectOption::new(period.as_str(), label, period == chosen))
            .collect();
        view! {
            <details class="disclose mt-4 border-t border-line pt-3" open=open>
                <summary class="-mx-1 inline-flex min-h-6 items-center gap-1.5 rounded-badge px-1 py-0.5 text-dense font-medium">
                    <span class="chev"><Icon symbol=Symbol::Right/></span>
                    "Owner, permissions and quota"
                    <span class="label-opt">{remark}</span>
                </summary>
                <div class="grid grid-cols-1 gap-4 pt-3 pl-5.5">
                    <Input
                        name="external_id" label="Owner" value=typed.external_id optional=true verbatim=true autocomplete="off"
                        max_length=MAX_EXTERNAL_ID_LENGTH placeholder="carrier_4471"
                        hint="Your customer's id in your own system. Checks return it."
                    />
                    <TextArea
                        name="permissions" label="Permissions" value=typed.permissions optional=true verbatim=true
                        control="mono" placeholder="invoices.read" hint
                    />
                    <div class="flex flex-wrap items-start gap-3">
                        <Input
                            name="quota" label="Quota" value=typed.quota optional=true inputmode="numeric" autocomplete="off"
                            placeholder="No quota" class="w-44" hint="Resets at 00:00 UTC."
                        />
                        <Select name="quota_period" label="Requests in" options=periods class="w-36"/>
                    </div>
                    <TextArea
                        name="metadata" label="Metadata" value=typed.metadata optional=true verbatim=true control="mono"
                        placeholder=r#"{"tier": "gold"}"# hint="A JSON object of at most 4 KiB. Checks return it."
                    />
                </div>
            </details>
        }
        .into_any()
    }

    fn permission_hint(&self) -> String {
        if self.listed.is_empty() {
            return "No permissions yet. Add them in Settings, Permissions.".to_owned();
        }
        let named = self.listed.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
        match self.listed.len().saturating_sub(MAX_NAMED) {
            0 => format!("One name per line: {named}."),
            more => format!(
                "One name per line: {named} and {} more in Settings, Permissions.",
                grouped(more as u64)
            ),
        }
    }
}
