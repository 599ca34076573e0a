//! What a factory is in a process that was forked from its own.
//!
//! First of all it is a life that waits, which evaluates from the definitions of the fork and has no part in anything of
//! the parent's. With resumeOnFork the call that found the fork makes it whole before it goes on, and others wait for
//! that; without, it is for [`Factory::resume`] to say.

use std::cell::Cell;

use super::blueprint::Start;
use super::life::Life;
use super::lineage::{Link, Standing};
use super::{Factory, FactoryError};
use crate::lifecycle::Status;
use crate::refusal::Refusal;

const TARGET: &str = "fork";

thread_local! {
    /// Set while this thread makes a factory whole. A logger that breaks its rule and calls the factory then is answered
    /// by the life that waits.
    static RESUMING: Cell<bool> = const { Cell::new(false) };
}

impl Factory {
    /// The life that answers a call, where the last is another process's or is only passing.
    #[cold]
    #[inline(never)]
    pub(super) fn life_after_fork(&self) -> &Life {
        let link = self.present();
        if link.answers_here() || RESUMING.get() {
            return &link.life;
        }
        match self.make_whole(link) {
            Ok(()) => &self.first.last().life,
            Err(cause) => self.stay_waiting(link, &cause),
        }
    }

    /// The last life of this process; one that waits if there was none.
    pub(super) fn present_life(&self) -> &Life {
        &self.present().life
    }

    /// [`Factory::resume`].
    pub(super) fn become_whole(&self) -> Result<(), Refusal> {
        let link = self.present();
        match link.life.status() {
            Status::Destroyed => Err(Refusal::Destroyed),
            Status::WaitingFork if RESUMING.get() => Err(Refusal::Reentrant),
            Status::WaitingFork => self.make_whole(link).map_err(|cause| Refusal::Resume(Box::new(cause))),
            Status::NotReady | Status::Ready => Ok(()),
        }
    }

    fn present(&self) -> &Link {
        loop {
            let last = self.first.last();
            if last.is_here() {
                return last;
            }
            let destroyed = last.life.status() == Status::Destroyed;
            let status = if destroyed { Status::Destroyed } else { Status::WaitingFork };
            let passing = self.blueprint.config.resume_on_fork && !destroyed;
            let standing = if passing { Standing::Passing } else { Standing::Settled };
            let life = self.blueprint.waiting(Start::from(&last.life), status, None);
            if destroyed {
                life.lifecycle.end();
            }
            if last.follow(Link::new(life, standing)) {
                last.life.descriptors.close_inherited();
            }
        }
    }

    /// Lets a life with threads follow one that waits, if no other thread has.
    fn make_whole(&self, waiting: &Link) -> Result<(), FactoryError> {
        let _turn = waiting.life.turn();
        let is_last = std::ptr::eq(waiting, self.first.last());
        if !is_last || !waiting.life.is_waiting() {
            return Ok(());
        }
        struct Done;
        impl Drop for Done {
            fn drop(&mut self) {
                RESUMING.set(false);
            }
        }
        RESUMING.set(true);
        let _done = Done;
        let life = self.blueprint.running(Start::from(&waiting.life), None)?;
        life.log.debug(TARGET, format_args!("resumed in this process"));
        // Nobody else may: the turn is ours.
        waiting.follow(Link::new(life, Standing::Settled));
        Ok(())
    }

    /// Goes on evaluating where the system gives no threads; [`Factory::resume`] may try again.
    fn stay_waiting(&self, link: &Link, cause: &FactoryError) -> &Life {
        link.life.log.error(
            TARGET,
            format_args!("cannot resume in a forked process: {cause}; impressions and events are not recorded until resume is called"),
        );
        let life = self.blueprint.waiting(Start::from(&link.life), Status::WaitingFork, None);
        link.follow(Link::new(life, Standing::Settled));
        &self.first.last().life
    }
}
