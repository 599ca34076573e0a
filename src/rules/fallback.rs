//! Fallback treatments: what is served where the answer would be `control`.
//!
//! Compiled like what flags serve, so that serving one costs an evaluation no more than a treatment of the flag's own.

use std::collections::HashMap;

use super::config_text::ConfigText;
use super::flag::Choice;
use super::intern::{InternError, intern_treatment};
use crate::config::{FallbackTreatment, FallbackTreatments};

/// Fallback treatments, ready to serve.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fallbacks {
    global: Option<Choice>,
    by_flag: HashMap<Box<str>, Choice>,
}

impl Fallbacks {
    /// Takes over what is configured.
    pub(crate) fn compile(configured: &FallbackTreatments) -> Result<Self, InternError> {
        let compile = |fallback: &FallbackTreatment| {
            let config = fallback.config.as_deref().map(ConfigText::new);
            Ok(Choice { treatment: intern_treatment(&fallback.treatment)?, config })
        };
        let by_flag = configured.by_flag.iter();
        Ok(Fallbacks {
            global: configured.global.as_ref().map(compile).transpose()?,
            by_flag: by_flag.map(|(flag, own)| Ok((flag.as_str().into(), compile(own)?))).collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is none at all.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.global.is_none() && self.by_flag.is_empty()
    }

    /// What to serve instead of `control` for a flag; for a name that is none, give `None`.
    pub(crate) fn resolve(&self, flag: Option<&str>) -> Option<&Choice> {
        if self.is_empty() {
            return None;
        }
        flag.and_then(|flag| self.by_flag.get(flag)).or(self.global.as_ref())
    }
}
