//! Notices to alerts to channels.
