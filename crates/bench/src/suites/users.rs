//! **users**: document 003's aim, on one machine: 5,000 users of the showcase, each of whom does something every 1 to 5 s; one deed in twenty is a write of `traffic/writes.sql`, the others
//! are pages, all 28 routes; 2,000 of them have a live stream open too. Users, server, leader and PostgreSQL share the processors. Limits: no error, and 99 of 100
//! answers of every page within 200 ms of the moment the user wanted it. Beside it the same on 003's own design, its views and triggers, read plainly and without streams;
//! and with next to no writes, since a write computes views anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_postgres::{Client, Config};
use serde_json::json;

use crate::arena::Arena;
use crate::compare::Spread;
use crate::crowd::pages::{Kind, PAGES, SECRET, World};
use crate::crowd::{self, Crowd, Seen};
use crate::curves::percentile;
use crate::leader::Leader;
use crate::paced::{self, Pace, Transaction, Writes, transactions};
use crate::report::{Bar, Outcome, Verdict, figure, number};
use crate::site::Site;
use crate::{Failure, cpu, models, plain};

/// Users, and how many of them have a stream.
const USERS: (usize, usize) = (5_000, 2_000);

/// One deed in twenty is a write; in the last turn one in a thousand.
const WRITES: [f64; 2] = [0.05, 0.001];

/// Connections that the application writes by.
const WRITERS: usize = 10;

/// So long a write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes that are left out of all turns but one of Headwater's: who is renamed and which chain turns private or closes changes what stands in up to thousands of rows, for
/// a private chain one for each member and post. Users do that, but not once a second, as the traffic does, which was made to find mistakes.
const SELDOM: [&str; 4] = ["rename_user", "rename_loud_user", "change_chain_privacy", "close_or_reopen_chain"];

/// 003's aim, in milliseconds.
const AIM: f64 = 200.0;

/// Turns of the common length that one turn of this suite is.
const TURNS: u32 = 6;

/// What one turn found.
struct Turn {
    pages: crowd::Found,
    writes: paced::Found,
    /// Writes whose moment came, and that were neither committed nor refused.
    unwritten: u64,
    used: Used,
}

/// Processor time in percent of one core.
#[derive(Debug, Clone, Copy, serde::Serialize)]
struct Used {
    /// Who serves the pages.
    server: f64,
    /// All of PostgreSQL's processes; of it, the sessions that read pages, and the leader's.
    postgres: f64,
    reading: f64,
    leading: f64,
    /// The leader's own thread.
    leader: f64,
    /// Users, and those who write.
    users: f64,
}

/// A variant's name, and its turns.
struct Variant {
    name: &'static str,
    turns: Vec<Turn>,
}

/// Where the crowd goes.
struct Place<'p> {
    arena: &'p Arena,
    config: Config,
    client: Client,
    site: Site,
    kind: Kind,
    world: Arc<World>,
}

pub async fn run(arena: &Arena, scale: f64) -> Result<Outcome, Failure> {
    let base = arena.showcase(scale).await?;
    let (world, mut variants) = by_headwater(arena, &base).await?;

    let config = arena.by_document(&base, "users_003").await?;
    let site = Site::plain(&arena.root, &arena.server, "users_003").await?;
    let client = arena.connect("users_003").await?;
    let place = Place { arena, config, client, site, kind: Kind::Plain, world };
    for (name, share) in ["003's design", "003's, 0.1% writes"].into_iter().zip(WRITES) {
        eprintln!("  {name}");
        variants.push(Variant { name, turns: vec![place.turn(share, &SELDOM, None).await?] });
    }
    Ok(told(&variants))
}

async fn by_headwater(arena: &Arena, base: &str) -> Result<(Arc<World>, Vec<Variant>), Failure> {
    let config = arena.copy(base, "users").await?;
    arena.apply(&config, &models::showcase(arena, &[], models::Mode::Declared)?).await?;
    let client = arena.connect("users").await?;
    let world = World::of(&client).await?;
    let leader = Leader::start(&config).await?;
    let site = Site::showcase(&arena.root, &arena.server, "users", SECRET).await?;
    let place = Place { arena, config, client, site, kind: Kind::Headwater, world: Arc::clone(&world) };
    let mut turns = Vec::new();
    for round in 1..=arena.effort.rounds {
        eprintln!("  Headwater, round {round}");
        turns.push(place.turn(WRITES[0], &SELDOM, Some(&leader)).await?);
    }
    eprintln!("  Headwater, all writes");
    let all = vec![place.turn(WRITES[0], &[], Some(&leader)).await?];
    leader.stop().await?;
    Ok((world, vec![Variant { name: "Headwater", turns }, Variant { name: "Headwater, all writes", turns: all }]))
}

impl Place<'_> {
    /// Everybody comes, looks, writes, and goes. `share` of what they do is writes, of all that are in the traffic but those named.
    async fn turn(&self, share: f64, but: &[&str], leader: Option<&Leader>) -> Result<Turn, Failure> {
        let few = self.arena.effort.quick;
        let (users, streams) = if few { (USERS.0 / 20, USERS.1 / 20) } else { USERS };
        let crowd = Crowd {
            address: self.site.address,
            kind: self.kind,
            world: Arc::clone(&self.world),
            users,
            streams: if self.kind == Kind::Headwater { streams } else { 0 },
            writes: share,
            warm_up: Duration::from_secs(if few { 6 } else { 15 }),
            time: self.arena.effort.turn * TURNS,
        };
        let deeds = users as f64 / f64::midpoint(crowd::THINK.start, crowd::THINK.end);
        let pace = Pace {
            config: self.config.clone(),
            writes: Writes::Mixed(self.writes(but)?.into()),
            clients: WRITERS,
            per_second: deeds * share,
            patience: PATIENCE,
        };
        let (warm_up, time, per_second) = (crowd.warm_up, crowd.time, pace.per_second);
        let writing = paced::start(pace).await?;
        let looking = tokio::spawn(crowd::run(crowd));
        tokio::time::sleep(warm_up).await;
        let before = self.mark(leader).await?;
        tokio::time::sleep(time).await;
        let used = before.until(&self.mark(leader).await?);
        let due = writing.start.elapsed().as_secs_f64() * per_second;
        let writes = writing.finish().await?;
        let pages = looking.await??;
        let done = writes.samples.len() as u64 + writes.failed.values().sum::<u64>();
        Ok(Turn { pages, unwritten: (due as u64).saturating_sub(done), writes, used })
    }

    /// What an application's users write. Bulk statements are no user's.
    fn writes(&self, but: &[&str]) -> Result<Vec<Transaction>, Failure> {
        let mut all = transactions(&self.arena.example("traffic/writes.sql")?);
        all.retain(|transaction| !transaction.name.starts_with("bulk_") && !but.contains(&transaction.name.as_str()));
        Ok(all)
    }

    async fn mark(&self, leader: Option<&Leader>) -> Result<Mark, Failure> {
        let backend = self.client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let own = i32::try_from(std::process::id())?;
        let (mut reading, mut leading) = (0, 0);
        let sql = "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database()";
        for row in self.client.query(sql, &[]).await? {
            let used = cpu::of_process(row.get(0)).unwrap_or_default();
            match row.get(1) {
                "headwater serve" | plain::APPLICATION => reading += used,
                "headwater maintain" => leading += used,
                _ => {}
            }
        }
        Ok(Mark {
            at: Instant::now(),
            server: self.site.used().0,
            postgres: cpu::parent(backend).and_then(cpu::of_family).unwrap_or_default(),
            reading,
            leading,
            leader: leader.and_then(Leader::used).unwrap_or_default(),
            own: cpu::of_process(own).unwrap_or_default(),
        })
    }
}

/// Nanoseconds of processor time that each has used so far.
struct Mark {
    at: Instant,
    server: u64,
    postgres: u64,
    reading: u64,
    leading: u64,
    leader: u64,
    own: u64,
}

impl Mark {
    fn until(&self, later: &Self) -> Used {
        let time = (later.at - self.at).as_nanos() as f64;
        let percent = |of: fn(&Self) -> u64| 100.0 * of(later).saturating_sub(of(self)) as f64 / time;
        Used {
            server: percent(|mark| mark.server),
            postgres: percent(|mark| mark.postgres),
            reading: percent(|mark| mark.reading),
            leading: percent(|mark| mark.leading),
            leader: percent(|mark| mark.leader),
            users: percent(|mark| mark.own) - percent(|mark| mark.leader),
        }
    }
}

/// Requests, errors, and two latencies in milliseconds, each the median over the turns.
struct Line {
    requests: u64,
    errors: u64,
    half: Spread,
    most: Spread,
}

impl Line {
    fn of<'t>(turns: impl Iterator<Item = (u64, u64, &'t [f64])> + Clone) -> Self {
        let at = |share| Spread::of(turns.clone().map(|(_, _, times)| percentile(times.to_vec(), share)));
        Self {
            requests: turns.clone().map(|turn| turn.0).sum(),
            errors: turns.clone().map(|turn| turn.1).sum(),
            half: at(0.5),
            most: at(0.99),
        }
    }
}

impl Variant {
    fn page(&self, place: usize) -> Line {
        let seen = |turn: &'_ Turn| -> Seen { turn.pages.pages[place].clone() };
        let all: Vec<Seen> = self.turns.iter().map(seen).collect();
        Line::of(all.iter().map(|seen| (seen.requests(), seen.errors, seen.latencies.as_slice())))
    }

    fn writes(&self) -> Line {
        let all: Vec<(u64, u64, Vec<f64>)> = self
            .turns
            .iter()
            .map(|turn| {
                let errors = turn.writes.failed.values().sum::<u64>() + turn.unwritten;
                let times: Vec<f64> = turn.writes.samples.iter().map(|(_, ms)| *ms).collect();
                (times.len() as u64 + errors, errors, times)
            })
            .collect();
        Line::of(all.iter().map(|(requests, errors, times)| (*requests, *errors, times.as_slice())))
    }

    fn sum(&self, of: impl Fn(&Turn) -> u64) -> u64 {
        self.turns.iter().map(of).sum()
    }
}

fn told(variants: &[Variant]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut heading = vec!["page".to_owned()];
    for variant in variants {
        heading.push(format!("{}: asked", variant.name));
        heading.extend(["errors", "p50", "p99 ms"].map(str::to_owned));
    }
    outcome.table.push(heading);
    let names = PAGES.iter().map(|page| page.name).chain(["writes"]);
    for (place, name) in names.enumerate() {
        let lines: Vec<Line> = variants
            .iter()
            .map(|variant| if place < PAGES.len() { variant.page(place) } else { variant.writes() })
            .collect();
        if lines.iter().all(|line| line.requests == 0) {
            continue;
        }
        let cells = lines.iter().flat_map(|line| {
            [
                number(line.requests as f64),
                number(line.errors as f64),
                figure(line.half.median),
                figure(line.most.median),
            ]
        });
        outcome.table.push(std::iter::once(name.to_owned()).chain(cells).collect());
        for (variant, line) in variants.iter().zip(&lines) {
            let limit = (place < PAGES.len()).then_some(AIM);
            if std::ptr::eq(variant, &variants[0]) {
                let group = "p99 in ms, Headwater".to_owned();
                outcome.bars.push(Bar { group, label: name.to_owned(), value: line.most, limit });
            }
            outcome.data.push(json!({ "variant": variant.name, "page": name, "requests": line.requests, "errors": line.errors, "p50_ms": line.half, "p99_ms": line.most }));
        }
    }
    for variant in variants {
        about(variant, &mut outcome);
    }
    verdicts(&variants[0], &mut outcome);
    outcome
}

/// What is not of one page.
fn about(variant: &Variant, outcome: &mut Outcome) {
    let name = variant.name;
    let median = |of: fn(&Turn) -> f64| Spread::of(variant.turns.iter().map(of)).median;
    outcome.notes.push(format!(
        "{name}: percent of a core: server {}, PostgreSQL {} (reading pages {}, the leader's session {}), the leader itself {}, users {}; {} events over streams in a turn",
        figure(median(|turn| turn.used.server)),
        figure(median(|turn| turn.used.postgres)),
        figure(median(|turn| turn.used.reading)),
        figure(median(|turn| turn.used.leading)),
        figure(median(|turn| turn.used.leader)),
        figure(median(|turn| turn.used.users)),
        number(median(|turn| turn.pages.events as f64)),
    ));
    let gone = variant.sum(|turn| turn.pages.pages.iter().map(|seen| seen.gone).sum());
    let (unsent, lost) = (variant.sum(|turn| turn.pages.unsent), variant.sum(|turn| turn.pages.lost as u64));
    outcome.notes.push(format!(
        "{name}: {gone} answers were that something is gone (404); {unsent} requests were never sent, for their users still waited; {lost} streams were lost; \
         writes that were neither done nor refused at the end: {}; refused: {:?}",
        variant.sum(|turn| turn.unwritten),
        variant.turns.iter().map(|turn| &turn.writes.failed).collect::<Vec<_>>(),
    ));
    for trouble in variant.turns.iter().flat_map(|turn| &turn.pages.troubles).take(3) {
        outcome.notes.push(format!("{name}, trouble: {trouble}"));
    }
    outcome.data.push(json!({
        "variant": name,
        "percent_of_a_core": variant.turns.iter().map(|turn| turn.used).collect::<Vec<_>>(),
        "events": variant.turns.iter().map(|turn| turn.pages.events).collect::<Vec<_>>(),
        "gone": gone, "unsent": unsent, "streams_lost": lost,
        "writes_failed": variant.turns.iter().map(|turn| &turn.writes.failed).collect::<Vec<_>>(),
        "unwritten": variant.turns.iter().map(|turn| turn.unwritten).collect::<Vec<_>>(),
        "troubles": variant.turns.iter().map(|turn| &turn.pages.troubles).collect::<Vec<_>>(),
    }));
}

/// 003's aim.
fn verdicts(variant: &Variant, outcome: &mut Outcome) {
    let lines = PAGES.iter().enumerate().map(|(place, page)| (page.name, variant.page(place)));
    let lines: Vec<(&str, Line)> = lines.filter(|(_, line)| line.requests > 0).collect();
    let errors = lines.iter().map(|(_, line)| line.errors).sum::<u64>()
        + variant.sum(|turn| turn.pages.unsent + turn.pages.lost as u64);
    outcome.verdicts.push(Verdict::at_most("pages that ended with an error, and streams lost", errors as f64, 0.0));
    outcome.verdicts.push(Verdict::at_most("writes that ended with an error", variant.writes().errors as f64, 0.0));
    let slowest = lines.iter().max_by(|(_, one), (_, other)| one.most.median.total_cmp(&other.most.median));
    if let Some((name, line)) = slowest {
        outcome.verdicts.push(Verdict::at_most(format!("the slowest page ({name}), p99 ms"), line.most.median, AIM));
    }
}
