//! Sentinels: who is the master?
//!
//! Asked anew for every connection, since that is when a failover matters. The answer of a sentinel that was cut off may
//! be old, so the named server is asked for its role as well.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::locks::Mutex;
use ::redis::{Pipeline, Value, from_redis_value};

use super::RedisError;
use super::address::Address;
use super::connection::{Connection, Dialer, Login, text_of};
use super::socket::share;
use crate::config::{Node, RedisConfig};

/// The sentinels of one master.
pub(super) struct Sentinels {
    service: String,
    /// In the order in which they are asked: what answered last comes first.
    nodes: Mutex<Vec<Node>>,
    name: Arc<str>,
    login: Login,
}

impl Sentinels {
    pub(super) fn of(config: &RedisConfig) -> Self {
        let names: Vec<_> = config.sentinels.iter().map(|node| Address::Tcp(node.clone()).to_string()).collect();
        Sentinels {
            service: config.master_service.clone(),
            nodes: Mutex::new(config.sentinels.clone()),
            name: format!("the master {} of sentinels {}", config.master_service, names.join(", ")).into(),
            // Not the data nodes': sentinels do not know that.
            login: Login {
                username: config.sentinel_username.clone(),
                password: config.sentinel_password.clone(),
                db: 0,
            },
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Connects to the master.
    pub(super) fn open(&self, dialer: &Dialer, login: &Login, deadline: Instant) -> Result<Connection, RedisError> {
        let nodes = self.nodes.lock().clone();
        let (mut reasons, mut dead) = (Vec::new(), Vec::new());
        for (tried, node) in nodes.iter().enumerate() {
            let until = share(deadline, nodes.len() - tried);
            match self.by(node, dialer, login, &mut dead, until) {
                Ok(master) => {
                    self.prefer(node);
                    return Ok(master);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        let cause = io::Error::new(io::ErrorKind::NotFound, format!("master not found: {}", reasons.join("; ")));
        Err(RedisError::Connect { endpoint: self.name[..].into(), cause })
    }

    /// Connects to the master that one sentinel names, or says why that cannot be. Who is among the `dead` is not tried.
    fn by(
        &self,
        node: &Node,
        dialer: &Dialer,
        login: &Login,
        dead: &mut Vec<Address>,
        deadline: Instant,
    ) -> Result<Connection, String> {
        let address = Address::Tcp(node.clone());
        // Half of the time is the master's.
        let mut sentinel = dialer
            .dial(&address, &self.login, share(deadline, 2))
            .map_err(|error| format!("sentinel {address}: {error}"))?;
        let mut question = Pipeline::new();
        question.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let answer = ask(&mut sentinel, &question, deadline).map_err(|error| format!("sentinel {address}: {error}"))?;
        let master = match answer {
            Value::Nil => return Err(format!("sentinel {address} does not know it")),
            Value::ServerError(error) => return Err(format!("sentinel {address} answered: {}", text_of(&error))),
            answer => from_redis_value::<(String, u16)>(answer)
                .map_err(|_| format!("sentinel {address} answered something else than an address"))?,
        };
        let master = Address::Tcp(Node { host: master.0, port: master.1 });
        if dead.contains(&master) {
            return Err(format!("sentinel {address} names {master} too"));
        }
        let connected = dialer.dial(&master, login, deadline).and_then(|mut connection| {
            let mut question = Pipeline::new();
            question.cmd("ROLE");
            Ok((ask(&mut connection, &question, deadline)?, connection))
        });
        let reason = match connected {
            Err(error) => error.to_string(),
            Ok((Value::Array(role), _)) if role.first().is_some_and(|role| !is_master(role)) => {
                format!("{master} is said to be the master and is not")
            }
            // Who may not ask for the role, or asks a server too old to know it, believes the sentinel.
            Ok((_, connection)) => return Ok(connection),
        };
        dead.push(master);
        Err(reason)
    }

    fn prefer(&self, node: &Node) {
        let mut nodes = self.nodes.lock();
        if let Some(place) = nodes.iter().position(|known| known == node) {
            nodes[..=place].rotate_right(1);
        }
    }
}

fn is_master(role: &Value) -> bool {
    *role == Value::BulkString(b"master".into())
}

fn ask(connection: &mut Connection, question: &Pipeline, deadline: Instant) -> Result<Value, RedisError> {
    let answers = connection.exchange(&question.get_packed_pipeline(), question.len(), deadline)?;
    Ok(answers.into_iter().next().unwrap_or(Value::Nil))
}
