//! Settings: raw files to validated values. Defaults and jobs are embedded; a user's directory
//! overrides them.

/// `[market]`.
pub mod market;
/// `[paper]`.
pub mod paper;
/// The figures of the rulebook.
pub mod rulebook;
/// Outgoing channels.
pub mod voice;

pub use self::{
    market::MarketSettings, paper::PaperSettings, rulebook::Rulebook, voice::VoiceSettings,
};
