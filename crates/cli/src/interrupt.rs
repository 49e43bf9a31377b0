//! The end that the user asks for.

use tokio::sync::watch;

/// Says true once the process is told to end: Ctrl-C, or SIGTERM as service managers send it. A second time ends it at once.
pub fn interrupted() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        told().await;
        let _ = stop.send(true);
        told().await;
        std::process::exit(130);
    });
    stopped
}

async fn told() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
