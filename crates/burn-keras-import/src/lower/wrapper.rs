//! Layers that call other layers.

mod bidirectional;
mod rnn;
mod time_distributed;
