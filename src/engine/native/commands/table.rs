//! The command table: one row says how a command is called, what it needs, and who does it. Dispatch, HELP and FEAT come
//! from here.

use super::command::Argument::{None as Nothing, Optional, Required};
use super::command::During::{Abort, Noop, Status, Wait};
use super::command::Features::{Lines, None as NoFeature, Now};
use super::command::{Command, Run};
use super::{
    access, eprt, epsv, files, hash, host, information, list, mdtm, mff, mfmt, opts, parameters, pass, pasv,
    port, protection, retr, site, stat, stor, transfers, r#type, xcrc,
};

/// The command of this name, which is in capital letters.
pub(in super::super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

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
    ($name:literal, $argument:expr, $during:expr, OfTable($run:path), $features:expr, $help:literal) => {
        row!(@ $name, $argument, $during, OfTable, $run, $features, $help)
    };
    ($name:literal, $argument:expr, $during:expr, Transfer($run:path), $features:expr, $help:literal) => {
        row!(@ $name, $argument, $during, Transfer, $run, $features, $help)
    };
    ($name:literal, $argument:expr, $during:expr, Listing($run:path), $features:expr, $help:literal) => {
        row!(@ $name, $argument, $during, Listing, $run, $features, $help)
    };
    (@ $name:literal, $argument:expr, $during:expr, $needs:ident, $run:path, $features:expr, $help:literal) => {
        Command {
            name: $name,
            argument: $argument,
            during: $during,
            run: Run::$needs(|first, second, third, argument| {
                Box::pin($run(first, second, third, argument))
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
pub(in super::super) static COMMANDS: &[Command] = &[
    // Access control (RFC 959, section 4.1.1).
    row!("USER", Required("<name>"), Wait, Login(access::user), NoFeature, "Names the user who logs in; PASS follows."),
    row!("PASS", Optional("<password>"), Wait, Login(pass::run), NoFeature, "Logs in with a password, after USER."),
    row!("ACCT", Required("<account>"), Wait, Anytime(access::acct), NoFeature, "Accepted without effect: a login needs no account."),
    row!("CWD", Optional("<directory>"), Wait, LoggedIn(access::cwd), NoFeature, "Changes the working directory."),
    row!("XCWD", Optional("<directory>"), Wait, LoggedIn(access::cwd), NoFeature, "Changes the working directory, like CWD."),
    row!("CDUP", Nothing, Wait, LoggedIn(access::cdup), NoFeature, "Changes to the directory above."),
    row!("XCUP", Nothing, Wait, LoggedIn(access::cdup), NoFeature, "Changes to the directory above, like CDUP."),
    row!("SMNT", Required("<path>"), Wait, Refused(502, "Mounts are configured."), NoFeature, "Not implemented: mounts are configured on the server."),
    row!("REIN", Nothing, Wait, Anytime(access::rein), NoFeature, "Logs out; another USER may follow."),
    row!("QUIT", Nothing, Wait, Anytime(access::quit), NoFeature, "Ends the session."),
    row!("HOST", Required("<name>"), Wait, Login(host::run), Lines(&["HOST"]), "Names the host that the client wants to reach (RFC 7151); comes before USER."),
    // Protection (RFC 2228, RFC 4217).
    row!("AUTH", Required("TLS"), Wait, Anytime(protection::auth), Now(protection::auth_features), "Starts TLS on the control connection."),
    row!("PBSZ", Required("0"), Wait, Anytime(protection::pbsz), Now(protection::pbsz_features), "Sets the size of protection buffers, which TLS does not use: 0."),
    row!("PROT", Required("C|P"), Wait, Anytime(protection::prot), Now(protection::prot_features), "Sets the protection of data connections: TLS (P) or none (C)."),
    row!("CCC", Nothing, Wait, LoggedIn(protection::ccc), Now(protection::ccc_features), "Ends TLS on the control connection and goes on in plain text."),
    row!("ADAT", Required("<data>"), Wait, Refused(503, "TLS needs no ADAT."), NoFeature, "Not implemented: TLS needs no security data."),
    row!("CONF", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented: only TLS protects commands."),
    row!("ENC", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented: only TLS protects commands."),
    row!("MIC", Required("<data>"), Wait, Refused(502, "Only TLS is implemented."), NoFeature, "Not implemented: only TLS protects commands."),
    // Parameters of transfers (RFC 959, section 4.1.2; RFC 2428).
    row!("PORT", Required("<h1,h2,h3,h4,p1,p2>"), Wait, LoggedIn(port::run), NoFeature, "Active mode: the server opens the next data connection to this IPv4 address and port."),
    row!("EPRT", Required("<|family|address|port|>"), Wait, LoggedIn(eprt::run), Lines(&["EPRT"]), "Active mode: the server opens the next data connection to this IPv4 or IPv6 address and port."),
    row!("PASV", Nothing, Wait, LoggedIn(pasv::run), NoFeature, "Passive mode: the server names an IPv4 address and port for the next data connection."),
    row!("EPSV", Optional("1|2|ALL"), Wait, LoggedIn(epsv::run), Lines(&["EPSV"]), "Passive mode: the server names a port for the next data connection, IPv4 or IPv6."),
    row!("TYPE", Required("A|I|L 8"), Wait, LoggedIn(r#type::run), NoFeature, "Sets how data is sent: as text with CRLF line ends (A) or unchanged (I, L 8)."),
    row!("STRU", Required("F"), Wait, LoggedIn(parameters::stru), NoFeature, "Sets the structure of files; only files without structure (F) are supported."),
    row!("MODE", Required("S|Z"), Wait, LoggedIn(parameters::mode), Lines(&["MODE Z"]), "Sets how data is sent: unchanged (S) or compressed (Z)."),
    // Transfers (RFC 959, section 4.1.3; RFC 3659).
    row!("RETR", Required("<file>"), Wait, Transfer(retr::run), NoFeature, "Sends a file to the client."),
    row!("STOR", Required("<file>"), Wait, Transfer(stor::run), NoFeature, "Stores a file, or replaces it."),
    row!("STOU", Optional("<name>"), Wait, Transfer(transfers::stou), NoFeature, "Stores a file under a name that is not taken."),
    row!("APPE", Required("<file>"), Wait, Transfer(transfers::appe), NoFeature, "Appends to a file, or stores a new one."),
    row!("LIST", Optional("<path>"), Wait, Listing(list::list), NoFeature, "Lists a directory or a file in the format of ls -l."),
    row!("NLST", Optional("<path>"), Wait, Listing(list::nlst), NoFeature, "Lists the names in a directory."),
    row!("MLSD", Optional("<directory>"), Wait, Listing(list::mlsd), NoFeature, "Lists a directory in a format for programs."),
    row!("ALLO", Required("<bytes>"), Wait, LoggedIn(transfers::allo), NoFeature, "Accepted without effect: space is allocated while a file arrives."),
    row!("REST", Required("<offset>"), Wait, LoggedIn(transfers::rest), Lines(&["REST STREAM"]), "Sets the offset at which the next transfer starts."),
    row!("ABOR", Nothing, Abort, LoggedIn(transfers::abor), NoFeature, "Aborts the running transfer."),
    // Files and directories (RFC 959, section 4.1.3; RFC 3659; drafts).
    row!("RNFR", Required("<path>"), Wait, LoggedIn(files::rnfr), NoFeature, "Names the file or directory to rename; RNTO follows."),
    row!("RNTO", Required("<path>"), Wait, Rename(files::rnto), NoFeature, "Renames the file or directory that RNFR named."),
    row!("DELE", Required("<file>"), Wait, LoggedIn(files::dele), NoFeature, "Removes a file."),
    row!("RMD", Required("<directory>"), Wait, LoggedIn(files::rmd), NoFeature, "Removes an empty directory."),
    row!("XRMD", Required("<directory>"), Wait, LoggedIn(files::rmd), NoFeature, "Removes an empty directory, like RMD."),
    row!("MKD", Required("<directory>"), Wait, LoggedIn(files::mkd), NoFeature, "Creates a directory."),
    row!("XMKD", Required("<directory>"), Wait, LoggedIn(files::mkd), NoFeature, "Creates a directory, like MKD."),
    row!("PWD", Nothing, Wait, LoggedIn(files::pwd), NoFeature, "Reports the working directory."),
    row!("XPWD", Nothing, Wait, LoggedIn(files::pwd), NoFeature, "Reports the working directory, like PWD."),
    row!("SIZE", Required("<file>"), Wait, LoggedIn(files::size), Lines(&["SIZE"]), "Reports the size of a file."),
    row!("MDTM", Required("<file>"), Wait, LoggedIn(mdtm::run), Lines(&["MDTM"]), "Reports the modification time of a file; with a time before the name, sets it."),
    row!("MLST", Optional("<path>"), Wait, LoggedIn(files::mlst), Now(files::mlst_features), "Reports the facts of a file or directory in a format for programs."),
    row!("MFMT", Required("<YYYYMMDDHHMMSS> <file>"), Wait, LoggedIn(mfmt::run), Now(mfmt::features), "Sets the modification time of a file."),
    row!("MFF", Required("<fact=value;> <file>"), Wait, LoggedIn(mff::run), Now(mff::features), "Sets facts of a file; only its modification time (Modify) can be set."),
    row!("HASH", Required("<file>"), Wait, LoggedIn(hash::run), Now(hash::features), "Reports the checksum of a file; OPTS HASH selects the algorithm."),
    row!("XCRC", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::crc), Lines(&["XCRC"]), "Reports the CRC-32 checksum of a file or a part of it."),
    row!("XMD5", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::md5), Lines(&["XMD5"]), "Reports the MD5 checksum of a file or a part of it."),
    row!("XSHA", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::sha1), Lines(&["XSHA"]), "Reports the SHA-1 checksum of a file or a part of it."),
    row!("XSHA1", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::sha1), Lines(&["XSHA1"]), "Reports the SHA-1 checksum of a file or a part of it."),
    row!("XSHA256", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::sha256), Lines(&["XSHA256"]), "Reports the SHA-256 checksum of a file or a part of it."),
    row!("XSHA512", Required("<file> [<start> [<end>]]"), Wait, LoggedIn(xcrc::sha512), Lines(&["XSHA512"]), "Reports the SHA-512 checksum of a file or a part of it."),
    row!("AVBL", Optional("<directory>"), Wait, LoggedIn(files::avbl), Lines(&["AVBL"]), "Reports the space available in a directory, if the storage knows it."),
    row!("SITE", Required("<command>"), Wait, LoggedIn(site::run), Lines(&["SITE CHMOD", "SITE IDLE", "SITE MD5", "SITE QUOTA", "SITE UTIME"]), "Runs a command of this server; SITE HELP lists them."),
    // Information (RFC 959, section 4.1.3; RFC 2389; RFC 2640).
    row!("SYST", Nothing, Wait, Anytime(information::syst), NoFeature, "Reports the type of the operating system."),
    row!("STAT", Optional("<path>"), Status, LoggedIn(stat::run), NoFeature, "Reports the state of the session; with a path, lists it on the control connection."),
    row!("HELP", Optional("<command>"), Wait, OfTable(information::help), NoFeature, "Lists the commands, or explains one."),
    row!("NOOP", Nothing, Noop, Anytime(information::noop), NoFeature, "Does nothing; the reply shows that the server is there."),
    row!("FEAT", Nothing, Wait, OfTable(information::feat), Lines(&["UTF8", "TVFS"]), "Lists the extensions to RFC 959."),
    row!("OPTS", Required("<command> <options>"), Wait, Anytime(opts::run), NoFeature, "Sets options of UTF8, MLST, HASH or MODE Z."),
    row!("LANG", Optional("<tag>"), Wait, Anytime(information::lang), Lines(&["LANG EN*"]), "Sets the language of replies; only English is available."),
    row!("CLNT", Required("<name>"), Wait, Anytime(information::clnt), Lines(&["CLNT"]), "Tells the server the name of the client, for its log."),
    row!("CSID", Required("<name=value;>"), Wait, Anytime(information::csid), Lines(&["CSID"]), "Exchanges the names of client and server."),
];

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
