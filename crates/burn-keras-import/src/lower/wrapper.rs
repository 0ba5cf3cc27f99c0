//! Layers that call other layers.

mod bidirectional;
mod rnn;
mod tied_dense;
mod time_distributed;
