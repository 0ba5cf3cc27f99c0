//! Layers that call other layers.

mod time_distributed;
