//! What is asked, by whom, and from which page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::Backend;
use super::people::{Viewer, viewer};
use super::refusal::Refusal;

/// The longest text that somebody may write, in characters.
const LONGEST_TEXT: usize = 2000;

/// A request of somebody who is signed in, sent by a page of this very site.
pub struct Asked<T> {
    /// Who asks.
    pub viewer: Viewer,
    /// What is asked for.
    pub what: T,
}

impl<T: DeserializeOwned> FromRequest<Arc<Backend>> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, backend: &Arc<Backend>) -> Result<Self, Refusal> {
        let viewer = viewer(backend, request.headers()).ok_or_else(Refusal::nobody)?;
        let what = own(request, backend).await?;
        Ok(Self { viewer, what })
    }
}

/// What a page of this site asks for. Another site's page can neither send JSON here nor hide where it comes from.
pub async fn own<T: DeserializeOwned>(request: Request, backend: &Arc<Backend>) -> Result<T, Refusal> {
    if !is_own(request.headers()) {
        return Err(Refusal(StatusCode::FORBIDDEN, "another site's page may not do this".to_owned()));
    }
    let read = Json::<T>::from_request(request, backend).await;
    read.map(|Json(what)| what).map_err(|rejection| Refusal(rejection.status(), rejection.body_text()))
}

/// True where a page of this site asks, or no page at all.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, origin)| Some(origin) == host),
        (None, None) => true,
    }
}

/// An id, as the database writes it.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Id(pub String);

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<_> = text.split('-').collect();
        let fits = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
            && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err("this is no id".to_owned()) }
    }
}

/// What somebody has written.
#[derive(serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Text(pub String);

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err("nothing is written there".to_owned()),
            length if length > LONGEST_TEXT => Err(format!("that is longer than {LONGEST_TEXT} characters")),
            // A NUL is the one character that PostgreSQL keeps in no text.
            _ if text.contains('\0') => Err("this text cannot be kept".to_owned()),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        is_own(&pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn other_sites_are_refused() {
        assert!(own(&[("host", "h:1")]) && own(&[("sec-fetch-site", "same-origin")]));
        assert!(own(&[("host", "h:1"), ("origin", "http://h:1")]));
        assert!(!own(&[("sec-fetch-site", "cross-site"), ("host", "h:1"), ("origin", "http://h:1")]));
        assert!(!own(&[("sec-fetch-site", "same-site")]));
        for origin in ["null", "http://h:2", "http://h:1.evil", "http://evil"] {
            assert!(!own(&[("host", "h:1"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn ids_and_texts_are_looked_at() {
        let id = |text: &str| Id::try_from(text.to_owned()).is_ok();
        assert!(id("0f8fad5b-d9cb-469f-a165-70867728950e") && id("0F8FAD5B-D9CB-469F-A165-70867728950E"));
        assert!(
            !id("") && !id("0f8fad5b") && !id("0f8fad5b-d9cb-469f-a165-70867728950g") && !id("'; DROP TABLE users;")
        );
        let text = |text: &str| Text::try_from(text.to_owned()).map(|text| text.0);
        assert_eq!(text("  <b>hi</b> ").as_deref(), Ok("<b>hi</b>"));
        assert!(text(" \n").is_err() && text("a\0b").is_err() && text(&"x".repeat(2001)).is_err());
        assert!(text(&"ж".repeat(2000)).is_ok());
    }
}
