//! When it streams and when it polls: the connection, and the manager of the two modes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use super::super::super::testing::{Reply, assert_pauses};
use super::scene::*;
use crate::logging::Level;

const ESTABLISHED: (u8, i64) = (0, 0);
const TOKEN: (u8, i64) = (50, 4_600_000);
const STREAMING: [(u8, i64); 2] = [(70, 0), (30, 1)];
const POLLING: (u8, i64) = (70, 1);
const PAUSED: (u8, i64) = (30, 2);
const DISABLED: (u8, i64) = (30, 0);
const ENDED: (u8, i64) = (40, 1);
const ENDED_AS_WANTED: (u8, i64) = (40, 0);

#[tokio::test(start_paused = true)]
async fn up_with_the_first_sign_of_life_and_only_after_everything_was_fetched() {
    let mut scene = scene().await;
    assert_eq!((scene.asked(), scene.events()), (vec!["auth".to_owned()], vec![TOKEN]));
    scene.say("event: mess").await;
    assert_eq!(scene.events(), [], "a block that has not ended is no sign yet");
    scene.say("age\n\n").await;
    assert_eq!(scene.events(), [ESTABLISHED, STREAMING[0], STREAMING[1]]);
    assert_eq!(scene.asked(), ["since=100"]);
    assert!(!scene.polls().await);
    assert_eq!(scene.telemetry().pop().token_refreshes, 0, "popped before");
    scene.end().await;
    assert_eq!(scene.events(), [ENDED_AS_WANTED]);
    assert!(!scene.is_listened_to());
}

#[tokio::test(start_paused = true)]
async fn c15_silence_for_70_seconds_ends_a_connection_and_a_comment_prolongs_it() {
    let scene = scene().await;
    scene.alive().await;
    sleep(seconds(69)).await;
    assert!(scene.is_listened_to());
    scene.alive().await;
    sleep(seconds(69)).await;
    assert!(scene.is_listened_to());
    scene.asked();
    scene.events();
    sleep(seconds(1)).await;
    assert!(!scene.is_listened_to());
    assert_eq!((scene.asked(), scene.events()), (vec!["since=100".to_owned()], vec![ENDED, POLLING]), "polls at once");
    sleep(seconds(1)).await;
    assert_eq!(scene.opened().len(), 2);
    assert!(
        scene.lines.lines().iter().any(|(level, line)| *level == Level::Warning && line.contains("silent for 70s"))
    );
}

/// The pauses before requests for a stream, in seconds.
fn pauses(opened: &[std::time::Duration]) -> Vec<f64> {
    opened.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
}

/// B13, B14, B20: streams that cannot be had are not asked for in a loop, nor by all at the same time.
#[tokio::test(start_paused = true)]
async fn c15_reconnects_come_ever_more_rarely_are_spread_and_begin_anew_once_it_is_up() {
    let scene = scene().await;
    scene.alive().await;
    scene.plan(Plan::Refuse(503, ""));
    scene.opened();
    scene.hang_up().await;
    sleep(seconds(6 * 3600)).await;
    let opened = scene.opened();
    let pauses = pauses(&opened);
    assert!(opened.len() > 15 && opened.len() < 40, "{opened:?}");
    for (n, pause) in pauses.iter().enumerate() {
        let full = (2.0 * f64::from(1 << n.min(20) as u32)).min(1800.0);
        assert!(*pause >= 0.5 * full - 0.01 && *pause <= full + 0.01, "pause {n}: {pauses:?}");
    }
    let at_the_cap = &pauses[pauses.len() - 5..];
    assert!(at_the_cap.windows(2).all(|pair| pair[0] != pair[1]), "{pauses:?}");
    assert!(scene.polls().await);
    assert!(scene.lines.count(Level::Warning) < 20, "{:?}", scene.lines.count(Level::Warning));

    scene.plan(Plan::Open);
    while !scene.is_listened_to() {
        sleep(seconds(10)).await;
    }
    scene.alive().await;
    scene.opened();
    scene.hang_up().await;
    sleep(millis(1100)).await;
    assert_eq!(scene.opened().len(), 1);
}

/// A stream is there, and what is to be fetched before its changes are worth anything is not.
#[tokio::test(start_paused = true)]
async fn b20_ten_thousand_failures_of_the_synchronization() {
    let failing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fails = std::sync::Arc::clone(&failing);
    let scene = scene_with("{}", move |url| match url {
        _ if url.starts_with("/v2/auth") => Some(grant(365 * 86_400, 0)),
        _ => (fails.load(Ordering::Relaxed) && url.starts_with("/split")).then_some(Reply::Status(500)),
    })
    .await;
    failing.store(true, Ordering::Relaxed);
    scene.fake.asked();
    scene.alive().await;
    for _ in 0..30 * 10_000 / 60 {
        sleep(seconds(60)).await;
        scene.alive().await;
    }
    let times: Vec<_> = scene.fake.timed().into_iter().map(|(time, _)| time).collect();
    assert_pauses(&times, 10_000, millis(800), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn retry_after_prolongs_a_pause() {
    let scene = scene().await;
    scene.plan(Plan::RetryAfter(100));
    scene.opened();
    scene.hang_up().await;
    sleep(seconds(3)).await;
    assert_eq!(scene.opened().len(), 1);
    sleep(seconds(96)).await;
    assert_eq!(scene.opened().len(), 0);
    sleep(seconds(4)).await;
    assert_eq!(scene.opened().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c16_a_first_frame_that_is_an_error_does_not_make_it_up() {
    let rows = [
        (40_142, true, vec![(60, 40_142), ENDED_AS_WANTED, POLLING]),
        (40_012, true, vec![(60, 40_012), ENDED_AS_WANTED, POLLING, DISABLED]),
        (50_000, false, vec![(60, 50_000)]),
    ];
    for (code, closes, events) in rows {
        let scene = scene().await;
        scene.events();
        scene.asked();
        scene.say(&format!("event: error\ndata: {{\"code\":{code},\"statusCode\":401}}\n\n")).await;
        assert_eq!(scene.events(), events, "{code}");
        assert_eq!(scene.is_listened_to(), !closes, "{code}");
        // What stopped polling would also have fetched.
        let asked: &[&str] = if closes { &["since=100"] } else { &[] };
        assert_eq!(scene.asked(), asked, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn c14_errors_of_ably_reconnect_end_it_for_good_or_mean_nothing() {
    for (code, is_final) in [(40_142, Some(false)), (40_012, Some(true)), (50_000, None)] {
        let scene = scene().await;
        scene.alive().await;
        scene.opened();
        scene.say(&format!("event: error\ndata: {{\"code\":{code}}}\n\n")).await;
        let polls = scene.polls().await;
        assert_eq!(polls, is_final.is_some(), "{code}");
        assert_eq!(scene.opened().len(), usize::from(is_final == Some(false)), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn c17_answers_of_the_authentication() {
    let rows = [
        (Reply::Status(401), true, Level::Error),
        (Reply::Status(403), true, Level::Error),
        (Reply::Status(404), true, Level::Error),
        (Reply::Json(r#"{"pushEnabled":false,"token":""}"#.to_owned()), true, Level::Info),
        (Reply::Status(500), false, Level::Warning),
        (Reply::Status(408), false, Level::Warning),
        (Reply::Status(429), false, Level::Warning),
        (Reply::Timeout, false, Level::Warning),
        (Reply::Json(r#"{"pushEnabled":true,"token":"a.b.c"}"#.to_owned()), false, Level::Warning),
        (Reply::Json("[]".to_owned()), false, Level::Warning),
    ];
    for (reply, is_final, level) in rows {
        let answer = reply.clone();
        let scene = scene_with("{}", move |url| url.starts_with("/v2/auth").then(|| answer.clone())).await;
        let events: &[_] = if is_final { &[POLLING, DISABLED] } else { &[POLLING] };
        assert_eq!(scene.events(), events, "{reply:?}");
        assert_eq!(scene.asked(), ["auth", "since=100"], "{reply:?}");
        assert_eq!(
            scene.lines.lines().iter().filter(|(of, line)| *of == level && line.contains("poll")).count(),
            1,
            "{reply:?}"
        );
        sleep(seconds(100)).await;
        let auths = scene.asked().iter().filter(|asked| *asked == "auth").count();
        assert_eq!(auths > 3, !is_final, "{reply:?}: {auths}");
        assert!(scene.polls().await, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_refuses_a_stream() {
    let ably = |code: &'static str| code;
    let rows = [
        (503, "", false),
        (404, "", false),
        (200 + 4, "", false),
        (401, ably(r#"{"error":{"code":40142,"statusCode":401}}"#), false),
        (401, ably(r#"{"code":40101}"#), true),
        (400, ably("event: error\ndata: {\"code\":40012}\n\n"), true),
        (403, ably(r#"{"error":{"code":50000}}"#), false),
    ];
    for (status, body, is_final) in rows {
        let scene = scene().await;
        scene.plan(Plan::Refuse(status, body));
        scene.opened();
        scene.hang_up().await;
        sleep(seconds(60)).await;
        let opened = scene.opened().len();
        assert_eq!(opened == 1, is_final, "{status} {body}: {opened}");
        assert!(scene.polls().await, "{status} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn c18_a_token_is_replaced_without_polling_in_between() {
    for (life, after) in [(601, 1), (3600, 3000), (300, 3000)] {
        let scene = scene_with("{}", move |url| url.starts_with("/v2/auth").then(|| grant(life, 0))).await;
        let begin = tokio::time::Instant::now();
        scene.alive().await;
        scene.forget();
        while begin.elapsed() < seconds(after) - millis(10) {
            assert!(scene.say(":\n\n").await, "{life}: {:?}", begin.elapsed());
            sleep((seconds(after) - millis(10)).saturating_sub(begin.elapsed()).min(seconds(60))).await;
        }
        assert_eq!((scene.asked(), scene.opened()), (vec![], vec![]), "{life}");
        sleep(millis(30)).await;
        assert_eq!((scene.asked(), scene.opened().len()), (vec!["auth".to_owned()], 1), "{life}");
        assert_eq!(scene.events(), [ENDED_AS_WANTED, (50, (1000 + life) * 1000)], "{life}");
        sleep(seconds(60)).await;
        assert_eq!(scene.asked(), [""; 0], "{life}: nobody polls");
        scene.number.store(200, Ordering::Relaxed);
        scene.alive().await;
        assert_eq!(scene.asked(), ["since=100", "since=200"], "{life}: what came in the gap");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_polls() {
    let auths = AtomicUsize::new(0);
    let scene = scene_with("{}", move |url| {
        let is_second = url.starts_with("/v2/auth") && auths.fetch_add(1, Ordering::Relaxed) > 0;
        is_second.then_some(Reply::Status(503)).or_else(|| url.starts_with("/v2/auth").then(|| grant(601, 0)))
    })
    .await;
    scene.alive().await;
    scene.events();
    sleep(millis(1010)).await;
    assert_eq!(scene.events(), [ENDED_AS_WANTED, POLLING]);
    assert!(scene.polls().await);
}

#[tokio::test(start_paused = true)]
async fn after_90_seconds_without_a_status_polls_run_and_it_goes_on_waiting() {
    let scene = scene().await;
    scene.plan(Plan::Hang);
    scene.hang_up().await;
    // It polls because of that; so a scene in which nothing was ever said.
    let scene = scene_with("{}", |url| url.starts_with("/v2/auth").then_some(Reply::Hang)).await;
    sleep(seconds(89)).await;
    assert_eq!(scene.asked(), ["auth"]);
    sleep(seconds(2)).await;
    assert_eq!(scene.asked(), ["since=100"]);
    assert!(scene.polls().await);
    assert_eq!(scene.events(), []);
}

#[tokio::test(start_paused = true)]
async fn c12_occupancy() {
    let scene = scene().await;
    scene.publishers(1, "control_pri", 2).await;
    scene.forget();
    scene.publishers(2, "control_pri", 0).await;
    assert_eq!((scene.events(), scene.asked()), (vec![(10, 0)], vec![]));
    assert!(!scene.polls().await);
    scene.publishers(3, "control_sec", 0).await;
    assert_eq!((scene.events(), scene.asked()), (vec![(20, 0), POLLING, PAUSED], vec!["since=100".to_owned()]));
    assert!(scene.is_listened_to());
    assert!(scene.polls().await);
    scene.number.store(200, Ordering::Relaxed);
    scene.publishers(4, "control_sec", 1).await;
    assert_eq!(scene.events(), [(20, 1), STREAMING[0], STREAMING[1]]);
    assert_eq!(scene.asked(), ["since=100", "since=200"]);
    assert!(!scene.polls().await);
}

#[tokio::test(start_paused = true)]
async fn c13_control_messages() {
    for resume in ["STREAMING_ENABLED", "STREAMING_RESUMED"] {
        let scene = scene().await;
        scene.alive().await;
        scene.events();
        scene.control(1, "STREAMING_PAUSED").await;
        assert_eq!(scene.events(), [POLLING, PAUSED]);
        assert!(scene.polls().await && scene.is_listened_to());
        scene.control(2, resume).await;
        assert_eq!(scene.events(), STREAMING);
        assert!(!scene.polls().await);
        scene.opened();
        scene.control(3, "STREAMING_DISABLED").await;
        assert_eq!(scene.events(), [ENDED_AS_WANTED, POLLING, DISABLED]);
        assert!(!scene.is_listened_to());
        sleep(seconds(7200)).await;
        assert_eq!(scene.opened().len(), 0);
        assert!(scene.polls().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_connects_anew_without_polling() {
    let scene = scene().await;
    scene.alive().await;
    sleep(seconds(1)).await;
    scene.forget();
    scene.control(1, "STREAMING_RESET").await;
    assert_eq!((scene.events(), scene.opened().len()), (vec![ENDED_AS_WANTED, TOKEN], 1));
    sleep(seconds(60)).await;
    assert_eq!(scene.asked(), ["auth"]);
    scene.alive().await;
    assert_eq!(scene.asked(), ["since=100"]);
    // Not without pause, if every connection is reset.
    scene.forget();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < seconds(5) {
        if scene.is_listened_to() {
            scene.control(2, "STREAMING_RESET").await;
        }
        settle().await;
    }
    assert!((4..=6).contains(&scene.opened().len()), "once a second");
}

#[tokio::test(start_paused = true)]
async fn the_delay_that_the_server_asks_for_is_kept_only_on_demand() {
    for honor in [false, true] {
        let options = format!(r#"{{"streamingHonorConnDelay": {honor}}}"#);
        let scene = scene_with(&options, |url| url.starts_with("/v2/auth").then(|| grant(3600, 100))).await;
        assert_eq!(scene.opened().len(), usize::from(!honor), "{honor}");
        assert_eq!(scene.polls().await, honor, "{honor}");
        if !honor {
            scene.alive().await;
        }
        sleep(seconds(67)).await;
        assert_eq!(scene.opened().len(), usize::from(honor), "{honor}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_suspension_another_connection_is_made_at_once() {
    let scene = scene().await;
    scene.alive().await;
    sleep(seconds(5)).await;
    scene.forget();
    scene.sync.wake();
    settle().await;
    assert_eq!((scene.asked(), scene.opened().len()), (vec!["auth".to_owned()], 1));
    // Also out of a pause that is long.
    scene.plan(Plan::Refuse(503, ""));
    scene.hang_up().await;
    sleep(seconds(3600)).await;
    scene.plan(Plan::Open);
    scene.opened();
    scene.sync.wake();
    settle().await;
    assert_eq!(scene.opened().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_connection() {
    let scene = scene().await;
    scene.alive().await;
    scene.plan(Plan::Panic);
    scene.hang_up().await;
    sleep(seconds(1)).await;
    scene.plan(Plan::Open);
    assert!(scene.polls().await);
    scene.alive().await;
    assert!(!scene.polls().await);
    assert_eq!(scene.lines.lines().iter().filter(|(_, line)| line.contains("failed inside")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn b15_a_line_above_the_limit_ends_in_a_reconnect_and_a_fetch() {
    let scene = scene().await;
    scene.alive().await;
    scene.forget();
    scene.say("data: ").await;
    let piece = "x".repeat(1 << 20);
    for _ in 0..9 {
        scene.say(&piece).await;
    }
    assert!(!scene.is_listened_to());
    sleep(seconds(1)).await;
    assert_eq!((scene.asked(), scene.opened().len()), (vec!["since=100".to_owned(), "auth".to_owned()], 1));
    scene.alive().await;
    assert!(!scene.polls().await);
}

#[tokio::test(start_paused = true)]
async fn a_synchronization_that_fails_is_retried_and_ends_with_the_next_status() {
    let failing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let fails = std::sync::Arc::clone(&failing);
    let scene = scene_with("{}", move |url| {
        (fails.load(Ordering::Relaxed) && url.starts_with("/split")).then_some(Reply::Status(500))
    })
    .await;
    failing.store(true, Ordering::Relaxed);
    scene.asked();
    scene.alive().await;
    scene.tell(5, &update(200)).await;
    sleep(seconds(10)).await;
    assert_eq!(scene.asked(), ["since=100"; 4], "after 1, 2 and 4 s; the update waits");
    scene.control(6, "STREAMING_PAUSED").await;
    assert_eq!(scene.asked(), ["since=100"], "the first poll");
    sleep(seconds(20)).await;
    assert_eq!(scene.asked(), [""; 0], "no other retries");
    failing.store(false, Ordering::Relaxed);
    scene.number.store(200, Ordering::Relaxed);
    scene.control(7, "STREAMING_RESUMED").await;
    assert_eq!(scene.asked(), ["since=100", "since=200"], "and the update that waited needs nothing more");
}
