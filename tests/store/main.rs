//! The store from outside: crashes, faults, damage, schemas, backups, its subcommands.

#![allow(clippy::unwrap_used)] // a test fails by panicking
mod backup;
mod cli;
mod crash;
mod damage;
mod day;
mod full;
mod owner;
mod schema;
