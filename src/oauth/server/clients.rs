//! Finds the apps that ask people for a login. An app either has an address, where it describes itself (a client id metadata
//! document), or it has registered itself here.

use super::client::{ClientOrigin, MAX_ID_LENGTH, McpClient};
use super::documents::{self, ClientDocument};
use super::store;
use crate::platform::{App, Error};
use crate::shared::UserId;

/// Why there is no such app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFault {
    Unknown,
    /// The document at the app's address cannot be used. The text says why.
    Document {
        host: String,
        why: String,
    },
}

/// Finds the app with this id for a person. May fetch its document.
pub async fn find(app: &App, person: UserId, id: &str) -> Result<Result<McpClient, ClientFault>, Error> {
    if !is_id(id) {
        return Ok(Err(ClientFault::Unknown));
    }
    if !is_address(id) {
        let found = store::find_client(app.db.pool(), id).await?;
        return Ok(found.ok_or(ClientFault::Unknown));
    }
    let Some((url, host)) = documents::address(id) else { return Ok(Err(ClientFault::Unknown)) };
    match documents::fetch(app, person, id, &url, &host).await? {
        Ok(ClientDocument { name, redirect_uris }) => {
            let name = if name.is_empty() { host.clone() } else { name };
            Ok(Ok(McpClient { id: id.to_owned(), name, origin: ClientOrigin::Site { host }, redirect_uris }))
        }
        Err(why) => Ok(Err(ClientFault::Document { host, why })),
    }
}

/// Whether an app with this id can exist. Does not fetch anything.
pub async fn may_exist(app: &App, id: &str) -> Result<bool, Error> {
    if !is_id(id) {
        return Ok(false);
    }
    if is_address(id) {
        return Ok(documents::address(id).is_some());
    }
    Ok(store::find_client(app.db.pool(), id).await?.is_some())
}

/// Whether the text has the form of an id. The database cannot look up any other text.
fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_address(id: &str) -> bool {
    id.contains("://")
}
