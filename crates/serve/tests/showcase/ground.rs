//! The example on a real server, and those who ask.

use headwater_testkit::example::Example;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Answer, Stream};
use crate::keys::{self, SECRET_ENV, Signer};
use crate::stage::{Site, Stage};

pub const SHOWCASE: Example = Example("showcase");

/// The example's database, its models, and a server with its routes.
pub struct Ground {
    pub stage: Stage,
    pub site: Site,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer<'u> {
    Nobody,
    User(&'u str),
    Admin(&'u str),
}

impl Ground {
    pub async fn new(scale: &str) -> Self {
        let [schema, data, indexes] = ["schema.sql", "data.sql", "indexes.sql"].map(|file| SHOWCASE.read(file));
        let schema = format!("{schema}\nSET showcase.scale = {scale};\n{data}\n{indexes}");
        let models: Vec<String> = SHOWCASE.models().into_iter().map(|file| file.text).collect();
        let models: Vec<&str> = models.iter().map(String::as_str).collect();
        let stage = Stage::new("showcase", &schema, &models).await;
        let settings = SHOWCASE.read("headwater.toml").replace("SHOWCASE_SECRET", SECRET_ENV);
        let site =
            stage.serve(&settings.replace("[serve]\n", "[serve]\nkeepalive = \"300ms\"\ngrace = \"2s\"\n")).await;
        Self { stage, site }
    }

    pub async fn get(&self, path: &str, viewer: Viewer<'_>) -> Answer {
        let bearer = bearer(viewer);
        let headers = bearer.as_ref().map(|bearer| ("authorization", bearer.as_str()));
        self.site.client.get_with(path, headers.as_slice()).await
    }

    pub async fn stream(&self, path: &str, viewer: Viewer<'_>) -> Stream {
        let bearer = bearer(viewer);
        let headers = bearer.as_ref().map(|bearer| ("authorization", bearer.as_str()));
        self.site.client.stream(path, headers.as_slice()).await
    }

    /// What stands in the envelope.
    pub async fn data(&self, path: &str, viewer: Viewer<'_>) -> Value {
        let answer = self.get(path, viewer).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {viewer:?}: {:?}", answer.body);
        answer.json()["data"].take()
    }

    pub async fn end(self) {
        self.site.end().await;
        self.stage.end().await;
    }
}

fn bearer(viewer: Viewer<'_>) -> Option<String> {
    let claims = |user: &str, role: &str| json!({ "sub": user, "role": role, "exp": keys::now() + 600 });
    let claims = match viewer {
        Viewer::Nobody => return None,
        Viewer::User(user) => claims(user, "user"),
        Viewer::Admin(user) => claims(user, "admin"),
    };
    Some(format!("Bearer {}", keys::signed(Signer::Secret, None, &claims)))
}
