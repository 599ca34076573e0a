//! Streaming as a whole, by a clock that stands still.

mod modes;
mod scene;
mod work;
