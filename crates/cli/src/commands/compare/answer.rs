//! An answer's items, and what two of them do not have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take: old endpoints are slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever answers under an address.
pub struct Asker {
    base: String,
    headers: Vec<(String, String)>,
    agent: ureq::Agent,
}

/// A status and a body, or why there is none.
pub type Answer = Result<(u16, String), String>;

impl Asker {
    /// With headers as they are written on the wire: `name: value`.
    pub fn new(base: &str, headers: &[String]) -> Self {
        let pair = |header: &String| {
            header.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        };
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            headers: headers.iter().filter_map(pair).collect(),
            agent: ureq::Agent::new_with_config(config),
        }
    }

    /// The answer, and the milliseconds that it took.
    pub async fn ask(&self, path: &str) -> (Answer, f64) {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let asked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let answer = request.call().and_then(|mut answer| {
                let text = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
                Ok((answer.status().as_u16(), text))
            });
            (answer.map_err(|error| error.to_string()), began.elapsed().as_secs_f64() * 1000.0)
        });
        asked.await.unwrap_or_else(|failure| (Err(failure.to_string()), 0.0))
    }
}

/// How answers are read.
pub struct Shape {
    /// Where the rows stand, with dots.
    pub items: String,
    /// The fields that tell an item from another.
    pub key: Vec<String>,
    /// The fields that may differ.
    pub ignore: Vec<String>,
}

/// Something that two answers do not have in common.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// One of them has no items: another status, another form, or no answer at all.
    Answer { old: String, new: String },
    /// An item that only the old one has.
    OnlyOld(String),
    /// An item that only the new one has.
    OnlyNew(String),
    /// A field of an item.
    Field { item: String, field: String, old: Value, new: Value },
    /// The same items stand in another order.
    Order,
}

impl Shape {
    /// What differs; empty where nothing does.
    pub fn differences(&self, old: &Answer, new: &Answer) -> Vec<Difference> {
        match (self.items(old), self.items(new)) {
            (Ok(old), Ok(new)) => self.between(&old, &new),
            (Err(old), Err(new)) if old == new => Vec::new(),
            (old, new) => {
                let said = |items: Result<Vec<Value>, String>| match items {
                    Ok(items) => format!("{} items", items.len()),
                    Err(why) => why,
                };
                vec![Difference::Answer { old: said(old), new: said(new) }]
            }
        }
    }

    fn items(&self, answer: &Answer) -> Result<Vec<Value>, String> {
        let (status, body) = answer.as_ref().map_err(|error| format!("no answer: {error}"))?;
        if *status != 200 {
            return Err(format!("status {status}"));
        }
        let body: Value = serde_json::from_str(body).map_err(|_| "no JSON".to_owned())?;
        let mut steps = self.items.split('.').filter(|step| !step.is_empty());
        let found = steps.try_fold(&body, |value, step| value.get(step));
        match found {
            Some(Value::Array(items)) => Ok(items.clone()),
            Some(one @ Value::Object(_)) => Ok(vec![one.clone()]),
            _ => Err(format!("no items under {}", self.items)),
        }
    }

    fn between(&self, old: &[Value], new: &[Value]) -> Vec<Difference> {
        let (olds, news) = (self.keyed(old), self.keyed(new));
        let mut found = Vec::new();
        for (key, item) in &olds {
            match news.get(key) {
                Some(other) => self.fields(key, item, other, &mut found),
                None => found.push(Difference::OnlyOld(key.clone())),
            }
        }
        found.extend(news.keys().filter(|key| !olds.contains_key(*key)).cloned().map(Difference::OnlyNew));
        let order = |items: &[Value]| items.iter().map(|item| self.name(item)).collect::<Vec<_>>();
        if found.is_empty() && order(old) != order(new) {
            found.push(Difference::Order);
        }
        found
    }

    fn keyed<'a>(&self, items: &'a [Value]) -> BTreeMap<String, &'a Value> {
        items.iter().map(|item| (self.name(item), item)).collect()
    }

    fn name(&self, item: &Value) -> String {
        let parts = self.key.iter().map(|field| match &item[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    fn fields(&self, item: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
        };
        for field in names(old).union(&names(new)).filter(|field| !self.ignore.contains(field)) {
            let (one, other) = (old.get(field).unwrap_or(&Value::Null), new.get(field).unwrap_or(&Value::Null));
            if !alike(one, other) {
                let (item, field) = (item.to_owned(), field.clone());
                found.push(Difference::Field { item, field, old: one.clone(), new: other.clone() });
            }
        }
    }
}

/// Equal, but for how times and numbers are written.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            one == other || moment(one).is_some_and(|time| Some(time) == moment(other))
        }
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| alike(value, other)))
        }
        _ => one == other,
    }
}

/// A time in UTC as everybody writes it differently: with a T or a space, with `Z` or `+00:00`, with zeros at the end of its fraction or none.
fn moment(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_time = bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[10..11].iter().all(|byte| b"T ".contains(byte))
        && bytes[13] == b':';
    if !is_time {
        return None;
    }
    let bare = ["Z", "+00:00", "+00"].iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(text);
    let bare = if bare.contains('.') { bare.trim_end_matches('0').trim_end_matches('.') } else { bare };
    Some(bare.replacen(' ', "T", 1))
}

impl Difference {
    /// As JSON.
    pub fn document(&self) -> Value {
        match self {
            Self::Answer { old, new } => json!({ "kind": "answer", "old": old, "new": new }),
            Self::OnlyOld(item) => json!({ "kind": "only_old", "item": item }),
            Self::OnlyNew(item) => json!({ "kind": "only_new", "item": item }),
            Self::Field { item, field, old, new } => {
                json!({ "kind": "field", "item": item, "field": field, "old": old, "new": new })
            }
            Self::Order => json!({ "kind": "order" }),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { old, new } => write!(f, "old: {old}; new: {new}"),
            Self::OnlyOld(item) => write!(f, "{item}: only old"),
            Self::OnlyNew(item) => write!(f, "{item}: only new"),
            Self::Field { item, field, old, new } => {
                write!(f, "{item}: {field} is {} (old), {} (new)", short(old), short(new))
            }
            Self::Order => f.write_str("the same items in another order"),
        }
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(items: &Value) -> Answer {
        Ok((200, json!({ "data": { "rows": items } }).to_string()))
    }

    fn shape() -> Shape {
        Shape { items: "data.rows".into(), key: vec!["type".into(), "id".into()], ignore: vec!["seen".into()] }
    }

    #[test]
    fn times_and_numbers_may_be_written_otherwise() {
        let old = json!([{ "type": "a", "id": 1, "at": "2026-02-16T10:00:00.120Z", "n": 1, "seen": 5, "in": { "at": ["2026-02-16 10:00:00+00"] } }]);
        let new = json!([{ "type": "a", "id": 1, "at": "2026-02-16T10:00:00.12+00:00", "n": 1.0, "in": { "at": ["2026-02-16T10:00:00Z"] } }]);
        assert_eq!(shape().differences(&answer(&old), &answer(&new)), []);
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let old = json!([{ "type": "a", "id": 1, "x": 1 }, { "type": "a", "id": 2 }]);
        let new = json!([{ "type": "a", "id": 1, "x": 2 }, { "type": "b", "id": 2 }]);
        let found = shape().differences(&answer(&old), &answer(&new));
        let field = Difference::Field { item: "a 1".into(), field: "x".into(), old: json!(1), new: json!(2) };
        assert_eq!(found, [field, Difference::OnlyOld("a 2".into()), Difference::OnlyNew("b 2".into())]);
        let turned = json!([old[1], old[0]]);
        assert_eq!(shape().differences(&answer(&old), &answer(&turned)), [Difference::Order]);
        let failed = shape().differences(&Ok((500, String::new())), &answer(&old));
        assert_eq!(failed, [Difference::Answer { old: "status 500".into(), new: "2 items".into() }]);
        assert_eq!(shape().differences(&Ok((404, String::new())), &Ok((404, "x".into()))), []);
    }

    #[test]
    fn only_times_are_read_as_times() {
        assert_eq!(moment("2026-02-16 10:00:00"), Some("2026-02-16T10:00:00".into()));
        assert_eq!(moment("a name of some length, with 0"), None);
        assert!(!alike(&json!("1.50"), &json!("1.5")));
    }
}
