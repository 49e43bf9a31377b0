//! The pages of the showcase, each as often as a site's users look at it against the others, and who and what there is to look at.

use std::sync::Arc;

use headwater_postgres::Client;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;

use crate::Failure;
use crate::site::encoded;

/// What signs the users' tokens, in this benchmark and nowhere else.
pub const SECRET: &str = "only benchmarks are signed with this text";

/// So many rows of each kind are looked at; the first are the most popular.
const THINGS: i64 = 5_000;

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Its name here, and in `benches/baselines/003_pages.sql`.
    pub name: &'static str,
    /// How often it is asked for against the others.
    pub weight: u32,
    /// Its path; `{}` is what it is of.
    pub path: &'static str,
    /// What it is of.
    pub of: Of,
}

/// What a page is of, or who can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    All,
    Project,
    Chain,
    User,
    Username,
    Words,
    Partner,
    OwnChain,
    Investor,
    Validator,
    Admin,
}

const fn page(name: &'static str, weight: u32, of: Of, path: &'static str) -> Page {
    Page { name, weight, path, of }
}

/// All 28 routes of the example; the feed in its three orders.
pub const PAGES: [Page; 30] = [
    page("feed", 12, Of::All, "/api/projects?limit=10"),
    page("feed-top-rated", 3, Of::All, "/api/projects?sort=top-rated&limit=10"),
    page("feed-newest", 3, Of::All, "/api/projects?sort=newest&limit=10"),
    page("live-feed", 8, Of::All, "/api/feed?limit=10"),
    page("project", 12, Of::Project, "/api/projects/{}"),
    page("comments", 12, Of::Project, "/api/projects/{}/comments?limit=20"),
    page("leaderboard-projects", 3, Of::All, "/api/leaderboards/projects?limit=50"),
    page("leaderboard-builders", 3, Of::All, "/api/leaderboards/builders?limit=50"),
    page("chains", 5, Of::All, "/api/chains?limit=12"),
    page("chain", 3, Of::Chain, "/api/chains/{}"),
    page("chain-posts", 4, Of::Chain, "/api/chains/{}/posts?limit=20"),
    page("investors", 2, Of::All, "/api/investors?limit=20"),
    page("search", 5, Of::Words, "/api/search?q={}&limit=20"),
    page("user", 2, Of::Username, "/api/users/{}"),
    page("profile", 4, Of::User, "/api/profiles/{}"),
    page("dashboard", 5, Of::All, "/api/me/dashboard"),
    page("unread", 8, Of::All, "/api/me/unread"),
    page("inbox", 6, Of::All, "/api/me/inbox?limit=20"),
    page("conversation", 6, Of::Partner, "/api/me/messages?other_user_id={}&limit=20"),
    page("notifications", 6, Of::All, "/api/me/notifications?limit=20"),
    page("intros", 2, Of::All, "/api/me/intros?limit=20"),
    page("intro-stats", 2, Of::All, "/api/me/intro-stats"),
    page("my-projects", 3, Of::All, "/api/me/projects?limit=20"),
    page("my-chains", 2, Of::All, "/api/me/chains?limit=20"),
    page("my-chain", 1, Of::OwnChain, "/api/me/chains/{}"),
    page("my-chain-posts", 1, Of::OwnChain, "/api/me/chains/{}/posts?limit=20"),
    page("investor", 4, Of::Investor, "/api/me/investor"),
    page("validator", 4, Of::Validator, "/api/me/validator"),
    page("admin", 10, Of::Admin, "/api/admin/dashboard"),
    page("reports", 10, Of::Admin, "/api/admin/reports?limit=20"),
];

/// Whose answers are waited for.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: String,
    /// The head of a request that says who it is.
    pub bearer: String,
    partner: Option<String>,
    chain: Option<String>,
    investor: bool,
    validator: bool,
    admin: bool,
}

/// Who and what there is.
#[derive(Debug)]
pub struct World {
    /// Those who look.
    pub users: Vec<User>,
    projects: Vec<String>,
    chains: Vec<String>,
    names: Vec<String>,
    words: Vec<String>,
}

impl World {
    /// What a database of the showcase holds: its active users, in no order, and what there is to see, the most popular first.
    pub async fn of(client: &Client) -> Result<Arc<Self>, Failure> {
        let texts = async |sql: &str| -> Result<Vec<String>, Failure> {
            let sql = format!("{sql} LIMIT {THINGS}");
            Ok(client.query(&sql, &[]).await?.iter().map(|row| row.get(0)).collect())
        };
        let sql = "SELECT u.id::text, u.is_admin, u.is_validator,
                EXISTS (SELECT FROM investor_requests r WHERE r.user_id = u.id AND r.status = 'approved'),
                (SELECT m.recipient_id::text FROM direct_messages m WHERE m.sender_id = u.id ORDER BY m.created_at DESC LIMIT 1),
                (SELECT f.chain_id::text FROM chain_followers f JOIN chains c ON c.id = f.chain_id
                 WHERE f.user_id = u.id AND c.is_active ORDER BY c.is_public, f.created_at LIMIT 1)
            FROM users u WHERE u.is_active AND u.username NOT LIKE 'fresh\\_%' ORDER BY md5(u.id::text)";
        let mut users = Vec::new();
        for row in client.query(sql, &[]).await? {
            let (id, admin): (String, bool) = (row.get(0), row.get(1));
            users.push(User {
                bearer: format!("authorization: Bearer {}\r\n", token(&id, admin)?),
                id,
                admin,
                validator: row.get(2),
                investor: row.get(3),
                partner: row.get(4),
                chain: row.get(5),
            });
        }
        Ok(Arc::new(Self {
            users,
            projects: texts("SELECT p.id::text FROM projects p WHERE NOT p.is_deleted ORDER BY p.proof_score DESC, p.id").await?,
            chains: texts("SELECT c.id::text FROM chains c WHERE c.is_public AND c.is_active ORDER BY c.id").await?,
            names: texts("SELECT u.username FROM users u WHERE u.is_active ORDER BY md5(u.id::text)").await?,
            words: texts("SELECT * FROM (SELECT DISTINCT split_part(p.title, ' ', 1) || ' ' || split_part(p.title, ' ', 2) FROM projects p) words(w) WHERE w <> ' ' ORDER BY md5(w)").await?,
        }))
    }

    /// What a user sees on such a page: `None` where the user cannot see it, else the name, the id or the words that it is of.
    pub fn of_page<'w>(&'w self, page: &Page, user: &'w User, dice: &mut Dice) -> Option<&'w str> {
        let nothing = |may: bool| may.then_some("-");
        match page.of {
            Of::All => nothing(true),
            Of::Investor => nothing(user.investor),
            Of::Validator => nothing(user.validator),
            Of::Admin => nothing(user.admin),
            Of::Partner => user.partner.as_deref(),
            Of::OwnChain => user.chain.as_deref(),
            Of::Project => dice.popular(&self.projects).map(String::as_str),
            Of::Chain => dice.popular(&self.chains).map(String::as_str),
            Of::Username => dice.popular(&self.names).map(String::as_str),
            Of::Words => dice.popular(&self.words).map(String::as_str),
            Of::User => dice.popular(&self.users).map(|user| user.id.as_str()),
        }
    }
}

/// Signs in.
fn token(user: &str, admin: bool) -> Result<String, Failure> {
    let role = if admin { "admin" } else { "user" };
    let claims = json!({ "sub": user, "role": role, "exp": get_current_timestamp() + 86_400 });
    Ok(encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))?)
}

/// Whose pages are asked for: this decides on paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The example's routes.
    Headwater,
    /// [`crate::plain`].
    Plain,
}

impl Kind {
    /// The path of a page of something, as a user asks for it.
    pub fn path(self, page: &Page, user: &User, of: &str) -> String {
        match self {
            Self::Headwater => page.path.replace("{}", &encoded(of)),
            Self::Plain => format!("/{}/{}/{}", page.name, user.id, encoded(of)),
        }
    }
}

/// Chance that is the same in every run (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// Uniform from 0 to 1.
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut random = self.0;
        random = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((random ^ (random >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of them, the first ones more often: half of the choices are among the first quarter.
    fn popular<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        let roll = self.roll();
        things.get((roll * roll * things.len() as f64) as usize)
    }

    /// A page that the user can see, by weight, and what it is of.
    pub fn page<'w>(&mut self, world: &'w World, user: &'w User) -> (usize, &'w str) {
        let total: u32 = PAGES.iter().map(|page| page.weight).sum();
        loop {
            let mut left = self.roll() * f64::from(total);
            for (position, page) in PAGES.iter().enumerate() {
                left -= f64::from(page.weight);
                if left < 0.0 {
                    if let Some(of) = world.of_page(page, user, self) {
                        return (position, of);
                    }
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: "u".into(),
            bearer: String::new(),
            partner: None,
            chain: None,
            investor: false,
            validator: false,
            admin: false,
        }
    }

    fn world() -> World {
        let some = |name: &str| vec![name.to_owned()];
        World { users: vec![user()], projects: some("p"), chains: some("c"), names: some("n"), words: some("a b") }
    }

    #[test]
    fn paths_say_what_they_are_of() {
        let comments = PAGES.iter().find(|page| page.name == "comments").unwrap();
        assert_eq!(Kind::Headwater.path(comments, &user(), "p1"), "/api/projects/p1/comments?limit=20");
        assert_eq!(Kind::Plain.path(comments, &user(), "a b"), "/comments/u/a%20b");
    }

    #[test]
    fn nobody_asks_for_what_he_cannot_see() {
        let (world, mut dice) = (world(), Dice(1));
        let mut seen = [0; PAGES.len()];
        for _ in 0..20_000 {
            seen[dice.page(&world, &world.users[0]).0] += 1;
        }
        for (page, times) in PAGES.iter().zip(seen) {
            let forbidden = matches!(page.of, Of::Partner | Of::OwnChain | Of::Investor | Of::Validator | Of::Admin);
            assert_eq!(times == 0, forbidden, "{}", page.name);
        }
    }
}
