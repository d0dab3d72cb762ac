//! Several replicas behind one address, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Scalar, Secret, Texts};
use crate::config::read::At;

/// Several replicas behind one address.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cluster {
    /// Where each replica is found by the others: a name with `{i}` for the number of the replica, from 0 on, or a list in the order of
    /// these numbers. Without a port, the port is that of `relay`. Names are looked up again when replicas move. Example: `replicas:
    /// "wharf-{i}.wharf-headless"`.
    #[schemars(required, extend("x-type" = "host with `{i}`, or a list of hosts"))]
    pub(in crate::config) replicas: Option<At<Texts>>,
    /// The number of this replica; `from-hostname`: the one that the name of the machine ends with, as in `wharf-2`. Default:
    /// `from-hostname`. Example: `index: 0`.
    #[schemars(extend("x-type" = "number or `from-hostname`"))]
    pub(in crate::config) index: Option<At<Scalar>>,
    /// How many of `server.passive.ports` belong to each replica: replica 0 has the first ones. So many transfers a replica can have at
    /// once with one address of clients. All replicas need the same number. Default: `8`. Example: `ports_per_replica: 16`.
    #[schemars(range(min = 1))]
    pub(in crate::config) ports_per_replica: Option<At<u64>>,
    /// Sessions in all replicas together; more get 421. Of other replicas, those count that are logged in, as they were a
    /// second ago. `server.limits.sessions` is what one replica can carry. Default: none. Example: `sessions: 20000`.
    #[schemars(range(min = 1))]
    pub(in crate::config) sessions: Option<At<u64>>,
    /// Where this replica hears the others. Only they have to reach this port. Default: `0.0.0.0:2122`. Example: `relay: "[::]:2122"`.
    #[schemars(with = "Option<String>", extend("x-type" = "address"))]
    pub(in crate::config) relay: Option<At<Scalar>>,
    /// What all replicas know and nobody else does, of at least 32 characters. Example: `secret: { file: secrets/cluster }`.
    #[schemars(required)]
    pub(in crate::config) secret: Option<At<Secret>>,
    /// Other secrets that are accepted from replicas, while the secret is [replaced](cluster.md#the-secret). Default: none. Example:
    /// `more_secrets: [{ file: secrets/cluster-next }]`.
    pub(in crate::config) more_secrets: Option<At<Vec<At<Secret>>>>,
    /// Whether a client's connections come from one address (`kept`), or whatever is before the replicas puts others in their place, so that
    /// any address may be any client's (`lost`): then a port is for [one transfer at a time](cluster.md#addresses-of-clients). Default: `kept`.
    /// Example: `client_addresses: lost`.
    pub(in crate::config) client_addresses: Option<At<ClientAddresses>>,
}

/// What connections of clients come from.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum ClientAddresses {
    /// Their own addresses, or the PROXY protocol tells these.
    Kept,
    /// Addresses of others.
    Lost,
}
