//! Origins: which pages may read from browsers (CORS), and whether a request was made by one of ours.
//!
//! A browser sends a cookie with whatever a page asks for, so a cookie says who sits at the browser and not who asks. Who asks is said by
//! `Sec-Fetch-Site` and `Origin`, which pages cannot write.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::http::pages::POSITION;

/// How long a browser may remember what it was told of another origin.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(3600);

/// The origins of `cors`.
#[derive(Debug, Default)]
pub struct Origins {
    all: bool,
    listed: Vec<HeaderValue>,
}

impl Origins {
    /// As they are declared.
    pub fn declared(cors: &[String], problems: &mut Vec<String>) -> Self {
        let mut origins = Self::default();
        for origin in cors {
            match HeaderValue::from_str(origin) {
                Ok(_) if origin == "*" => origins.all = true,
                Ok(value) if is_origin(origin) => origins.listed.push(value),
                _ => problems.push(format!(
                    "cors: \"{}\" is no origin; write it as browsers do: https://app.example, in small letters, without a path and without the usual port",
                    origin.escape_default()
                )),
            }
        }
        if origins.all && !origins.listed.is_empty() {
            problems.push("cors: \"*\" stands alone; it allows every origin, but none with credentials".to_owned());
        }
        origins
    }

    /// Writes the headers; `None` where no other origin may read.
    #[must_use]
    pub fn layer(&self) -> Option<CorsLayer> {
        let layer = CorsLayer::new()
            .allow_headers([
                header::AUTHORIZATION,
                header::IF_NONE_MATCH,
                HeaderName::from_static("last-event-id"),
                header::CACHE_CONTROL,
            ])
            .expose_headers([header::ETAG, HeaderName::from_static(POSITION), header::RETRY_AFTER])
            .max_age(REMEMBERED);
        if self.all {
            return Some(layer.allow_origin(AllowOrigin::any()).allow_methods([Method::GET, Method::HEAD]));
        }
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::DELETE];
        let listed = || layer.allow_origin(self.listed.clone()).allow_credentials(true).allow_methods(methods);
        (!self.listed.is_empty()).then(listed)
    }

    /// True where the request was made by a page of this server itself, or by no page at all.
    #[must_use]
    pub fn is_our_own(&self, headers: &HeaderMap) -> bool {
        let foreign = headers
            .get_all(header::ORIGIN)
            .iter()
            .any(|origin| self.listed.contains(origin) && !is_host(origin, headers));
        !foreign && self.is_ours(headers)
    }

    /// True where the request was made by a page of this server or of a listed origin, or by no page at all.
    #[must_use]
    pub fn is_ours(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (Some(_), Some(_)) => return false,
            (origin, _) => origin,
        };
        if origin.is_some_and(|origin| self.listed.contains(origin)) {
            return true;
        }
        match (headers.get("sec-fetch-site").map(HeaderValue::as_bytes), origin) {
            (Some(b"same-origin" | b"none"), _) | (None, None) => true,
            (Some(_), _) => false,
            (None, Some(origin)) => is_host(origin, headers),
        }
    }
}

/// True where an origin names the host that was asked.
fn is_host(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some(("http" | "https", origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// `scheme://host` or `scheme://host:port`, as browsers write it.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let plain = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|c| word(c) || matches!(c, b'+' | b'-' | b'.'));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let named = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|c| word(c) || matches!(c, b'-' | b'.' | b'_')),
    };
    let usual = matches!((scheme, port), ("http", Some("80")) | ("https", Some("443")));
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    plain && named && numbered && !usual
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(cors: &[&str]) -> Result<Origins, Vec<String>> {
        let mut problems = Vec::new();
        let cors: Vec<_> = cors.iter().map(|origin| (*origin).to_owned()).collect();
        let origins = Origins::declared(&cors, &mut problems);
        if problems.is_empty() { Ok(origins) } else { Err(problems) }
    }

    fn headers(values: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        values.iter().map(pair).collect()
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for origin in
            ["https://app.example", "http://localhost:5173", "https://[::1]:8443", "capacitor://localhost", "*"]
        {
            assert!(declared(&[origin]).is_ok(), "{origin}");
        }
        for origin in [
            "app.example",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "https://app.example:0443",
            "https://*.example",
            "https://a@b.example",
            "https://app.example\r\nx: y",
            "https://",
            "null",
            "",
        ] {
            assert!(declared(&[origin]).is_err(), "{origin}");
        }
        assert!(declared(&["*", "https://app.example"]).is_err());
    }

    #[test]
    fn our_own_pages_are_not_those_of_listed_origins() {
        let origins = declared(&["https://app.example"]).unwrap();
        for (own, values) in [
            (true, &[][..]),
            (true, &[("sec-fetch-site", "same-origin"), ("origin", "http://feed.example"), ("host", "feed.example")]),
            (true, &[("origin", "https://app.example"), ("host", "app.example")]),
            (false, &[("origin", "https://app.example"), ("host", "feed.example")]),
            (false, &[("sec-fetch-site", "same-site"), ("origin", "https://app.example"), ("host", "feed.example")]),
            (false, &[("origin", "https://evil.example"), ("host", "feed.example")]),
        ] {
            assert_eq!(origins.is_our_own(&headers(values)), own, "{values:?}");
        }
    }

    #[test]
    fn a_cookie_is_believed_from_our_pages_only() {
        let origins = declared(&["https://app.example"]).unwrap();
        for (ours, values) in [
            (true, &[][..]),
            (true, &[("sec-fetch-site", "same-origin")]),
            (true, &[("sec-fetch-site", "none")]),
            (false, &[("sec-fetch-site", "cross-site")]),
            (false, &[("sec-fetch-site", "same-site")]),
            (false, &[("sec-fetch-site", "anything")]),
            (true, &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")]),
            (false, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]),
            (true, &[("origin", "http://feed.example:8080"), ("host", "feed.example:8080")]),
            (false, &[("origin", "http://feed.example"), ("host", "feed.example:8080")]),
            (false, &[("origin", "http://feed.example.evil"), ("host", "feed.example")]),
            (false, &[("origin", "null"), ("host", "feed.example")]),
            (false, &[("origin", "null"), ("host", "null")]),
            (false, &[("origin", "https://app.example"), ("origin", "https://evil.example")]),
            (false, &[("origin", "https://evil.example")]),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers(values).iter() {
                map.append(name.clone(), value.clone());
            }
            assert_eq!(origins.is_ours(&map), ours, "{values:?}");
        }
    }
}
