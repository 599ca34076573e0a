//! What is asked about segments, and what becomes of each answer.

use serde_json::json;

use super::super::testing::{Fake, Reply, Site, assert_pauses};
use super::*;
use crate::rules::{Change, Put, key_hash};
use crate::wire::changes::flag_from_json;
use crate::wire::compile::Compiler;

const PERIOD: Duration = Duration::from_secs(300);

fn change(added: &[&str], removed: &[&str], since: i64, till: i64) -> Reply {
    Reply::Json(json!({"name": "x", "added": added, "removed": removed, "since": since, "till": till}).to_string())
}

fn site(segments: &[&str]) -> Site {
    let site = Site::new(None);
    refer(&site, segments);
    site
}

/// Makes a flag that refers to these segments, and to no others.
fn refer(site: &Site, segments: &[&str]) {
    let matcher = |name: &&str| json!({"matcherType": "IN_SEGMENT", "negate": false, "userDefinedSegmentMatcherData": {"segmentName": name}});
    let matchers: Vec<_> = segments.iter().map(matcher).collect();
    let flag = json!({"name": "f", "status": "ACTIVE", "changeNumber": 1, "defaultTreatment": "off", "conditions": [
        {"matcherGroup": {"combiner": "AND", "matchers": matchers}, "partitions": [{"treatment": "on", "size": 100}]}]});
    site.store.write(|writer| {
        let log = Logger::silent();
        let mut compiler = Compiler { registry: writer.registry, log: &log, fallbacks: false };
        let flag: Option<Put<_>> = flag_from_json(&flag.to_string(), &mut compiler);
        let (next, _) = writer.current().apply(Change { flags: flag.into_iter().collect(), ..Change::default() }, None);
        writer.publish(next);
    });
}

fn sync(fake: &Arc<Fake>, site: &Site) -> Arc<SegmentSync> {
    sync_logging(fake, site, Logger::silent())
}

fn sync_logging(fake: &Arc<Fake>, site: &Site, log: Logger) -> Arc<SegmentSync> {
    let updates = Arc::new(Updates::new(Arc::clone(&site.lifecycle), Arc::clone(&site.outlets)));
    let random = fastrand::Rng::with_seed(7);
    Arc::new(SegmentSync::new(Arc::clone(fake) as _, Arc::clone(&site.store), updates, log, PERIOD, random))
}

/// Change number and keys of a segment, sorted; `None` if it was never fetched.
fn stored(site: &Site, name: &str) -> Option<(i64, Vec<String>)> {
    let definitions = site.store.load();
    let segment = definitions.segment(definitions.needed_segment(name)?)?;
    let mut keys: Vec<_> = segment.keys.iter().map(str::to_owned).collect();
    keys.sort();
    assert!(keys.iter().all(|key| segment.keys.contains(key_hash(key), key)));
    Some((segment.change_number, keys))
}

fn keys(list: &[&str]) -> Vec<String> {
    list.iter().map(|&key| key.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn until_there_is_no_more_and_only_real_changes_are_told() {
    let fake = Fake::new(|_, url| match url {
        url if url.ends_with("since=-1") => change(&["a", "b"], &[], -1, 10),
        url if url.ends_with("since=10") => change(&["c"], &["a"], 10, 20),
        _ => change(&[], &[], 20, 20),
    });
    let site = site(&["beta testers"]);
    site.lifecycle.become_ready();
    let sync = sync(&fake, &site);
    assert_eq!(sync.catch_up().await, Round::default());
    let path = "/segmentChanges/beta%20testers";
    assert_eq!(fake.asked(), ["-1", "10", "20"].map(|since| format!("{path}?since={since}")));
    assert_eq!(stored(&site, "beta testers"), Some((20, keys(&["b", "c"]))));
    assert_eq!(site.events(), ["segments", "segments"]);
    sync.catch_up().await;
    assert_eq!(fake.asked(), [format!("{path}?since=20")]);
    assert_eq!(site.events(), keys(&[]), "nothing changed");
}

#[tokio::test(start_paused = true)]
async fn a_segment_without_keys_is_known_after_its_first_fetch() {
    // An answer without a number too: B25.
    for answer in [json!({"name": "s", "added": [], "removed": [], "since": -1, "till": -1}), json!({"added": null})] {
        let said = answer.to_string();
        let fake = Fake::new(move |_, _| Reply::Json(answer.to_string()));
        let site = site(&["s"]);
        site.lifecycle.become_ready();
        let sync = sync(&fake, &site);
        sync.catch_up().await;
        assert_eq!((stored(&site, "s"), site.events()), (Some((-1, keys(&[]))), keys(&["segments"])), "{said}");
        sync.catch_up().await;
        assert_eq!((fake.asked().len(), site.events()), (2, keys(&[])), "{said}: no event at every poll");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_at_a_time() {
    let fake = Fake::new(|_, _| Reply::Late(1000, Box::new(change(&[], &[], 5, 5))));
    let names: Vec<_> = (0..25).map(|n| format!("s{n:02}")).collect();
    let site = site(&names.iter().map(String::as_str).collect::<Vec<_>>());
    sync(&fake, &site).catch_up().await;
    let mut per_second = [0; 3];
    fake.timed().iter().for_each(|(time, _)| per_second[time.as_secs() as usize] += 1);
    assert_eq!(per_second, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_segment_under_way_joins() {
    for (reply, failed) in [(change(&["a"], &[], 5, 5), 0), (Reply::Status(500), 1)] {
        let late = Reply::Late(1000, Box::new(reply));
        let fake = Fake::new(move |_, _| late.clone());
        let site = site(&["s"]);
        let sync = sync(&fake, &site);
        let rounds = tokio::join!(sync.catch_up(), sync.catch_up(), sync.discover());
        assert_eq!(fake.asked().len(), 1);
        assert_eq!((rounds.0.failed, rounds.1.failed, rounds.2.failed), (failed, failed, failed));
    }
}

#[tokio::test(start_paused = true)]
async fn failed_segments_are_tried_again_until_they_come_or_nothing_needs_them() {
    let fake = Fake::new(|_, url| if url.contains("/bad") { Reply::Status(500) } else { change(&[], &[], 5, 5) });
    let site = site(&["bad", "good", "bad too"]);
    let sync = sync(&fake, &site);
    assert_eq!(sync.catch_up().await.failed, 2);
    assert!(stored(&site, "good").is_some(), "one failure costs nobody else anything");
    fake.asked();
    let start = tokio::time::Instant::now();
    let mending = tokio::spawn(Arc::clone(&sync).mend());
    tokio::time::sleep(Duration::from_secs(100)).await;
    refer(&site, &["good", "bad too"]);
    tokio::time::sleep(Duration::from_secs(100)).await;
    fake.answer(|_, _| change(&["a"], &[], 5, 5));
    tokio::time::sleep(Duration::from_secs(1000)).await;
    mending.abort();
    let mut times = HashMap::<_, Vec<_>>::new();
    let begun = start.elapsed();
    for (time, url) in fake.timed() {
        times.entry(url).or_default().push(time.as_secs());
    }
    assert!(begun.as_secs() == 1200);
    assert_eq!(times["/segmentChanges/bad?since=-1"], [10, 30, 70]);
    assert_eq!(times["/segmentChanges/bad%20too?since=-1"], [10, 30, 70, 130, 190, 250]);
    assert_eq!(times.len(), 2, "{times:?}");
    assert_eq!(stored(&site, "bad too"), Some((5, keys(&["a"]))));
}

#[tokio::test(start_paused = true)]
async fn b20_ten_thousand_failures_of_a_segment() {
    let fake = Fake::new(|before, _| [Reply::Status(503), Reply::Timeout, Reply::Cut][before % 3].clone());
    let site = site(&["s"]);
    let sync = sync(&fake, &site);
    assert_eq!(sync.catch_up().await.failed, 1);
    let mending = tokio::spawn(Arc::clone(&sync).mend());
    tokio::time::sleep(Duration::from_secs(60 * 10_000)).await;
    mending.abort();
    let times: Vec<_> = fake.timed().into_iter().map(|(time, _)| time).collect();
    assert_pauses(&times, 9_990, Duration::from_secs(10), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn what_only_the_other_side_can_help_is_asked_at_the_period() {
    for (code, hint, level) in [
        (403, "one for browsers and mobile apps", Level::Error),
        (401, "does not accept the SDK key", Level::Error),
        (404, "no such segment", Level::Warning),
    ] {
        let fake = Fake::new(move |_, _| Reply::Status(code));
        let site = site(&["s"]);
        let (log, lines) = Logger::recording(Level::Debug);
        let sync = sync_logging(&fake, &site, log);
        let round = sync.catch_up().await;
        assert_eq!((round.failed, round.refused), (1, code != 404), "{code}");
        assert_eq!(sync.discover().await, Round::default(), "{code}: it is retried already");
        fake.asked();
        let mending = tokio::spawn(Arc::clone(&sync).mend());
        tokio::time::sleep(PERIOD * 3 + Duration::from_secs(1)).await;
        mending.abort();
        let times: Vec<_> = fake.timed().iter().map(|(time, _)| time.as_secs()).collect();
        assert_eq!(times, [300, 600, 900], "{code}");
        assert_eq!(lines.count(level), 1, "{code}: said once");
        assert!(lines.lines()[0].1.contains(hint), "{code}: {:?}", lines.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn an_announced_change_is_fetched_past_a_stale_cdn() {
    let fake = Fake::new(|_, url| match url {
        url if url.ends_with("since=-1") => change(&["a"], &[], 10, 10),
        url if url.ends_with("till=20") => change(&["b"], &[], 20, 20),
        _ => change(&[], &[], 10, 10),
    });
    let site = site(&["s"]);
    let sync = sync(&fake, &site);
    sync.catch_up().await;
    fake.asked();
    assert!(sync.pursue("s", 20).await.expect("answers"));
    let asked = fake.asked();
    assert_eq!((asked.len(), asked[9].as_str()), (11, "/segmentChanges/s?since=10"));
    assert_eq!(asked[10], "/segmentChanges/s?since=10&till=20");
    assert_eq!(stored(&site, "s"), Some((20, keys(&["a", "b"]))));
    assert!(sync.pursue("s", 20).await.expect("there already"));
    assert!(!sync.pursue("nobody needs this", 20).await.expect("not asked for"));
    assert_eq!(fake.asked(), keys(&[]));
}

#[tokio::test(start_paused = true)]
async fn numbers_of_segments_never_decrease() {
    let fake = Fake::new(|_, url| match url {
        url if url.ends_with("since=-1") => change(&["a"], &[], 10, 10),
        _ => change(&["b"], &["a"], 4, 4),
    });
    let site = site(&["s"]);
    let (log, lines) = Logger::recording(Level::Warning);
    let sync = sync_logging(&fake, &site, log);
    for _ in 0..20 {
        sync.catch_up().await;
    }
    assert_eq!(stored(&site, "s"), Some((10, keys(&["a"]))));
    assert_eq!((fake.asked().len(), lines.count(Level::Warning)), (20, 1), "{:?}", lines.lines());
}
