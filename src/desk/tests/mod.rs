//! The desk from outside, on the paper venue and a scripted market, in virtual time.

mod breakers;
mod clocks;
mod crash;
mod days;
mod doubt;
mod expiry;
mod latch_model;
mod latching;
mod legs;
mod life;
mod puppet;
mod records;
mod stages;
mod startup;
mod stops;
mod whole_book;
mod world;
