//! How large each participant's picture is on the screen. Whoever sends it is told, and sends no more.

use std::collections::BTreeMap;

use maru_core::ladder;

use crate::session::ParticipantId;

/// What the participants were told last. One who is not in it sends the largest picture.
#[derive(Debug, Default)]
pub(crate) struct Viewing {
    told: BTreeMap<ParticipantId, u32>,
}

impl Viewing {
    /// The height to be told, if it is another one: that of the video that is enough for `height` pixels. 0: not shown.
    pub(crate) fn change(&self, participant: ParticipantId, height: u32) -> Option<u32> {
        let enough = if height == 0 { 0 } else { ladder::enough_for(height).max_height };
        let told = self.told.get(&participant).copied().unwrap_or(ladder::enough_for(u32::MAX).max_height);
        (enough != told).then_some(enough)
    }

    pub(crate) fn told(&mut self, participant: ParticipantId, height: u32) {
        self.told.insert(participant, height);
    }
}
