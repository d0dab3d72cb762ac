//! Buckets of users and folders, as backends.

use serde_json::Value;

use super::super::model::{Imported, Modes, Place, Remark, Tree};
use super::super::yaml::Node;
use super::dump::{Azure, Filesystem, Gcs, Others, S3, Secret};

/// The modes of SFTPGo, which has none of its own.
const MODES: Modes = Modes { file: 0o640, directory: 0o750 };

/// What somebody sees of a directory or a bucket.
///
/// # Errors
/// A sentence on why nothing can be seen there.
pub(super) fn tree(
    filesystem: Option<&Filesystem>,
    local: &str,
    place: &Place,
    imported: &mut Imported,
) -> Result<Tree, String> {
    let provider = filesystem.map_or(0, |filesystem| filesystem.provider);
    let missing = || format!("the settings of storage provider {provider} are missing");
    let (store, prefix) = match (provider, filesystem) {
        (0, _) | (_, None) => {
            if !local.starts_with('/') {
                return Err(format!("the directory {local:?} is not an absolute path"));
            }
            let path = super::super::inputs::normalised(local);
            return Ok(Tree::Local { path, modes: MODES });
        }
        (1, Some(filesystem)) => {
            let settings = filesystem.s3config.as_ref().ok_or_else(missing)?;
            (s3(settings, place, imported)?, &settings.key_prefix)
        }
        (2, Some(filesystem)) => {
            let settings = filesystem.gcsconfig.as_ref().ok_or_else(missing)?;
            (gcs(settings, place, imported), &settings.key_prefix)
        }
        (3, Some(filesystem)) => {
            let settings = filesystem.azblobconfig.as_ref().ok_or_else(missing)?;
            (azure(settings, place, imported)?, &settings.key_prefix)
        }
        (4, _) => return Err("the files there are encrypted by SFTPGo, which Wharf can't read".to_owned()),
        (5, _) => {
            return Err("the storage is another server's SFTP, which Wharf has no backend for".to_owned());
        }
        (6, _) => return Err("the storage is asked by HTTP, which Wharf has no backend for".to_owned()),
        _ => return Err(format!("the storage provider {provider} is not known here")),
    };
    Ok(Tree::Stored { store, path: super::super::inputs::normalised(prefix).trim_matches('/').to_owned() })
}

/// Adds a secret: as it is, or as a file that the operator writes it to. Its `owner` is what tells it from others of this bucket.
fn secret(
    keys: &mut Vec<(&'static str, Node)>,
    remarks: &mut Vec<Remark>,
    (place, imported): (&Place, &mut Imported),
    (key, bucket, owner): (&'static str, &str, &str),
    secret: &Secret,
) {
    if secret.status.eq_ignore_ascii_case("plain") {
        keys.push((key, Node::text(&secret.payload)));
        return;
    }
    let file = imported.secret_file(bucket, key, owner);
    let text = format!("{key} of {bucket} is encrypted by SFTPGo: write it to {file}, beside this file");
    remarks.push(Remark { place: place.clone(), text });
    keys.push((key, Node::Map(vec![("file", Node::text(file))])));
}

fn texts(keys: &mut Vec<(&'static str, Node)>, texts: &[(&'static str, &str)]) {
    let given = texts.iter().filter(|(_, text)| !text.is_empty());
    keys.extend(given.map(|(key, text)| (*key, Node::text(*text))));
}

/// Says which settings are not carried over, but for those that say nothing.
fn remark_others(remarks: &mut Vec<Remark>, place: &Place, others: &Others) {
    for (name, _) in others.iter().filter(|(_, value)| says_something(value)) {
        let text = format!("{name:?} of the storage is not carried over");
        remarks.push(Remark { place: place.clone(), text });
    }
}

/// Whether a value is another than that of a setting which nobody has set.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(value) => value.as_f64() != Some(0.0),
        Value::String(value) => !value.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => values.values().any(says_something),
    }
}

fn given(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.payload.is_empty())
}

fn s3(settings: &S3, place: &Place, imported: &mut Imported) -> Result<String, String> {
    if given(settings.sse_customer_key.as_ref()).is_some() {
        return Err("the objects there are encrypted with a key of the customer (SSE-C)".to_owned());
    }
    let (mut keys, mut remarks) = (vec![("kind", Node::word("s3"))], Vec::new());
    texts(
        &mut keys,
        &[
            ("bucket", &settings.bucket),
            ("region", &settings.region),
            ("endpoint", &settings.endpoint),
            ("storage_class", &settings.storage_class),
            ("acl", &settings.acl),
            ("role_arn", &settings.role_arn),
        ],
    );
    if settings.force_path_style {
        keys.push(("path_style", Node::word(true)));
    }
    if settings.access_key.is_empty() {
        keys.push(("ambient_credentials", Node::word(true)));
    } else {
        keys.push(("access_key_id", Node::text(&settings.access_key)));
        let key = settings.access_secret.clone().unwrap_or_default();
        let what = ("secret_access_key", settings.bucket.as_str(), settings.access_key.as_str());
        secret(&mut keys, &mut remarks, (place, imported), what, &key);
    }
    texts(&mut keys, &[("session_token", &settings.session_token)]);
    if settings.skip_tls_verify {
        let text = "skip_tls_verify: Wharf verifies the certificate of the store; an authority of your own stands in `ca_file`";
        remarks.push(Remark { place: place.clone(), text: text.to_owned() });
    }
    remark_others(&mut remarks, place, &settings.others);
    Ok(imported.store(&settings.bucket, keys, remarks))
}

fn gcs(settings: &Gcs, place: &Place, imported: &mut Imported) -> String {
    let (mut keys, mut remarks) = (vec![("kind", Node::word("gcs"))], Vec::new());
    texts(&mut keys, &[("bucket", &settings.bucket), ("storage_class", &settings.storage_class)]);
    match given(settings.credentials.as_ref()) {
        Some(key) if settings.automatic_credentials == 0 => {
            // Nothing but the secret says whose it is.
            let what = ("service_account_key", settings.bucket.as_str(), key.payload.as_str());
            secret(&mut keys, &mut remarks, (place, imported), what, key);
        }
        _ => keys.push(("ambient_credentials", Node::word(true))),
    }
    remark_others(&mut remarks, place, &settings.others);
    imported.store(&settings.bucket, keys, remarks)
}

fn azure(settings: &Azure, place: &Place, imported: &mut Imported) -> Result<String, String> {
    let (mut keys, mut remarks) = (vec![("kind", Node::word("azure"))], Vec::new());
    if settings.account_name.is_empty() || settings.container.is_empty() {
        return Err("the account or the container of Azure stands in an encrypted signature alone".to_owned());
    }
    texts(
        &mut keys,
        &[
            ("account", &settings.account_name),
            ("container", &settings.container),
            ("access_tier", &settings.access_tier),
        ],
    );
    if settings.endpoint.contains("://") {
        texts(&mut keys, &[("endpoint", &settings.endpoint)]);
    }
    if let Some(signature) = given(settings.sas_url.as_ref()) {
        let token = match signature.payload.split_once('?') {
            Some((_, token)) => Secret { payload: token.to_owned(), ..signature.clone() },
            None => signature.clone(),
        };
        let what = ("sas_token", settings.container.as_str(), token.payload.as_str());
        secret(&mut keys, &mut remarks, (place, imported), what, &token);
    } else if let Some(key) = given(settings.account_key.as_ref()) {
        let what = ("access_key", settings.container.as_str(), settings.account_name.as_str());
        secret(&mut keys, &mut remarks, (place, imported), what, key);
    } else {
        keys.push(("ambient_credentials", Node::word(true)));
    }
    remark_others(&mut remarks, place, &settings.others);
    Ok(imported.store(&settings.container, keys, remarks))
}
