//! What the command line says of a cluster.

use clap::Args;

use crate::cluster::Overrides;
use crate::config::ReplicaAddress;

/// Where replicas hear each other if nothing else is said.
const PORT: u16 = 2122;

#[derive(Debug, Clone, Args)]
pub(super) struct ClusterOptions {
    /// Which replica this is, whatever `cluster.index` says.
    #[arg(long, value_name = "N")]
    cluster_index: Option<u16>,
    /// Where a replica is, whatever `cluster.replicas` says: its number, its host and its relay port. May be given for each replica.
    #[arg(long, value_name = "I=HOST:PORT", value_parser = replica)]
    cluster_replica: Vec<(u16, ReplicaAddress)>,
}

impl ClusterOptions {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides { index: self.cluster_index, replicas: self.cluster_replica.iter().cloned().collect() }
    }
}

fn replica(text: &str) -> Result<(u16, ReplicaAddress), String> {
    let (index, address) =
        text.split_once('=').ok_or("expected a number, `=` and a host, as in 0=10.0.0.1:2122")?;
    let index = index.parse().map_err(|_| "the number of a replica is from 0 to 65535".to_owned())?;
    Ok((index, ReplicaAddress::parse(address, PORT)?))
}
