//! The suite that runs inside the process: the whole router as people and programs call it, on SQLite and on a real
//! PostgreSQL. Tests move the clock and seed the randomness; none sleeps to let time pass.

mod config;
mod database;
mod guards;
mod harness;
mod limits;
mod live;
mod operations;
mod people;
mod personas;
mod routes;
