//! The suite that runs inside the process: the whole router as people and programs call it, on SQLite and on a real
//! PostgreSQL. Tests move the clock and seed the randomness; none sleeps to let time pass.

mod api;
mod armoriq;
mod audit_log;
mod bounds;
mod changes;
mod config;
mod creators;
mod database;
mod device;
mod downloads;
mod guards;
mod harness;
mod hosts;
mod keys;
mod limits;
mod live;
mod load;
mod log;
mod mail;
mod members;
mod metrics;
mod oauth;
mod offers;
mod operations;
mod organizations;
mod owners;
mod package;
mod pages;
mod pasted;
mod people;
mod personas;
mod proxies;
mod ranges;
mod routes;
mod sockets;
