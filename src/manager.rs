//! What flags there are, for tools and tests; evaluations do not need it.

use std::sync::Arc;

use crate::input::{self, Given, Method};
use crate::lifecycle::{Lifecycle, Status};
use crate::logging::Logger;
use crate::rules::FlagView;
use crate::storage::{RedisStore, Store};
use crate::telemetry::Telemetry;

/// Names and views of the flags a factory knows.
#[derive(Debug)]
pub struct Manager {
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) store: Arc<Store>,
    /// In Redis mode, unless the factory waits for a fork. The other storage is empty then.
    pub(crate) redis: Option<Arc<RedisStore>>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) log: Logger,
}

impl Manager {
    /// The names of all flags, sorted; none once the factory is destroyed.
    pub fn names(&self) -> Vec<String> {
        if !self.may_answer(Method::SplitNames) {
            return Vec::new();
        }
        if let Some(redis) = &self.redis {
            return redis.flag_names();
        }
        let mut names: Vec<String> = self.store.load().flags().map(|flag| flag.name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// All flags, in the order of their names; none once the factory is destroyed.
    pub fn splits(&self) -> Vec<FlagView> {
        if !self.may_answer(Method::Splits) {
            return Vec::new();
        }
        if let Some(redis) = &self.redis {
            return redis.flag_views();
        }
        let mut views: Vec<FlagView> = self.store.load().flags().map(|flag| flag.view()).collect();
        views.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// One flag.
    pub fn split(&self, name: Given<'_>) -> Option<FlagView> {
        if self.lifecycle.status() == Status::Destroyed {
            self.complain_destroyed(Method::Split);
            return None;
        }
        let name = input::flag_name(name, Method::Split, &self.log)?;
        let ready = self.may_answer(Method::Split) && self.lifecycle.is_ready();
        let view = match &self.redis {
            // Whether there is one is not known if Redis does not say.
            Some(redis) => redis.flag(name)?.map(|flag| flag.view()),
            None => self.store.load().flag(name).map(|flag| flag.view()),
        };
        if view.is_none() && ready {
            input::unknown_flag(name, Method::Split, &self.log);
        }
        view
    }

    fn may_answer(&self, method: Method) -> bool {
        match self.lifecycle.status() {
            Status::Destroyed => {
                self.complain_destroyed(method);
                false
            }
            Status::NotReady => {
                self.telemetry.not_ready_use();
                self.log.warning(
                    "manager",
                    format_args!("{method}: the SDK is not ready: it answers from what it has fetched so far"),
                );
                true
            }
            Status::Ready | Status::WaitingFork => true,
        }
    }

    fn complain_destroyed(&self, method: Method) {
        self.log.error("manager", format_args!("{method}: the factory is destroyed; make a new one"));
    }
}
