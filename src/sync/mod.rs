//! Bringing storage up to date: from files in localhost mode, from the FME backend otherwise.

mod backend;
mod complaint;
mod definitions;
pub(crate) mod io;
pub(crate) mod localhost;
mod polling;
mod pursuit;
mod segments;
mod spec;
pub(crate) mod standalone;
mod suspension;
#[cfg(test)]
mod testing;
mod updates;
