//! What administrators see and do: the words for a model made true one by one, who may ask, and the console in Chromium.

#[path = "../browser/browser.rs"]
#[allow(dead_code)]
mod browser;
#[path = "../access/keys.rs"]
#[allow(dead_code)]
mod keys;
#[path = "../access/wire.rs"]
#[allow(dead_code)]
mod wire;

mod ground;

mod access;
mod console;
mod health;
