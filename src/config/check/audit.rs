//! The section `audit`.

use std::fs;

use super::super::files::say;
use super::super::{AuditFormat, AuditSink, AuditTo, Rotation, SyslogAddress};
use super::*;

/// Smaller files would be given other names all the time.
const SIZE_LEAST: u64 = 64 << 10;
const KEEP: usize = 10;
const KEEP_MOST: u64 = 1000;

impl Checker<'_> {
    pub(super) fn audit(&self, field: Option<At<Vec<At<raw::Audit>>>>) -> Vec<AuditSink> {
        let mut sinks: Vec<AuditSink> = Vec::new();
        for item in field.and_then(|at| at.value).unwrap_or_default() {
            let Some((sink, span)) = self.audit_sink(item) else { continue };
            if sinks.iter().any(|other| other.to == sink.to) {
                self.problem(span, "this stands here twice");
            }
            sinks.push(sink);
        }
        sinks
    }

    fn audit_sink(&self, At { value, span, .. }: At<raw::Audit>) -> Option<Placed<AuditSink>> {
        let raw = value?;
        let rotation = raw.rotate.and_then(|at| Some((self.rotation(at.value?, at.key), at.key)));
        let (to, at) = self.required(raw.to, "to", span)?;
        let to = match to {
            raw::AuditTo::Stdout => Some(AuditTo::Stdout),
            raw::AuditTo::Place(place) => self.audit_place(place, at),
        }?;
        let rotation = match (rotation, &to) {
            (Some((_, key)), AuditTo::Stdout | AuditTo::Syslog(_)) => {
                self.problem(key, "only files are given other names");
                None
            }
            (Some((rotation, _)), AuditTo::File(_)) => Some(rotation?),
            (None, _) => None,
        };
        let required = raw.required.as_ref().and_then(|at| at.value).unwrap_or(false);
        if let (true, AuditTo::Syslog(SyslogAddress::Udp(_)), Some(field)) = (required, &to, &raw.required) {
            self.problem(
                field.span,
                "nobody hears whether a line that was sent by UDP has arrived: use a file, or `tcp://`, which does not confirm each line either, but tells within seconds that the other end is gone",
            );
        }
        let format = match raw.format.and_then(|at| at.value) {
            Some(raw::AuditFormat::Xferlog) => AuditFormat::Xferlog,
            Some(raw::AuditFormat::Json) | None => AuditFormat::Json,
        };
        let sha256 = raw.sha256.as_ref().and_then(|at| at.value).unwrap_or(false);
        if let (true, AuditFormat::Xferlog, Some(field)) = (sha256, format, &raw.sha256) {
            self.problem(field.span, "lines of an `xferlog` have no place for it: only those of JSON have");
        }
        let sink = AuditSink { to, format, rotation, required, sha256 };
        Some((sink, at))
    }

    fn audit_place(&self, place: raw::AuditPlace, span: Span) -> Option<AuditTo> {
        match (place.file, place.syslog) {
            (Some(At { value, span, .. }), None) => {
                let path = self.local_path(&value?, span)?;
                let fault = match (fs::metadata(&path), path.parent()) {
                    (Ok(found), _) if !found.is_file() => Some("this is not a file".to_owned()),
                    // In the topmost directory the sandbox would have to allow everything.
                    (_, Some(folder)) if folder.parent().is_none() && folder.is_absolute() => {
                        Some("a directory of its own is needed".to_owned())
                    }
                    (_, Some(folder)) if !folder.as_os_str().is_empty() => match fs::metadata(folder) {
                        Ok(found) if found.is_dir() => None,
                        Ok(_) => Some(format!("{}: this is not a directory", folder.display())),
                        Err(error) => Some(format!("{}: {}", folder.display(), say(&error))),
                    },
                    _ => None,
                };
                match fault {
                    None => Some(AuditTo::File(path)),
                    Some(fault) => {
                        self.problem(span, fault);
                        None
                    }
                }
            }
            (None, Some(At { value, span, .. })) => {
                let text = value?;
                let address = match (text.split_once("://"), text.strip_prefix("unix:")) {
                    (Some(("udp", place)), _) if is_host_and_port(place) => {
                        Ok(SyslogAddress::Udp(place.to_owned()))
                    }
                    (Some(("tcp", place)), _) if is_host_and_port(place) => {
                        Ok(SyslogAddress::Tcp(place.to_owned()))
                    }
                    (_, Some(path)) => Ok(SyslogAddress::Unix(self.local_path(path, span)?)),
                    _ => Err(format!(
                        "{} is no address of a system log; it is `unix:PATH`, `udp://HOST:PORT` or `tcp://HOST:PORT`",
                        quote(&text)
                    )),
                };
                self.accept(address, span).map(AuditTo::Syslog)
            }
            _ => {
                self.problem(span, "one of `file` and `syslog` is needed");
                None
            }
        }
    }

    fn rotation(&self, raw: raw::Rotate, key: Span) -> Option<Rotation> {
        let keep = self.count(raw.keep, KEEP_MOST, KEEP);
        let (size, span) = self.required(raw.size, "size", key)?;
        let size = match units::size(&size.0) {
            Ok(size) if size < SIZE_LEAST => Err("at least 64KiB are needed".to_owned()),
            size => size,
        };
        Some(Rotation { size: self.accept(size, span)?, keep })
    }
}

/// Whether this is a name or an address, and a port; IPv6 addresses stand in brackets.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(is_of_name)
        }
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}
