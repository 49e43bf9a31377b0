//! **messages**: `INSERT` of one message with the inbox (`message_conversations_denorm`) and the dashboard
//! (`user_dashboard_stats`) of document 003: kept by nobody (bare), by 003's own triggers, by Headwater.
//!
//! Random pairs of users: at most 1.5 times bare. All messages to one recipient: at most 3 times. Two users who write to each
//! other: no deadlock (SQLSTATE 40P01).

use std::sync::Arc;

use headwater_postgres::Config;

use crate::Failure;
use crate::arena::{Arena, prepare};
use crate::compare::{Variant, compare};
use crate::load::{Feed, Load, Uuid, Value};
use crate::report::{Outcome, Verdict};

const MESSAGE: &str = "INSERT INTO direct_messages (sender_id, recipient_id, message) VALUES ($1, $2, $3)";

/// Who writes to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    RandomPairs,
    OneRecipient,
    BothWays,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::RandomPairs => "random pairs",
            Self::OneRecipient => "one recipient",
            Self::BothWays => "two users, both ways",
        }
    }

    fn limit(self) -> Option<f64> {
        match self {
            Self::RandomPairs => Some(1.5),
            Self::OneRecipient => Some(3.0),
            Self::BothWays => None,
        }
    }

    fn clients(self) -> &'static [usize] {
        if self == Self::BothWays { &[4, 16] } else { &[1, 4, 16] }
    }

    fn feed(self, users: Arc<[Uuid]>) -> Feed {
        Arc::new(move |client, _| {
            let users = Arc::clone(&users);
            let mut state = client as u64;
            let mut any = move || {
                state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                (mixed >> 33) as usize
            };
            Box::new(move || {
                let last = users.len() - 1;
                let (from, to) = match self {
                    Self::RandomPairs => (any() % users.len(), any() % users.len()),
                    Self::OneRecipient => (any() % last, last),
                    Self::BothWays if client % 2 == 0 => (0, 1),
                    Self::BothWays => (1, 0),
                };
                vec![Value::Uuid(users[from]), Value::Uuid(users[to]), Value::Text("How is the demo going?")]
            })
        })
    }
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let bare = arena.copy(&base, "messages_bare").await?;
    prepare(&bare, "").await?;
    let by_hand = arena.copy(&base, "messages_by_hand").await?;
    prepare(&by_hand, &arena.baseline("003_messages.sql")?).await?;
    let headwater = arena.copy(&base, "messages_headwater").await?;
    arena.apply(&headwater, &arena.showcase_models(&["conversations.sql", "dashboard.sql"])?).await?;
    let users: Arc<[Uuid]> = {
        let client = arena.connect("messages_bare").await?;
        let sql = "SELECT id FROM users WHERE username NOT LIKE 'fresh\\_%' ORDER BY id";
        client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect()
    };

    let mut all = Vec::new();
    for case in [Case::RandomPairs, Case::OneRecipient, Case::BothWays] {
        for clients in case.clients() {
            let variant = |name: &str, config: &Config, against: Option<usize>, limit: Option<f64>| {
                let feed = case.feed(Arc::clone(&users));
                let load = Load {
                    config: config.clone(),
                    clients: *clients,
                    setup: String::new(),
                    sql: MESSAGE.to_owned(),
                    feed,
                };
                Variant { name: name.to_owned(), load, against, limit }
            };
            let variants = [
                variant("bare", &bare, None, None),
                variant("003's triggers", &by_hand, Some(0), None),
                variant("headwater", &headwater, Some(0), case.limit()),
            ];
            all.extend(compare(arena, case.name(), &variants).await?);
        }
    }
    let mut outcome = Outcome::of(&all);
    let deadlocks = all
        .iter()
        .filter(|row| row.variant == "headwater")
        .map(|row| row.failed().get("40P01").copied().unwrap_or_default())
        .sum::<u64>();
    outcome.verdicts.push(Verdict::at_most("deadlocks with headwater", deadlocks as f64, 0.0));
    Ok(outcome)
}
