//! **messages**: `INSERT` of one message with the inbox (`message_conversations_denorm`) and the dashboard
//! (`user_dashboard_stats`) of document 003: kept by nobody (bare), by 003's own triggers, by Headwater.
//!
//! Random pairs of users, most of whom have never written to each other, so that a conversation begins: at most 1.5 times bare;
//! and the same for conversations that go on. All messages to one recipient: at most 3 times. Two users who write to each other: no
//! deadlock (SQLSTATE 40P01).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    KnownPairs,
    OneRecipient,
    BothWays,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::RandomPairs => "random pairs",
            Self::KnownPairs => "known pairs",
            Self::OneRecipient => "one recipient",
            Self::BothWays => "two users, both ways",
        }
    }

    fn limit(self) -> Option<f64> {
        match self {
            Self::RandomPairs | Self::KnownPairs => Some(1.5),
            Self::OneRecipient => Some(3.0),
            Self::BothWays => None,
        }
    }

    fn clients(self) -> &'static [usize] {
        if self == Self::BothWays { &[4, 16] } else { &[1, 4, 16] }
    }

    fn feed(self, people: Arc<People>) -> Feed {
        // Each turn goes on with other pairs; every variant with the same.
        let turns = AtomicU64::new(0);
        Arc::new(move |client, _| {
            let people = Arc::clone(&people);
            let mut state = turns.fetch_add(1, Ordering::Relaxed) << 32;
            let mut any = move || {
                state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                (mixed >> 33) as usize
            };
            Box::new(move || {
                let (users, pairs) = (&people.users, &people.pairs);
                let last = users.len() - 1;
                let (from, to) = match self {
                    Self::RandomPairs => (users[any() % users.len()], users[any() % users.len()]),
                    Self::KnownPairs => pairs[any() % pairs.len()],
                    Self::OneRecipient => (users[any() % last], users[last]),
                    Self::BothWays if client % 2 == 0 => (users[0], users[1]),
                    Self::BothWays => (users[1], users[0]),
                };
                vec![Value::Uuid(from), Value::Uuid(to), Value::Text("How is the demo going?")]
            })
        })
    }
}

/// Who is there, and who has written to whom.
struct People {
    users: Vec<Uuid>,
    pairs: Vec<(Uuid, Uuid)>,
}

impl People {
    async fn of(arena: &Arena) -> Result<Self, Failure> {
        let client = arena.connect("messages_bare").await?;
        let users = "SELECT id FROM users WHERE username NOT LIKE 'fresh\\_%' ORDER BY id";
        let pairs = "SELECT sender_id, recipient_id FROM direct_messages GROUP BY 1, 2 ORDER BY 1, 2";
        Ok(Self {
            users: client.query(users, &[]).await?.iter().map(|row| row.get(0)).collect(),
            pairs: client.query(pairs, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect(),
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
    let people = Arc::new(People::of(arena).await?);

    let mut all = Vec::new();
    for case in [Case::RandomPairs, Case::KnownPairs, Case::OneRecipient, Case::BothWays] {
        for clients in case.clients() {
            let variant = |name: &str, config: &Config, against: Option<usize>, limit: Option<f64>| {
                let feed = case.feed(Arc::clone(&people));
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
