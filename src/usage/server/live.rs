//! Live updates of open pages: a signal when an audited change, or a counted request, of their organization is new. The database
//! is asked, so that changes of other processes reach the pages too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::counters::hour_of;
use super::store;
use crate::audit;
use crate::platform::live::Topic;
use crate::platform::{App, Error};
use crate::shared::{EventId, OrgId};

const CHANGES: &str = "changes";

/// The topic of all changes of an organization.
pub fn changes_topic(org: OrgId) -> Topic {
    Topic::of_org(&org, CHANGES)
}

/// How many of the latest audit events are compared. The clocks of several processes differ, so a new event is not always the
/// latest one.
const COMPARED_EVENTS: i64 = 20;

/// What was new when an organization was last looked at: its latest audit events, and the requests of the latest hours.
type Newest = (Vec<EventId>, i64);

/// The organizations that open pages watch.
#[derive(Default)]
pub struct WatchedOrgs(Mutex<HashMap<OrgId, Newest>>);

/// Sends a signal to the open pages of each organization in which something has changed since the last round.
pub async fn publish_changes(app: &App) -> Result<(), Error> {
    let topics = app.live.expected_topics();
    let watched: Vec<OrgId> = topics.iter().filter_map(|topic| org_of(topic)).collect();
    let mut newest = HashMap::with_capacity(watched.len());
    for org in watched {
        let hour = hour_of(app.clock.now());
        let events = audit::newest(app.db.pool(), org, COMPARED_EVENTS).await?;
        newest.insert(org, (events, store::recent_requests(app.db.pool(), org, hour - 1).await?));
    }
    let earlier = std::mem::replace(
        &mut *app.slice::<WatchedOrgs>().0.lock().unwrap_or_else(PoisonError::into_inner),
        newest.clone(),
    );
    for (org, newest) in newest {
        if earlier.get(&org).is_some_and(|earlier| *earlier != newest) {
            app.live.publish(changes_topic(org), "");
        }
    }
    Ok(())
}

/// The organization of a topic `organization/<id>/changes`.
fn org_of(topic: &str) -> Option<OrgId> {
    let id = topic.strip_prefix("organization/")?.strip_suffix(CHANGES)?.strip_suffix('/')?;
    OrgId::parse(id)
}
