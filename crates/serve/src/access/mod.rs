//! Who asks, and how much they may ask for.
//!
//! | module | does |
//! | --- | --- |
//! | [`token`] | from a JSON Web Token to a [`Viewer`] |
//! | [`keys`] | the keys that tokens are signed with: a secret, or a set that is fetched |
//! | [`origin`] | which pages may read from browsers, and whether a request is from one of ours |
//! | [`session`] | `/session`: a token as a cookie, for those who cannot send headers |
//! | [`client`] | which address a request counts for |
//! | [`limits`] | how many requests, and how many streams |
//! | [`admit`] | refuses what is too much or too large, before anything is looked up |
//!
//! What may be read is decided elsewhere, in [`crate::page::request`]: here it is only found out who asks.

use std::path::Path;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use headwater_deploy::project::Serve;
use tokio::sync::watch;
use tower_http::cors::CorsLayer;

use crate::error::Error;
use crate::http::problem::Problem;
use limits::Limits;
use origin::Origins;
use token::Tokens;

pub mod admit;
pub mod client;
pub mod keys;
pub mod limits;
pub mod origin;
pub mod session;
pub mod token;

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

/// Finds out who asks. What it shows of itself holds no key.
#[derive(Debug)]
pub struct Gate {
    tokens: Option<Tokens>,
    cookie: Option<String>,
    origins: Origins,
    /// How much one client may ask for.
    pub limits: Limits,
}

impl Gate {
    /// With what `[serve]` declares; paths are relative to `root`.
    ///
    /// # Errors
    /// Everything that is wrong with the declarations, at once; a secret or a file of keys that cannot be read.
    pub fn new(settings: &Serve, root: &Path) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let tokens = Tokens::declared(&settings.auth, root, &mut problems);
        let origins = Origins::declared(&settings.cors, &mut problems);
        let cookie = settings.auth.cookie.clone();
        if let Some(name) = &cookie {
            problems.extend(session::wrong_name(name));
            if settings.auth.secret_env.is_none() && settings.auth.jwks.is_none() {
                problems.push("auth: a cookie holds a token; declare secret_env or jwks too".to_owned());
            }
        }
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        Ok(Self { tokens, cookie, origins, limits: Limits::new(&settings.limits) })
    }

    /// Reads the keys for the first time, and then keeps them fresh, and the limits' memory small, until told to stop.
    pub async fn keep(self: Arc<Self>, stop: watch::Receiver<bool>) {
        tokio::join!(keys::keep(self.tokens.as_ref(), stop.clone()), self.limits.keep(stop));
    }

    /// Who sends a request with these headers: nobody where it holds no token, or where no tokens are declared.
    ///
    /// # Errors
    /// HW0732 where it holds one that is not valid.
    pub async fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        let Some(tokens) = &self.tokens else { return Ok(Viewer::default()) };
        let found = match bearer(headers) {
            Ok(None) => self.cookie_of(headers),
            bearer => bearer,
        };
        match found {
            Ok(None) => Ok(Viewer::default()),
            // In a box: most requests need no room for keys that are fetched.
            Ok(Some(token)) => Box::pin(tokens.viewer(token)).await.map_err(refused),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    /// The token in the declared cookie. What another site makes a browser send is not looked at.
    fn cookie_of<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h str>, token::Refusal> {
        match &self.cookie {
            Some(name) if self.origins.is_ours(headers) => session::cookie(headers, name),
            _ => Ok(None),
        }
    }

    /// Who sends a request that only an administrator may send.
    ///
    /// # Errors
    /// HW0731 where nobody says who asks, HW0733 for everybody else.
    pub async fn admin(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        let viewer = self.viewer(headers).await?;
        if viewer.admin {
            return Ok(viewer);
        }
        if viewer == Viewer::default() {
            return Err(Problem::unauthorized());
        }
        Err(Problem::forbidden().hint("this is for administrators: admin in [serve.auth] says which claim tells one"))
    }

    /// Refuses what a page of another site has sent: what changes something is asked for by our own pages, or by no page.
    ///
    /// # Errors
    /// HW0734.
    pub fn own_page(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.origins.is_our_own(headers) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, 734, "another site's page may not do this"))
    }

    /// What browsers are told of other origins; nothing where none is declared.
    #[must_use]
    pub fn cors(&self) -> Option<CorsLayer> {
        self.origins.layer()
    }
}

/// The token of the header `Authorization`. Other schemes than `Bearer` are for others.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, token::Refusal> {
    let mut found = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (found.next(), found.next()) else {
        return if headers.contains_key(header::AUTHORIZATION) { Err(token::Refusal::Twice) } else { Ok(None) };
    };
    let text = value.to_str().map_err(|_| token::Refusal::Form)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim()))
}

/// The same words for whatever is wrong with a token: who guesses is not told how near they are.
fn refused(refusal: token::Refusal) -> Problem {
    tracing::debug!(reason = %refusal, "a token was refused");
    Problem::new(StatusCode::UNAUTHORIZED, 732, "the token is not valid")
        .hint("send a new one; the server's log says why at the level debug")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn one_bearer_token_is_taken_from_the_header() {
        assert_eq!(bearer(&headers(&[])), Ok(None));
        assert_eq!(bearer(&headers(&["Bearer abc"])), Ok(Some("abc")));
        assert_eq!(bearer(&headers(&["bEARER  abc "])), Ok(Some("abc")));
        assert_eq!(bearer(&headers(&["Basic abc"])), Ok(None));
        assert_eq!(bearer(&headers(&["Bearer"])), Ok(Some("")));
        assert_eq!(bearer(&headers(&["Bearer a", "Bearer b"])), Err(token::Refusal::Twice));
    }
}
