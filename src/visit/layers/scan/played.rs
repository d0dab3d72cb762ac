//! Scanners that tests play.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What played scanners find.
pub(super) const MARK: &[u8] = b"wharf-finds-this-mark";

/// How a daemon behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Play {
    /// As ClamAV does.
    Honest,
    /// It reads and says nothing.
    Silent,
    /// It does not read.
    Deaf,
    /// It hangs up at once.
    Gone,
    /// It hangs up in the middle of the file.
    GoneInTheMiddle,
    /// It says this when it has the first bytes.
    Early(&'static [u8]),
    /// It says this when it has all bytes, and hangs up.
    Says(&'static [u8]),
    /// It speaks without an end.
    Endless,
}

/// A daemon, until it is dropped.
pub(super) struct Played {
    pub(super) port: u16,
    /// The files that it has got, as far as they came.
    files: Arc<Mutex<Vec<Vec<u8>>>>,
    /// How many connections it has now.
    pub(super) open: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Drop for Played {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Played {
    pub(super) async fn new(play: Play) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let files: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let (opened, open) = watch::channel(0);
        let seen = Arc::clone(&files);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                opened.send_modify(|open| *open += 1);
                let (seen, opened) = (Arc::clone(&seen), opened.clone());
                tokio::spawn(async move {
                    // A daemon whose client is gone has nothing more to do.
                    let _ = serve(stream, play, &seen).await;
                    opened.send_modify(|open| *open -= 1);
                });
            }
        });
        Self { port, files, open, accepting }
    }

    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        self.files.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, play: Play, seen: &Mutex<Vec<Vec<u8>>>) -> std::io::Result<()> {
    if play == Play::Gone {
        return Ok(());
    }
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    if play == Play::Deaf {
        return std::future::pending().await;
    }
    let index = {
        let mut seen = seen.lock().unwrap();
        seen.push(Vec::new());
        seen.len() - 1
    };
    loop {
        let length = stream.read_u32().await?;
        if length == 0 {
            break;
        }
        let mut chunk = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut chunk).await?;
        seen.lock().unwrap()[index].extend(chunk);
        match play {
            Play::GoneInTheMiddle => return Ok(()),
            Play::Early(says) => {
                stream.write_all(says).await?;
                return drain(&mut stream).await;
            }
            _ => {}
        }
    }
    let is_infected = seen.lock().unwrap()[index].windows(MARK.len()).any(|part| part == MARK);
    match play {
        Play::Honest if is_infected => stream.write_all(b"stream: Wharf.Mark FOUND\0").await?,
        Play::Honest => stream.write_all(b"stream: OK\0").await?,
        Play::Says(says) => stream.write_all(says).await?,
        Play::Endless => loop {
            stream.write_all(&[b'x'; 1000]).await?;
        },
        _ => return drain(&mut stream).await,
    }
    Ok(())
}

/// Until the other end is gone.
async fn drain(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
