//! Settings → Key policy: what an owner can change, the preview of what a change would refuse, and the same for programs. The
//! rules themselves are in `key_policy`.

pub mod server;
