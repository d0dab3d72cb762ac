//! What mod_tls asks for.

use super::super::model::Imported;
use super::syntax::{Block, Directive, is_on};

/// What stands in place of files that can't be carried over: the check asks for them.
const CERTIFICATE: &str = "tls/tls.crt";
const KEY: &str = "tls/tls.key";
const AUTHORITIES: &str = "tls/clients.crt";

/// Whether the control connection has to be encrypted, and connections for data. What is not understood asks for both.
fn required(word: &str) -> (bool, bool) {
    match word.to_ascii_lowercase().as_str() {
        "" | "off" | "no" | "false" | "0" | "!data" => (false, false),
        "control" | "ctrl" | "ctrl+!data" | "auth" | "auth+!data" => (true, false),
        "data" => (false, true),
        _ => (true, true),
    }
}

/// All of a name that stand in blocks of a server, for some directories or people.
fn inner<'a>(block: &'a Block, name: &'a str) -> Vec<&'a Directive> {
    let own = |inner: &'a Block| inner.all(name).chain(self::inner(inner, name)).collect::<Vec<_>>();
    block.blocks.iter().flat_map(own).collect()
}

pub(super) fn add(host: &Block, is_first: bool, imported: &mut Imported) {
    let (mut control, mut data) = required(host.text("tlsrequired").unwrap_or_default());
    for directive in inner(host, "tlsrequired") {
        let (inner_control, inner_data) = required(directive.word(0));
        if inner_control && !control || inner_data && !data {
            let text = "TLSRequired of a part of the server is required of all here";
            imported.remark(&directive.place, text);
            (control, data) = (control || inner_control, data || inner_data);
        }
    }
    let file = |name: &str| host.text(name).map(str::to_owned);
    let verify = host.text("tlsverifyclient").unwrap_or("off");
    let is_verified = is_on(verify, true);
    // The check does not take a directory for a file: it asks for one file, and nobody without a certificate gets in meanwhile.
    let mut authorities =
        file("tlscacertificatefile").or_else(|| file("tlscacertificatepath")).filter(|_| is_verified);
    if let Some(directive) = host.get("tlsverifyclient").filter(|_| is_verified && authorities.is_none()) {
        let text = format!(
            "TLSVerifyClient is on without TLSCACertificateFile: put the authorities of clients to {AUTHORITIES}"
        );
        imported.remark(&directive.place, text);
        authorities = Some(AUTHORITIES.to_owned());
    }
    let asks_certificate = is_verified && !verify.eq_ignore_ascii_case("optional");
    if !is_first && imported.settings.tls.is_some() {
        let text = "`tls.certificates` has certificates for other hosts: add the one of this server there. What it requires is required of all";
        imported.remark(&host.place, text);
        let tls = imported.tls();
        tls.required_control |= control;
        tls.required_data |= data;
        if authorities.is_some() {
            tls.require_client_certificate |= asks_certificate;
            tls.client_authorities = tls.client_authorities.take().or(authorities);
        }
        return;
    }
    let pairs = [
        ("tlsrsacertificatefile", "tlsrsacertificatekeyfile"),
        ("tlseccertificatefile", "tlseccertificatekeyfile"),
    ];
    let pair = pairs.into_iter().find(|(certificate, _)| host.get(certificate).is_some());
    let (certificate, key) = if let Some((certificate, key)) = pair {
        (file(certificate), file(key).or(file(certificate)))
    } else {
        let place =
            host.get("tlspkcs12file").or(host.get("tlsengine")).map_or(&host.place, |found| &found.place);
        let text = format!(
            "TLSEngine is on, and there is no certificate in a file of PEM: put one and its key to {CERTIFICATE} and {KEY}"
        );
        imported.remark(place, text);
        (Some(CERTIFICATE.to_owned()), Some(KEY.to_owned()))
    };
    let reuses = !host
        .all("tlsoptions")
        .flat_map(|options| &options.words)
        .any(|option| option.eq_ignore_ascii_case("NoSessionReuseRequired"));
    let protocols = host.get("tlsprotocol").map_or(&[][..], |directive| &directive.words);
    let tls = imported.tls();
    (tls.certificate, tls.key) = (certificate, key);
    (tls.required_control, tls.required_data) = (control, data);
    tls.require_session_reuse = reuses;
    tls.only_newest = protocols == ["TLSv1.3"];
    if authorities.is_some() {
        tls.client_crl = file("tlscarevocationfile");
        tls.client_authorities = authorities;
        tls.require_client_certificate = asks_certificate;
    }
}
