//! What keys may do in the organization's own API. An organization lists names such as `invoices.read`, each key carries some
//! of them, and a service asks for them in a query such as `invoices.read and (shipments.read or shipments.*)`. What a key may
//! do in Latchkey itself is its role.

pub mod model;
pub mod query;
pub mod server;
