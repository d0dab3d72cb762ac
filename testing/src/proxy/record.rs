//! Records of the requests that went through the proxy.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Uri};

use crate::locked;

/// The kind of a request of S3's protocol, or of Google's equivalent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// HEAD of an object.
    Head,
    /// GET of an object.
    Get,
    /// PUT of an object.
    Put,
    /// DELETE of an object.
    Delete,
    /// A page of keys.
    List,
    /// A copy in the store.
    Copy,
    /// The beginning of an upload in parts.
    Create,
    /// A part of an upload.
    Part,
    /// A part that is copied in the store.
    PartCopy,
    /// The end of an upload in parts.
    Complete,
    /// An upload in parts is given up.
    Abort,
    /// The parts of an upload.
    ListParts,
    /// The uploads that are open.
    ListUploads,
    /// Several objects are removed at once.
    DeleteBulk,
    /// Metadata is set.
    Metadata,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of a request.
    #[must_use]
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default();
        let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let copies = headers.contains_key("x-amz-copy-source");
        let of_bucket = !uri.path().trim_start_matches('/').trim_end_matches('/').contains('/');
        match (method.as_str(), asks("uploadId"), asks("uploads")) {
            ("GET", _, true) => Self::ListUploads,
            ("GET", true, _) => Self::ListParts,
            ("GET", ..) if asks("list-type") || of_bucket => Self::List,
            ("GET", ..) => Self::Get,
            ("HEAD", ..) => Self::Head,
            ("PUT", true, _) if copies => Self::PartCopy,
            ("PUT", true, _) => Self::Part,
            ("PUT", ..) if copies => Self::Copy,
            ("PUT", ..) => Self::Put,
            ("POST", _, true) => Self::Create,
            ("POST", true, _) => Self::Complete,
            ("POST", ..) if asks("delete") => Self::DeleteBulk,
            ("POST", ..) if asks("uploadType") => Self::Put,
            ("POST", ..) if uri.path().contains("/rewriteTo/") => Self::Copy,
            ("PATCH", ..) => Self::Metadata,
            ("DELETE", true, _) => Self::Abort,
            ("DELETE", ..) => Self::Delete,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Head => "HEAD",
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::List => "LIST",
            Self::Copy => "COPY",
            Self::Create => "CREATE",
            Self::Part => "PART",
            Self::PartCopy => "PART-COPY",
            Self::Complete => "COMPLETE",
            Self::Abort => "ABORT",
            Self::ListParts => "LIST-PARTS",
            Self::ListUploads => "LIST-UPLOADS",
            Self::DeleteBulk => "DELETE-BULK",
            Self::Metadata => "METADATA",
            Self::Other => "OTHER",
        })
    }
}

/// A request that came by. Headers are called as they are without `x-amz-`.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its kind.
    pub kind: Kind,
    /// The method of HTTP.
    pub method: String,
    /// As it was sent, not decoded.
    pub path: String,
    /// As it was sent, not decoded; empty if there is none.
    pub query: String,
    /// The bytes that are asked for.
    pub range: Option<String>,
    /// The entity tag that has to be there.
    pub if_match: Option<String>,
    /// The entity tag that may not be there.
    pub if_none_match: Option<String>,
    /// The object that is copied.
    pub copy_source: Option<String>,
    /// The bytes of the source that are copied.
    pub copy_range: Option<String>,
    /// Whether a copy keeps the metadata.
    pub metadata_directive: Option<String>,
    /// Who pays.
    pub request_payer: Option<String>,
    /// The key that the store is to encrypt with.
    pub customer_key: Option<String>,
    /// The key that the source of a copy is encrypted with.
    pub source_key: Option<String>,
    /// The hash of the content that is signed, or that none is.
    pub content_sha256: Option<String>,
    /// The document of a bulk removal, which names the keys, or of a completion, which names the parts.
    pub document: Option<String>,
    /// `None` if it was not answered, or not yet.
    pub status: Option<u16>,
    /// Bytes of its body that came.
    pub up: u64,
    /// Bytes of the answer's body that were passed on.
    pub down: u64,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}"),
            None => write!(f, " -> no answer"),
        }
    }
}

/// A record while bytes still pass.
pub(super) struct Open {
    pub record: Record,
    pub status: AtomicU16,
    pub up: AtomicU64,
    pub down: AtomicU64,
    pub document: Mutex<Option<String>>,
}

impl Open {
    pub fn new(request: &Request<Incoming>) -> Self {
        let header = |name: &str| {
            request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let record = Record {
            kind: Kind::of(request.method(), request.uri(), request.headers()),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            range: header("range"),
            if_match: header("if-match"),
            if_none_match: header("if-none-match"),
            copy_source: header("x-amz-copy-source"),
            copy_range: header("x-amz-copy-source-range"),
            metadata_directive: header("x-amz-metadata-directive"),
            request_payer: header("x-amz-request-payer"),
            customer_key: header("x-amz-server-side-encryption-customer-key"),
            source_key: header("x-amz-copy-source-server-side-encryption-customer-key"),
            content_sha256: header("x-amz-content-sha256"),
            document: None,
            status: None,
            up: 0,
            down: 0,
        };
        Self {
            record,
            status: AtomicU16::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            document: Mutex::new(None),
        }
    }

    pub fn snapshot(&self) -> Record {
        Record {
            status: Some(self.status.load(Ordering::SeqCst)).filter(|status| *status != 0),
            up: self.up.load(Ordering::SeqCst),
            down: self.down.load(Ordering::SeqCst),
            document: locked(&self.document).clone(),
            ..self.record.clone()
        }
    }
}
