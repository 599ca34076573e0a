//! Connections at rest, and how many there may be.
//!
//! One connection for all would make an evaluation wait for another's slow answer; one for each thread would be too
//! many for a server that a hundred processes share.

use std::sync::Arc;
use std::time::Instant;

use super::locks::{Condvar, Mutex, MutexGuard};

use super::connection::Connection;

/// Lends connections, up to a limit; makes none itself.
pub(super) struct Pool {
    limit: usize,
    state: Mutex<State>,
    /// Rung for each place that is free again.
    freed: Condvar,
}

struct State {
    /// The most recently used last: what is not needed stays at the bottom.
    idle: Vec<Connection>,
    /// Lent and idle.
    open: usize,
    /// Counts how often all connections were given up.
    generation: u64,
    is_closed: bool,
}

/// What [`Pool::lend`] found.
pub(super) enum Found<'p> {
    /// A connection that was at rest; it may have been closed in the meantime.
    Idle(Lent<'p>),
    /// Room for a new one.
    Room(Place<'p>),
    /// Nothing, in all the time that there was.
    TimedOut,
    Closed,
}

/// The right to one connection, until dropped.
pub(super) struct Place<'p> {
    pool: &'p Pool,
    generation: u64,
}

/// A connection, closed unless it is given back.
pub(super) struct Lent<'p> {
    /// Before the place, so that it is closed when the place is free.
    pub(super) connection: Connection,
    place: Place<'p>,
}

impl Pool {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { idle: Vec::new(), open: 0, generation: 0, is_closed: false };
        Pool { limit: limit.max(1), state: Mutex::new(state), freed: Condvar::new() }
    }

    /// Lends an idle connection, or a place for a new one, as soon as there is either.
    pub(super) fn lend(&self, deadline: Instant) -> Found<'_> {
        let mut state = self.state.lock();
        let mut is_late = false;
        loop {
            if state.is_closed {
                return Found::Closed;
            }
            let generation = state.generation;
            if let Some(connection) = state.idle.pop() {
                return Found::Idle(Lent { connection, place: Place { pool: self, generation } });
            }
            if state.open < self.limit {
                state.open += 1;
                return Found::Room(Place { pool: self, generation });
            }
            if is_late {
                return Found::TimedOut;
            }
            // Looks once more even so: the bell may have been for this one.
            (state, is_late) = self.freed.wait_until(state, deadline);
        }
    }

    /// Gives up all connections, unless that has happened since `generation`. Whether it is done now.
    pub(super) fn renew(&self, generation: u64) -> bool {
        let mut state = self.state.lock();
        let is_current = state.generation == generation;
        if is_current {
            state.generation += 1;
            self.empty(state);
        }
        is_current
    }

    /// Counts how often all connections were given up.
    pub(super) fn generation(&self) -> u64 {
        self.state.lock().generation
    }

    /// Whether it lends nothing any more.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Whether connections of that generation are the present ones.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.state.lock().generation == generation
    }

    /// Closes what is idle, at once, and what is lent when it comes back. Lends nothing any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        self.empty(state);
        self.freed.notify_all();
    }

    fn empty(&self, mut state: MutexGuard<'_, State>) {
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
        drop(state);
        for connection in idle {
            drop(connection);
            self.freed.notify_one();
        }
    }
}

impl<'p> Place<'p> {
    /// Fills the place.
    pub(super) fn with(self, connection: Connection) -> Lent<'p> {
        Lent { connection, place: self }
    }
}

impl<'p> Lent<'p> {
    /// Which connections it belongs to, for [`Pool::renew`].
    pub(super) fn generation(&self) -> u64 {
        self.place.generation
    }

    /// Where it leads to.
    pub(super) fn address(&self) -> Arc<super::address::Address> {
        Arc::clone(self.connection.address())
    }

    /// Puts the connection to rest, if it is still wanted.
    pub(super) fn give_back(self) {
        let Lent { connection, place } = self;
        let pool = place.pool;
        let mut state = pool.state.lock();
        if !state.is_closed && state.generation == place.generation {
            state.idle.push(connection);
            std::mem::forget(place);
            drop(state);
            pool.freed.notify_one();
            return;
        }
        // The place takes the lock to free itself.
        drop(state);
        drop(connection);
        drop(place);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.state.lock().open -= 1;
        self.pool.freed.notify_one();
    }
}
