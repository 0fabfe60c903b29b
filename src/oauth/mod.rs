//! The authorization server for MCP clients (OAuth 2.1): an app sends a person to the consent page, receives a code, and redeems it
//! for an access token, which is a secret of a new key. A refresh token renews the secret every hour.

pub mod server;
