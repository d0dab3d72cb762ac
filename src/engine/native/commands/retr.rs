//! RETR (RFC 959, section 4.1.3).

use wharf_backends::ByteRange;

use super::super::data::{Toward, send};
use super::super::reply::Reply;
use super::super::state::{Connection, Context, Ended, LoggedIn, NextTransfer, Transfer};
use super::{Outcome, Prepared, Result};
use crate::visit::Direction;

pub(super) async fn run(
    _: &mut Connection,
    session: &mut LoggedIn,
    Prepared { channel, asked: NextTransfer { restart, .. } }: Prepared,
    argument: &str,
) -> Result {
    let path = session.path(argument).await?;
    let form = session.form();
    // Of text, the offset counts what the client sees.
    let (range, skip) =
        if form.ascii { (ByteRange::ALL, restart) } else { (ByteRange::from_offset(restart), 0) };
    let body = session.visit.open(&path, range).await?;
    let opening = match form.ascii {
        // How much it is on the wire is not known.
        true => Reply::new(150, "Opening ASCII mode data connection."),
        // Clients without SIZE look for a number in parentheses: some for the first one, some for the last, Java and .NET for these
        // very words. So there is no name, which can have such a number, too.
        false => {
            let size = body.metadata.size.saturating_sub(restart);
            Reply::new(150, format!("Opening BINARY mode data connection ({size} bytes)."))
        }
    };
    let size = (!form.ascii).then_some(body.metadata.size);
    let at = path.clone();
    let channel = channel.toward(Toward::Client);
    let work = move |context: Context| async move {
        let send = async {
            let mut connection = channel.open(&context.flow).await?;
            let sent = send::send_body(&mut connection, body, form, skip, &context.flow).await;
            sent.map_err(|error| error.at(&at))?;
            Ok(connection.linger(true))
        };
        match context.interruptible(send).await {
            Ok(linger) => Ended { result: Ok(()), linger },
            Err(error) => error.into(),
        }
    };
    let transfer = Transfer::new(opening, Direction::Download, path, restart, form, work);
    Ok(Outcome::Transfer(Box::new(transfer.sized(size))))
}
