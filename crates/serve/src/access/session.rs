//! `/session`: a token as a cookie, for an EventSource, which cannot send headers.
//!
//! `POST /session` with `Authorization: Bearer` sets the declared cookie, `DELETE /session` clears it. Only a page that holds the token can
//! set it: no form and no foreign page can send that header. The cookie is the token itself; nothing is kept here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::token::Refusal;
use crate::http::problem::Problem;
use crate::observe;
use crate::server::Server;

/// The longest token that is put into a cookie: browsers keep 4,096 bytes with the name and all else.
const LONGEST: usize = 3800;

/// Sets the cookie.
pub async fn begin(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    told(set(&server, &parts).await)
}

/// Clears the cookie.
pub async fn end(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    told(declared(&server, &parts).map(|name| format!("{name}=; Max-Age=0{}", attributes(&parts))))
}

fn told(cookie: Result<String, Problem>) -> Response {
    let written = cookie.and_then(|text| HeaderValue::try_from(text).map_err(|_| too_long()));
    match written {
        Ok(cookie) => {
            let head = [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::NO_CONTENT, head).into_response()
        }
        Err(problem) => {
            observe::problem(problem.code);
            problem.into_response()
        }
    }
}

async fn set(server: &Server, parts: &Parts) -> Result<String, Problem> {
    let name = declared(server, parts)?;
    let token = super::bearer(&parts.headers).map_err(super::refused)?.ok_or_else(Problem::unauthorized)?;
    let viewer = server.gate.viewer(&parts.headers).await?;
    if token.len() > LONGEST {
        return Err(too_long());
    }
    let left = viewer.expires.and_then(|end| end.duration_since(SystemTime::now()).ok()).unwrap_or_default();
    Ok(format!("{name}={token}; Max-Age={}{}", left.as_secs(), attributes(parts)))
}

fn too_long() -> Problem {
    Problem::bad(735, "the token is too long for a cookie").hint("leave out claims, or send the token in a header")
}

/// The cookie's name, where there is one and a page of ours asks.
fn declared<'s>(server: &'s Server, parts: &Parts) -> Result<&'s str, Problem> {
    let name = server.gate.cookie.as_deref().ok_or_else(Problem::not_found)?;
    if !server.gate.origins.is_ours(&parts.headers) {
        return Err(Problem::new(StatusCode::FORBIDDEN, 734, "another site's page may not do this")
            .hint("declare its origin in cors"));
    }
    Ok(name)
}

/// Scripts cannot read the cookie, other sites cannot make a browser send it, and only who talks to this machine itself may get it in clear.
fn attributes(parts: &Parts) -> &'static str {
    if is_in_clear(parts) {
        "; Path=/; HttpOnly; SameSite=Strict"
    } else {
        "; Path=/; HttpOnly; SameSite=Strict; Secure"
    }
}

/// True where the request came over the loopback, through no proxy, and the browser too sees it so: behind a proxy everything comes from
/// the loopback.
fn is_in_clear(parts: &Parts) -> bool {
    let local = parts.extensions.get::<ConnectInfo<SocketAddr>>().is_some_and(|from| from.0.ip().is_loopback());
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via"];
    let through = forwarded.iter().any(|name| parts.headers.contains_key(*name));
    let text = |name: &header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let seen = match text(&header::ORIGIN) {
        Some(origin) => origin.strip_prefix("http://"),
        None => text(&header::HOST),
    };
    local && !through && seen.is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The value of a cookie. Two of one name are one too many: one of them may have been planted by a neighbouring site.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Refusal> {
    let mut found = None;
    for value in headers.get_all(header::COOKIE) {
        let pairs = value.as_bytes().split(|byte| *byte == b';');
        for pair in pairs.filter_map(|pair| std::str::from_utf8(pair).ok()) {
            let Some((key, value)) = pair.trim().split_once('=') else { continue };
            if key == name && found.replace(value.trim().trim_matches('"')).is_some() {
                return Err(Refusal::Twice);
            }
        }
    }
    Ok(found)
}

/// What is wrong with a cookie's name.
pub(super) fn wrong_name(name: &str) -> Option<String> {
    let word = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let fits = !name.is_empty() && name.len() <= 64 && name.bytes().all(word);
    (!fits).then(|| "auth: the name of a cookie is made of letters, digits, - _ .".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found =
            |cookies: &[&'static str]| cookie(&headers(cookies), "hw").map(|found| found.map(ToOwned::to_owned));
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&["a=b; hw=x.y.z; c=d"]), Ok(Some("x.y.z".to_owned())));
        assert_eq!(found(&["a=b", "hw=\"x\""]), Ok(Some("x".to_owned())));
        assert_eq!(found(&["xhw=1; HW=2; hw2=3; hw"]), Ok(None));
        assert_eq!(found(&["hw=1; hw=2"]), Err(Refusal::Twice));
        assert_eq!(found(&["hw=1", "hw=1"]), Err(Refusal::Twice));
    }

    #[test]
    fn a_cookie_is_in_clear_on_the_machine_itself_only() {
        let parts = |address: [u8; 4], pairs: &[(&'static str, &'static str)]| {
            let mut request = axum::http::Request::new(());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 9))));
            for (name, value) in pairs {
                request.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            request.into_parts().0
        };
        let local = [127, 0, 0, 1];
        assert!(is_in_clear(&parts(local, &[("host", "127.0.0.1:8080")])));
        assert!(is_in_clear(&parts(local, &[("host", "x"), ("origin", "http://localhost:8080")])));
        assert!(!is_in_clear(&parts(local, &[("host", "localhost"), ("origin", "https://app.example")])));
        assert!(!is_in_clear(&parts(local, &[("host", "localhost"), ("x-forwarded-proto", "https")])));
        assert!(!is_in_clear(&parts(local, &[("host", "localhost.evil.example")])));
        assert!(!is_in_clear(&parts(local, &[("host", "app.example")])));
        assert!(!is_in_clear(&parts([10, 0, 0, 1], &[("host", "localhost")])));
    }
}
