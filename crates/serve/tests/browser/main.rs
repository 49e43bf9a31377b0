//! The feed page of the sci-fi example in a real browser, on a real database with a real leader.
//!
//! Chromium and its driver are needed (`./dev test` installs them where it can); with `HEADWATER_NO_BROWSER` set, these tests say that they
//! were skipped. CI does not set it. With `HEADWATER_SHOTS` set to a folder, pictures of the page are left there.

mod browser;
mod proxy;
mod stage;

mod first;
mod live;
mod look;
mod lost;
mod many;
mod merge;
