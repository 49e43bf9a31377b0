//! Everything at a glance, as JSON: from the newest look, so that any number of consoles asks the database no more than one.

use std::sync::Arc;

use headwater_deploy::health::{Health, Versions, Word};
use headwater_deploy::status::{Batches, ModelStatus};
use serde_json::{Value, json};

use super::Admin;
use super::look::{Look, iso};
use super::watch::Rate;
use crate::access::Viewer;
use crate::route::{Access, Route};
use crate::server::{Served, Server};

/// Everything.
#[must_use]
pub fn now(server: &Server, admin: &Admin, viewer: &Viewer) -> Value {
    let (look, problem) = admin.watch.last();
    let mut found = json!({
        "viewer": viewer.subject,
        "problem": problem,
        "operations_allowed": admin.settings.operations,
        "operations": admin.operations.all(),
        "streams": server.gate.limits.open(),
        "routes": routes(server),
    });
    if let Some(look) = look {
        add_look(&mut found, admin, &look);
    }
    found
}

fn add_look(found: &mut Value, admin: &Admin, look: &Arc<Look>) {
    let rates = admin.watch.rates();
    let models: Vec<Value> = look
        .models()
        .into_iter()
        .filter_map(|(name, versions)| {
            let main = versions.main()?;
            let health = look.health(&versions, admin.watch.clean(&main.table));
            Some(model(name, &versions, main, &health, look, rates.get(&main.table).copied().unwrap_or_default()))
        })
        .collect();
    found["at"] = json!(look.now.round());
    found["status"] = json!(worst(admin, look));
    found["server"] = json!({
        "headwater": env!("CARGO_PKG_VERSION"),
        "postgres": look.version,
        "database": look.database,
        "track_functions": look.track_functions,
    });
    found["applying"] = json!(look.applying);
    found["batches"] = look.status.batches.as_ref().map_or(Value::Null, batches);
    found["models"] = json!(models);
    found["tables"] = json!(tables(admin, look));
}

/// The worst word of all.
#[must_use]
pub fn worst(admin: &Admin, look: &Look) -> Word {
    let word = |(_, versions): (&str, Versions<'_>)| {
        let clean = versions.main().and_then(|main| admin.watch.clean(&main.table));
        look.health(&versions, clean).status
    };
    look.models().into_iter().map(word).max().unwrap_or(Word::Fresh)
}

/// How far the batches are.
#[must_use]
pub fn batches(batches: &Batches) -> Value {
    json!({
        "number": batches.number,
        "at": iso(&batches.at),
        "age_ms": (batches.age * 1000.0).round(),
        "position": batches.position,
        "leader": batches.leader,
        "waiting": batches.waiting,
    })
}

/// What the last verify found.
#[must_use]
pub fn verified(model: &ModelStatus) -> Value {
    let Some(at) = &model.verified_at else { return Value::Null };
    json!({ "at": iso(at), "exact": model.verified_exact, "found": model.verified_found, "healed": model.healed })
}

fn model(name: &str, versions: &Versions<'_>, main: &ModelStatus, health: &Health, look: &Look, rate: Rate) -> Value {
    let mut found = json!({
        "name": name,
        "mode": main.mode,
        "tier": main.tier,
        "key": main.key,
        "file": main.file,
        "version": main.version,
        "serves": versions.serving.is_some(),
        "sources": main.sources.iter().map(|source| plain(source)).collect::<Vec<_>>(),
        "rows": look.tables.get(&main.table).and_then(|counted| counted.rows),
        "bytes": main.bytes,
        "changes_per_second": rate.changes_per_second,
        "us_per_change": rate.us_per_change,
        "last_verify": verified(main),
        "installed_at": main.installed_at.as_deref().map(iso),
        "failures": main.failures,
        "retry_in_ms": main.retry_in.map(|seconds| (seconds.max(0.0) * 1000.0).round()),
        "building": versions.building.and_then(|building| building.fill).map(|(filled, of)| json!({ "filled": filled, "of": of })),
    });
    if let (Some(found), Ok(Value::Object(health))) = (found.as_object_mut(), serde_json::to_value(health)) {
        found.extend(health);
    }
    found
}

fn tables(admin: &Admin, look: &Look) -> Vec<Value> {
    let shown = |(source, counted): (&String, &super::look::Counted)| {
        let gaps = look.status.missing_triggers.iter().filter(|gap| gap.source == *source);
        json!({
            "name": plain(source),
            "rows": counted.rows,
            "changes_per_second": admin.watch.source_rate(source),
            "missing_triggers": gaps.map(|gap| json!({ "function": gap.function, "on": gap.relation, "disabled": gap.disabled })).collect::<Vec<_>>(),
        })
    };
    look.sources.iter().map(shown).collect()
}

/// A qualified name, quoted where it must be, as people say it.
#[must_use]
pub fn plain(name: &str) -> String {
    let (mut said, mut quoted) = (String::new(), false);
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => said.extend(letters.next()),
            '"' => quoted = !quoted,
            letter => said.push(letter),
        }
    }
    said.strip_prefix("public.").map(ToOwned::to_owned).unwrap_or(said)
}

fn routes(server: &Server) -> Vec<Value> {
    let table = server.table();
    let mut served: Vec<_> = table.served.values().collect();
    served.sort_by(|a, b| a.route.path.cmp(&b.route.path));
    served.into_iter().map(|served| route(served)).collect()
}

fn route(served: &Served) -> Value {
    let route = &served.route;
    json!({
        "path": &*route.path,
        "model": route.model.name.short(),
        "access": access(route),
        "live": route.live,
        "cached": route.can_be_cached(),
        "followers": served.hub.followers(),
        "position": served.hub.position().to_string(),
    })
}

fn access(route: &Route) -> String {
    match route.access {
        Access::Public => "public".to_owned(),
        Access::Admin => "admin".to_owned(),
        Access::Owner(column) => format!("owner({})", route.model.columns[column].name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_said_without_quotes() {
        for (name, said) in [
            ("\"public\".\"vote\"", "vote"),
            ("\"a b\".\"c\"\"d\"", "a b.c\"d"),
            ("public.vote", "vote"),
            ("x.y", "x.y"),
        ] {
            assert_eq!(super::plain(name), said);
        }
    }
}
