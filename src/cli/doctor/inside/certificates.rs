//! The server's certificates. That they can be read and have their keys was checked with the configuration.

use std::path::Path;
use std::time::SystemTime;

use super::super::findings::Report;
use super::super::{AUTHORITYS_OWN, MAKE_A_SERVERS};
use crate::config::{Config, Tls};
use crate::tls::{Age, Described};

pub(super) fn examine(config: &Config, report: &mut Report) {
    let Tls::On(settings) = &config.tls else {
        return report.advise(
            "certificate",
            "TLS is off, so passwords and files can be read and changed on their way",
            "`tls` with a certificate and its key",
        );
    };
    let of_hosts = settings.certificates.iter().map(|item| &item.certificate);
    for path in std::iter::once(&settings.certificate).chain(of_hosts) {
        certificate(path, report);
    }
    if let Some(clients) = &settings.clients {
        for authority in Described::all_in(&clients.authorities) {
            aged(
                "client-certificates",
                "an authority of clients is",
                &authority,
                &clients.authorities,
                report,
            );
        }
    }
}

fn certificate(path: &Path, report: &mut Report) {
    let chain = Described::all_in(path);
    let Some(own) = chain.first() else {
        return report.problem(
            "certificate",
            format!("{} has no certificate that can be read", path.display()),
            "make a new one",
        );
    };
    aged("certificate", "its key belongs to it: it has", own, path, report);
    if own.is_authority {
        report.warning("certificate", format!("{}: it {AUTHORITYS_OWN}", path.display()), MAKE_A_SERVERS);
    }
    for pair in chain.windows(2) {
        if pair[0].issuer != pair[1].subject {
            let says = format!(
                "{}: behind the certificate that {} signed comes one of {}",
                path.display(),
                pair[0].issuer,
                pair[1].subject
            );
            report.problem(
                "certificate",
                says,
                "put the server's own first, and behind each the one of whoever signed it",
            );
        }
        if pair[1].age(SystemTime::now()) == Age::Late {
            aged("certificate", "the chain has", &pair[1], path, report);
        }
    }
    if chain.len() == 1 && !own.is_own_issuer() {
        report.advise(
            "certificate",
            format!("{} has no certificate between the server's own and {}", path.display(), own.issuer),
            "right if clients have that authority; a public one needs the certificates in between, behind the server's own",
        );
    }
}

fn aged(check: &'static str, what: &str, certificate: &Described, path: &Path, report: &mut Report) {
    let now = SystemTime::now();
    let says = format!("{}: {what} {}", path.display(), certificate.sentence(now));
    if let Some(wrong) = certificate.out_of_time {
        return report.problem(
            check,
            format!("{says}; {wrong}"),
            "renew it, or look at the clock of this machine",
        );
    }
    match certificate.age(now) {
        Age::Good => report.ok(check, says),
        Age::Old => report.warning(check, says, "renew it; the server takes the new files without a restart"),
        Age::Late => {
            report.problem(check, says, "renew it; the server takes the new files without a restart")
        }
    }
}
