//! The meaning of the codes in stores' refusals. A code says more than its status: a full quota comes with 400, 403, 409 or 507,
//! and only the code shows that the next attempt will fail, too.

use crate::ErrorKind;

/// The meaning of a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    pub(crate) kind: ErrorKind,
    /// Whether the same request may succeed when it is sent again.
    pub(crate) may_pass: bool,
    /// Advice for the operator, if the store's own words have none.
    pub(crate) advice: Option<&'static str>,
    /// A sentence for the user, if the kind doesn't say enough.
    pub(crate) to_user: Option<&'static str>,
}

/// A failure that stays until somebody does something about it.
const fn lasting(kind: ErrorKind, advice: &'static str) -> Meaning {
    Meaning { kind, may_pass: false, advice: Some(advice), to_user: None }
}

/// A failure that may pass by itself.
const fn passing(kind: ErrorKind) -> Meaning {
    Meaning { kind, may_pass: true, advice: None, to_user: None }
}

const QUOTA: Meaning =
    lasting(ErrorKind::QuotaExceeded, "a quota of the store is used up: raise it, or remove something");
const FULL: Meaning = lasting(ErrorKind::NoSpace, "the store is full");
const TOO_LARGE: Meaning = lasting(ErrorKind::QuotaExceeded, "it is larger than the store takes");
const TOO_MANY_PARTS: Meaning = lasting(
    ErrorKind::QuotaExceeded,
    "the store takes no more parts of one upload: set `max_parts` to what it takes, or a larger `part_size`",
);
const NAME: Meaning = lasting(ErrorKind::InvalidName, "the store can't hold such a name");
const ARCHIVED: Meaning = Meaning {
    to_user: Some("it is archived, and has to be restored before it can be read"),
    ..lasting(
        ErrorKind::PermissionDenied,
        "it is archived: restore it, or let a lifecycle rule archive nothing that is to be read",
    )
};
const KEPT: Meaning = Meaning {
    to_user: Some("the store keeps it as it is for now"),
    ..lasting(ErrorKind::PermissionDenied, "a retention or a legal hold of the store keeps it as it is")
};
const LEASED: Meaning = Meaning {
    to_user: Some("somebody else has locked it"),
    ..lasting(ErrorKind::PermissionDenied, "somebody holds a lease on it")
};
const BELOW_A_FILE: Meaning = lasting(ErrorKind::NotADirectory, "what it would stand in is a file");
const OVER_A_DIRECTORY: Meaning = lasting(ErrorKind::IsADirectory, "a directory has this name");
const ACCOUNT: Meaning =
    lasting(ErrorKind::Unavailable, "the store doesn't serve this account: ask who runs the store");

/// The meaning of a code, whatever the status is; `None` if the status says as much. `message` is the store's sentence, for codes
/// that stand for several things.
pub(crate) fn meaning(code: &str, message: &str) -> Option<Meaning> {
    Some(match code {
        // Ceph, Scaleway and others; MinIO; Google; Storj and Backblaze.
        "QuotaExceeded"
        | "XMinioAdminBucketQuotaExceeded"
        | "quotaExceeded"
        | "StorageLimitExceeded"
        | "StorageCapExceeded"
        | "AccountQuotaExceeded"
        | "BucketQuotaExceeded" => QUOTA,
        "AccessDenied" if message.contains("storage cap") => QUOTA,
        "XMinioStorageFull" | "InsufficientStorage" | "InsufficientStorageSpace" | "StorageFull" => FULL,
        "EntityTooLarge"
        | "RequestBodyTooLarge"
        | "MaxMessageLengthExceeded"
        | "uploadTooLarge"
        | "BlockListTooLong" => TOO_LARGE,
        "TooManyParts" | "BlockCountExceedsLimit" => TOO_MANY_PARTS,
        // Swift's, which has one word for all that can't be in a request.
        "InvalidArgument" if message.contains("Part number") || message.contains("part number") => {
            TOO_MANY_PARTS
        }
        "EntityTooSmall" => lasting(
            ErrorKind::Other,
            "the parts of the upload are smaller than the store takes: set a larger `part_size`",
        ),
        "KeyTooLongError"
        | "KeyTooLong"
        | "InvalidURI"
        | "InvalidUri"
        | "InvalidResourceName"
        | "InvalidObjectName"
        | "XMinioInvalidObjectName"
        | "XMinioInvalidResourceName"
        | "NameTooLong"
        | "InvalidKey" => NAME,
        "InvalidObjectState" | "BlobArchived" | "BlobBeingRehydrated" => ARCHIVED,
        "BlobImmutableDueToPolicy"
        | "BlobImmutableDueToLegalHold"
        | "ObjectLocked"
        | "retentionPolicyNotMet"
        | "objectUnderActiveHold" => KEPT,
        "InvalidRequest" if message.contains("WORM") => KEPT,
        "LeaseIdMissing" | "LeaseAlreadyPresent" | "LeaseNotPresentWithBlobOperation" => LEASED,
        // No other client was faster: it stays until the owner decides about them.
        "SnapshotsPresent" => {
            lasting(ErrorKind::PermissionDenied, "it has snapshots, and to remove it would remove these, too")
        }
        "InvalidBlobType" => lasting(
            ErrorKind::PermissionDenied,
            "it is an append blob or a page blob, and only block blobs are written",
        ),
        "ObjectParentIsFile" | "XMinioParentIsObject" | "ParentIsObject" => BELOW_A_FILE,
        "ExistingObjectIsDirectory"
        | "XMinioObjectExistsAsDirectory"
        | "ObjectExistsAsDirectory"
        | "ResourceTypeMismatch"
        | "OperationNotSupportedOnDirectory" => OVER_A_DIRECTORY,
        "DirectoryNotEmpty" | "BucketNotEmpty" => {
            lasting(ErrorKind::NotEmpty, "the directory holds something that is not listed")
        }
        "NotImplemented" => {
            Meaning { kind: ErrorKind::Unsupported, may_pass: false, advice: None, to_user: None }
        }
        // The owner's account, or the key of a bucket's encryption: nothing that is wrong with one file.
        "NotSignedUp" => lasting(
            ErrorKind::Unavailable,
            "the store doesn't know the access key, or doesn't serve its account",
        ),
        "AccountProblem" | "AllAccessDisabled" | "AccountIsDisabled" | "AccountDisabled"
        | "UserSuspended" | "UserDisabled" | "accountDisabled" => ACCOUNT,
        code if code.starts_with("KMS.") => {
            lasting(ErrorKind::Unavailable, "the key that encrypts the bucket can't be used")
        }
        "BadDigest" | "Md5Mismatch" | "XAmzContentSHA256Mismatch" => lasting(
            ErrorKind::Unavailable,
            "what the store received is not what was sent: something between changes it",
        ),
        "RequestTimeout"
        | "IncompleteBody"
        | "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "Throttling"
        | "ThrottlingException"
        | "RequestThrottled"
        | "TooManyRequests"
        | "ServerBusy"
        | "InternalError"
        | "ServiceUnavailable"
        | "rateLimitExceeded"
        | "userRateLimitExceeded"
        | "backendError" => passing(ErrorKind::Unavailable),
        // Another request for the same key was under way.
        "ConditionalRequestConflict" | "OperationAborted" => passing(ErrorKind::Conflict),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
