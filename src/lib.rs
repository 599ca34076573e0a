//! libsplitio: the server-side Split (Harness FME) feature flag SDK.
