//! Bringing storage up to date: from files in localhost mode, from the FME backend otherwise.

pub(crate) mod io;
mod streaming;
