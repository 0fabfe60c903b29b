//! Describes an event as a sentence. The row contains all the names, so nothing else is read.

use serde_json::Value;

use super::Recorded;
use crate::shared::Timestamp;
use crate::ui::parts::minute;

/// "12 times in a minute", for a row that stands for several refusals.
pub fn how_often(event: &Recorded) -> Option<String> {
    if event.times < 2 {
        return None;
    }
    let first = event.details.get("first_at").and_then(Value::as_str).and_then(Timestamp::parse);
    let minutes = first.map_or(1, |first| (event.at.since(first).as_secs() + 30) / 60);
    let span = if minutes > 1 { format!("{minutes} minutes") } else { "a minute".to_owned() };
    Some(format!("{} times in {span}", event.times))
}

/// The rest of the sentence after the actor, for a page about the target.
pub fn about_it(event: &Recorded) -> String {
    match how_often(event) {
        Some(often) => format!("{}, {often}", sentence(event)),
        None => sentence(event),
    }
}

fn sentence(event: &Recorded) -> String {
    let text = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or_default();
    match event.action.as_str() {
        "key.created" if !text("login").is_empty() => {
            format!("logged {} in, which created this key with the role {}", text("device"), text("role"))
        }
        "key.created" => format!("created this key with the role {}", text("role")),
        "key.edited" => changed(event),
        "key.disabled" if text("because") == "idle" => "disabled this key, which nobody used".to_owned(),
        "key.disabled" => "disabled this key".to_owned(),
        "key.enabled" => "enabled this key".to_owned(),
        "key.rotated" => match text("old_valid_until") {
            "" => "rotated this key. The old secret ended at once".to_owned(),
            until => format!("rotated this key. Old secret accepted until {}", time(until)),
        },
        "key.secret_replaced" => "sent the same form again; its first secret was replaced".to_owned(),
        "key.rotation_extended" => {
            format!("extended the old secret until {}", time(text("old_valid_until")))
        }
        "key.rotation_finished" => "finished the rotation; the old secret ended".to_owned(),
        "key.rotation_ended" => "ended the old secret at its cut-off".to_owned(),
        "key.revoked" => "revoked this key".to_owned(),
        "key.leaked" => leaked(event),
        "key.refused" => format!("was refused to {} it: {}", text("verb"), text("reason")),
        other => other.replace(['.', '_'], " "),
    }
}

/// The rest of the sentence after the actor, and the target's name.
pub fn in_general(event: &Recorded) -> (String, String) {
    if let Some(often) = how_often(event) {
        let what = match event.action.as_str() {
            "key.refused" => "changes of keys",
            "member.refused" => "changes of members",
            "agent.refused" => "to register agents",
            "webhook.refused" => "changes of webhooks",
            "approval.refused" => "decisions about requests",
            "key_policy.refused" => "changes of the key policy",
            "login.refused" => "logins",
            "login.switch_refused" => "to go over to another organization",
            other => return (format!("{}, {often}", other.replace(['.', '_'], " ")), String::new()),
        };
        return (format!("was refused {what}, {often}"), String::new());
    }
    let target = || event.target_name.clone();
    let text = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or_default();
    let verb = match event.action.as_str() {
        "key.created" | "organization.created" => "created",
        "key.edited" => "edited",
        "key.disabled" => "disabled",
        "key.enabled" => "enabled",
        "key.rotated" => "rotated",
        "key.secret_replaced" => "replaced the new secret of",
        "key.rotation_extended" => "extended the rotation of",
        "key.rotation_finished" | "key.rotation_ended" => "ended the old secret of",
        "key.revoked" => "revoked",
        "key.leaked" => match text("outcome") {
            "revoked" => "revoked after a leak the key",
            "disabled" => "disabled after a leak the key",
            "rotation_finished" => "ended the old secret, found in public, of",
            _ => "received a report of a leak of",
        },
        "leak_policy.changed" => "changed what happens to leaked keys of",
        "key.refused" => "was refused a change of",
        "login.approved" | "login.denied" => {
            let verb = match (event.action.as_str(), text("requested_role")) {
                ("login.denied", _) => "denied".to_owned(),
                (_, requested) if requested.is_empty() || requested == text("role") => "approved".to_owned(),
                (_, requested) => format!("approved, as {} instead of {requested},", text("role")),
            };
            return match text("device") {
                "" => (format!("{verb} a login of"), target()),
                device => (format!("{verb} a login of {} on", target()), device.to_owned()),
            };
        }
        "login.refused" => "was refused a login of",
        "approval.requested" => "asked for approval:",
        "approval.approved" => "approved the request:",
        "approval.confirmed" => "confirmed the request of an agent:",
        "approval.denied" => "denied the request:",
        "approval.withdrawn" => "withdrew the request:",
        "approval.expired" => "let the request expire:",
        "approval.used" => "used the approved request:",
        "approval.refused" => "was refused to decide or use the request:",
        "key_policy.changed" => return ("changed the key policy".to_owned(), String::new()),
        "key_policy.refused" => return ("was refused to change the key policy".to_owned(), String::new()),
        "permission.added" => "listed the permission",
        "permission.described" => "described the permission",
        "permission.removed" => "removed the permission",
        "organization.renamed" => "renamed the organization to",
        "organization.switched" => "went over to",
        "organization.plan_changed" => return (format!("changed the plan to {}", text("to")), String::new()),
        "member.refused" => "was refused a change of",
        "member.invited" => "invited",
        "member.joined" => return (format!("joined as {}", text("role")), String::new()),
        "member.role_changed" => "changed the role of",
        "member.removed" => "removed",
        "invitation.resent" => "made a new invitation for",
        "invitation.withdrawn" => "withdrew the invitation of",
        "invitation.refused" => "was refused to join",
        "login.switched" => return ("went over to another organization".to_owned(), String::new()),
        "login.switch_refused" => {
            return ("was refused to go over to another organization".to_owned(), String::new());
        }
        "client.registered" => "registered the app",
        "agent.removed" => "removed the agent",
        "agent.registered" => "registered the agent",
        "agent.refused" => "was refused to register",
        "webhook.created" => "added the webhook",
        "webhook.changed" => "changed the webhook",
        "webhook.secret_rotated" => "rotated the signing secret of the webhook",
        "webhook.turned_off" => {
            let why = match text("because") {
                "gone" => ", which answered that it is gone",
                "failing" => ", which failed for five days",
                _ => "",
            };
            return ("turned off the webhook".to_owned(), format!("{}{why}", event.target_name));
        }
        "webhook.turned_on" => "turned on the webhook",
        "webhook.removed" => "removed the webhook",
        "webhook.tested" => "sent a test event to the webhook",
        "webhook.resent" => return (format!("sent {} again to the webhook", text("event")), target()),
        "webhook.refused" => "was refused a change of the webhook",
        // The target of these events is the actor.
        own if own_affair(own).is_some() => {
            return (own_affair(own).unwrap_or_default().to_owned(), String::new());
        }
        "session.started" => return ("signed in".to_owned(), String::new()),
        "session.ended" => return ("signed out".to_owned(), String::new()),
        other => return (other.replace(['.', '_'], " "), target()),
    };
    (verb.to_owned(), target())
}

fn own_affair(action: &str) -> Option<&'static str> {
    Some(match action {
        "person.renamed" => "changed their name",
        "password.changed" => "changed their password",
        "password.reset" => "set a new password by a link",
        "password.reset_asked" => "asked for a link to a new password",
        "second_factor.added" => "turned the second factor on",
        "second_factor.removed" => "turned the second factor off",
        "second_factor.refused" => "gave a wrong code for a change of the second factor",
        "letters.chosen" => "chose which emails they get",
        "recovery_codes.replaced" => "made new recovery codes",
        "sessions.ended" => "signed out other sessions",
        "sign_in_method.asked" => "began to add a way to sign in",
        "sign_in_method.added" => "added a way to sign in",
        "sign_in_method.removed" => "removed a way to sign in",
        _ => return None,
    })
}

/// "revoked this key: found in public at …".
fn leaked(event: &Recorded) -> String {
    let text = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or_default();
    let done = match text("outcome") {
        "revoked" => "revoked this key",
        "disabled" => "disabled this key",
        "rotation_finished" => "ended the old secret of this key",
        _ => "left this key as it is",
    };
    let at = match text("url") {
        "" => String::new(),
        url => format!(" at {url}"),
    };
    let by = match text("source") {
        "" => String::new(),
        source => format!(", reported by {source}"),
    };
    format!("{done}: found in public{at}{by}")
}

/// "set the requests per minute to 500 (no limit before)". Events of earlier versions have no new values.
fn changed(event: &Recorded) -> String {
    let fields = [
        ("name", "name_was", "the name", "none"),
        ("note", "note_was", "the note", "none"),
        ("expires_at", "expires_at_was", "the expiry", "never"),
        ("rate_limit", "rate_limit_was", "the requests per minute", "no limit"),
        ("ranges", "ranges_were", "the allowed addresses", "every address"),
        ("external_id", "external_id_was", "the owner", "none"),
        ("permissions", "permissions_were", "the permissions", "none"),
        ("quota", "quota_was", "the quota", "none"),
        ("metadata", "metadata_was", "the metadata", "none"),
        ("logged_calls", "logged_calls_were", "the logging of accepted calls", "none"),
        ("logged_until", "logged_until_was", "its end", "none"),
    ];
    let parts: Vec<String> = fields
        .into_iter()
        .filter_map(|(is, was, name, none)| {
            let value = |detail: &str| Some(value_in_words(event.details.get(detail)?, name, none));
            let old = value(was)?;
            Some(match value(is) {
                Some(new) => format!("set {name} to {new} ({old} before)"),
                None => format!("changed {name} ({old} before)"),
            })
        })
        .collect();
    parts.join(", ")
}

fn value_in_words(value: &Value, name: &str, none: &str) -> String {
    let text = match value {
        Value::String(text) if matches!(name, "the expiry" | "its end") => time(text),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.is_empty() { none.to_owned() } else { text }
}

/// A time in the words of pages, such as "21 Nov 2026, 11:40 UTC".
fn time(at: &str) -> String {
    Timestamp::parse(at).map_or_else(|| at.to_owned(), minute)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shared::{EventId, Timestamp};

    fn event(action: &str, details: serde_json::Value) -> Recorded {
        let nothing = String::new;
        Recorded {
            id: EventId::NIL,
            at: Timestamp::from_millis(0),
            actor_kind: "person".to_owned(),
            actor_id: nothing(),
            actor_name: "Alice".to_owned(),
            action: action.to_owned(),
            target_kind: "key".to_owned(),
            target_id: nothing(),
            target_name: "ci-deploy".to_owned(),
            address: nothing(),
            user_agent: nothing(),
            request_id: nothing(),
            details: details.as_object().cloned().unwrap_or_default(),
            times: 0,
        }
    }

    #[test]
    fn repeated_refusals_say_how_often() {
        let repeated = |first_at: &str, times| Recorded {
            at: Timestamp::parse("2026-11-20T10:01:05.000Z").expect("a time"),
            times,
            ..event("key.refused", json!({ "verb": "revoke", "reason": "No.", "first_at": first_at }))
        };
        let minute = repeated("2026-11-20T10:00:01.000Z", 12);
        assert_eq!(how_often(&minute).as_deref(), Some("12 times in a minute"));
        assert_eq!(about_it(&minute), "was refused to revoke it: No., 12 times in a minute");
        let sentence = in_general(&minute);
        assert_eq!(sentence, ("was refused changes of keys, 12 times in a minute".to_owned(), String::new()));
        let longer = repeated("2026-11-20T09:57:01.000Z", 2);
        assert_eq!(how_often(&longer).as_deref(), Some("2 times in 4 minutes"));
        assert_eq!(how_often(&repeated("2026-11-20T10:01:05.000Z", 1)), None);
    }

    #[test]
    fn events_read_as_sentences() {
        for (action, details, sentence) in [
            ("key.created", json!({ "role": "admin" }), "created this key with the role admin"),
            (
                "key.created",
                json!({ "role": "member", "login": "Latchkey CLI", "device": "thinkpad" }),
                "logged thinkpad in, which created this key with the role member",
            ),
            (
                "key.edited",
                json!({
                    "name": "b", "name_was": "a", "rate_limit": 500, "rate_limit_was": null,
                    "ranges": ["10.0.0.0/8"], "ranges_were": []
                }),
                "set the name to b (a before), set the requests per minute to 500 (no limit before), set the allowed \
                 addresses to 10.0.0.0/8 (every address before)",
            ),
            (
                "key.edited",
                json!({ "expires_at_was": "2026-11-21T11:40:00.000Z", "rate_limit_was": null }),
                "changed the expiry (21 Nov 2026, 11:40 UTC before), changed the requests per minute (no limit before)",
            ),
            (
                "key.rotated",
                json!({ "old_valid_until": "2026-11-21T11:40:00.000Z" }),
                "rotated this key. Old secret accepted until 21 Nov 2026, 11:40 UTC",
            ),
            ("key.rotated", json!({}), "rotated this key. The old secret ended at once"),
            ("some.new_thing", json!({}), "some new thing"),
        ] {
            assert_eq!(about_it(&event(action, details)), sentence);
        }
        let approved = json!({ "role": "viewer", "requested_role": "admin", "device": "thinkpad" });
        let (verb, device) = in_general(&event("login.approved", approved));
        assert_eq!(verb, "approved, as viewer instead of admin, a login of ci-deploy on");
        assert_eq!(device, "thinkpad");
        let sentence = in_general(&event("key.revoked", json!({})));
        assert_eq!(sentence, ("revoked".to_owned(), "ci-deploy".to_owned()));
    }
}
