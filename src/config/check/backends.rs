//! The section `backends`.

use std::ops::RangeInclusive;
use std::time::Duration;

use wharf_backends::local::LocalOptions;
use wharf_backends::object::{Authorities, Tuning};

use super::super::checked::{Azure, Backend, Gcs, S3, UploadParts};
use super::super::files::{read_file, say};
use super::super::suggest::quote;
use super::credentials::{AzureAccess, Credentials, Role, Ways};
use super::*;

const MEMORY_CAPACITY: u64 = 64 << 20;
const PART_SIZE: u64 = 8 << 20;
const MIN_PART_SIZE: u64 = 5 << 20;
const MAX_PART_SIZE: u64 = 5 << 30;
const UPLOAD_CONCURRENCY: usize = 4;
const ABANDONED_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LEAST_AGE: Duration = Duration::from_secs(60 * 60);
/// More than the authorities of a whole system take, in bytes.
const MAX_CA_FILE: u64 = 4 << 20;
const REGION: &str = "us-east-1";

/// A backend as far as it is known. One that has problems of its own is still defined.
pub(super) struct Defined {
    /// `None` if something is wrong with it.
    pub(super) value: Option<Backend>,
    /// Where its name stands.
    pub(super) name: Span,
}

impl Checker<'_> {
    pub(super) fn backends(
        &self,
        raw: Option<At<raw::Named<raw::Backend>>>,
        root: Span,
        buffer_memory: u64,
    ) -> BTreeMap<String, Defined> {
        let mut backends = BTreeMap::new();
        let Some((raw::Named(list), span)) = self.required(raw, "backends", root) else { return backends };
        if list.is_empty() {
            self.problem(span, "at least one backend is needed");
        }
        for (key, backend) in list {
            let Some(name) = key.value else { continue };
            self.name(&name, key.span);
            let value = backend.value.and_then(|backend| self.backend(backend, key.span, buffer_memory));
            backends.insert(name, Defined { value, name: key.span });
        }
        backends
    }

    fn backend(&self, raw: raw::Backend, owner: Span, buffers: u64) -> Option<Backend> {
        match raw {
            raw::Backend::S3(raw) => self.s3(*raw, owner, buffers).map(|s3| Backend::S3(Box::new(s3))),
            raw::Backend::Gcs(raw) => self.gcs(raw, owner, buffers).map(Backend::Gcs),
            raw::Backend::Azure(raw) => self.azure(raw, owner, buffers).map(Backend::Azure),
            raw::Backend::Local(raw) => {
                let create_root = raw.create_root.and_then(|at| at.value).unwrap_or(false);
                let root = self.required(raw.root, "root", owner);
                let options = LocalOptions {
                    create_root,
                    sync: raw.sync.and_then(|at| at.value).unwrap_or(true),
                    follow_links: raw.follow_links.and_then(|at| at.value).unwrap_or(true),
                    file_mode: self.mode(raw.file_mode, 0o600, LocalOptions::FILE_MODE),
                    directory_mode: self.mode(raw.directory_mode, 0o700, LocalOptions::DIRECTORY_MODE),
                    fixed_root: false,
                    timeout: self.disk_timeout(raw.timeout),
                };
                Some(Backend::Local { root: self.root(root, create_root)?, options })
            }
            raw::Backend::Memory(raw) => {
                let capacity = self.parsed(raw.capacity, |text| match units::size(text)? {
                    0 => Err("the capacity can't be zero".to_owned()),
                    size => Ok(size),
                });
                Some(Backend::Memory { capacity: capacity.map_or(MEMORY_CAPACITY, |(size, _)| size) })
            }
            raw::Backend::UnftpFs(raw) => {
                self.needs_unftp_backends(owner);
                let root = self.required(raw.root, "root", owner);
                Some(Backend::UnftpFs { root: self.root(root, false)? })
            }
            raw::Backend::UnftpGcs(raw) => {
                self.needs_unftp_backends(owner);
                let bucket = self.bucket(raw.bucket, "bucket", owner);
                let prefix = self.storage_path(raw.prefix);
                let ways = Ways {
                    keys: "`service_account_key`",
                    anonymous: raw.anonymous,
                    ambient: raw.ambient_credentials,
                    owner,
                };
                let credentials = self.gcs_credentials(raw.service_account_key, ways);
                Some(Backend::UnftpGcs { bucket: bucket?, prefix: prefix?, credentials: credentials? })
            }
        }
    }

    fn needs_unftp_backends(&self, owner: Span) {
        if !cfg!(feature = "unftp-backends") {
            self.problem(
                owner,
                "this build of Wharf has no unftp backends (its feature `unftp-backends` is off)",
            );
        }
    }

    fn s3(&self, raw: raw::S3, owner: Span, buffers: u64) -> Option<S3> {
        let bucket = self.bucket(raw.bucket, "bucket", owner);
        let prefix = self.storage_path(raw.prefix);
        let has_endpoint = raw.endpoint.is_some();
        let endpoint = self.endpoint(raw.endpoint);
        let authorities = self.authorities(raw.ca_file, endpoint.as_deref());
        let region = match raw.region {
            None if has_endpoint => Some(REGION.to_owned()),
            region => self.required(region, "region", owner).and_then(|(region, span)| {
                let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                if region.is_empty() || !region.bytes().all(fits) {
                    self.problem(span, "expected a region such as eu-west-1");
                    return None;
                }
                Some(region)
            }),
        };
        let content_type = self.content_type(raw.content_type);
        let options = objects::Options {
            cache_control: raw.cache_control,
            storage_class: raw.storage_class,
            server_side_encryption: raw.server_side_encryption,
            kms_key_id: raw.kms_key_id,
            sse_customer_key: raw.sse_customer_key,
            acl: raw.acl,
            tags: raw.tags,
            requester_pays: raw.requester_pays,
        };
        let options = self.s3_options(options, endpoint.as_deref());
        let credentials = Credentials {
            access_key_id: raw.access_key_id,
            secret_access_key: raw.secret_access_key,
            session_token: raw.session_token,
            profile: raw.profile,
            credentials_file: raw.credentials_file,
            anonymous: raw.anonymous,
            ambient: raw.ambient_credentials,
        };
        let role = Role {
            arn: raw.role_arn,
            session_name: raw.role_session_name,
            external_id: raw.external_id,
            endpoint: raw.sts_endpoint,
        };
        let role = self.s3_role(role, credentials.anonymous.as_ref(), endpoint.as_deref());
        let credentials = self.s3_credentials(credentials, owner);
        let upload = self.upload(raw.part_size, raw.upload_concurrency, raw.check_names, buffers);
        let abort_uploads_after = self.parsed(raw.abort_uploads_after, |text| match units::duration(text)? {
            age if age < LEAST_AGE => {
                Err("at least one hour is needed: an upload may take that long".to_owned())
            }
            age => Ok(age),
        });
        let max_parts = raw.max_parts.and_then(|at| {
            let allowed = Tuning::LEAST_MAX_PARTS..=Tuning::MAX_PARTS;
            let parts = u16::try_from(at.value?).ok().filter(|parts| allowed.contains(parts));
            self.accept(
                parts.ok_or_else(|| "the parts of an upload are from 1000 to 10000".to_owned()),
                at.span,
            )
        });
        Some(S3 {
            bucket: bucket?,
            region: region?,
            prefix: prefix?,
            endpoint,
            authorities,
            credentials: credentials?,
            role,
            path_style: raw.path_style.and_then(|at| at.value),
            sign_payload: raw.sign_payload.and_then(|at| at.value),
            equal_parts: raw.equal_parts.and_then(|at| at.value),
            max_parts: max_parts.unwrap_or(Tuning::MAX_PARTS),
            content_type,
            options,
            abort_uploads_after: abort_uploads_after.map_or(ABANDONED_AFTER, |(age, _)| age),
            upload,
        })
    }

    fn gcs(&self, raw: raw::Gcs, owner: Span, buffers: u64) -> Option<Gcs> {
        let bucket = self.bucket(raw.bucket, "bucket", owner);
        let prefix = self.storage_path(raw.prefix);
        let endpoint = self.endpoint(raw.endpoint);
        let authorities = self.authorities(raw.ca_file, endpoint.as_deref());
        let ways = Ways {
            keys: "`service_account_key`",
            anonymous: raw.anonymous,
            ambient: raw.ambient_credentials,
            owner,
        };
        let credentials = self.gcs_credentials(raw.service_account_key, ways);
        let upload = self.upload(raw.part_size, raw.upload_concurrency, raw.check_names, buffers);
        let content_type = self.content_type(raw.content_type);
        let options = self.google_options(raw.storage_class, raw.cache_control, endpoint.as_deref());
        Some(Gcs {
            bucket: bucket?,
            prefix: prefix?,
            credentials: credentials?,
            endpoint,
            authorities,
            content_type,
            options,
            upload,
        })
    }

    fn azure(&self, raw: raw::Azure, owner: Span, buffers: u64) -> Option<Azure> {
        let account = self.bucket(raw.account, "account", owner);
        let container = self.bucket(raw.container, "container", owner);
        let prefix = self.storage_path(raw.prefix);
        let endpoint = self.endpoint(raw.endpoint);
        let authorities = self.authorities(raw.ca_file, endpoint.as_deref());
        let credentials = AzureAccess {
            access_key: raw.access_key,
            sas_token: raw.sas_token,
            anonymous: raw.anonymous,
            ambient: raw.ambient_credentials,
        };
        let credentials = self.azure_credentials(credentials, owner);
        let upload = self.upload(raw.part_size, raw.upload_concurrency, raw.check_names, buffers);
        Some(Azure {
            account: account?,
            container: container?,
            prefix: prefix?,
            credentials: credentials?,
            endpoint,
            authorities,
            content_type: self.content_type(raw.content_type),
            options: self.azure_options(raw.access_tier, raw.cache_control),
            upload,
        })
    }

    fn bucket(&self, field: Option<At<String>>, key: &str, owner: Span) -> Option<String> {
        let (name, span) = self.required(field, key, owner)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !(1..=222).contains(&name.len()) || !name.bytes().all(fits) {
            self.problem(span, format!("{} can't be the name of a {key}", quote(&name)));
            return None;
        }
        Some(name)
    }

    pub(super) fn endpoint(&self, field: Option<At<String>>) -> Option<String> {
        let field = field?;
        let text = field.value?;
        // A user and password before the host, or a signature behind it.
        if text.contains(['@', '?']) {
            self.source.hide(field.span);
        }
        self.accept(units::endpoint(&text), field.span)
    }

    fn authorities(&self, field: Option<At<String>>, endpoint: Option<&str>) -> Option<Authorities> {
        let field = field?;
        let path = self.local_path(&field.value?, field.span)?;
        if endpoint.is_some_and(|url| url.starts_with("http://")) {
            self.problem(
                field.key,
                "`ca_file` has no use here: the endpoint is http://, which has no certificates",
            );
            return None;
        }
        let pem = read_file(&path, MAX_CA_FILE).map_err(|error| error.to_string());
        let read = pem.and_then(|pem| Authorities::from_pem(&pem));
        self.accept(read.map_err(|reason| format!("ca_file {}: {reason}", path.display())), field.span)
    }

    fn upload(
        &self,
        part_size: Option<At<raw::Scalar>>,
        concurrency: Option<At<u64>>,
        check_names: Option<At<bool>>,
        buffers: u64,
    ) -> UploadParts {
        let part_size = self.parsed(part_size, |text| match units::size(text)? {
            size if (MIN_PART_SIZE..=MAX_PART_SIZE).contains(&size) && size > buffers / 4 => {
                Err("a part has to fit four times into `server.limits.buffer_memory`".to_owned())
            }
            size if (MIN_PART_SIZE..=MAX_PART_SIZE).contains(&size) => Ok(size),
            _ => Err("the size of a part is from 5MiB to 5GiB".to_owned()),
        });
        UploadParts {
            part_size: part_size.map_or(PART_SIZE, |(size, _)| size),
            concurrency: self.count(concurrency, 64, UPLOAD_CONCURRENCY),
            check_names: check_names.and_then(|at| at.value).unwrap_or(true),
        }
    }

    /// How long a disk may take for a step.
    fn disk_timeout(&self, field: Option<At<raw::Scalar>>) -> Duration {
        const ALLOWED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60 * 60);
        let timeout = self.parsed(field, |text| {
            let timeout = units::duration(text)?;
            ALLOWED.contains(&timeout).then_some(timeout).ok_or_else(|| "from 1s to 1h is allowed".to_owned())
        });
        timeout.map_or(LocalOptions::TIMEOUT, |(timeout, _)| timeout)
    }

    /// Permission bits in octal digits, of which the server itself needs some.
    fn mode(&self, field: Option<At<raw::Scalar>>, needed: u32, default: u32) -> u32 {
        let parse = |text: &str| {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            let is_octal =
                matches!(digits.len(), 3 | 4) && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
            let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
            match mode.ok_or("three octal digits are needed, in quotes, such as \"0640\"")? {
                mode if mode & needed != needed => {
                    Err(format!("the server itself needs {needed:04o} of it (is it octal, and in quotes?)"))
                }
                mode => Ok(mode),
            }
        };
        self.parsed(field, parse).map_or(default, |(mode, _)| mode)
    }

    fn root(&self, field: Option<Placed<String>>, create: bool) -> Option<PathBuf> {
        let (text, span) = field?;
        let root = self.local_path(&text, span)?;
        let reason = match std::fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => return Some(root),
            Ok(_) => "this is not a directory".to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => return Some(root),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "there is no such directory; `create_root: true` has it made".to_owned()
            }
            Err(error) => say(&error),
        };
        self.problem(span, format!("root {}: {reason}", root.display()));
        None
    }
}
