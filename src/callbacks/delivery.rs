//! The delivery thread, `splitio-deliver`.
//!
//! One channel carries everything, so callbacks come in the order in which things happened. Impressions beyond
//! the listener's lag limit are dropped and counted; updates beyond theirs are merged into one, as their receivers only
//! want to know what to look at again.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, mem};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::{Event, EventHandler, EventKind, Impression, ImpressionListener, Instance};
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::threads::{Awaited, End};

/// As the dispatcher queue of sync-protocol.md 4.4.
const EVENTS_LIMIT: usize = 1000;
/// Names of flags in all updates that wait, and in those that are merged into one, at most: a backend that sends ever new
/// ones while a handler is stuck would fill the memory.
const NAMES_LIMIT: usize = 100_000;

thread_local! {
    /// The factory whose delivery thread this is; 0 on all other threads.
    static DELIVERING_FOR: Cell<u64> = const { Cell::new(0) };
}

type WeakHandler = Weak<dyn Fn(&Event) + Send + Sync>;

enum Job {
    Impression(Impression),
    Event(Event),
    Handler(EventKind, EventHandler),
    /// Answers when everything before it was delivered.
    Barrier(Sender<()>),
    Stop,
}

/// The sending side of a factory's delivery thread.
pub(crate) struct Delivery {
    shared: Arc<Shared>,
    has_listener: AtomicBool,
    started: OnceLock<Started>,
    /// Serialises the lazy start, which can fail, with the end: true once nothing may start any more.
    closed: Mutex<bool>,
}

struct Started {
    jobs: Sender<Job>,
    thread: Awaited,
}

impl Started {
    fn event(&self, shared: &Shared, event: Event) {
        let names = names_in(&event);
        shared.events.fetch_add(1, Ordering::Relaxed);
        shared.names.fetch_add(names, Ordering::Relaxed);
        // Refused by an ended thread only, when nobody listens any more.
        if self.jobs.send(Job::Event(event)).is_err() {
            shared.let_go(names);
        }
    }
}

fn names_in(event: &Event) -> usize {
    match event {
        Event::Ready => 0,
        Event::Update { names, .. } => names.len(),
    }
}

struct Shared {
    factory: u64,
    instance: Arc<Instance>,
    log: Logger,
    /// About handlers of updates.
    complaint: Complaint,
    lag_limit: usize,
    impressions: AtomicUsize,
    events: AtomicUsize,
    /// In the events that wait.
    names: AtomicUsize,
    dropped: AtomicU64,
    /// Updates that came while as many were waiting as may.
    merged: Mutex<Option<Event>>,
    /// Set by destroy: no event handler is called from then on.
    events_closed: AtomicBool,
    /// Set when destroy gives up waiting: nothing more is called at all.
    abandoned: AtomicBool,
}

impl Delivery {
    /// A delivery that starts its thread once somebody listens.
    pub(crate) fn new(factory: u64, instance: Arc<Instance>, log: Logger, lag_limit: usize) -> Self {
        let shared = Arc::new(Shared {
            factory,
            instance,
            complaint: Complaint::new(log.clone(), "callbacks"),
            log,
            lag_limit,
            impressions: AtomicUsize::new(0),
            events: AtomicUsize::new(0),
            names: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            merged: Mutex::new(None),
            events_closed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        });
        let has_listener = AtomicBool::new(false);
        Delivery { shared, has_listener, started: OnceLock::new(), closed: Mutex::new(false) }
    }

    /// Gives impressions to `listener`, which the caller keeps. Before any handler is added.
    pub(crate) fn listen(&self, listener: &Arc<dyn ImpressionListener>) -> io::Result<()> {
        let _closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        self.start(Some(Arc::downgrade(listener)))?;
        self.has_listener.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether impressions are wanted.
    #[inline]
    pub(crate) fn has_listener(&self) -> bool {
        self.has_listener.load(Ordering::Relaxed)
    }

    /// Whether the calling thread is the one that calls this factory's callbacks.
    pub(crate) fn is_current_thread(&self) -> bool {
        DELIVERING_FOR.get() == self.shared.factory
    }

    /// Queues an impression for the listener, or drops and counts it when the listener lags too far behind.
    pub(crate) fn impression(&self, impression: Impression) {
        let Some(started) = self.started.get() else { return };
        let shared = &self.shared;
        if shared.impressions.fetch_add(1, Ordering::Relaxed) >= shared.lag_limit
            || started.jobs.send(Job::Impression(impression)).is_err()
        {
            shared.impressions.fetch_sub(1, Ordering::Relaxed);
            if shared.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                shared.log.warning(
                    "impressions",
                    format_args!(
                        "the impression listener lags by {} impressions: dropping impressions for it (impressionsQueueSize)",
                        shared.lag_limit
                    ),
                );
            }
        }
    }

    /// Queues an event for its handlers. Nothing happens while there are none.
    pub(crate) fn event(&self, event: Event) {
        let Some(started) = self.started.get() else { return };
        let shared = &self.shared;
        if shared.is_full_for(&event) {
            shared.merge(event);
            // The worker may have caught up meanwhile, and then looks for it no more.
            if shared.events.load(Ordering::Relaxed) == 0
                && let Some(event) = shared.take_merged()
            {
                started.event(shared, event);
            }
            return;
        }
        started.event(shared, event);
    }

    /// Adds a handler, which the caller keeps; starts the thread if it is the first to listen. If that fails it says why;
    /// not where the end has begun.
    pub(crate) fn handler(&self, kind: EventKind, handler: EventHandler) -> Result<(), Option<io::Error>> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(None);
        }
        let started = self.start(None).map_err(Some)?;
        // Refused by an ended thread only.
        started.jobs.send(Job::Handler(kind, handler)).map_err(|_refused| None)
    }

    /// Waits until everything queued before this call was delivered; false when the deadline came first.
    pub(crate) fn wait_delivered(&self, deadline: Option<Instant>) -> bool {
        let Some(started) = self.started.get() else { return true };
        let (answer, answered) = bounded(1);
        // Refused by an ended thread, which drops the answering side: then nothing more is delivered.
        let _ = started.jobs.send(Job::Barrier(answer));
        match deadline {
            Some(deadline) => answered.recv_deadline(deadline).is_ok(),
            None => answered.recv().is_ok(),
        }
    }

    /// No event handler is called from now on.
    pub(crate) fn close_events(&self) {
        self.shared.events_closed.store(true, Ordering::Release);
    }

    /// Ends the thread once it has delivered what is queued; at the deadline it is left to end by itself, after the
    /// callback that it is in. False in that case.
    pub(crate) fn finish(&self, deadline: Option<Instant>) -> bool {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let Some(started) = self.started.get() else { return true };
        // Refused by an ended thread only.
        let _ = started.jobs.send(Job::Stop);
        match started.thread.join(deadline) {
            Some(End::Well) => true,
            Some(End::Panicked) => {
                self.shared.log.error("callbacks", format_args!("a defect ended the thread that calls callbacks"));
                true
            }
            None => {
                self.shared.abandoned.store(true, Ordering::Release);
                let lost = self.shared.impressions.load(Ordering::Relaxed);
                self.shared.log.warning(
                    "impressions",
                    format_args!(
                        "the impression listener did not get to the end in time: {lost} impressions are lost to it"
                    ),
                );
                false
            }
        }
    }

    /// Called with `closed` held.
    fn start(&self, listener: Option<Weak<dyn ImpressionListener>>) -> io::Result<&Started> {
        if let Some(started) = self.started.get() {
            return Ok(started);
        }
        // Limits are counted, not allocated: impressionsQueueSize may be in the billions.
        let (jobs, inbox) = unbounded();
        let mut worker = Worker {
            shared: Arc::clone(&self.shared),
            listener,
            on_ready: Vec::new(),
            on_update: Vec::new(),
            ready: false,
        };
        let thread = Awaited::spawn("splitio-deliver", move || {
            DELIVERING_FOR.set(worker.shared.factory);
            worker.run(&inbox);
        })?;
        Ok(self.started.get_or_init(|| Started { jobs, thread }))
    }
}

impl Shared {
    /// However much an event names, it has a place where none waits.
    fn is_full_for(&self, event: &Event) -> bool {
        let waiting = self.events.load(Ordering::Relaxed);
        let names = self.names.load(Ordering::Relaxed) + names_in(event);
        waiting >= EVENTS_LIMIT || waiting > 0 && names > NAMES_LIMIT
    }

    /// An event with so many names waits no longer.
    fn let_go(&self, names: usize) {
        self.events.fetch_sub(1, Ordering::Relaxed);
        self.names.fetch_sub(names, Ordering::Relaxed);
    }

    fn take_merged(&self) -> Option<Event> {
        self.merged.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn merge(&self, event: Event) {
        let Event::Update { flags_changed, names } = event else { return };
        let mut untold = 0;
        let mut merged = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *merged {
            Some(Event::Update { flags_changed: any, names: all }) => {
                *any |= flags_changed;
                all.extend(names);
                all.sort_unstable();
                all.dedup();
                untold = all.len().saturating_sub(NAMES_LIMIT);
                all.truncate(NAMES_LIMIT);
            }
            _ => *merged = Some(Event::Update { flags_changed, names }),
        }
        drop(merged);
        if untold > 0 {
            // At every further update while a handler is stuck.
            self.complaint.say_about(
                Level::Warning,
                "names",
                format_args!("handlers of updates lag by more than {NAMES_LIMIT} flags: {untold} names are left out"),
            );
        }
    }
}

/// The callbacks are the factory's, which lets go of them when it is destroyed: what this thread held would be held for
/// ever in a forked child, where it does not exist.
struct Worker {
    shared: Arc<Shared>,
    listener: Option<Weak<dyn ImpressionListener>>,
    on_ready: Vec<WeakHandler>,
    on_update: Vec<WeakHandler>,
    ready: bool,
}

impl Worker {
    fn run(&mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = inbox.recv() {
            if self.shared.abandoned.load(Ordering::Acquire) {
                return;
            }
            match job {
                Job::Impression(impression) => self.impression(&impression),
                Job::Event(event) => {
                    self.shared.let_go(names_in(&event));
                    self.event(&event);
                    if self.shared.events.load(Ordering::Relaxed) == 0
                        && let Some(event) = self.shared.take_merged()
                    {
                        self.event(&event);
                    }
                }
                Job::Handler(EventKind::Ready, handler) => {
                    if self.ready {
                        self.call(|| handler(&Event::Ready));
                    }
                    self.on_ready.push(Arc::downgrade(&handler));
                }
                Job::Handler(EventKind::Update, handler) => self.on_update.push(Arc::downgrade(&handler)),
                Job::Barrier(answer) => drop(answer.send(())),
                Job::Stop => {
                    self.report_dropped();
                    return;
                }
            }
        }
    }

    fn impression(&self, impression: &Impression) {
        if let Some(listener) = self.listener.as_ref().and_then(Weak::upgrade) {
            self.call(|| listener.impression(impression, &self.shared.instance));
        }
        if self.shared.impressions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.report_dropped();
        }
    }

    fn report_dropped(&self) {
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.shared.log.warning(
                "impressions",
                format_args!("the impression listener has caught up; {dropped} impressions were dropped for it"),
            );
        }
    }

    fn event(&mut self, event: &Event) {
        if self.shared.events_closed.load(Ordering::Acquire) {
            return;
        }
        // `Ready` may be announced twice: by the one who got ready, and by the one who started this thread meanwhile.
        if *event == Event::Ready && mem::replace(&mut self.ready, true) {
            return;
        }
        let handlers = match event {
            Event::Ready => &self.on_ready,
            Event::Update { .. } => &self.on_update,
        };
        for handler in handlers.iter().filter_map(Weak::upgrade) {
            self.call(|| handler(event));
        }
    }

    fn call(&self, callback: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(callback)).is_err() {
            self.shared
                .log
                .error("callbacks", format_args!("a callback panicked; it is called again for what comes next"));
        }
    }
}

/// The deadline of a wait of at most `timeout`; none for ever.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(names: impl Iterator<Item = usize>) -> Event {
        Event::Update { flags_changed: true, names: names.map(|name| format!("{name:07}")).collect() }
    }

    /// A backend that sends ever new flags, and a handler that is stuck.
    #[test]
    fn names_that_wait_have_a_limit() {
        let (log, lines) = Logger::recording(Level::Warning);
        let delivery = Delivery::new(1, Arc::default(), log, 10);
        let (entered, is_entered) = bounded(1);
        let (go_on, may_go_on) = bounded::<()>(1);
        let told = Arc::new(Mutex::new(Vec::new()));
        let handler: EventHandler = {
            let told = Arc::clone(&told);
            Arc::new(move |event: &Event| {
                told.lock().expect("no panic").push(names_in(event));
                if entered.send(()).is_ok() {
                    // Fails once the test lets it go on for good.
                    let _ = may_go_on.recv();
                }
            })
        };
        delivery.handler(EventKind::Update, Arc::clone(&handler)).expect("a thread");
        delivery.event(update(0..NAMES_LIMIT + 1));
        is_entered.recv().expect("it is told of any number where none waits");
        let half = NAMES_LIMIT / 2;
        for part in 0..6 {
            delivery.event(update(part * half..(part + 1) * half));
        }
        assert_eq!(delivery.shared.names.load(Ordering::Relaxed), NAMES_LIMIT);
        assert_eq!(lines.count(Level::Warning), 1, "{:?}", lines.lines());
        for _ in 0..3 {
            go_on.send(()).expect("it waits");
            is_entered.recv().expect("it is told of the next");
        }
        drop((go_on, is_entered));
        assert!(delivery.finish(None));
        assert_eq!(*told.lock().expect("no panic"), [NAMES_LIMIT + 1, half, half, NAMES_LIMIT]);
    }
}
