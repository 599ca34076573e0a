//! What the io thread pushes, and when. The clock of most of these tests runs as fast as it can.
