//! Everything at once: random changes while streams break, pause, garble and expire. In the end the SDK is where the
//! backend is, as an SDK that has just started sees it, and nothing is left behind.
//!
//! SPLITIO_CHAOS_SECONDS (20) and SPLITIO_CHAOS_SEED (the time) say how long and which.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use splitio_emulator::{Cut, Delivery, Emulator, End, Endpoint, Fault, Notification, Payload};

use crate::process::{descriptors, is_parent, threads};
use crate::sdk::*;

const FLAGS: u64 = 30;
const SEGMENTS: u64 = 5;
const KEYS: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];

/// splitmix64: the same seed, the same chaos.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).expect("small")].clone()
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn in_the_end_all_is_as_the_backend_has_it() {
    if is_parent("chaos::in_the_end_all_is_as_the_backend_has_it", |_, _| ()) {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let (seconds, seed) = (number("SPLITIO_CHAOS_SECONDS", 20), number("SPLITIO_CHAOS_SEED", now));
    println!("{seconds} s of chaos with seed {seed}");
    let backend = backend(|settings| {
        settings.keepalive_ms = 500;
        settings.page_size = Some(7);
    });
    backend.upsert_rbs(rule_based("r", "ann", 2)).expect("a rule-based segment");
    let (threads_before, descriptors_before) = (threads(), descriptors());

    let sdk = Sdk::streaming(&backend, &json!({"featuresRefreshRate": 2, "segmentsRefreshRate": 2}));
    let over = AtomicBool::new(false);
    let (edits, disturbances) = std::thread::scope(|scope| {
        let evaluating = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for key in KEYS {
                    assert_eq!(sdk.treatment(key, "first"), "on");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let done = rage(&backend, &mut Chance(seed), Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        evaluating.join().expect("nobody is without the first flag");
        done
    });
    sdk.forget_logs();
    calm(&backend);
    // The wait for the next connection doubles with each that failed: it is about as long as the outage was, at most.
    sdk.wait_log_within(LIMIT + 2 * Duration::from_secs(seconds), "streaming", "changes come by the stream");
    let fresh = Sdk::ready(&backend, &json!({"streamingEnabled": false}));
    let wanted = seen(&fresh);
    eventually("the backend's state", || seen(&sdk) == wanted);
    backend.upsert_flag(serving("last", "on", 0)).expect("a flag");
    sdk.wait_treatment("ann", "last", "on");
    assert!(wanted.0.as_array().is_some_and(|flags| flags.len() > 5), "{wanted:?}");
    sdk.destroy(LIMIT);
    report(&backend, edits, disturbances, seconds);
    drop((sdk, fresh));
    eventually("no thread more than before", || threads() == threads_before);
    eventually("no descriptor more than before", || descriptors() == descriptors_before);
}

/// All flags as the manager shows them, and what each serves to each key.
fn seen(sdk: &Sdk) -> (Value, Vec<&'static str>) {
    let mut flags = sdk.flags();
    let by_name = flags.as_array_mut().expect("a list");
    by_name.sort_by_key(|flag| flag["name"].as_str().map(str::to_owned));
    let names: Vec<String> = by_name.iter().filter_map(|flag| flag["name"].as_str()).map(str::to_owned).collect();
    let answers = names.iter().flat_map(|name| KEYS.map(|key| sdk.treatment(key, name))).collect();
    (flags, answers)
}

/// Changes and disturbs for a while; gives how often.
fn rage(backend: &Emulator, chance: &mut Chance, time: Duration) -> (u64, u64) {
    let (mut edits, mut disturbances) = (0, 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        if chance.below(30) == 0 {
            disturb(backend, chance);
            disturbances += 1;
        } else {
            backend.configure(|settings| settings.payload = chance.pick(&PAYLOADS));
            edit(backend, chance);
            edits += 1;
        }
        std::thread::sleep(Duration::from_millis(chance.below(20)));
    }
    (edits, disturbances)
}

fn rule_based(name: &str, key: &str, change_number: i64) -> Value {
    json!({
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "changeNumber": change_number,
        "conditions": [{"conditionType": "ROLLOUT", "matcherGroup": {"combiner": "AND", "matchers": [
            {"matcherType": "WHITELIST", "negate": false, "whitelistMatcherData": {"whitelist": [key]}}]}}],
    })
}

fn edit(backend: &Emulator, chance: &mut Chance) {
    let flag = format!("f{}", chance.below(FLAGS));
    let segment = format!("s{}", chance.below(SEGMENTS));
    let rule_based_segment = format!("r{}", chance.below(SEGMENTS));
    let key = chance.pick(&KEYS);
    // A change number of 0 is none: the backend takes the next. What is not there cannot be changed, and is not.
    let done = match chance.below(10) {
        0..=2 => backend.upsert_flag(serving(&flag, &format!("t{}", chance.below(5)), 0)).map(drop),
        3 => backend.upsert_flag(serving_members(&flag, &segment, "IN_SEGMENT", 0)).map(drop),
        4 => backend.upsert_flag(serving_members(&flag, &rule_based_segment, "IN_RULE_BASED_SEGMENT", 0)).map(drop),
        5 => backend.archive_flag(&flag).map(drop),
        6 => backend.kill_flag(&flag, "killed").map(drop),
        7 => backend.upsert_rbs(rule_based(&rule_based_segment, key, 0)).map(drop),
        8 => backend.set_segment(&segment, [key]).map(drop),
        _ => backend.update_segment(&segment, &[key], &[chance.pick(&KEYS)]).map(drop),
    };
    drop(done);
}

fn disturb(backend: &Emulator, chance: &mut Chance) {
    let short = Duration::from_millis(chance.below(300));
    let fault = |endpoint, fault: Fault| Fault { endpoint: Some(endpoint), times: Some(2), ..fault };
    let definitions = chance.pick(&[Endpoint::SplitChanges, Endpoint::SegmentChanges]);
    let control = |text: &str| Notification::Control { control: text.to_owned(), channel: None };
    let channel = Some(chance.pick(&["control_pri", "control_sec"]).to_owned());
    let notify = |notification| backend.notify(notification, Delivery::default());
    match chance.below(16) {
        0 => drop(backend.drop_streams(chance.pick(&[End::End, End::Half, End::Close, End::Reset]))),
        1 => notify(control("STREAMING_PAUSED")),
        2..=3 => notify(control(chance.pick(&["STREAMING_RESUMED", "STREAMING_ENABLED"]))),
        4 => notify(control("STREAMING_RESET")),
        5 => notify(Notification::Occupancy { channel, publishers: 0 }),
        6..=7 => notify(Notification::Occupancy { channel: None, publishers: 2 }),
        8 => backend.expire_tokens(chance.below(2) == 0),
        9 => notify(Notification::Error { code: chance.pick(&[40_142, 50_000]), status: 401, message: String::new() }),
        10 => drop(backend.stall_streams(Some(short))),
        11 => drop(backend.fault(fault(definitions, Fault { status: Some(503), ..Fault::default() }))),
        12 => drop(backend.fault(fault(definitions, Fault { drop: Some(Cut::Reset), ..Fault::default() }))),
        // One at a time: after three in a row it would only wait.
        13 => drop(backend.fault(Fault {
            endpoint: Some(chance.pick(&[Endpoint::Auth, Endpoint::Stream])),
            status: Some(500),
            times: Some(1),
            ..Fault::default()
        })),
        14 => backend.stale(Some(chance.below(20))),
        _ => {
            let delivery = Delivery {
                garble: chance.below(3) == 0,
                copies: usize::try_from(1 + chance.below(3)).expect("small"),
                delay_ms: chance.below(50),
                bytewise: chance.below(3) == 0,
                ..Delivery::default()
            };
            let reorder = usize::try_from(chance.below(3)).expect("small");
            backend.configure(|settings| (settings.delivery, settings.reorder) = (delivery, reorder));
        }
    }
}

/// Ends all disturbances. A message that was garbled is lost, as the protocol has it, so the last thing that happens is
/// that streams are lost once more: the next one begins with a synchronization.
fn calm(backend: &Emulator) {
    backend.clear_faults();
    backend.configure(|settings| settings.payload = Payload::Gzip);
    backend.stale(Some(0));
    backend.configure(|settings| (settings.delivery, settings.reorder) = (Delivery::default(), 0));
    backend.resume_streams();
    backend.drop_streams(End::Reset);
}

/// Prints what was asked, and holds it to a bound: every change and every disturbance may cost a pursuit of eleven
/// requests, and polls go on beside them.
fn report(backend: &Emulator, edits: u64, disturbances: u64, seconds: u64) {
    let counts = backend.counts();
    for (endpoint, count) in &counts {
        println!("{endpoint:?}: {} requests, {:?}", count.requests, count.statuses);
    }
    let of = |endpoint| counts.get(&endpoint).map_or(0, |count| count.requests);
    let fetches = of(Endpoint::SplitChanges) + of(Endpoint::SegmentChanges);
    println!("{edits} edits, {disturbances} disturbances, {fetches} fetches in {seconds} s");
    let usage = backend.wait_for(Endpoint::TelemetryUsage, 1, LIMIT)[0].json();
    println!("changes applied from the stream: {}", usage["ufs"]);
    assert!(usage["ufs"]["sp"].as_u64() > Some(0), "it streamed at times: {usage}");
    let bound = 11 * (edits + disturbances) + (SEGMENTS + 1) * (seconds + 60);
    assert!(fetches < bound, "{fetches} fetches, {bound} at most");
    assert!(of(Endpoint::Stream) <= disturbances + 2 * seconds + 10, "{} streams", of(Endpoint::Stream));
}
