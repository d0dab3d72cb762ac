//! STAT (RFC 959, section 4.1.3).

use bytes::BytesMut;
use futures_util::StreamExt;

use super::super::data::listing::Style;
use super::super::reply::{Reply, double_iac, put_line};
use super::super::state::{Connection, LoggedIn, Mode, Type};
use super::{Outcome, Result, list};

/// So much of a listing is sent at a time.
const BLOCK: usize = 16 * 1024;

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    if argument.trim_matches(' ').is_empty() {
        return Ok(Outcome::Reply(of_session(connection, session)));
    }
    let listing_time = &session.visit.preferences().listing_time;
    let style = |_: &str| Style::Long(listing_time.clone());
    let (mut entries, lines, path) = list::open(connection, session, argument, style).await?;
    let charset = connection.control.charset;
    let mut head = Vec::new();
    put_line(&format!("213-Status of {path}:"), charset, &mut head);
    let mut block = BytesMut::from(&head[..]);
    let mut line = BytesMut::new();
    let end = loop {
        match entries.next().await {
            None => break "213 End.".to_owned(),
            // The code is said already.
            Some(Err(error)) => break format!("213 This is not all: {}.", error.kind()),
            Some(Ok(entry)) if lines.wants(&entry) => {
                if let Err(error) = lines.check(&entry) {
                    break format!("213 This is not all: {}.", error.kind());
                }
                line.clear();
                if lines.put(&entry, &mut line) {
                    block.extend_from_slice(b" ");
                    double_iac(&line, &mut block);
                }
            }
            Some(Ok(_)) => {}
        }
        if block.len() >= BLOCK {
            connection.send_block(&mut block).await?;
        }
    };
    let mut last = Vec::new();
    put_line(&end, charset, &mut last);
    block.extend_from_slice(&last);
    connection.control.metrics.reply(213);
    connection.send_block(&mut block).await?;
    Ok(Outcome::Said)
}

/// How the session stands.
fn of_session(connection: &Connection, session: &LoggedIn) -> Reply {
    let encrypted = |yes| if yes { "encrypted" } else { "in plain text" };
    let data = connection.security.protection().is_ok_and(|protection| protection.is_private());
    let representation = match session.representation {
        Type::Ascii => "ASCII",
        Type::Image => "image",
    };
    let mode = match session.mode {
        Mode::Stream => "stream",
        Mode::Deflate => "deflate",
    };
    let lines = vec![
        format!("Connected from {}", connection.peer.ip().to_canonical()),
        format!("Logged in as {}", session.visit.name()),
        format!("The control connection is {}", encrypted(connection.control.is_encrypted())),
        format!("Data connections are {}", encrypted(data)),
        format!("TYPE: {representation}; STRUcture: file; MODE: {mode}"),
        format!("The session may be silent for {} seconds", connection.idle_timeout.as_secs()),
        "No transfer is under way".to_owned(),
    ];
    Reply::lines(211, "Status of the session:", lines, "End.")
}

/// How the transfer stands.
pub(in super::super) fn status_of_transfer(status: &str) -> Reply {
    Reply::lines(211, "Status of the transfer:", vec![status.to_owned()], "End.")
}
