//! Keys that the kinds of buckets have in common: names, endpoints, sizes of uploads, properties of new objects.

use std::path::PathBuf;
use std::sync::Arc;

use wharf_backends::object::{self, Authorities, ContentType, Tuning};

use crate::config::section::{Around, At, Checker, Scalar, quote, units};
use crate::config::{Needs, Shared};

/// More than the authorities of a whole system take, in bytes.
const MAX_CA_FILE: u64 = 4 << 20;

/// The name of a bucket, a container or an account.
pub(super) fn name(
    checker: &Checker<'_>,
    field: Option<At<String>>,
    key: &str,
    around: Around,
) -> Option<String> {
    let (name, span) = checker.required(field, key, around.name)?;
    if !object::can_be_a_name(&name) {
        checker.problem(span, format!("{} can't be the name of a {key}", quote(&name)));
        return None;
    }
    Some(name)
}

/// The URL of a store.
pub(super) fn endpoint(checker: &Checker<'_>, field: Option<At<String>>) -> Option<String> {
    let field = field?;
    let text = field.value?;
    // A user and password before the host, or a signature behind it.
    if text.contains(['@', '?']) {
        checker.hide(field.span);
    }
    let checked = object::parse_endpoint(&text).map(str::to_owned);
    checker.accept(checked.map_err(|error| error.to_string()), field.span)
}

/// The authorities for the certificate of the store.
pub(super) fn authorities(
    checker: &Checker<'_>,
    field: Option<At<String>>,
    endpoint: Option<&str>,
) -> Option<Authorities> {
    let field = field?;
    let path = checker.local_path(&field.value?, field.span)?;
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        checker.problem(
            field.key,
            "`ca_file` has no use here: the endpoint is http://, which has no certificates",
        );
        return None;
    }
    let pem = checker.read_file(&path, MAX_CA_FILE).map_err(|error| error.to_string());
    let read = pem.and_then(|pem| Authorities::from_pem(&pem));
    checker.accept(read.map_err(|reason| format!("ca_file {}: {reason}", path.display())), field.span)
}

/// The keys that say how uploads go to the store.
pub(super) struct Uploads {
    pub(super) part_size: Option<At<Scalar>>,
    pub(super) concurrency: Option<At<u64>>,
    pub(super) check_names: Option<At<bool>>,
}

impl Uploads {
    /// Sizes and numbers of requests; [`shared`] adds the memory that all storages share.
    pub(super) fn check(
        self,
        checker: &Checker<'_>,
        authorities: Option<Authorities>,
        around: Around,
    ) -> Tuning {
        let part_size = checker.parsed(self.part_size, |text| {
            let size = units::size(text)?;
            if !(Tuning::MIN_PART_SIZE..=Tuning::MAX_PART_SIZE).contains(&size) {
                return Err("the size of a part is from 5MiB to 5GiB".to_owned());
            }
            if size > around.buffer_memory / 4 {
                return Err("a part has to fit four times into `server.limits.buffer_memory`".to_owned());
            }
            Ok(size)
        });
        let usual = Tuning::default();
        Tuning {
            part_size: part_size.map_or(usual.part_size, |(size, _)| size),
            upload_concurrency: checker.count(self.concurrency, 64, usual.upload_concurrency),
            check_names: self.check_names.and_then(|at| at.value).unwrap_or(true),
            authorities,
            ..usual
        }
    }
}

/// The same settings with what the storages of the server share.
pub(super) fn shared(tuning: &Tuning, shared: &Shared) -> Tuning {
    Tuning { buffers: Arc::clone(&shared.buffers), observers: shared.observers.clone(), ..tuning.clone() }
}

/// What the process has to be allowed for a bucket, with these files of credentials.
pub(super) fn needs(is_ambient: bool, files: impl IntoIterator<Item = PathBuf>) -> Needs {
    let mut files: Vec<PathBuf> = files.into_iter().collect();
    if is_ambient {
        files.extend(object::ambient_files());
    }
    Needs { files, network: true, ..Needs::default() }
}

/// The type of content of new objects.
pub(super) fn content_type(checker: &Checker<'_>, field: Option<At<String>>) -> ContentType {
    let Some((text, span)) = field.and_then(|at| Some((at.value?, at.span))) else {
        return ContentType::ByExtension;
    };
    match text.as_str() {
        "by-extension" => return ContentType::ByExtension,
        "none" => return ContentType::None,
        _ => {}
    }
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let fits = text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !fits {
        checker.problem(span, "expected `by-extension`, `none`, or a type such as text/plain");
    } else if essence.eq_ignore_ascii_case("application/x-directory") {
        checker.problem(span, "with this type, empty files would be taken for directories");
    }
    ContentType::Fixed(text)
}

/// One of the words of a cloud; other stores may have words of their own.
pub(super) fn word(
    checker: &Checker<'_>,
    field: Option<At<String>>,
    words: &[&str],
    cloud: Option<&str>,
) -> Option<String> {
    let span = field.as_ref()?.span;
    let text = header(checker, field)?;
    if let (Some(cloud), false) = (cloud, words.contains(&text.as_str())) {
        let words = words.join(", ");
        checker.problem(span, format!("{cloud} does not know {}; it knows {words}", quote(&text)));
        return None;
    }
    Some(text)
}

/// A text that goes into a header as it is.
pub(super) fn header(checker: &Checker<'_>, field: Option<At<String>>) -> Option<String> {
    let (text, span) = field.and_then(|at| Some((at.value?, at.span)))?;
    if text.trim().is_empty() || !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        checker.problem(span, "this may hold letters, digits and signs of ASCII only, and not be empty");
        return None;
    }
    Some(text)
}
