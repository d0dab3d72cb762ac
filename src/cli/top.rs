//! `wharf top`.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, tcgetwinsize};

use super::control::Reach;
use super::ps::request;
use super::sessions::{Session, Sessions, size, table};
use super::terminal::{Changed, Interrupts};
use super::{Outcome, complain, print};

/// How often the screen is drawn.
const DRAW: Duration = Duration::from_secs(1);

/// The end of the text, which Ctrl-C sends.
const END: u8 = 3;

/// Another screen, without a cursor (xterm's control sequences).
const NEW_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
/// The screen as it was.
const OLD_SCREEN: &str = "\x1b[?25h\x1b[?1049l";

/// Show the sessions of the running server once a second, those that move fastest first.
///
/// `q` or Ctrl-C ends it. Where the output is no terminal, it shows them once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf top
  wharf top --user scanner
  wharf top --config /etc/wharf.yaml

Exit status: 0 success, 1 the server can't be reached, 2 bad configuration or usage.")]
pub(super) struct Top {
    /// Only the sessions of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Top {
    pub(super) fn run(self) -> Outcome {
        let request = request(self.user.clone(), None, false);
        let ask = |width, height| -> Result<Vec<String>, (Outcome, String)> {
            let answer = self.reach.try_answer(&request)?;
            Ok(page(Sessions::of(&answer.data), width, height))
        };
        let told = |(outcome, complaint): (Outcome, String)| {
            if !complaint.is_empty() {
                complain(complaint);
            }
            outcome
        };
        // Whoever can't be asked at all says so on a screen that is as it was.
        let first = match ask(None, None) {
            Ok(first) => first,
            Err(failure) => return told(failure),
        };
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            print(first.join("\n"));
            return Outcome::Fine;
        }
        let interrupts = Interrupts::watch(|| write(OLD_SCREEN));
        let taken = interrupts
            .as_ref()
            .map_err(ToString::to_string)
            .and_then(|interrupts| Screen::take(interrupts).map_err(|error| error.to_string()));
        let screen = match taken {
            Ok(screen) => screen,
            Err(error) => return told((Outcome::Failed, format!("wharf: can't use the terminal: {error}"))),
        };
        loop {
            let (width, height) = screen.size();
            match ask(Some(width), Some(height)) {
                Ok(lines) => screen.draw(&lines),
                Err(failure) => {
                    drop(screen);
                    return told(failure);
                }
            }
            if screen.is_left_within(DRAW) {
                return Outcome::Fine;
            }
        }
    }
}

/// What is shown.
fn page(mut sessions: Sessions, width: Option<usize>, height: Option<usize>) -> Vec<String> {
    let rate =
        |session: &Session| session.transfer.as_ref().map_or(-1.0, |transfer| transfer.bytes_per_second);
    sessions.sessions.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    let sum = |uploads: bool| -> f64 {
        let transfers = sessions.sessions.iter().filter_map(|session| session.transfer.as_ref());
        let is_upload = |direction: &str| matches!(direction, "upload" | "append");
        transfers
            .filter(|transfer| is_upload(&transfer.direction) == uploads)
            .map(|it| it.bytes_per_second)
            // An empty sum is -0.0.
            .fold(0.0, |sum, rate| sum + rate)
    };
    let moving = sessions.sessions.iter().filter(|session| session.transfer.is_some()).count();
    let head = format!(
        "{} sessions, {moving} transfers, in {}/s, out {}/s{}",
        sessions.count,
        size(sum(true)),
        size(sum(false)),
        if sessions.is_draining { ", draining" } else { "" }
    );
    let mut lines = vec![head, sessions.but_for().unwrap_or_default()];
    lines.extend(table(&sessions.sessions, width));
    lines.truncate(height.unwrap_or(usize::MAX).max(3));
    lines
}

/// The terminal, which is as it was when this is dropped.
struct Screen<'a> {
    interrupts: &'a Interrupts,
    _keys: Changed<'a>,
}

impl<'a> Screen<'a> {
    fn take(interrupts: &'a Interrupts) -> io::Result<Self> {
        // Keys come at once, without echo, and Ctrl-C is a key.
        let keys = interrupts.change(|modes| {
            modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        })?;
        let _terminal = interrupts.terminal();
        write(NEW_SCREEN);
        Ok(Self { interrupts, _keys: keys })
    }

    /// Columns and lines.
    fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout().as_fd()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => (80, 24),
        }
    }

    fn draw(&self, lines: &[String]) {
        let mut text = "\x1b[H".to_owned();
        for (number, line) in lines.iter().enumerate() {
            text.push_str(if number == 0 { "" } else { "\r\n" });
            text.push_str(line);
            // The rest of the line before.
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J");
        // Not over the screen as it was.
        let _terminal = self.interrupts.terminal();
        write(&text);
    }

    /// Whether the key that ends it is pressed within this time.
    fn is_left_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let stdin = io::stdin();
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            let wait = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(0),
                tv_nsec: left.subsec_nanos().into(),
            };
            match poll(&mut fds, Some(&wait)) {
                Ok(0) => return false,
                Ok(_) => {}
                // The size of the window has changed, most likely.
                Err(rustix::io::Errno::INTR) => return false,
                Err(_) => return true,
            }
            let mut keys = [0_u8; 64];
            match rustix::io::read(&stdin, &mut keys) {
                Ok(0) | Err(_) => return true,
                Ok(read) if keys[..read].iter().any(|key| matches!(*key, b'q' | b'Q' | END)) => return true,
                Ok(_) => {}
            }
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        let _terminal = self.interrupts.terminal();
        write(OLD_SCREEN);
    }
}

fn write(text: &str) {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}
