//! The administrators' paths, as OpenAPI describes them.

use headwater_deploy::project::serve::Admin as Settings;
use serde_json::{Value, json};

/// Paths and what they answer.
#[must_use]
pub fn paths(settings: &Settings) -> Vec<(String, Value)> {
    let name = json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" }, "description": "The model, schema.name outside public" });
    let since = json!({ "name": "since", "in": "query", "schema": { "type": "integer" }, "description": "Only samples after this n" });
    let number = json!({ "name": "number", "in": "path", "required": true, "schema": { "type": "integer" } });
    let mut paths = vec![
        (settings.health.clone(), get("The health of every model, as document 003 asks for it", health(), vec![])),
        ("/v1/admin/overview".into(), get("Models, source tables, batches, routes and operations", object(), vec![])),
        ("/v1/admin/series".into(), get("What was sampled in the last five minutes", object(), vec![since])),
        ("/v1/admin/refreshes".into(), get("The newest rows of the refresh log", object(), vec![])),
        (
            "/v1/admin/models/{name}".into(),
            get("A model's SELECT, its plan, and what is installed of it", object(), vec![name.clone()]),
        ),
        (
            "/v1/admin/operations/{number}".into(),
            get("How far a verify, repair or refresh is", operation(), vec![number]),
        ),
    ];
    for (kind, about) in [
        ("verify", "Compares a model with its SELECT"),
        ("repair", "Puts right what differs from the SELECT"),
        ("refresh", "Builds a model anew beside the one that serves, and swaps it in"),
    ] {
        let mut responses = responses(json!({}), "200");
        responses["202"] = answer("It has begun; ask for it by its number", operation());
        responses["409"] = problem();
        if let Some(found) = responses.as_object_mut() {
            found.remove("200");
        }
        let post = json!({ "post": { "summary": about, "parameters": [name], "security": [{ "bearer": [] }], "responses": responses } });
        paths.push((format!("/v1/admin/models/{{name}}/{kind}"), post));
    }
    paths
}

fn get(summary: &str, schema: Value, parameters: Vec<Value>) -> Value {
    let responses = responses(schema, "200");
    json!({ "get": { "summary": summary, "parameters": parameters, "security": [{ "bearer": [] }], "responses": responses } })
}

fn responses(schema: Value, status: &str) -> Value {
    json!({ status: answer("What was asked for", schema), "401": problem(), "403": problem(), "404": problem(), "503": problem() })
}

fn answer(about: &str, schema: Value) -> Value {
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}

fn problem() -> Value {
    answer("What is wrong", json!({ "$ref": "#/components/schemas/Problem" }))
}

fn object() -> Value {
    json!({ "type": "object" })
}

fn operation() -> Value {
    json!({
        "type": "object",
        "properties": {
            "number": { "type": "integer" },
            "kind": { "type": "string", "enum": ["verify", "repair", "refresh"] },
            "model": { "type": "string" },
            "by": { "type": ["string", "null"] },
            "state": { "type": "string", "enum": ["running", "done", "differs", "failed"] },
            "began": { "type": "integer", "description": "Milliseconds since 1970" },
            "ended": { "type": ["integer", "null"] },
            "step": { "type": "string" },
            "done": { "type": "integer" },
            "total": { "type": "integer" },
            "message": { "type": ["string", "null"] },
            "hint": { "type": ["string", "null"] },
        },
    })
}

fn health() -> Value {
    let model = json!({
        "type": "object",
        "properties": {
            "row_count": { "type": ["integer", "null"] },
            "row_count_exact": { "type": "boolean" },
            "status": { "type": "string", "enum": ["fresh", "lagging", "rebuilding", "diverged", "broken"] },
            "lag_ms": { "type": ["integer", "null"] },
            "allowed_lag_ms": { "type": "integer" },
            "reason": { "type": ["string", "null"] },
            "fix": { "type": ["string", "null"] },
            "tier": { "type": "string" },
            "last_verify": { "type": ["object", "null"] },
        },
    });
    let models = json!({ "type": "object", "additionalProperties": model });
    let refreshes = json!({ "type": "array", "items": { "type": "object" } });
    json!({
        "type": "object",
        "properties": {
            "status": { "type": "string", "const": "success" },
            "message": { "type": "string" },
            "data": {
                "type": "object",
                "properties": {
                    "status": { "type": "string" },
                    "materialized_views": models,
                    "denormalized_tables": models,
                    "recent_refreshes": refreshes,
                    "recent_failures": refreshes,
                    "batches": { "type": ["object", "null"] },
                    "batches_by_minute": refreshes,
                },
            },
        },
    })
}
