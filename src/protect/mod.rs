//! The page "Protect your API": how a service or proxy checks keys, and a form that tries a key.

#[cfg(feature = "ssr")]
pub mod server;
