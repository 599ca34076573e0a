//! Evaluations of flags that are in Redis: the same steps, on definitions that are read for the call.
//!
//! A flag that the local cache holds and that asks for no other object and no segment is evaluated where it lies, without
//! a copy. All others are gathered first. What Redis did not give is no impression, and is not called unknown either.

use std::time::Instant;

use super::question::Question;
use super::{Answer, AnswerStatus, Client, Verdict, Who, operation};
use crate::input::{self, Given, Method};
use crate::lifecycle::Status;
use crate::recorder::{CallContext, Draft, Spent};
use crate::rules::{Flag, Request, Unwatched, Watcher, labels, unknown};
use crate::storage::{Gathered, RedisStore};

impl Client {
    #[inline(never)]
    pub(super) fn one_from_redis<R>(
        &self,
        redis: &RedisStore,
        method: Method,
        who: &Who<'_>,
        flag: Given<'_>,
        watch: impl Watcher,
        take: impl FnOnce(Verdict<'_>) -> R,
    ) -> R {
        let began = Instant::now();
        if self.lifecycle.status() != Status::Ready {
            self.complain_destroyed(method);
            return take(self.refused(flag, AnswerStatus::Destroyed));
        }
        let Some(Question { keys, names: name, attributes }) = self.question(method, who, flag) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let request = self.request(keys.key(), attributes);
        let call = CallContext::new(keys.key(), request.key_hash, attributes, self.properties(who, method));
        let shelf = redis.shelf();
        let gathered;
        let verdict = match shelf.plain_flag(name, redis.moment(began)) {
            Some(flag) => self.evaluate_plain(redis, method, name, flag, &request, watch),
            None => {
                gathered = redis.gather(&[name], request.key.matching, began);
                self.evaluate_gathered(method, name, &request, &gathered, watch)
            }
        };
        let draft = draft(name, &verdict);
        self.record_from_redis(method, &call, draft.as_slice(), began, has_failed(&verdict));
        take(verdict)
    }

    #[inline(never)]
    pub(super) fn many_from_redis(
        &self,
        redis: &RedisStore,
        method: Method,
        who: &Who<'_>,
        flags: &[Given<'_>],
        began: Instant,
    ) -> Vec<Answer> {
        if self.lifecycle.status() != Status::Ready {
            self.complain_destroyed(method);
            return self.refuse_all(flags, AnswerStatus::Destroyed);
        }
        let Question { keys, names, attributes } = match self.questions(method, who, flags) {
            Ok(question) => question,
            Err(refusals) => return refusals,
        };
        let request = self.request(keys.key(), attributes);
        let call = CallContext::new(keys.key(), request.key_hash, attributes, self.properties(who, method));
        let shelf = redis.shelf();
        let now = redis.moment(began);
        let plain: Option<Vec<Option<&Flag>>> = names.iter().map(|name| shelf.plain_flag(name, now)).collect();
        let gathered;
        let verdicts: Vec<_> = match plain {
            Some(flags) => {
                let evaluate =
                    |(&name, flag)| (name, self.evaluate_plain(redis, method, name, flag, &request, Unwatched));
                names.iter().zip(flags).map(evaluate).collect()
            }
            None => {
                gathered = redis.gather(&names, request.key.matching, began);
                let evaluate = |&name: &_| (name, self.evaluate_gathered(method, name, &request, &gathered, Unwatched));
                names.iter().map(evaluate).collect()
            }
        };
        let drafts: Vec<Draft<'_>> = verdicts.iter().filter_map(|(name, verdict)| draft(name, verdict)).collect();
        let failed = verdicts.iter().any(|(_, verdict)| has_failed(verdict));
        self.record_from_redis(method, &call, &drafts, began, failed);
        verdicts.into_iter().map(|(name, verdict)| verdict.into_answer(name)).collect()
    }

    #[inline(never)]
    pub(super) fn sets_from_redis(
        &self,
        redis: &RedisStore,
        method: Method,
        who: &Who<'_>,
        sets: &[Given<'_>],
    ) -> Vec<Answer> {
        let began = Instant::now();
        if self.lifecycle.status() != Status::Ready {
            self.complain_destroyed(method);
            return Vec::new();
        }
        let sets = input::flag_sets(Some(sets), method, &self.log);
        let found = if sets.is_empty() { Some(Default::default()) } else { redis.flags_of_sets(&sets, began) };
        let Some((flags, empty)) = found else {
            if let Some(operation) = operation(method) {
                self.telemetry.exception(operation);
            }
            return Vec::new();
        };
        for set in empty {
            self.log.warning(
                "client",
                format_args!(
                    "{method}: the flag set {set:?} is not in Redis; check its name, and the filter of the Synchronizer"
                ),
            );
        }
        if flags.is_empty() {
            self.warn_of_empty_sets(method);
            return Vec::new();
        }
        let flags: Vec<Given<'_>> = flags.iter().map(|flag| Given::Text(flag)).collect();
        self.many_from_redis(redis, method, who, &flags, began)
    }

    #[inline]
    fn evaluate_plain<'d>(
        &'d self,
        redis: &'d RedisStore,
        method: Method,
        name: &str,
        flag: Option<&'d Flag>,
        request: &Request<'d>,
        watch: impl Watcher,
    ) -> Verdict<'d> {
        let decision = match flag {
            Some(flag) => redis.nothing().evaluate_flag(flag, request, watch),
            None => unknown(name, request),
        };
        self.verdict(method, name, decision)
    }

    fn evaluate_gathered<'d>(
        &'d self,
        method: Method,
        name: &str,
        request: &Request<'d>,
        gathered: &'d Gathered,
        watch: impl Watcher,
    ) -> Verdict<'d> {
        if gathered.unread.contains(name) {
            return self.undecided(name, &labels::DEFINITION_NOT_FOUND, AnswerStatus::StorageFailed);
        }
        self.evaluate(method, name, request, &gathered.definitions, watch)
    }

    fn record_from_redis(
        &self,
        method: Method,
        call: &CallContext<'_>,
        drafts: &[Draft<'_>],
        began: Instant,
        failed: bool,
    ) {
        // None: an account of a decision, which leaves nothing behind.
        let Some(operation) = operation(method) else { return };
        self.recorder.redis_call(call, drafts, Spent { operation, latency: Some(began.elapsed()), failed });
    }
}

/// What the recorder is to know of an evaluation, if anything.
fn draft<'v>(name: &'v str, verdict: &Verdict<'v>) -> Option<Draft<'v>> {
    let is_recorded = matches!(verdict.status, AnswerStatus::Evaluated | AnswerStatus::Failed);
    is_recorded.then_some(Draft { name, flag: verdict.flag, treatment: verdict.treatment, label: verdict.label })
}

fn has_failed(verdict: &Verdict<'_>) -> bool {
    matches!(verdict.status, AnswerStatus::Failed | AnswerStatus::StorageFailed)
}
