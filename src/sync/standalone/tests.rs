//! The start of standalone mode and its rounds, by a clock that stands still.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::super::testing::{Fake, Reply, Site, assert_pauses};
use super::*;
use crate::config::Settings;
use crate::lifecycle::Status;

fn config() -> Config {
    let mut settings = Settings::new();
    settings.merge_json(r#"{"featuresRefreshRate": 30, "segmentsRefreshRate": 60}"#).expect("valid");
    settings.resolve(false).expect("valid").0
}

fn standalone(fake: &Arc<Fake>, site: &Site, log: &Logger) -> Arc<Standalone> {
    let random = fastrand::Rng::with_seed(7);
    Arc::new(Standalone::new(&config(), Arc::clone(fake) as _, site.ground(log), random))
}

fn nothing_new() -> Reply {
    Reply::Json(json!({"ff": {"s": 9, "t": 9, "d": []}, "rbs": {"s": -1, "t": -1, "d": []}}).to_string())
}

/// One flag that asks for a segment.
fn flag_with_segment() -> Reply {
    let matcher = json!({"matcherType": "IN_SEGMENT", "userDefinedSegmentMatcherData": {"segmentName": "s"}});
    let flag = json!({"name": "f", "status": "ACTIVE", "changeNumber": 9, "defaultTreatment": "off", "conditions": [
        {"matcherGroup": {"combiner": "AND", "matchers": [matcher]}, "partitions": [{"treatment": "on", "size": 100}]}]});
    Reply::Json(json!({"ff": {"s": 9, "t": 9, "d": [flag]}}).to_string())
}

fn segment() -> Reply {
    Reply::Json(json!({"name": "s", "added": ["k"], "removed": [], "since": 5, "till": 5}).to_string())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn c03_start_up_waits_with_growing_spread_pauses_and_forgets_none() {
    let fake = Fake::new(|before, url| match url {
        _ if before < 8 => [Reply::Status(503), Reply::Timeout, Reply::Cut][before % 3].clone(),
        _ if before == 8 => Reply::RetryAfter(429, 100),
        _ => nothing_new(),
    });
    let site = Site::new(None);
    let standalone = standalone(&fake, &site, &Logger::silent());
    assert!(standalone.start_up().await);
    assert_eq!((site.lifecycle.status(), site.events()), (Status::Ready, vec!["ready".to_owned()]));
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time.as_secs_f64()).collect();
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, middle) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 25.0, 25.0, 25.0, 125.0]) {
        assert!((wait - middle).abs() <= 0.2 * middle.min(25.0) && *wait <= 130.0, "{waits:?}");
    }
    assert_eq!(waits.len(), 9);
    assert!(waits.windows(2).all(|pair| pair[0] != pair[1]), "spread: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn b20_ten_thousand_failures_of_the_start() {
    let fake = Fake::new(|before, _| match before {
        0..10_000 => [Reply::Status(503), Reply::Timeout, Reply::Cut][before % 3].clone(),
        _ => nothing_new(),
    });
    let site = Site::new(None);
    assert!(standalone(&fake, &site, &Logger::silent()).start_up().await);
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time).collect();
    assert_pauses(&times, 9_999, FIRST_RETRY.mul_f64(0.8), LAST_RETRY);
}

#[tokio::test(start_paused = true)]
async fn c04_too_many_flag_sets_are_told_once_and_never_make_it_ready() {
    let fake = Fake::new(|_, _| Reply::Status(414));
    let site = Site::new(Some(&["a", "b", "c"]));
    let (log, lines) = Logger::recording(Level::Debug);
    let standalone = standalone(&fake, &site, &log);
    let mut work = standalone.background();
    work.spawn({
        let standalone = Arc::clone(&standalone);
        async move {
            assert!(!standalone.start_up().await);
            standalone.start_polling(FirstRun::AfterPeriod);
        }
    });
    tokio::time::sleep(seconds(100)).await;
    assert_eq!(site.lifecycle.status(), Status::NotReady);
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time.as_secs()).collect();
    assert_eq!(times.len(), 4, "{times:?}");
    assert!(times.windows(2).all(|pair| (26..=33).contains(&(pair[1] - pair[0]))), "{times:?}");
    let errors: Vec<_> = lines.lines().into_iter().filter(|(level, _)| *level == Level::Error).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].1.contains("3 flag sets of flagSetsFilter"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_told_once_and_to_who_waits() {
    for code in [401, 403] {
        let fake = Fake::new(move |_, _| Reply::Status(code));
        let site = Site::new(None);
        let (log, lines) = Logger::recording(Level::Debug);
        let standalone = standalone(&fake, &site, &log);
        let starting = tokio::spawn({
            let standalone = Arc::clone(&standalone);
            async move { standalone.start_up().await }
        });
        tokio::time::sleep(seconds(600)).await;
        assert_eq!(lines.count(Level::Error), 1, "{code}: {:?}", lines.lines());
        let waited = site.lifecycle.wait_ready(Some(std::time::Instant::now()));
        assert_eq!(waited, crate::lifecycle::Waited::Refused, "{code}");
        let count = fake.asked().len();
        assert!((20..=40).contains(&count), "{code}: {count} requests in ten minutes");
        fake.answer(|_, _| nothing_new());
        assert!(starting.await.expect("no panic"), "{code}: somebody made the key valid");
        assert_eq!(site.lifecycle.wait_ready(None), crate::lifecycle::Waited::Ready);
    }
}

#[tokio::test(start_paused = true)]
async fn c02_a_failed_segment_does_not_keep_it_from_being_ready_but_a_refused_one_does() {
    for (code, ready) in [(500, true), (404, true), (403, false), (401, false)] {
        let fake = Fake::new(move |_, url| match url {
            url if url.starts_with("/segment") => Reply::Status(code),
            _ => flag_with_segment(),
        });
        let site = Site::new(None);
        let standalone = standalone(&fake, &site, &Logger::silent());
        let starting = tokio::spawn({
            let standalone = Arc::clone(&standalone);
            async move { standalone.start_up().await }
        });
        tokio::time::sleep(seconds(60)).await;
        assert_eq!(site.lifecycle.is_ready(), ready, "{code}");
        fake.answer(|_, url| if url.starts_with("/segment") { segment() } else { flag_with_segment() });
        assert!(starting.await.expect("no panic"), "{code}");
        assert!(site.lifecycle.is_ready(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn polls_run_a_spread_period_apart_and_discover_segments_at_once() {
    let fake = Fake::new(|_, _| nothing_new());
    let site = Site::new(None);
    let standalone = standalone(&fake, &site, &Logger::silent());
    assert!(standalone.start_up().await);
    let _work = standalone.background();
    standalone.start_polling(FirstRun::AfterPeriod);
    tokio::time::sleep(seconds(300)).await;
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time.as_secs_f64()).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (27.0..=33.0).contains(gap)), "{gaps:?}");
    assert!(gaps.windows(2).all(|pair| pair[0] != pair[1]), "{gaps:?}");

    fake.answer(|_, url| if url.starts_with("/segment") { segment() } else { flag_with_segment() });
    tokio::time::sleep(seconds(34)).await;
    let asked = fake.timed();
    let segment = asked.iter().find(|(_, url)| url == "/segmentChanges/s?since=-1").expect("fetched");
    let flags = asked.iter().find(|(_, url)| url.starts_with("/splitChanges")).expect("fetched");
    assert_eq!(segment.0, flags.0, "in the same moment");
    assert_eq!(site.events(), ["ready", "flags [\"f\"]", "segments"]);

    standalone.stop_polling();
    fake.asked();
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(fake.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_run_time_failure_changes_nothing_and_the_log_stays_short() {
    let fake = Fake::new(|_, url| if url.starts_with("/segment") { segment() } else { flag_with_segment() });
    let site = Site::new(None);
    let (log, lines) = Logger::recording(Level::Debug);
    let standalone = standalone(&fake, &site, &log);
    assert!(standalone.start_up().await);
    let _work = standalone.background();
    standalone.start_polling(FirstRun::AfterPeriod);
    for code in [401, 403, 414, 503] {
        fake.answer(move |_, _| Reply::Status(code));
        tokio::time::sleep(seconds(600)).await;
        assert!(site.lifecycle.is_ready() && site.store.load().flag("f").is_some(), "{code}");
        let asked = fake.asked().len();
        assert!((25..=50).contains(&asked), "{code}: {asked} requests, at the usual period");
    }
    fake.answer(|_, _| Reply::RetryAfter(429, 200));
    tokio::time::sleep(seconds(70)).await;
    fake.asked();
    tokio::time::sleep(seconds(120)).await;
    assert_eq!(fake.asked(), Vec::<String>::new(), "left alone when asked to be");
    let loud = lines.count(Level::Error) + lines.count(Level::Warning);
    assert!((5..=11).contains(&loud), "{:?}", lines.lines());
}

#[tokio::test(start_paused = true)]
async fn after_a_suspension_it_asks_at_once() {
    let fake = Fake::new(|_, _| Reply::Status(503));
    let site = Site::new(None);
    let standalone = standalone(&fake, &site, &Logger::silent());
    let starting = tokio::spawn({
        let standalone = Arc::clone(&standalone);
        async move { standalone.start_up().await }
    });
    tokio::time::sleep(seconds(100)).await;
    fake.asked();
    fake.answer(|_, _| nothing_new());
    standalone.woken.send_modify(|count| *count += 1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(starting.is_finished(), "in the middle of a wait of 20 s");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_logged_and_runs_again_after_a_second() {
    let fake = Fake::new(|before, _| if before == 0 { Reply::Panic } else { nothing_new() });
    let site = Site::new(None);
    let (log, lines) = Logger::recording(Level::Debug);
    let standalone = standalone(&fake, &site, &log);
    let _work = standalone.background();
    standalone.start_polling(FirstRun::Now);
    tokio::time::sleep(seconds(2)).await;
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time.as_millis()).collect();
    assert_eq!(times.len(), 2, "{times:?}");
    assert!((1000..=1001).contains(&(times[1] - times[0])), "{times:?}");
    assert!(lines.lines().iter().any(|(level, line)| *level == Level::Error && line.contains("as ordered")));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_its_work_takes_open_requests_back() {
    struct Gone(Arc<AtomicBool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let gone = Arc::new(AtomicBool::new(false));
    let mut work = JoinSet::new();
    let shared = Arc::clone(&gone);
    work.spawn(supervised("test", Logger::silent(), move || {
        let held = Gone(Arc::clone(&shared));
        async move {
            let _held = held;
            std::future::pending::<()>().await;
        }
    }));
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(!gone.load(Ordering::Acquire));
    drop(work);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(gone.load(Ordering::Acquire));
}

#[tokio::test(start_paused = true)]
async fn stopped_in_the_middle_of_a_request_it_can_ask_again() {
    let fake = Fake::new(|before, _| if before == 0 { Reply::Hang } else { nothing_new() });
    let site = Site::new(None);
    let standalone = standalone(&fake, &site, &Logger::silent());
    let _work = standalone.background();
    standalone.start_polling(FirstRun::Now);
    tokio::time::sleep(seconds(100)).await;
    standalone.stop_polling();
    standalone.sync_all().await.expect("the request that hangs is out of the way");
    standalone.start_polling(FirstRun::Now);
    tokio::time::sleep(seconds(1)).await;
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time.as_secs()).collect();
    assert_eq!(times, [0, 100, 100]);
}
