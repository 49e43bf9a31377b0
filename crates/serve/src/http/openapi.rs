//! `/openapi.json`: the declared routes, described.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::model::Column;
use crate::page::search::asked::LONGEST;
use crate::route::{Access, Route};
use crate::server::Server;

/// The document.
pub async fn document(State(server): State<Arc<Server>>) -> Json<Value> {
    let table = server.table();
    let mut paths = Map::new();
    for served in table.served.values() {
        paths.insert(served.route.path.to_string(), operation(&served.route, false));
        if served.route.search.is_none() {
            paths.insert(format!("{}/stream", served.route.path), operation(&served.route, true));
        }
    }
    if let Some(admin) = &server.admin {
        paths.extend(admin.document());
    }
    paths.sort_keys();
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "Headwater", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": { "Problem": problem() },
        },
    }))
}

fn operation(route: &Route, streams: bool) -> Value {
    let kind = if streams { "text/event-stream" } else { "application/json" };
    let schema = if streams { json!({ "type": "string" }) } else { page(route) };
    let problem = json!({ "description": "What is wrong", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let security = if route.access == Access::Public { json!([]) } else { json!([{ "bearer": [] }]) };
    json!({ "get": {
        "summary": format!("Rows of {}{}", route.model.name.short(), if streams { ", as a stream" } else { "" }),
        "parameters": parameters(route, streams),
        "security": security,
        "responses": {
            "200": { "description": "The rows", "content": { kind: { "schema": schema } } },
            "400": problem, "401": problem, "403": problem, "404": problem, "429": problem, "503": problem,
        },
    } })
}

fn parameters(route: &Route, streams: bool) -> Vec<Value> {
    let parameter = |name: &str, schema: Value, about: &str| json!({ "name": name, "in": "query", "schema": schema, "description": about });
    let column = |column: &usize| &route.model.columns[*column];
    let in_path = |column: &Column| json!({ "name": column.name.as_str(), "in": "path", "required": true, "schema": schema(&column.cast), "description": "Only rows with this value" });
    let mut found: Vec<Value> = route.parameters.iter().map(column).map(in_path).collect();
    let filters = route.filters.iter().map(column);
    found.extend(
        filters.map(|column| parameter(column.name.as_str(), schema(&column.cast), "Only rows with this value")),
    );
    found.push(parameter("after", json!({ "type": "string" }), "A position that the page must have reached"));
    if !route.single {
        found.extend(paging(route, parameter));
    }
    if streams {
        found.push(parameter(
            "last_event_id",
            json!({ "type": "string" }),
            "The position to go on from, where the header cannot be sent",
        ));
        found.push(parameter(
            "format",
            json!({ "type": "string", "enum": ["items", "item"] }),
            "item: one event for each row",
        ));
    }
    found
}

/// How a page is chosen among the rows.
fn paging(route: &Route, parameter: impl Fn(&str, Value, &str) -> Value) -> Vec<Value> {
    let sorts: Vec<_> = route.sorts.iter().map(|sort| sort.name.as_str()).collect();
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": route.max_limit, "default": route.limit });
    let cursor = "next_cursor of the page before, or a value of the first column of the order";
    let mut found =
        vec![parameter("limit", limit, "How many rows"), parameter("cursor", json!({ "type": "string" }), cursor)];
    if route.search.is_some() {
        let text = json!({ "type": "string", "maxLength": LONGEST });
        found.push(parameter("q", text, "What is looked for; nothing is found where it is empty"));
    } else {
        found.push(parameter("sort", json!({ "type": "string", "enum": sorts, "default": sorts[0] }), "The order"));
    }
    if route.max_offset > 0 {
        let offset = json!({ "type": "integer", "minimum": 0, "maximum": route.max_offset });
        found.push(parameter("offset", offset, "How many rows are skipped"));
        found.push(parameter(
            "page",
            json!({ "type": "integer", "minimum": 1 }),
            "The page's number, with the same limit",
        ));
    }
    found
}

fn page(route: &Route) -> Value {
    let item = if route.item.is_some() {
        json!({})
    } else {
        let properties: Map<String, Value> =
            route.model.columns.iter().map(|column| (column.name.as_str().to_owned(), schema(&column.cast))).collect();
        json!({ "type": "object", "properties": properties })
    };
    if !route.has_usual_shape() {
        return json!({});
    }
    if route.single {
        return item;
    }
    let mut page = json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": item },
            "next_cursor": { "type": ["string", "null"] },
            "total_items": { "type": "integer" },
        },
        "required": ["items", "next_cursor", "total_items"],
    });
    if route.live {
        page["properties"]["keys"] = json!({ "type": "array", "items": { "type": "object" } });
    }
    page
}

fn problem() -> Value {
    json!({
        "type": "object",
        "properties": { "code": { "type": "string" }, "message": { "type": "string" }, "hint": { "type": ["string", "null"] } },
    })
}

/// The JSON of a PostgreSQL type.
fn schema(cast: &str) -> Value {
    match cast {
        "smallint" | "integer" | "bigint" => json!({ "type": ["integer", "null"] }),
        "boolean" => json!({ "type": ["boolean", "null"] }),
        "uuid" => json!({ "type": ["string", "null"], "format": "uuid" }),
        "timestamp with time zone" => json!({ "type": ["string", "null"], "format": "date-time" }),
        "real" | "double precision" => json!({ "type": ["number", "null"] }),
        cast if cast.starts_with("numeric") => json!({ "type": ["number", "null"] }),
        cast if cast.starts_with("json") => json!({}),
        cast if cast.ends_with("[]") => json!({ "type": ["array", "null"] }),
        _ => json!({ "type": ["string", "null"] }),
    }
}
