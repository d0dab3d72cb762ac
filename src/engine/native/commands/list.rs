//! LIST, NLST (RFC 959, section 4.1.3) and MLSD (RFC 3659, section 7).

use futures_util::{StreamExt, stream};
use wharf_backends::{Entry, EntryStream, ErrorKind, StoragePath};

use super::super::data::Toward;
use super::super::data::listing::{Lines, Style, send_listing};
use super::super::data::order::Order;
use super::super::reply::Reply;
use super::super::state::{Connection, Context, Ended, LoggedIn, Transfer};
use super::{Failure, Outcome, Prepared, Result, flags};
use crate::visit::Direction;

pub(super) async fn list(
    connection: &mut Connection,
    session: &mut LoggedIn,
    prepared: Prepared,
    argument: &str,
) -> Result {
    let listing_time = &session.visit.preferences().listing_time;
    let opened = open(connection, session, argument, |_| Style::Long(listing_time.clone())).await?;
    Ok(transfer(connection, session, prepared, opened))
}

pub(super) async fn nlst(
    connection: &mut Connection,
    session: &mut LoggedIn,
    prepared: Prepared,
    argument: &str,
) -> Result {
    let opened = open(connection, session, argument, |before| Style::Names(before.to_owned())).await?;
    Ok(transfer(connection, session, prepared, opened))
}

pub(super) async fn mlsd(
    connection: &mut Connection,
    session: &mut LoggedIn,
    prepared: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument).await?;
    let entries = match session.visit.list(&path).await {
        // RFC 3659, section 7.2.1.
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Reply::about(501, &path, "not a directory; MLST tells of a file.").into());
        }
        listed => listed?,
    };
    let lines = Lines {
        style: Style::Facts(session.facts),
        charset: connection.control.charset,
        directory: path.clone(),
        permissions: session.visit.permissions(&path),
        mounts: session.visit.mounts_in(&path),
        patterns: Vec::new(),
    };
    Ok(transfer(connection, session, prepared, (entries, lines, path)))
}

type Opened = (EntryStream, Lines, StoragePath);

/// Finds what an argument names, with or without flags of `ls`, of which those count that order: a directory, a file, or those of a
/// directory that fit a pattern. `style` is given what stands before the names in the argument.
pub(super) async fn open(
    connection: &Connection,
    session: &LoggedIn,
    argument: &str,
    style: impl Fn(&str) -> Style,
) -> Result<Opened> {
    let mut readings = flags::readings(argument);
    let last = readings.pop().unwrap_or_default();
    let flags = |name: &str| &argument[..argument.len() - name.len()];
    for name in readings {
        match open_name(connection, session, name, false, &style).await {
            Err(Failure::Storage(error)) if error.kind() == ErrorKind::NotFound => {}
            opened => return Ok(in_order(flags::order(flags(name)), opened?)),
        }
    }
    Ok(in_order(flags::order(flags(last)), open_name(connection, session, last, true, &style).await?))
}

fn in_order(order: Order, (entries, lines, path): Opened) -> Opened {
    (order.of(entries), lines, path)
}

async fn open_name(
    connection: &Connection,
    session: &LoggedIn,
    argument: &str,
    may_be_pattern: bool,
    style: impl Fn(&str) -> Style,
) -> Result<Opened> {
    let (before, last) = argument
        .rsplit_once('/')
        .map_or(("", argument), |(_, last)| argument.split_at(argument.len() - last.len()));
    // A pattern in the name of a directory is taken for the name, and so is one that is a name.
    let is_pattern = may_be_pattern && last.contains(['*', '?', '[', '{']);
    let patterns = if is_pattern { patterns(last) } else { Vec::new() };
    let literal = session.path(argument).await?;
    let lines = |path: &StoragePath, style, patterns| Lines {
        style,
        charset: connection.control.charset,
        directory: path.clone(),
        permissions: session.visit.permissions(path),
        mounts: session.visit.mounts_in(path),
        patterns,
    };
    match session.visit.list(&literal).await {
        Ok(entries) => {
            let before = match argument {
                "" | "." => String::new(),
                argument if argument.ends_with('/') => argument.to_owned(),
                argument => format!("{argument}/"),
            };
            let lines = lines(&literal, style(&before), Vec::new());
            Ok((entries, lines, literal))
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            let metadata = session.visit.stat(&literal).await?;
            let (Some(name), Some(directory)) = (literal.name(), literal.parent()) else {
                return Err(error.into());
            };
            let entries = stream::iter([Ok(Entry { name: name.to_owned(), metadata })]).boxed();
            let lines = lines(&directory, style(before), Vec::new());
            Ok((entries, lines, literal))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !patterns.is_empty() => {
            let directory = session.path(before).await?;
            let entries = session.visit.list(&directory).await?;
            let lines = lines(&directory, style(before), patterns);
            Ok((entries, lines, directory))
        }
        Err(error) => Err(error.into()),
    }
}

/// How many patterns one with braces may stand for.
const MOST_PATTERNS: usize = 64;

/// What a pattern stands for, each alternative in braces for itself; none if it is no pattern.
fn patterns(text: &str) -> Vec<glob::Pattern> {
    let Some(texts) = alternatives(text) else { return Vec::new() };
    // One that is none by itself is no name of anything either.
    let patterns: Option<Vec<_>> = texts.iter().map(|text| glob::Pattern::new(text).ok()).collect();
    patterns.unwrap_or_default()
}

/// `a.{b,c}` stands for `a.b` and `a.c`, as shells have it; braces without a comma between stand for themselves. `None` if there
/// would be too many.
fn alternatives(text: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(text) = open.pop() {
        let braces = text.match_indices('{').rev().find_map(|(start, _)| {
            let end = start + text[start..].find('}')?;
            text[start..end].contains(',').then_some((start, end))
        });
        match braces {
            Some((start, end)) => {
                let choices = text[start + 1..end].split(',').rev();
                open.extend(choices.map(|choice| format!("{}{choice}{}", &text[..start], &text[end + 1..])));
            }
            None => done.push(text),
        }
        if done.len() + open.len() > MOST_PATTERNS {
            return None;
        }
    }
    // Of braces in braces, what stands beside them comes several times.
    done.sort();
    done.dedup();
    Some(done)
}

fn transfer(connection: &Connection, session: &LoggedIn, prepared: Prepared, opened: Opened) -> Outcome {
    let (entries, lines, path) = opened;
    let form = session.listing_form();
    // Without a name: a number in it would be taken for the size.
    let opening = Reply::new(150, "Opening data connection for the listing.");
    let (id, peer, user, at) =
        (connection.id, connection.peer, session.visit.name().to_owned(), path.clone());
    let channel = prepared.channel.toward(Toward::Client);
    let work = move |context: Context| async move {
        let list = async {
            let mut connection = channel.open(&context.flow).await?;
            let left_out = send_listing(&mut connection, entries, &lines, form, &context.flow).await?;
            Ok((left_out, connection.linger(true)))
        };
        let (left_out, linger) = match context.interruptible(list).await {
            Ok(listed) => listed,
            Err(error) => return error.into(),
        };
        if left_out > 0 {
            let path = at.as_str();
            tracing::warn!(
                session = id, %peer, user, path, left_out,
                "names that can't be written in the user's character set are not listed"
            );
        }
        Ended { result: Ok(()), linger }
    };
    Outcome::Transfer(Box::new(Transfer::new(opening, Direction::Listing, path, 0, form, work)))
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    for pattern in patterns(text) {
        let _ = pattern.matches(text);
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
