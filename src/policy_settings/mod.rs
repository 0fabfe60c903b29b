//! Settings → Key policy: changing the rules, and previewing what a change would refuse, on a page and over REST. The rules
//! themselves are in `key_policy`.

pub mod server;
