//! The state in which everything must be once writers rest, whatever happened before.

use std::time::Duration;

use headwater_deploy::{Silent, verify};
use headwater_maintain::wait;
use headwater_postgres::{Config, connect};

use super::follower::{self, Follower};

/// While nobody writes and a leader leads: everything that was committed is in the models, once; the log has every position, and
/// read from the beginning it gives the models' rows. For the models of [`super::pairs`].
///
/// # Panics
/// Where something of this is not so.
pub async fn assert_sound(config: &Config, follower: &mut Follower) {
    let mut client = connect(config).await.expect("a connection");
    wait(&client, Duration::from_secs(20)).await.unwrap_or_else(|error| panic!("{error}"));
    for model in verify::verify(&mut client, &verify::Options::default(), &Silent).await.expect("a comparison") {
        assert!(model.exact && model.broken.is_none(), "{model:#?}");
    }
    // Verifying ends with a batch; what it wrote is read, too.
    let gaps = follower::gaps(&client).await.expect("the log");
    assert!(gaps.is_empty(), "{gaps:?}");
    let problems = follower.problems(&client).await.expect("the log");
    assert!(problems.is_empty(), "{problems:#?}");
    let changed = follower.changed(&client).await.expect("the log");
    assert!(changed.is_empty(), "entries that had been read have changed: {changed:#?}");
    let twice = "SELECT count(*) FROM (SELECT id FROM events GROUP BY id HAVING count(*) > 1) AS e";
    assert_eq!(client.query_one(twice, &[]).await.expect("the event log").get::<_, i64>(0), 0);
}
