//! The command table: one row says how a command is called, what it needs, and who does it. Dispatch, HELP and FEAT come
//! from here.

use wharf_backends::StoragePath;

use super::commands::{self, Handled, Prepared};
use super::session::{Connection, Greeting, LoggedIn, State};

/// A command.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) argument: Argument,
    pub(super) during: During,
    pub(super) run: Run,
    /// Its lines in the reply to FEAT (RFC 2389).
    pub(super) features: Features,
    /// What it does, for HELP.
    pub(super) help: &'static str,
}

/// What follows the name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument {
    /// Nothing; what is there regardless is ignored, as old clients send odd things.
    None,
    /// May be left out.
    Optional(&'static str),
    Required(&'static str),
}

impl Argument {
    pub(super) fn is_missing(self, argument: &str) -> bool {
        matches!(self, Self::Required(_)) && argument.is_empty()
    }
}

/// What happens to a command that comes during a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    /// It waits for the end.
    Wait,
    /// NOOP, which is answered at once.
    Noop,
    /// It is answered at once if it has no argument.
    Status,
    /// It ends the transfer.
    Abort,
}

/// Who carries it out, which also says what has to be there.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Needs nothing.
    Anytime(for<'a> fn(&'a mut Connection, &'a mut State, &'a str) -> Handled<'a>),
    /// Is a part of logging in.
    Login(for<'a> fn(&'a mut Connection, &'a mut Greeting, &'a str) -> Handled<'a>),
    /// Needs a user.
    LoggedIn(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, &'a str) -> Handled<'a>),
    /// Needs a user and a data connection.
    Transfer(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, Prepared, &'a str) -> Handled<'a>),
    /// Needs a user, and gets what RNFR named right before.
    Rename(for<'a> fn(&'a mut Connection, &'a mut LoggedIn, Option<StoragePath>, &'a str) -> Handled<'a>),
    /// Is known, and refused with this.
    Refused(u16, &'static str),
}

/// What FEAT says of a command.
#[derive(Clone, Copy)]
pub(super) enum Features {
    None,
    Lines(&'static [&'static str]),
    /// Depends on the configuration, or on what the client chose.
    Now(fn(&Connection, &State) -> Vec<String>),
}

impl Command {
    /// Its name and its argument.
    pub(super) fn syntax(&self) -> String {
        match self.argument {
            Nothing => self.name.to_owned(),
            Optional(argument) => format!("{} [{argument}]", self.name),
            Required(argument) => format!("{} {argument}", self.name),
        }
    }
}

/// The command of this name, which is in capital letters.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

use Argument::{None as Nothing, Optional, Required};
use During::{Abort, Noop, Status, Wait};
use Features::{Lines, None as NoFeature, Now};

/// A row of the table.
macro_rules! row {
    ($name:literal, $argument:expr, $during:expr, Refused($code:literal, $reason:literal), $features:expr, $help:literal) => {
        Command {
            name: $name,
            argument: $argument,
            during: $during,
            run: Run::Refused($code, $reason),
            features: $features,
            help: $help,
        }
    };
    ($name:literal, $argument:expr, $during:expr, Rename($run:path), $features:expr, $help:literal) => {
        row!(@ $name, $argument, $during, Rename, $run, $features, $help)
    };
    ($name:literal, $argument:expr, $during:expr, Transfer($run:path), $features:expr, $help:literal) => {
        row!(@ $name, $argument, $during, Transfer, $run, $features, $help)
    };
    (@ $name:literal, $argument:expr, $during:expr, $needs:ident, $run:path, $features:expr, $help:literal) => {
        Command {
            name: $name,
            argument: $argument,
            during: $during,
            run: Run::$needs(|connection, session, prepared, argument| {
                Box::pin($run(connection, session, prepared, argument))
            }),
            features: $features,
            help: $help,
        }
    };
    ($name:literal, $argument:expr, $during:expr, $needs:ident($run:path), $features:expr, $help:literal) => {
        Command {
            name: $name,
            argument: $argument,
            during: $during,
            run: Run::$needs(|connection, state, argument| Box::pin($run(connection, state, argument))),
            features: $features,
            help: $help,
        }
    };
}

/// Every command that the server knows, also those that it refuses.
#[rustfmt::skip]
pub(super) static COMMANDS: &[Command] = &[
    // Access control (RFC 959, section 4.1.1).
    row!("USER", Required("<name>"), Wait, Login(commands::user::run), NoFeature, "Says who logs in."),
    row!("PASS", Optional("<password>"), Wait, Login(commands::pass::run), NoFeature, "Proves it."),
    row!("ACCT", Required("<account>"), Wait, Anytime(commands::acct::run), NoFeature, "Not needed: there are no accounts."),
    row!("CWD", Optional("<directory>"), Wait, LoggedIn(commands::cwd::run), NoFeature, "Changes the working directory."),
    row!("XCWD", Optional("<directory>"), Wait, LoggedIn(commands::cwd::run), NoFeature, "The same as CWD."),
    row!("CDUP", Nothing, Wait, LoggedIn(commands::cwd::up), NoFeature, "Changes to the directory above."),
    row!("XCUP", Nothing, Wait, LoggedIn(commands::cwd::up), NoFeature, "The same as CDUP."),
    row!("SMNT", Required("<path>"), Wait, Refused(502, "Mounts are configured."), NoFeature, "Not implemented."),
    row!("REIN", Nothing, Wait, Anytime(commands::rein::run), NoFeature, "Logs out, to log in again."),
    row!("QUIT", Nothing, Wait, Anytime(commands::quit::run), NoFeature, "Ends the session."),
    row!("HOST", Required("<name>"), Wait, Login(commands::host::run), Lines(&["HOST"]), "Names the server that is meant (RFC 7151)."),
    // Protection (RFC 2228, RFC 4217).
    row!("AUTH", Required("TLS"), Wait, Anytime(commands::auth::run), Now(commands::auth::features), "Begins TLS."),
    row!("PBSZ", Required("0"), Wait, Anytime(commands::pbsz::run), Now(commands::pbsz::features), "Comes before PROT."),
    row!("PROT", Required("C|P"), Wait, Anytime(commands::prot::run), Now(commands::prot::features), "Protects data connections (P), or not (C)."),
    row!("CCC", Nothing, Wait, LoggedIn(commands::ccc::run), Now(commands::ccc::features), "Ends TLS on the control connection."),
    row!("ADAT", Required("<data>"), Wait, Refused(503, "TLS needs no ADAT."), NoFeature, "Not implemented: TLS needs none."),
    row!("CONF", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented."),
    row!("ENC", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented."),
    row!("MIC", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented."),
    // Parameters of transfers (RFC 959, section 4.1.2; RFC 2428).
    row!("PORT", Required("<h1,h2,h3,h4,p1,p2>"), Wait, LoggedIn(commands::port::run), NoFeature, "The server connects to this address for data."),
    row!("EPRT", Required("<|family|address|port|>"), Wait, LoggedIn(commands::eprt::run), Lines(&["EPRT"]), "The same for IPv4 and IPv6."),
    row!("PASV", Nothing, Wait, LoggedIn(commands::pasv::run), NoFeature, "The client connects for data."),
    row!("EPSV", Optional("1|2|ALL"), Wait, LoggedIn(commands::epsv::run), Lines(&["EPSV"]), "The same for IPv4 and IPv6."),
    row!("TYPE", Required("A|I|L 8"), Wait, LoggedIn(commands::r#type::run), NoFeature, "Text with network line ends (A), or bytes as they are (I)."),
    row!("STRU", Required("F"), Wait, LoggedIn(commands::stru::run), NoFeature, "Files have no structure (F)."),
    row!("MODE", Required("S|Z"), Wait, LoggedIn(commands::mode::run), Lines(&["MODE Z"]), "Data is sent as it is (S) or compressed (Z)."),
    // Transfers (RFC 959, section 4.1.3; RFC 3659).
    row!("RETR", Required("<file>"), Wait, Transfer(commands::retr::run), NoFeature, "Sends a file to the client."),
    row!("STOR", Required("<file>"), Wait, Transfer(commands::stor::run), NoFeature, "Stores a file."),
    row!("STOU", Optional("<name>"), Wait, Transfer(commands::stou::run), NoFeature, "Stores a file under a new name."),
    row!("APPE", Required("<file>"), Wait, Transfer(commands::appe::run), NoFeature, "Adds to a file."),
    row!("LIST", Optional("<path>"), Wait, Transfer(commands::list::list), NoFeature, "Lists a directory for people."),
    row!("NLST", Optional("<path>"), Wait, Transfer(commands::list::nlst), NoFeature, "Lists the names in a directory."),
    row!("MLSD", Optional("<directory>"), Wait, Transfer(commands::list::mlsd), NoFeature, "Lists a directory for programs."),
    row!("ALLO", Required("<bytes>"), Wait, LoggedIn(commands::allo::run), NoFeature, "Not needed: room is made while a file arrives."),
    row!("REST", Required("<offset>"), Wait, LoggedIn(commands::rest::run), Lines(&["REST STREAM"]), "Says where the next transfer begins."),
    row!("ABOR", Nothing, Abort, LoggedIn(commands::abor::run), NoFeature, "Breaks the transfer off."),
    // Files and directories (RFC 959, section 4.1.3; RFC 3659; drafts).
    row!("RNFR", Required("<path>"), Wait, LoggedIn(commands::rnfr::run), NoFeature, "Says what gets another name."),
    row!("RNTO", Required("<path>"), Wait, Rename(commands::rnto::run), NoFeature, "Says which name."),
    row!("DELE", Required("<file>"), Wait, LoggedIn(commands::dele::run), NoFeature, "Removes a file."),
    row!("RMD", Required("<directory>"), Wait, LoggedIn(commands::rmd::run), NoFeature, "Removes an empty directory."),
    row!("XRMD", Required("<directory>"), Wait, LoggedIn(commands::rmd::run), NoFeature, "The same as RMD."),
    row!("MKD", Required("<directory>"), Wait, LoggedIn(commands::mkd::run), NoFeature, "Makes a directory."),
    row!("XMKD", Required("<directory>"), Wait, LoggedIn(commands::mkd::run), NoFeature, "The same as MKD."),
    row!("PWD", Nothing, Wait, LoggedIn(commands::pwd::run), NoFeature, "Names the working directory."),
    row!("XPWD", Nothing, Wait, LoggedIn(commands::pwd::run), NoFeature, "The same as PWD."),
    row!("SIZE", Required("<file>"), Wait, LoggedIn(commands::size::run), Lines(&["SIZE"]), "Tells the size of a file."),
    row!("MDTM", Required("<file>"), Wait, LoggedIn(commands::mdtm::run), Lines(&["MDTM"]), "Tells when a file changed; with a time before the name, sets it."),
    row!("MLST", Optional("<path>"), Wait, LoggedIn(commands::mlst::run), Now(commands::mlst::features), "Tells the facts of a file or directory."),
    row!("MFMT", Required("<YYYYMMDDHHMMSS> <file>"), Wait, LoggedIn(commands::mfmt::run), Now(commands::mfmt::features), "Sets when a file changed."),
    row!("MFF", Required("<fact=value;> <file>"), Wait, LoggedIn(commands::mff::run), Now(commands::mff::features), "Sets facts of a file."),
    row!("HASH", Required("<file>"), Wait, LoggedIn(commands::hash::run), Now(commands::hash::features), "Tells the checksum of a file."),
    row!("XCRC", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::crc), Lines(&["XCRC"]), "Tells a checksum: CRC-32."),
    row!("XMD5", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::md5), Lines(&["XMD5"]), "Tells a checksum: MD5."),
    row!("XSHA", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::sha1), Lines(&["XSHA"]), "Tells a checksum: SHA-1."),
    row!("XSHA1", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::sha1), Lines(&["XSHA1"]), "Tells a checksum: SHA-1."),
    row!("XSHA256", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::sha256), Lines(&["XSHA256"]), "Tells a checksum: SHA-256."),
    row!("XSHA512", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(commands::xcrc::sha512), Lines(&["XSHA512"]), "Tells a checksum: SHA-512."),
    row!("AVBL", Optional("<directory>"), Wait, LoggedIn(commands::avbl::run), Lines(&["AVBL"]), "Tells how much room is left, where that is known."),
    row!("SITE", Required("<command>"), Wait, LoggedIn(commands::site::run), Lines(&["SITE CHMOD", "SITE IDLE", "SITE MD5", "SITE UTIME"]), "Commands of this server: SITE HELP."),
    // Information (RFC 959, section 4.1.3; RFC 2389; RFC 2640).
    row!("SYST", Nothing, Wait, Anytime(commands::syst::run), NoFeature, "Names the kind of system."),
    row!("STAT", Optional("<path>"), Status, LoggedIn(commands::stat::run), NoFeature, "Tells how things stand, or lists a path."),
    row!("HELP", Optional("<command>"), Wait, Anytime(commands::help::run), NoFeature, "Lists the commands, or explains one."),
    row!("NOOP", Nothing, Noop, Anytime(commands::noop::run), NoFeature, "Does nothing."),
    row!("FEAT", Nothing, Wait, Anytime(commands::feat::run), Lines(&["UTF8", "TVFS"]), "Lists what is beyond RFC 959."),
    row!("OPTS", Required("<command> <options>"), Wait, Anytime(commands::opts::run), NoFeature, "Sets options of UTF8, MLST, HASH and MODE Z."),
    row!("LANG", Optional("<tag>"), Wait, Anytime(commands::lang::run), Lines(&["LANG EN*"]), "Chooses the language of replies: English."),
    row!("CLNT", Required("<name>"), Wait, Anytime(commands::clnt::run), Lines(&["CLNT"]), "Names the client."),
    row!("CSID", Required("<name=value;>"), Wait, Anytime(commands::csid::run), Lines(&["CSID"]), "Names the client and the server."),
];

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
