//! Connections: accepts them, and takes none that is too slow or whose head is too large.
//!
//! | who | is |
//! | --- | --- |
//! | has too many connections already | cut off: HW0746, HW0747 in the metrics |
//! | does not finish the head of a request in time | cut off |
//! | sends a head of more than 16 KB or 100 fields | told 431, and cut off |
//! | does not read what it is sent | cut off after [`STALLED`]: it would hold a connection to the database until then |

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Sleep;
use tower_service::Service as _;

use crate::access::Gate;
use crate::access::limits::Taken;
use crate::observe;

/// The longest head of a request, in bytes: a target of 8 KB, and a token.
const HEAD: usize = 16 * 1024;

/// What is buffered of an answer for one client, in bytes.
const BUFFER: usize = 64 * 1024;

/// How long a client may take nothing of what is sent to it.
pub const STALLED: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted: most likely there are too many.
const PAUSE: Duration = Duration::from_millis(100);

/// How connections are kept.
pub struct Keeping {
    /// Who may have how many.
    pub gate: Arc<Gate>,
    /// How long the head of a request may take, and the next request.
    pub head_timeout: Duration,
    /// How long they may go on when the server ends.
    pub grace: Duration,
}

/// Serves until `stop` says true, and then until all connections have ended, but not longer than the grace.
pub async fn serve(listener: TcpListener, router: Router, keeping: Keeping, mut stop: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(keeping.head_timeout)
        .max_header_size(HEAD)
        .max_buf_size(BUFFER);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, from)) => {
                let slot = match keeping.gate.limits.connection(from.ip()) {
                    Ok(slot) => slot,
                    Err(taken) => {
                        observe::problem(if taken == Taken::Own { 746 } else { 747 });
                        continue;
                    }
                };
                // An event is small and wants to go at once.
                let _ = stream.set_nodelay(true);
                let service = hyper::service::service_fn({
                    let router = router.clone();
                    move |request| answer(router.clone(), from, request)
                });
                let connection = builder.serve_connection(TokioIo::new(Patient::new(stream, STALLED)), service);
                let connection = connections.watch(connection);
                tokio::spawn(async move {
                    let _ = connection.await;
                    drop(slot);
                });
            }
            // It was given up before it was accepted.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(keeping.grace, connections.shutdown()).await;
}

async fn answer(mut router: Router, from: SocketAddr, mut request: Request<Incoming>) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(from));
    router.call(request).await
}

/// A connection that ends where the other side takes nothing for some time.
struct Patient {
    stream: TcpStream,
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    /// What a write came to, unless it has waited for too long.
    fn timed<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn who_takes_nothing_is_cut_off_and_who_is_slow_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut patient = Patient::new(listener.accept().await.unwrap().0, Duration::from_secs(2));
        let writing = tokio::spawn(async move {
            let block = [0; 64 * 1024];
            loop {
                if let Err(error) = patient.write_all(&block).await {
                    return error.kind();
                }
            }
        });
        let mut buffer = vec![0; 8 << 20];
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(client.read(&mut buffer).await.unwrap() > 0);
        }
        assert!(!writing.is_finished());
        let ended = tokio::time::timeout(Duration::from_secs(10), writing).await;
        assert_eq!(ended.unwrap().unwrap(), ErrorKind::TimedOut);
    }
}
