//! What is done about what was announced: the workers, and what they ask for.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::super::testing::Reply;
use super::scene::*;
use crate::logging::Level;

fn flag(name: &str, more: &Value) -> Value {
    let mut flag =
        json!({"name": name, "status": "ACTIVE", "changeNumber": 1, "defaultTreatment": "off", "conditions": []});
    flag.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    flag
}

/// A condition for the members of a segment.
fn condition(matcher: &str, segment: &str) -> Value {
    let matcher = json!({"matcherType": matcher, "userDefinedSegmentMatcherData": {"segmentName": segment}});
    json!({"conditions": [
        {"matcherGroup": {"combiner": "AND", "matchers": [matcher]}, "partitions": [{"treatment": "on", "size": 100}]}]})
}

/// Up, with nothing left to ask.
async fn up() -> Scene {
    let scene = scene().await;
    scene.alive().await;
    scene.forget();
    scene
}

#[tokio::test(start_paused = true)]
async fn c06_an_instant_update_asks_nothing() {
    let scene = up().await;
    scene.tell(1, &instant(100, 110, &flag("a", &json!({})))).await;
    scene.tell(2, &instant(110, 120, &flag("b", &json!({})))).await;
    scene.tell(3, &instant(110, 120, &flag("b", &json!({})))).await;
    assert_eq!(scene.site.stored(), (vec!["a".to_owned(), "b".to_owned()], 120, -1));
    assert_eq!(scene.asked(), [""; 0]);
    assert_eq!(scene.site.events(), [r#"flags ["a"]"#, r#"flags ["b"]"#]);
    assert_eq!(scene.telemetry().pop().streamed_flags, 2);
    scene.tell(4, &instant(120, 130, &json!({"name": "a", "status": "ARCHIVED"}))).await;
    assert_eq!(
        (scene.site.stored(), scene.site.events()),
        ((vec!["b".to_owned()], 130, -1), vec![r#"flags ["a"]"#.to_owned()])
    );
}

/// B12: what could not be read was dropped without a word, and nothing was fetched for it.
#[tokio::test(start_paused = true)]
async fn c07_what_cannot_be_put_in_place_is_one_fetch() {
    let packed = |c: i64, d: &str| json!({"type": "SPLIT_UPDATE", "changeNumber": 110, "pcn": 100, "c": c, "d": d});
    let rows = [
        ("another state", instant(105, 110, &flag("a", &json!({}))), 0),
        ("no base64", packed(0, "???"), 1),
        ("no JSON", packed(0, "e30xe"), 1),
        ("no definition", packed(0, "e30="), 1),
        ("unknown compression", packed(9, "e30="), 1),
        ("unknown rule-based segment", instant(100, 110, &flag("a", &condition("IN_RULE_BASED_SEGMENT", "r"))), 0),
    ];
    for (name, update, complaints) in rows {
        let scene = up().await;
        scene.number.store(110, Ordering::Relaxed);
        let before = scene.lines.count(Level::Warning) + scene.lines.count(Level::Error);
        scene.tell(1, &update).await;
        assert_eq!(scene.asked(), ["since=100"], "{name}");
        assert_eq!(scene.site.stored(), (vec![], 110, -1), "{name}");
        let loud = scene.lines.count(Level::Warning) + scene.lines.count(Level::Error) - before;
        assert_eq!(loud, complaints, "{name}: {:?}", scene.lines.lines());
        assert_eq!(scene.telemetry().pop().streamed_flags, 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_based_segments_have_numbers_of_their_own() {
    let scene = up().await;
    let mut update = instant(-1, 50, &json!({"name": "r", "status": "ACTIVE", "conditions": []}));
    update["type"] = json!("RB_SEGMENT_UPDATE");
    scene.tell(1, &update).await;
    assert_eq!((scene.site.stored(), scene.asked()), ((vec![], 100, 50), vec![]));
    assert_eq!(scene.telemetry().pop().streamed_rule_based_segments, 1);
    scene.tell(2, &instant(100, 110, &flag("a", &condition("IN_RULE_BASED_SEGMENT", "r")))).await;
    assert_eq!((scene.site.stored(), scene.asked()), ((vec!["a".to_owned()], 110, 50), vec![]));
}

#[tokio::test(start_paused = true)]
async fn c08_a_new_segment_is_fetched_beside_the_worker() {
    let scene = scene_with("{}", |url| {
        url.contains("/slow")
            .then(|| Reply::Late(5000, Box::new(Reply::Json(r#"{"added":["k"],"since":7,"till":7}"#.to_owned()))))
    })
    .await;
    scene.alive().await;
    scene.asked();
    scene.tell(1, &instant(100, 110, &flag("a", &condition("IN_SEGMENT", "slow")))).await;
    scene.tell(2, &instant(110, 120, &flag("b", &json!({})))).await;
    assert_eq!(scene.site.stored(), (vec!["a".to_owned(), "b".to_owned()], 120, -1));
    assert_eq!(scene.asked(), ["/segmentChanges/slow?since=-1"]);
    sleep(seconds(6)).await;
    assert_eq!(scene.site.events(), [r#"flags ["a"]"#, r#"flags ["b"]"#, "segments"]);
    assert_eq!(scene.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn c09_a_stale_cdn_and_a_higher_target_meanwhile() {
    let scene = up().await;
    scene.tell(1, &update(110)).await;
    sleep(seconds(1)).await;
    let asked = scene.asked();
    assert_eq!(asked.len(), 11, "{asked:?}");
    assert_eq!((asked[9].as_str(), asked[10].as_str()), ("since=100", "since=100&till=110"));
    // The next would be in 9 s. A higher target begins anew, and quickly.
    scene.tell(2, &update(120)).await;
    assert_eq!(scene.asked(), ["since=100"]);
    scene.number.store(120, Ordering::Relaxed);
    sleep(millis(60)).await;
    assert_eq!(scene.asked(), ["since=100"]);
    sleep(seconds(20)).await;
    assert_eq!(scene.asked(), [""; 0], "what waited is there already");
}

#[tokio::test(start_paused = true)]
async fn c10_a_kill_comes_before_its_fetch() {
    let scene = scene_with("{}", |url| (url.contains("since=110")).then_some(Reply::Hang)).await;
    scene.alive().await;
    scene.tell(1, &instant(100, 110, &flag("a", &json!({"conditions": []})))).await;
    scene.forget();
    scene.number.store(130, Ordering::Relaxed);
    let kill = |number: i64, name: &str| json!({"type": "SPLIT_KILL", "changeNumber": number, "splitName": name, "defaultTreatment": "gone"});
    scene.tell(2, &kill(105, "a")).await;
    assert_eq!((scene.asked(), scene.site.events()), (vec![], vec![]), "an old one");
    scene.tell(3, &kill(130, "unknown")).await;
    assert_eq!((scene.asked(), scene.site.events()), (vec!["since=110".to_owned()], vec![]), "of a flag to be fetched");
    scene.tell(4, &kill(130, "a")).await;
    assert_eq!(scene.site.events(), [r#"flags ["a"]"#], "while the fetch hangs");
    let definitions = scene.site.store.load();
    let killed = definitions.flag("a").expect("stored");
    assert_eq!((killed.killed, killed.default.treatment.as_str(), killed.change_number), (true, "gone", 130));
    assert_eq!(definitions.change_number(), 110);
}

#[tokio::test(start_paused = true)]
async fn c20_what_is_not_understood_leaves_the_connection_alone() {
    let scene = up().await;
    let rows = [
        json!({"type": "LS_DEFINITION_UPDATE", "changeNumber": 500}),
        json!({"type": "CONTROL", "controlType": "STREAMING_DANCE"}),
        json!({"type": "SPLIT_UPDATE"}),
        json!([1, 2]),
        json!({}),
    ];
    for inner in &rows {
        scene.tell(1, inner).await;
    }
    for raw in
        ["event: message\ndata: {\n\n", "data: []\n\n", "event: dance\ndata: x\n\n", "event: error\n\n", "\u{feff}\n\n"]
    {
        assert!(scene.say(raw).await, "{raw}");
    }
    assert!(scene.is_listened_to());
    assert_eq!((scene.asked(), scene.events()), (vec![], vec![]));
    let loud = scene.lines.count(Level::Warning);
    for _ in 0..1000 {
        scene.say("data: {\n\n").await;
    }
    assert!(scene.lines.count(Level::Warning) <= loud + 1, "a server that talks rubbish fills no disk");
    scene.tell(1, &instant(100, 110, &flag("a", &json!({})))).await;
    assert_eq!(scene.site.stored().1, 110);
}

#[tokio::test(start_paused = true)]
async fn c21_what_comes_before_the_workers_start_is_done_when_they_do() {
    let scene =
        scene_with("{}", |url| url.contains("since=100").then(|| Reply::Late(5000, Box::new(changes(url, 100))))).await;
    scene.alive().await;
    scene.tell(1, &instant(100, 110, &flag("a", &json!({})))).await;
    assert_eq!(scene.site.stored().1, 100);
    sleep(seconds(5)).await;
    assert_eq!(scene.site.stored(), (vec!["a".to_owned()], 110, -1));
    // Kept also while it is paused, for when it goes on.
    scene.control(2, "STREAMING_PAUSED").await;
    scene.tell(3, &instant(110, 120, &flag("b", &json!({})))).await;
    assert_eq!(scene.site.stored().1, 110);
    scene.control(4, "STREAMING_RESUMED").await;
    assert_eq!(scene.site.stored(), (vec!["a".to_owned(), "b".to_owned()], 120, -1));
}

fn segment(name: &str, number: i64) -> Value {
    json!({"type": "SEGMENT_UPDATE", "changeNumber": number, "segmentName": name})
}

#[tokio::test(start_paused = true)]
async fn segments_that_are_referred_to_are_fetched_and_none_waits_for_another() {
    let scene = scene_with("{}", |url| {
        let reply = |till: i64| {
            let since = parameter(url, "since").max(till);
            Reply::Json(json!({"added": ["k"], "since": since, "till": since}).to_string())
        };
        match url {
            _ if url.contains("/stale") => Some(reply(7)),
            _ if url.contains("/quick") => Some(reply(20)),
            _ => None,
        }
    })
    .await;
    scene.alive().await;
    scene.tell(1, &instant(100, 110, &flag("a", &condition("IN_SEGMENT", "stale")))).await;
    scene.tell(2, &instant(110, 120, &flag("b", &condition("IN_SEGMENT", "quick")))).await;
    scene.asked();
    scene.tell(3, &segment("nobody", 9)).await;
    scene.tell(4, &segment("quick", 20)).await;
    assert_eq!(scene.asked(), [""; 0], "nobody asks for it, and reached already");
    scene.tell(5, &segment("stale", 10)).await;
    sleep(seconds(1)).await;
    let asked = scene.asked();
    assert_eq!((asked.len(), asked[10].as_str()), (11, "/segmentChanges/stale?since=7&till=10"), "{asked:?}");
    scene.tell(6, &segment("quick", 30)).await;
    assert_eq!(scene.asked()[0], "/segmentChanges/quick?since=20");
    scene.tell(7, &segment("stale", 12)).await;
    assert_eq!(scene.asked().iter().filter(|url| *url == "/segmentChanges/stale?since=7").count(), 1, "begins anew");
}

#[tokio::test(start_paused = true)]
async fn too_many_announcements_synchronize_everything_once() {
    let fetches = AtomicUsize::new(0);
    let scene = scene_with("{}", move |url| {
        // That of the first announcement takes its time.
        let is_slow = url.contains("since=100") && fetches.fetch_add(1, Ordering::Relaxed) == 1;
        is_slow.then(|| Reply::Late(1000, Box::new(changes(url, 100))))
    })
    .await;
    scene.alive().await;
    scene.asked();
    scene.tell(1, &update(101)).await;
    let many: String =
        (0..6000).map(|n| message(2, "o_splits", &instant(900 + n, 901 + n, &json!({})), None)).collect();
    scene.say(&many).await;
    let many: String = (0..6000).map(|n| message(2, "o_segments", &segment(&format!("s{n}"), 5), None)).collect();
    scene.say(&many).await;
    scene.number.store(7000, Ordering::Relaxed);
    sleep(seconds(60)).await;
    let asked = scene.asked();
    assert!(asked.len() < 10, "{asked:?}");
    assert_eq!(scene.site.stored().1, 7000);
    assert!(scene.lines.lines().iter().any(|(level, line)| *level == Level::Warning && line.contains("too many")));
}
