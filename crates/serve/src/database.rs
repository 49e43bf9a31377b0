//! Connections to the database: pools with room for a rush, and replicas that are read from once they have caught up.

mod replica;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, PoolError, QueueMode, RecyclingMethod, Runtime, Timeouts,
};
use headwater_deploy::project::serve::{Pool as Settings, Serve};
use headwater_postgres::Config;
use tokio::sync::watch;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres_rustls::MakeRustlsConnect;

pub use self::replica::Replica;

use crate::error::Error;
use crate::http::problem::Problem;
use crate::position::Position;

/// What sessions are set to: times are in UTC, and nothing runs for longer than anybody waits.
const SESSION: &str = "-c timezone=UTC -c datestyle=ISO -c jit=off -c search_path=public";

/// They only read.
const ONLY_READ: &str = "-c default_transaction_read_only=on";

/// What is like a name: half of the letters, by threes, stand together in it. Behind a pooler it is the role's or 0.6, pg_trgm's own.
const ALIKE: &str = "-c pg_trgm.word_similarity_threshold=0.5";

/// A connection that has rested for less than this is used without being tried.
const FRESH: Duration = Duration::from_secs(1);

/// A connection beyond the size is closed once it has rested for so long. To make one takes the server longer than many pages do: a process, and each statement prepared anew.
const RESTED: Duration = Duration::from_secs(10);

/// How often connections beyond the size are closed.
const ROUND: Duration = Duration::from_secs(1);

/// Prepared statements of one connection that are kept. Every set of filters has its own, and which ones there are is up to those who ask.
const STATEMENTS: usize = 256;

/// The primary and its replicas.
#[derive(Debug)]
pub struct Database {
    primary: Pool,
    replicas: Vec<Arc<Replica>>,
    next: AtomicUsize,
}

/// Connections to one server.
#[derive(Clone)]
pub struct Pool {
    connections: deadpool_postgres::Pool,
    tls: MakeRustlsConnect,
    size: usize,
    /// A pooler in transaction mode is in between.
    pub pooler: bool,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("size", &self.size).field("pooler", &self.pooler).finish_non_exhaustive()
    }
}

impl Database {
    /// Pools for the database and its replicas. Nothing is connected yet.
    ///
    /// # Errors
    /// Where a replica's address is none.
    pub fn new(config: &Config, settings: &Serve) -> Result<Self, Error> {
        let replicas = settings.replica.iter().map(|declared| Replica::new(declared, settings).map(Arc::new));
        let replicas = replicas.collect::<Result<_, _>>()?;
        Ok(Self { primary: Pool::new(config, &settings.pool, settings.timeout)?, replicas, next: AtomicUsize::new(0) })
    }

    /// The primary.
    #[must_use]
    pub fn primary(&self) -> &Pool {
        &self.primary
    }

    /// A connection to a replica that has what was there at `position`, if there is one; they take turns.
    pub async fn replica(&self, position: Option<Position>) -> Option<(Arc<Replica>, Connection)> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for turn in 0..self.replicas.len() {
            let replica = &self.replicas[(first + turn) % self.replicas.len()];
            if let Some(connection) = replica.connection(position).await {
                return Some((Arc::clone(replica), connection));
            }
        }
        None
    }

    /// Asks the replicas how far they are, and closes connections that are not needed any more, until told to stop. `newest` is where the
    /// log is.
    pub async fn keep(self: Arc<Self>, newest: watch::Receiver<Position>, mut stop: watch::Receiver<bool>) {
        for replica in &self.replicas {
            tokio::spawn(Arc::clone(replica).follow(newest.clone(), stop.clone()));
        }
        loop {
            self.primary.shrink();
            self.replicas.iter().for_each(|replica| replica.shrink());
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

impl Pool {
    pub(crate) fn new(config: &Config, settings: &Settings, timeout: Duration) -> Result<Self, Error> {
        let tls = headwater_postgres::tls(config)?;
        let manager = Manager::from_config(
            session(config, settings.pooler, timeout),
            tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let (recycle, pre_ping) = (settings.recycle, settings.pre_ping);
        let usable = Hook::async_fn(
            move |client: &mut deadpool_postgres::ClientWrapper, metrics: &deadpool_postgres::Metrics| {
                let rested = metrics.last_used();
                let old = metrics.age() > recycle;
                Box::pin(async move {
                    if old {
                        return Err(HookError::message("old enough"));
                    }
                    if pre_ping && rested > FRESH {
                        client.simple_query("").await.map_err(HookError::Backend)?;
                    }
                    Ok(())
                })
            },
        );
        let mut building = deadpool_postgres::Pool::builder(manager);
        if says_which_server(config) && !settings.pooler {
            building = building.post_create(Hook::async_fn(
                |client: &mut deadpool_postgres::ClientWrapper, _: &deadpool_postgres::Metrics| {
                    Box::pin(async move {
                        let only_read = client.batch_execute("SET default_transaction_read_only = on");
                        only_read.await.map_err(HookError::Backend)
                    })
                },
            ));
        }
        let connections = building
            .max_size(settings.size + settings.overflow)
            // The one that was used last: in turns, none would ever rest.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(settings.timeout))
            .create_timeout(Some(settings.timeout))
            .recycle_timeout(Some(settings.timeout))
            .runtime(Runtime::Tokio1)
            .pre_recycle(usable)
            .build()
            .expect("a runtime is named");
        Ok(Self { connections, tls, size: settings.size, pooler: settings.pooler })
    }

    /// A connection.
    ///
    /// # Errors
    /// HW0752 where none is free in time, or none can be made.
    pub async fn connection(&self) -> Result<Connection, Problem> {
        let client = self.connections.get().await.map_err(|error| {
            let busy = matches!(error, PoolError::Timeout(_));
            if !busy {
                tracing::error!(%error, "connecting to the database failed");
            }
            Problem::unavailable(if busy {
                "all connections to the database are in use"
            } else {
                "the database cannot be reached"
            })
        })?;
        Ok(self.lend(client))
    }

    /// A connection, where one is free; where it has to be made or tried first, that may take so long.
    async fn at_once(&self, patience: Duration) -> Option<Connection> {
        let patience = Timeouts { wait: Some(Duration::ZERO), create: Some(patience), recycle: Some(patience) };
        self.connections.timeout_get(&patience).await.ok().map(|client| self.lend(client))
    }

    fn lend(&self, client: Object) -> Connection {
        Connection { client, pooler: self.pooler, tls: self.tls.clone(), to_replica: false }
    }

    /// The newest position there.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub async fn newest(&self) -> Result<Position, Problem> {
        let sql = "SELECT b.epoch, b.pos FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1";
        let connection = self.connection().await?;
        let rows = connection.query(sql, &[]).await.map_err(|error| Problem::of_database(&error))?;
        let row = rows.first().ok_or_else(|| Problem::unavailable("the database has no batches"))?;
        Ok(Position { epoch: row.get(0), pos: row.get(1) })
    }

    /// How many connections are open, and how many of them are idle.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let status = self.connections.status();
        (status.size, status.available)
    }

    /// Closes what has been idle beyond the size for a while.
    fn shrink(&self) {
        let mut spare = self.connections.status().size.saturating_sub(self.size);
        if spare > 0 {
            self.connections.retain(|_, metrics| {
                let keep = spare == 0 || metrics.last_used() < RESTED;
                spare -= usize::from(!keep);
                keep
            });
        }
    }
}

fn session(config: &Config, pooler: bool, timeout: Duration) -> Config {
    let mut config = config.clone();
    if config.get_application_name().is_none() {
        config.application_name("headwater serve");
    }
    headwater_postgres::watch_the_line(&mut config);
    if !pooler {
        let only_read = if says_which_server(&config) { "" } else { ONLY_READ };
        let options = format!(
            "{} {SESSION} {only_read} {ALIKE} -c statement_timeout={}",
            config.get_options().unwrap_or_default(),
            timeout.as_millis()
        );
        config.options(options.trim());
    }
    config
}

/// The address names a kind of server (`target_session_attrs`). The client library tells it by whether the session may write: so that
/// must not be set before it has looked.
fn says_which_server(config: &Config) -> bool {
    config.get_target_session_attrs() != TargetSessionAttrs::Any
}

/// A connection out of a pool. It goes back when it is dropped.
pub struct Connection {
    client: Object,
    pooler: bool,
    tls: MakeRustlsConnect,
    to_replica: bool,
}

impl Connection {
    /// True where it is to a replica: what fails there, the primary may answer.
    #[must_use]
    pub fn is_to_replica(&self) -> bool {
        self.to_replica
    }

    /// Runs a statement whose parameters are all texts, and gives all its rows.
    ///
    /// # Errors
    /// The database's.
    pub async fn query(
        &self,
        sql: &str,
        parameters: &[Option<String>],
    ) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        use futures_util::TryStreamExt as _;
        self.stream(sql, parameters).await?.try_collect().await
    }

    /// Prepares a statement whose parameters have the types that the server infers, and keeps it as its own ones are kept.
    ///
    /// # Errors
    /// The database's.
    pub async fn prepared(&self, sql: &str) -> Result<tokio_postgres::Statement, tokio_postgres::Error> {
        self.client.prepare_cached(sql).await
    }

    /// Runs a statement whose parameters are all texts; its rows come as the database finds them. Behind a pooler nothing is prepared
    /// for longer than the one message.
    ///
    /// # Errors
    /// The database's.
    pub async fn stream(
        &self,
        sql: &str,
        parameters: &[Option<String>],
    ) -> Result<tokio_postgres::RowStream, tokio_postgres::Error> {
        use tokio_postgres::types::Type;
        if self.pooler {
            return self.unprepared(sql, parameters).await;
        }
        if self.client.statement_cache.size() > STATEMENTS {
            self.client.statement_cache.clear();
        }
        let types = vec![Type::TEXT; parameters.len()];
        let statement = self.client.prepare_typed_cached(sql, &types).await?;
        self.client.query_raw(&statement, parameters).await
    }

    /// Opens a cursor over a statement, and gives its first two rows: the database sends rows that it has found only once it has some
    /// kilobytes of them, or has been asked for no more. The transaction stays open until [`Connection::close_cursor`].
    ///
    /// # Errors
    /// The database's.
    pub async fn open_cursor(
        &self,
        sql: &str,
        parameters: &[Option<String>],
    ) -> Result<tokio_postgres::RowStream, tokio_postgres::Error> {
        let declare = format!("DECLARE hw_page NO SCROLL CURSOR FOR {sql}");
        // Sent at once, one after the other, and answered in this order.
        let (begun, declared, first) = tokio::join!(
            self.client.batch_execute("BEGIN READ ONLY"),
            self.unprepared(&declare, parameters),
            self.unprepared("FETCH FORWARD 2 FROM hw_page", &[])
        );
        begun?;
        declared?;
        first
    }

    /// The rows of the cursor that are left.
    ///
    /// # Errors
    /// The database's.
    pub async fn rest_of_cursor(&self) -> Result<tokio_postgres::RowStream, tokio_postgres::Error> {
        self.unprepared("FETCH ALL FROM hw_page", &[]).await
    }

    /// Ends the cursor and its transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_cursor(&self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("COMMIT").await
    }

    /// Runs a statement that writes, in a transaction of its own: sessions here only read by themselves. In a task of its own, too: where
    /// whoever asked goes away, the transaction still ends before the connection is used again.
    ///
    /// # Errors
    /// The database's.
    pub async fn write(
        self,
        sql: String,
        parameters: Vec<Option<String>>,
    ) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
        use futures_util::TryStreamExt as _;
        let writing = tokio::spawn(async move {
            // Sent at once, one after the other, and answered in this order; after a failure COMMIT rolls back.
            let (begun, rows, ended) = tokio::join!(
                self.client.batch_execute("BEGIN READ WRITE"),
                async { self.unprepared(&sql, &parameters).await?.try_collect().await },
                self.client.batch_execute("COMMIT")
            );
            begun?;
            let rows = rows?;
            ended.map(|()| rows)
        });
        writing.await.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    async fn unprepared(
        &self,
        sql: &str,
        parameters: &[Option<String>],
    ) -> Result<tokio_postgres::RowStream, tokio_postgres::Error> {
        let typed = parameters.iter().map(|parameter| (parameter, tokio_postgres::types::Type::TEXT));
        self.client.query_typed_raw(sql, typed).await
    }

    /// The client, for statements that have no parameters.
    #[must_use]
    pub fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    /// The connection alone, to be closed.
    #[must_use]
    pub fn leave_pool(self) -> deadpool_postgres::ClientWrapper {
        Object::take(self.client)
    }

    /// What ends a statement under way, when it is awaited.
    pub fn cancelling(&self) -> impl Future<Output = ()> + Send + use<> {
        let (token, tls) = (self.client.cancel_token(), self.tls.clone());
        async move {
            let _ = token.cancel_query(tls).await;
        }
    }
}
