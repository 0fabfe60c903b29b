//! The programs that may request a login. They are public clients without a secret, so their names are not verified.

use crate::platform::App;

/// The client ids that every server accepts.
const BUILT_IN: [(&str, &str); 2] = [("latchkey-cli", "Latchkey CLI"), ("armoriq-cli", "ArmorIQ CLI")];

/// Returns the display name of a client, or None when the client is unknown. A configured name takes precedence.
pub fn name_of<'a>(app: &'a App, id: &str) -> Option<&'a str> {
    let configured = app.config.device.device_clients.iter().find(|client| client.id == id);
    let built_in = || BUILT_IN.iter().find(|(client, _)| *client == id).map(|(_, name)| *name);
    configured.map(|client| client.name.as_str()).or_else(built_in)
}
