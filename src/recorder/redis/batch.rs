//! Pipelines that write, and what their answers mean.
//!
//! Data that no Synchronizer fetches must not fill a server: a key that a push creates lives for an hour. Only the push
//! that creates it says so, as the official SDKs mean to do, so that what was never fetched goes as one block. Whether a
//! push created its key is seen in the answers alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{Cmd, Pipeline, Value};

use crate::redis::text_of;

/// How long what nobody fetches stays.
const SECONDS_TO_LIVE: u32 = 3600;

/// Commands that are sent in one piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pipeline: Pipeline,
    len: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn commands(&self) -> &Pipeline {
        &self.pipeline
    }

    fn add(&mut self, command: Cmd) -> usize {
        self.pipeline.add_command(command);
        self.len += 1;
        self.len - 1
    }

    /// Appends elements, of which there is at least one, to a list.
    pub(super) fn push(&mut self, key: &str, elements: &[Vec<u8>]) -> Push {
        let mut command = redis::cmd("RPUSH");
        command.arg(key);
        for element in elements {
            command.arg(&**element);
        }
        Push { at: self.add(command), elements: elements.len() }
    }

    /// Adds to numbers in a hash. No field occurs twice.
    pub(super) fn increase(&mut self, key: &str, fields: impl IntoIterator<Item = (String, u64)>) -> Increase {
        let at = self.len;
        let by: Vec<i64> = fields
            .into_iter()
            .map(|(field, by)| {
                let by = i64::try_from(by).unwrap_or(i64::MAX);
                let mut command = redis::cmd("HINCRBY");
                command.arg(key).arg(field).arg(by);
                self.add(command);
                by
            })
            .collect();
        if !by.is_empty() {
            let mut length = redis::cmd("HLEN");
            length.arg(key);
            self.add(length);
        }
        Increase { at, by }
    }

    /// Sets a field of a hash.
    pub(super) fn set(&mut self, key: &str, field: &str, value: &[u8]) {
        let mut command = redis::cmd("HSET");
        command.arg(key).arg(field).arg(value);
        self.add(command);
    }

    /// Lets a key that a push created live for an hour.
    pub(super) fn expire(&mut self, key: &str) {
        let mut command = redis::cmd("EXPIRE");
        command.arg(key).arg(SECONDS_TO_LIVE);
        self.add(command);
    }
}

/// Where the answer to an `RPUSH` is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Push {
    at: usize,
    elements: usize,
}

impl Push {
    /// Whether it created its list, or an earlier one did that was not answered; an error, as the server puts it, if it
    /// was not done.
    pub(super) fn created(self, answers: &[Value], unanswered: &Unanswered) -> Result<bool, String> {
        match answers.get(self.at) {
            Some(Value::Int(length)) => {
                let most = unanswered.0.swap(0, Ordering::Relaxed).saturating_add(self.elements);
                Ok(usize::try_from(*length).is_ok_and(|length| length <= most))
            }
            other => Err(refusal(other)),
        }
    }
}

/// How many elements may have got into a list without an answer that said so, since a push was answered last: if it was
/// theirs that created the list, nobody else has said how long that lives.
#[derive(Debug, Default)]
pub(super) struct Unanswered(AtomicUsize);

impl Unanswered {
    pub(super) fn add(&self, push: Push) {
        self.0.fetch_add(push.elements, Ordering::Relaxed);
    }
}

/// Where the answers to `HINCRBY` are, and that to the `HLEN` that follows them.
#[derive(Debug)]
pub(super) struct Increase {
    at: usize,
    by: Vec<i64>,
}

impl Increase {
    /// Whether it created its hash: no number was more than it had just become, and there are no others.
    pub(super) fn created(&self, answers: &[Value]) -> bool {
        let is_int = |at: usize, number: i64| matches!(answers.get(at), Some(Value::Int(found)) if *found == number);
        let fields = self.by.len();
        fields > 0
            && self.by.iter().enumerate().all(|(place, &by)| is_int(self.at + place, by))
            && i64::try_from(fields).is_ok_and(|fields| is_int(self.at + self.by.len(), fields))
    }

    /// Whether the number at this place was added to.
    pub(super) fn is_done(&self, answers: &[Value], place: usize) -> bool {
        matches!(answers.get(self.at + place), Some(Value::Int(_)))
    }

    /// The first refusal, as the server puts it.
    pub(super) fn refused(&self, answers: &[Value]) -> Option<String> {
        let place = (0..self.by.len()).find(|&place| !self.is_done(answers, place))?;
        Some(refusal(answers.get(self.at + place)))
    }
}

/// Why something is not set, as the server puts it.
pub(super) fn refusal_to_set(answers: &[Value]) -> Option<String> {
    match answers {
        [Value::Int(_)] => None,
        other => Some(refusal(other.first())),
    }
}

fn refusal(answer: Option<&Value>) -> String {
    match answer {
        Some(Value::ServerError(error)) => text_of(error),
        other => format!("unexpected answer {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_server::refused;
    use super::*;

    #[test]
    fn a_list_is_created_by_the_push_whose_elements_are_all_there_are() {
        let cases = [
            (2, Value::Int(2), Ok(true)),
            (2, Value::Int(3), Ok(false)),
            (1, Value::Int(2), Ok(false)),
            (2, refused("OOM", "command not allowed"), Err("OOM command not allowed".to_owned())),
            (2, Value::Nil, Err("unexpected answer Some(nil)".to_owned())),
        ];
        for (elements, answer, expected) in cases {
            let mut batch = Batch::default();
            let push = batch.push("list", &vec![b"x".to_vec(); elements]);
            let answers = std::slice::from_ref(&answer);
            assert_eq!(push.created(answers, &Unanswered::default()), expected, "{elements} {answer:?}");
        }
    }

    #[test]
    fn a_list_may_have_been_created_by_pushes_without_an_answer() {
        // Elements of earlier pushes, the length after one of two elements, and after another.
        for (earlier, length, created) in [
            (&[][..], 2, true),
            (&[], 3, false),
            (&[1], 3, true),
            (&[1], 4, false),
            (&[2, 3], 7, true),
            (&[2, 3], 4, true),
        ] {
            let mut batch = Batch::default();
            let unanswered = Unanswered::default();
            for &elements in earlier {
                unanswered.add(batch.push("list", &vec![b"x".to_vec(); elements]));
            }
            let push = Push { at: 0, elements: 2 };
            let refusal = [refused("OOM", "command not allowed")];
            assert!(push.created(&refusal, &unanswered).is_err(), "{earlier:?}");
            assert_eq!(push.created(&[Value::Int(length)], &unanswered), Ok(created), "{length} after {earlier:?}");
            assert_eq!(push.created(&[Value::Int(length + 2)], &unanswered), Ok(false), "{length} after {earlier:?}");
        }
    }

    #[test]
    fn a_hash_is_created_by_the_increments_that_are_all_there_is_in_it() {
        let int = Value::Int;
        let cases = [
            (vec![int(1), int(1)], vec![1], true),
            (vec![int(2), int(1)], vec![1], false),
            (vec![int(1), int(2)], vec![1], false),
            (vec![int(41), int(2), int(2)], vec![41, 2], true),
            (vec![int(41), int(3), int(2)], vec![41, 2], false),
            (vec![int(41), int(2), int(3)], vec![41, 2], false),
            (vec![int(41), refused("ERR", "no"), int(1)], vec![41, 2], false),
            (vec![int(1), refused("NOPERM", "no HLEN")], vec![1], false),
            (vec![int(1)], vec![1], false),
            (vec![], vec![], false),
        ];
        for (answers, by, expected) in cases {
            let mut batch = Batch::default();
            let fields = by.iter().enumerate().map(|(place, &by)| (place.to_string(), by));
            let increase = batch.increase("hash", fields);
            assert_eq!(increase.created(&answers), expected, "{answers:?} for {by:?}");
        }
    }

    #[test]
    fn each_increment_is_done_or_refused_by_itself() {
        let mut batch = Batch::default();
        batch.push("list", &[b"x".to_vec()]);
        let increase = batch.increase("hash", [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let answers = [Value::Int(9), Value::Int(5), refused("WRONGTYPE", "no hash"), Value::Int(1)];
        assert_eq!([0, 1].map(|place| increase.is_done(&answers, place)), [true, false]);
        assert_eq!(increase.refused(&answers).as_deref(), Some("WRONGTYPE no hash"));
    }
}
