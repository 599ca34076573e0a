//! What is asked, once it passed validation. What is wrong with it is logged here.
//!
//! One place for all methods, so that they refuse the same things in the same order and words.

use std::sync::Arc;

use super::{Answer, AnswerStatus, Attached, Client, Who};
use crate::input::{self, Attributes, Given, KeyTexts, Method, Refused};

/// About whom, which flag or flags, and with what.
pub(super) struct Question<'a, N> {
    pub(super) keys: KeyTexts<'a>,
    pub(super) names: N,
    pub(super) attributes: Option<&'a Attributes>,
}

impl Client {
    /// A question about one flag.
    #[inline]
    pub(super) fn question<'a>(&self, method: Method, who: &Who<'a>, flag: Given<'a>) -> Option<Question<'a, &'a str>> {
        let keys = input::keys(who.key, who.bucketing_key, method, &self.log)?;
        let names = input::flag_name(flag, method, &self.log)?;
        let attributes = self.attributes(who, method).ok()?;
        Some(Question { keys, names, attributes })
    }

    /// A question about several flags, or the answers to one that is not valid.
    pub(super) fn questions<'a>(
        &self,
        method: Method,
        who: &Who<'a>,
        flags: &'a [Given<'a>],
    ) -> Result<Question<'a, Vec<&'a str>>, Vec<Answer>> {
        let refuse = || self.refuse_all(flags, AnswerStatus::Invalid);
        let keys = input::keys(who.key, who.bucketing_key, method, &self.log).ok_or_else(refuse)?;
        let names = input::flag_names(flags, method, &self.log).ok_or_else(Vec::new)?;
        let attributes = self.attributes(who, method).map_err(|Refused| refuse())?;
        Ok(Question { keys, names, attributes })
    }

    /// The same answer for all of some flags whose names are usable.
    pub(super) fn refuse_all(&self, flags: &[Given<'_>], status: AnswerStatus) -> Vec<Answer> {
        let names = input::usable_names(flags).into_iter();
        names.map(|name| self.refused(Given::Text(name), status).into_answer(name)).collect()
    }

    /// The attributes of a call; an error, which the log explains, when they cannot be read.
    #[inline]
    fn attributes<'a>(&self, who: &Who<'a>, method: Method) -> Result<Option<&'a Attributes>, Refused> {
        match who.attributes {
            Attached::Nothing => Ok(None),
            Attached::Set(set) => Ok(Some(set)),
            Attached::Unreadable(given) => {
                // Which is an error, or it would have been read before.
                let _ = input::attributes(given, method, &self.log);
                Err(Refused)
            }
        }
    }

    /// The properties of a call as JSON. What is wrong with them is logged, and the call goes on without.
    #[inline]
    pub(super) fn properties(&self, who: &Who<'_>, method: Method) -> Option<Arc<str>> {
        match who.properties {
            Attached::Nothing => None,
            Attached::Set(set) => input::properties(set, method, &self.log).ok()?.json.map(Into::into),
            Attached::Unreadable(given) => {
                input::properties_from_json(given, method, &self.log).ok()?.json.map(Into::into)
            }
        }
    }
}
