//! Static files beside the routes: the pages that read them. They are read once, when the server starts, so no path that is asked for ever
//! reaches the file system.

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use super::pages::has_it;
use crate::error::Error;
use crate::page::answer::etag;

/// What pages may do: only what comes from this server.
const POLICY: &str =
    "default-src 'self'; img-src 'self' https: data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The largest file that is served.
const LARGEST: u64 = 16 << 20;

/// Files by the path they are served under.
#[derive(Debug, Clone, Default)]
pub struct Files(BTreeMap<String, File>);

#[derive(Debug, Clone)]
struct File {
    kind: &'static str,
    policy: &'static str,
    etag: String,
    body: Bytes,
}

impl Files {
    /// Files that the program carries with it: names relative to the root of the site, and contents.
    pub fn embedded(files: impl IntoIterator<Item = (String, &'static [u8])>) -> Self {
        let mut found = Self::default();
        for (name, body) in files {
            found.add(&name, Bytes::from_static(body));
        }
        found
    }

    /// The same, with what their pages may do.
    #[must_use]
    pub fn with_policy(mut self, policy: &'static str) -> Self {
        self.0.values_mut().for_each(|file| file.policy = policy);
        self
    }

    /// Every file of a folder.
    ///
    /// # Errors
    /// Where the folder or a file in it cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        found.collect(folder, "").map_err(|source| Error::Files { path: folder.display().to_string(), source })?;
        Ok(found)
    }

    fn collect(&mut self, folder: &Path, below: &str) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.collect(&entry.path(), &format!("{below}{name}/"))?;
            } else if kind.is_file() && entry.metadata()?.len() <= LARGEST {
                self.add(&format!("{below}{name}"), std::fs::read(entry.path())?.into());
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, body: Bytes) {
        let file = File { kind: kind(name), policy: POLICY, etag: etag(&body), body };
        if let Some(folder) = name.strip_suffix("index.html") {
            self.0.insert(format!("/{folder}"), file.clone());
        }
        self.0.insert(format!("/{name}"), file);
    }

    /// The file under a path.
    #[must_use]
    pub fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let file = self.0.get(path)?;
        let head = [
            (header::ETAG, file.etag.as_str()),
            (header::CACHE_CONTROL, "public, no-cache"),
            (header::CONTENT_SECURITY_POLICY, file.policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        if has_it(headers, &file.etag) {
            return Some((StatusCode::NOT_MODIFIED, head).into_response());
        }
        Some((head, [(header::CONTENT_TYPE, file.kind)], Body::from(file.body.clone())).into_response())
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_served() {
        let files = Files::embedded([("index.html".to_owned(), b"<p>".as_slice()), ("a/feed.js".to_owned(), b"1")]);
        let found = |path: &str| files.answer(path, &HeaderMap::new()).is_some();
        assert!(found("/") && found("/index.html") && found("/a/feed.js"));
        for path in ["/a/", "/a/../index.html", "//index.html", "/index.htm", "", "/..%2findex.html"] {
            assert!(!found(path), "{path}");
        }
    }
}
