//! The showcase's site in a real browser, served by the program itself: `headwater demo showcase`.
//!
//! Chromium and its driver are needed, as for the page of the sci-fi example (`crates/serve/tests/browser`), whose driver this is. Three
//! names of this machine are three people: each has cookies of its own.

#[path = "../../../serve/tests/browser/browser.rs"]
#[allow(dead_code)]
mod browser;
mod demo;
mod look;
mod people;
