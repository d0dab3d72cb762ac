//! Every command with good, missing, wrong and hostile arguments, as transcripts of sessions.

mod beyond_transcripts;
mod during_transfers;
mod files;
mod information;
mod login;
mod parameters;
mod protection;
mod transfers;

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Client, Setup};

/// A test for each transcript, and `ALL` of them as texts.
macro_rules! transcripts {
    ($($(#[$attribute:meta])* $name:ident: $text:literal)+) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                let setup = crate::native::commands::prepared();
                crate::support::perform(&setup.start(), $text);
            }
        )+

        pub const ALL: &[&str] = &[$($text),+];
    };
}
use transcripts;

/// `file` (5 bytes, of 2020-02-03), `inbox/one`, `inbox/two`, `two words`, `quo"te/` and `empty/`; TLS on demand.
fn prepared() -> Setup {
    let setup = Setup::local().tls("optional").server("limits: { sessions_per_ip: 500 }");
    let files = setup.files();
    for directory in ["inbox", "quo\"te", "empty"] {
        fs::create_dir(files.join(directory)).unwrap();
    }
    for (name, content) in [("file", "12345"), ("inbox/one", "1"), ("inbox/two", "22"), ("two words", "x")] {
        fs::write(files.join(name), content).unwrap();
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_580_702_706);
    fs::File::options().write(true).open(files.join("file")).unwrap().set_modified(time).unwrap();
    setup
}

/// The names of all commands, as HELP tells them.
fn names(client: &mut Client) -> BTreeSet<String> {
    let reply = client.expect("HELP", 214);
    let rows = &reply.lines[1..reply.lines.len() - 1];
    let names = rows.iter().flat_map(|row| row.split_ascii_whitespace());
    names.map(|name| name.trim_end_matches('*').to_owned()).collect()
}

/// A command that is added needs a transcript.
#[test]
fn every_command_of_the_table_occurs_in_a_transcript() {
    let setup = prepared();
    let server = setup.start();
    let known = names(&mut server.connect());
    assert!(known.len() > 60, "{known:?}");
    let transcripts =
        [files::ALL, information::ALL, login::ALL, parameters::ALL, protection::ALL, transfers::ALL].concat();
    let said: BTreeSet<String> = transcripts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.contains(" => "))
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = known.difference(&said).collect();
    assert!(missing.is_empty(), "no transcript has {missing:?}");
}
