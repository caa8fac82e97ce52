//! One request a connection: a line of JSON each way, over a Unix socket in the data directory.
//! The socket's mode is 0600: who may write the store may command the daemon.

use std::{
    io::{self, BufRead, BufReader, Read as _, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream as StdStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use super::Request;
use crate::clock::Runtime;

/// Who the shell is, in the journal.
pub const OPERATOR: &str = "operator";
/// The longest request, bytes.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// The longest answer, bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A client that says nothing is dropped after so long.
const CLIENT_PATIENCE: TimeDelta = TimeDelta::seconds(10);
/// The shell waits so long for the daemon's answer: a halt waits up to ten seconds for its cancels,
/// and a daemon that hangs must not keep the shell from writing the `HALT` file.
const SHELL_PATIENCE: Duration = Duration::from_secs(15);
/// A backup, a walk over the whole journal and a broker that hangs take their time.
const LONG_PATIENCE: Duration = Duration::from_mins(2);
/// Connections served at once; further ones wait.
const CONNECTIONS_MAX: usize = 16;

/// Answers requests.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The answer as a JSON document, or an error in words. `by` is who asks, for the journal.
    async fn handle(&self, request: Request, by: &str) -> Result<Value, String>;

    /// How often trading was stopped, by whomever: a resume that was asked for before a stop is not
    /// meant to undo it.
    fn stops(&self) -> u64;
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Value),
    Error(String),
}

/// The socket's place in a data directory.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Takes the socket's place. The store's lock is held by now, so a socket file found there is a
/// dead daemon's.
pub fn listen(data_dir: &Path) -> io::Result<UnixListener> {
    let path = path(data_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves requests for ever.
pub async fn serve(rt: Runtime, listener: UnixListener, handler: Arc<dyn Handler>) {
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (rt2, handler) = (rt.clone(), Arc::clone(&handler));
                rt.spawn(async move {
                    if let Err(error) = converse(&rt2, stream, handler.as_ref()).await {
                        tracing::debug!("control connection: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("control socket: {error}");
                rt.sleep(TimeDelta::seconds(1)).await;
            }
        }
    }
}

async fn converse(rt: &Runtime, stream: UnixStream, handler: &dyn Handler) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = tokio::io::BufReader::new(reading).take(REQUEST_BYTES_MAX);
    let read = rt.timeout(CLIENT_PATIENCE, reading.read_line(&mut line)).await;
    if read.transpose()?.is_none() {
        return Ok(());
    }
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => match handler.handle(request, OPERATOR).await {
            Ok(value) => Answer::Ok(value),
            Err(error) => Answer::Error(error),
        },
        Err(error) => Answer::Error(format!("the request cannot be read: {error}")),
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    // A client that does not read keeps no place for ever.
    let written = async {
        writing.write_all(&bytes).await?;
        writing.shutdown().await
    };
    rt.timeout(CLIENT_PATIENCE, written).await.unwrap_or(Ok(()))
}

/// Why a running daemon gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon's own error.
    #[error("{0}")]
    Daemon(String),
    /// The conversation broke.
    #[error("the daemon at {path} did not answer: {cause}")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// The cause.
        cause: String,
    },
}

/// Asks the daemon of a data directory; `None` when none runs there.
pub fn call(data_dir: &Path, request: &Request) -> Result<Option<Value>, CallError> {
    let path = path(data_dir);
    let stream = match StdStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if no_daemon(&error) => return Ok(None),
        Err(error) => return Err(CallError::Broken { path, cause: error.to_string() }),
    };
    let answer = ask(stream, request)
        .map_err(|error| CallError::Broken { path: path.clone(), cause: error.to_string() })?;
    match answer {
        Answer::Ok(value) => Ok(Some(value)),
        Answer::Error(error) => Err(CallError::Daemon(error)),
    }
}

/// No socket, or one nobody listens at.
fn no_daemon(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory
    )
}

fn ask(mut stream: StdStream, request: &Request) -> io::Result<Answer> {
    let patience = match request {
        Request::StoreBackup { .. }
        | Request::JournalVerify { .. }
        | Request::Reconcile { .. }
        | Request::AlertsTest
        | Request::ReconcileAccept { .. } => LONG_PATIENCE,
        _ => SHELL_PATIENCE,
    };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut bytes = serde_json::to_vec(request)?;
    bytes.push(b'\n');
    stream.write_all(&bytes)?;
    let mut line = String::new();
    BufReader::new(stream).take(ANSWER_BYTES_MAX).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up"));
    }
    Ok(serde_json::from_str(&line)?)
}
