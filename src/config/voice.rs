//! `[[webhook]]` and `[dead_man]`: the channels notices go out by.

use serde::{Deserialize, Serialize};

/// Settings of the outgoing channels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceSettings {}
