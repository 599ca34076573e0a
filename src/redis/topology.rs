//! Which Redis to connect to: asked each time a connection is made, as a failover moves the answer.

use std::sync::Arc;
use std::time::Instant;

use super::RedisError;
use super::address::Address;
use super::cluster::Cluster;
use super::connection::{Connection, Dialer, Login};
use super::sentinel::Sentinels;
use crate::config::{Node, RedisConfig};

/// How the Redis that holds the data is found.
pub(super) enum Topology {
    /// It is always in the same place.
    One(Address),
    /// Sentinels know the master.
    Sentinels(Sentinels),
    /// It is the master of the slot that all keys share.
    Cluster(Cluster),
}

impl Topology {
    pub(super) fn of(config: &RedisConfig) -> Self {
        if !config.sentinels.is_empty() {
            return Topology::Sentinels(Sentinels::of(config));
        }
        if !config.cluster_nodes.is_empty() {
            return Topology::Cluster(Cluster::of(config));
        }
        Topology::One(match &config.unix_socket_path {
            Some(path) => Address::Unix(path.clone()),
            None => Address::Tcp(Node { host: config.host.clone(), port: config.port }),
        })
    }

    /// Connects to whoever holds the data now.
    pub(super) fn open(&self, dialer: &Dialer, login: &Login, deadline: Instant) -> Result<Connection, RedisError> {
        match self {
            Topology::One(address) => dialer.dial(address, login, deadline),
            Topology::Sentinels(sentinels) => sentinels.open(dialer, login, deadline),
            Topology::Cluster(cluster) => cluster.open(dialer, login, deadline),
        }
    }

    /// What is said to be asked where no single server is meant.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Topology::One(address) => address.to_string().into(),
            Topology::Sentinels(sentinels) => sentinels.name(),
            Topology::Cluster(cluster) => cluster.name(),
        }
    }

    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Topology::Cluster(cluster) => Some(cluster),
            _ => None,
        }
    }
}
