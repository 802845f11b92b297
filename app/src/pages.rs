//! Screens: one file each, a Leptos component from a plain view to HTML.
//!
//! A view struct owns everything its page shows, so that a page never asks for data and what it
//! shows can be tested without a server.

pub mod account;
pub mod api;
pub mod attributes;
pub mod audit;
pub mod datasets;
pub mod definition;
pub mod findings;
pub mod home;
pub mod launch;
pub mod launches;
pub mod login;
pub mod mitigations;
pub mod model;
pub mod model_form;
pub mod models;
pub mod okrs;
pub mod overview;
pub mod parts;
pub mod people;
pub mod person;
pub mod policies;
pub mod problems;
pub mod proposals;
pub mod run;
pub mod taken;
pub mod teams;
pub mod tokens;
pub mod trend;
pub mod upload;
pub mod version;
pub mod waivers;
pub mod welcome;
