//! Whole calls of the state machine alone, in virtual time: hours take milliseconds.

mod registration;
mod scenarios;
mod world;
