//! `headwater doctor` and `headwater bench` as programs: what they print, and what they end with.

use std::path::PathBuf;
use std::process::{Command, Output};

use headwater_testkit::TestDatabase;

const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
    CREATE INDEX posts_pair ON posts (user_id, id);
    CREATE INDEX posts_pair_again ON posts (user_id, id);
    CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 1500) n; ANALYZE;";

const SETTINGS: &str = "
[[doctor.ignore]]
code = \"HW0841\"
reason = \"a test server\"
[[doctor.ignore]]
code = \"HW0842\"
reason = \"a test server\"
[[doctor.ignore]]
code = \"HW0846\"
reason = \"a test server\"

[[bench.query]]
name = \"by name\"
sql = \"SELECT id FROM users WHERE name = $1\"
parameters = [\"SELECT name FROM users\"]
";

const GOLDEN: &str = r#"{"findings":[{"code":"HW0822","fix":[{"sql":"DROP INDEX CONCURRENTLY \"public\".posts_pair_again"}],"message":"posts_pair_again says the same as posts_pair","object":"posts_pair_again","severity":"warning","why":"each write keeps both, and no query needs both"},{"code":"HW0833","fix":[{"sql":"CREATE INDEX CONCURRENTLY ON \"public\".\"users\" (\"name\")"}],"message":"the query by name reads all of users, about 1500 rows, for about 1","object":"by name","severity":"warning","why":"it takes longer with every row that the table gets"},{"code":"HW0825","fix":[{"sql":"CREATE INDEX CONCURRENTLY ON \"public\".\"notes\" (user_id)"}],"message":"notes(user_id) refers to users and no index begins with it","object":"notes(user_id)","severity":"note","why":"deleting a row of users, or changing its key, reads all of notes while the writer waits"}],"good":false"#;

struct Project(PathBuf);

impl Project {
    fn new(settings: &str) -> Self {
        let path = std::env::temp_dir().join(format!("headwater-cli-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("headwater.toml"), settings).unwrap();
        Self(path)
    }

    fn run(&self, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_headwater"));
        program.args(arguments).args(["--database", url, "--project"]).arg(&self.0);
        let Output { status, stdout, .. } = program.output().expect("the program runs");
        (status.code(), String::from_utf8(stdout).expect("text"))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_is_wrong_and_ends_accordingly() {
    let database = TestDatabase::create("cli_doctor").await;
    database.connect().await.batch_execute(SCHEMA).await.unwrap();
    let (project, url) = (Project::new(SETTINGS), database.url());

    let (code, json) = project.run(&url, &["doctor", "--json"]);
    assert_eq!(code, Some(1), "{json}");
    assert!(json.starts_with(GOLDEN), "{json}");
    assert!(json.contains(r#""reason":"a test server""#), "{json}");

    let (code, text) = project.run(&url, &["doctor"]);
    assert_eq!(code, Some(1));
    let expected = "HW0822  warning  posts_pair_again says the same as posts_pair
  why    each write keeps both, and no query needs both
  run    DROP INDEX CONCURRENTLY \"public\".posts_pair_again;
";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.ends_with("2 warnings, 1 note, 3 ignored by headwater.toml\n"), "{text}");

    assert_eq!(project.run(&url, &["doctor", "--only", "hw0825"]).0, Some(0));
    assert_eq!(project.run(&url, &["doctor", "--only", "HW0825", "--fail-on", "note"]).0, Some(1));
    assert_eq!(project.run(&url, &["doctor", "--ignore", "HW0822", "--ignore", "HW0833"]).0, Some(0));
    assert_eq!(project.run(&url, &["doctor", "--only", "HW0101"]).0, Some(2));
    assert_eq!(project.run("postgresql://nobody@127.0.0.1:1/none", &["doctor"]).0, Some(3));

    let (code, json) = project.run(&url, &["bench", "--queries", "20", "--max-time", "5s", "--json"]);
    assert_eq!(code, Some(0), "{json}");
    assert!(json.contains(r#""name":"by name""#) && json.contains(r#""n":20"#), "{json}");
    let (code, text) = project.run(&url, &["bench", "--queries", "20", "--max-time", "0.0001ms", "--by", "p99"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("by name") && text.contains('✗'), "{text}");
    assert_eq!(project.run("postgresql://nobody@127.0.0.1:1/none", &["bench"]).0, Some(3));
}
