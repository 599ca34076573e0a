//! What is done about answers that say: not here.
//!
//! Each of them says too that the command was not carried out, so it is sent again, writes included, and only it. A
//! server is `READONLY` after a failover that left connections open; a cluster's nodes say `MOVED`, `ASK` and `TRYAGAIN`
//! when a slot moves, and `CLUSTERDOWN` when they are cut off.

use std::time::{Duration, Instant};

use ::redis::{Arg, Cmd, Pipeline, ServerError, ServerErrorKind, Value};

use super::address::Address;
use super::cluster::target;
use super::connection::Connection;
use super::server::{Answered, Redis};
use super::{Purpose, RedisError};
use crate::config::Node;

/// More directions in a row lead nowhere.
const ROUNDS: usize = 5;
/// How long a master that turned out to be none is not searched for again.
const PAUSE: Duration = Duration::from_millis(500);

/// What an answer asks for.
#[derive(Debug)]
enum Direction {
    /// The slot has another master.
    Moved(Node),
    /// Another node has this key already; all others are still here.
    Ask(Node),
    /// Some of the keys are here and some on another node.
    Split,
    /// This server takes no writes, or nothing at all.
    NotHere,
}

/// Positions of commands, by what is to be done about them.
#[derive(Default)]
struct Plan {
    elsewhere: Vec<usize>,
    moved: Option<Node>,
    asking: Vec<usize>,
    asked: Option<Node>,
    split: Vec<usize>,
}

impl Plan {
    fn of(redis: &Redis, answered: &Answered) -> Self {
        let mut plan = Plan::default();
        for (position, value) in answered.values.iter().enumerate() {
            let Value::ServerError(error) = value else { continue };
            match redis.direction(error, &answered.address) {
                Some(Direction::Moved(node)) => {
                    plan.elsewhere.push(position);
                    plan.moved = Some(node);
                }
                Some(Direction::NotHere) => plan.elsewhere.push(position),
                // A slot moves to one node; if it is another by now, the next round asks there.
                Some(Direction::Ask(node)) if *plan.asked.get_or_insert_with(|| node.clone()) == node => {
                    plan.asking.push(position);
                }
                Some(Direction::Ask(_)) | None => {}
                Some(Direction::Split) => plan.split.push(position),
            }
        }
        plan
    }
}

impl Redis {
    /// Follows directions until the commands are answered, or nobody knows better.
    #[cold]
    pub(super) fn follow(
        &self,
        commands: &Pipeline,
        mut answered: Answered,
        purpose: Purpose,
        until: Instant,
    ) -> Result<Vec<Value>, RedisError> {
        match self.go(commands, &mut answered, purpose, until) {
            // What others answered stays answered.
            Err(error) if answered.values.iter().all(|value| self.is_direction(value, &answered.address)) => Err(error),
            _ => Ok(answered.values),
        }
    }

    fn go(
        &self,
        commands: &Pipeline,
        answered: &mut Answered,
        purpose: Purpose,
        until: Instant,
    ) -> Result<(), RedisError> {
        for _ in 0..ROUNDS {
            let plan = Plan::of(self, answered);
            if plan.elsewhere.is_empty() && plan.asking.is_empty() && plan.split.is_empty() {
                break;
            }
            if !plan.asking.is_empty()
                && let Some(node) = &plan.asked
            {
                let values = self.ask_importing(node, &chosen(commands, &plan.asking), until)?;
                put(&mut answered.values, &plan.asking, values);
            }
            for &position in &plan.split {
                let Some(command) = commands.cmd_iter().nth(position) else { continue };
                answered.values[position] = self.one_by_one(command, until)?;
            }
            if !plan.elsewhere.is_empty() {
                if !self.look_elsewhere(plan.moved.as_ref(), answered) {
                    break;
                }
                let again = self.exchange(&chosen(commands, &plan.elsewhere), purpose, until)?;
                put(&mut answered.values, &plan.elsewhere, again.values);
                (answered.address, answered.generation) = (again.address, again.generation);
            }
        }
        Ok(())
    }

    fn direction(&self, error: &ServerError, from: &Address) -> Option<Direction> {
        let target = || error.details().and_then(|details| target(details, from));
        match error.kind()? {
            ServerErrorKind::ReadOnly => Some(Direction::NotHere),
            _ if self.topology.cluster().is_none() => None,
            ServerErrorKind::Moved => Some(target().map_or(Direction::NotHere, Direction::Moved)),
            ServerErrorKind::Ask => target().map(Direction::Ask),
            ServerErrorKind::TryAgain => Some(Direction::Split),
            ServerErrorKind::ClusterDown => Some(Direction::NotHere),
            _ => None,
        }
    }

    fn is_direction(&self, value: &Value, from: &Address) -> bool {
        matches!(value, Value::ServerError(error) if self.direction(error, from).is_some())
    }

    /// Makes the next connection lead elsewhere. Whether that makes sense now: without a hint only after a pause, or
    /// each call to a server that stays read-only would search anew.
    fn look_elsewhere(&self, moved: Option<&Node>, answered: &Answered) -> bool {
        match (moved, self.topology.cluster(), &*answered.address) {
            (Some(node), Some(cluster), _) => {
                if self.pool.renew(answered.generation) {
                    cluster.first(node);
                }
                return true;
            }
            (_, Some(cluster), Address::Tcp(node)) => cluster.last(node),
            _ => {}
        }
        let mut searched = self.searched.lock();
        let now = Instant::now();
        if searched.is_some_and(|searched| now.saturating_duration_since(searched) < PAUSE) {
            // Somebody else may just have done it.
            return !self.pool.is_current(answered.generation);
        }
        *searched = Some(now);
        self.pool.renew(answered.generation);
        true
    }

    /// Asks the node that a slot is moving to, which answers only those who say that they know.
    fn ask_importing(&self, node: &Node, commands: &Pipeline, until: Instant) -> Result<Vec<Value>, RedisError> {
        let address = Address::Tcp(node.clone());
        let mut kept = self.importing.lock().take();
        let fits = |kept: &mut Connection| **kept.address() == address && kept.is_usable();
        let mut connection = match kept.as_mut().is_some_and(fits).then_some(kept).flatten() {
            Some(connection) => connection,
            None => self.dialer.dial(&address, &self.login, until.min(Instant::now() + self.connect_timeout))?,
        };
        let mut asking = Pipeline::with_capacity(commands.len() * 2);
        for command in commands.cmd_iter() {
            asking.cmd("ASKING").add_command(command.clone());
        }
        let deadline = until.min(Instant::now() + self.timeout);
        let values = connection.exchange(&asking.get_packed_pipeline(), asking.len(), deadline)?;
        *self.importing.lock() = Some(connection);
        Ok(values.into_iter().skip(1).step_by(2).collect())
    }

    /// Asks for each key of an `MGET` alone: each is here or there.
    fn one_by_one(&self, command: &Cmd, until: Instant) -> Result<Value, RedisError> {
        let mut gets = Pipeline::new();
        for argument in command.args_iter().skip(1) {
            if let Arg::Simple(key) = argument {
                gets.cmd("GET").arg(key);
            }
        }
        let mut answered = self.exchange(&gets, Purpose::Read, until)?;
        self.go(&gets, &mut answered, Purpose::Read, until)?;
        let refusal = answered.values.iter().find(|value| matches!(value, Value::ServerError(_)));
        Ok(refusal.cloned().unwrap_or(Value::Array(answered.values)))
    }
}

/// The commands at some positions.
fn chosen(commands: &Pipeline, positions: &[usize]) -> Pipeline {
    let mut chosen = Pipeline::with_capacity(positions.len());
    for (position, command) in commands.cmd_iter().enumerate() {
        if positions.binary_search(&position).is_ok() {
            chosen.add_command(command.clone());
        }
    }
    chosen
}

/// Puts answers where they belong.
fn put(values: &mut [Value], positions: &[usize], answers: Vec<Value>) {
    for (&position, answer) in positions.iter().zip(answers) {
        values[position] = answer;
    }
}
