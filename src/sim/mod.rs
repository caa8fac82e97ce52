//! Replay of days through the very same scheduler, bodies, gate and desk.
