//! Records of a whole optimizer.
