//! What is on the stage of a call: whose picture is large, and where one's own is.

use std::time::Duration;

use maru_core::time::Timestamp;

use super::video::Source;
use crate::session::ParticipantId;

/// Someone else becomes the speaker after speaking for this time while the last one is silent: a cough is no speech.
const TAKES_OVER: Duration = Duration::from_millis(800);

#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(crate) view: View,
    pinned: Option<Source>,
    /// `None`: as [`Self::own`] says.
    chosen_own: Option<OwnPicture>,
    pub(crate) corner: Corner,
    /// Nothing of a picture is cut off.
    pub(crate) whole: bool,
    speaker: Speaker,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// All pictures have the same size.
    #[default]
    Grid,
    /// Whoever speaks is large.
    Speaker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnPicture {
    /// In a corner of the stage.
    Small,
    Tile,
    Hidden,
}

/// Of the stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) is_left: bool,
    pub(crate) is_top: bool,
}

impl Stage {
    /// Where one's own picture is, among so many `others`: it covers nobody unless there is just one.
    pub(crate) fn own(&self, others: usize) -> OwnPicture {
        self.chosen_own.unwrap_or(if others <= 1 { OwnPicture::Small } else { OwnPicture::Tile })
    }

    pub(crate) fn choose_own(&mut self, own: OwnPicture) {
        self.chosen_own = Some(own);
    }

    /// Small, then a tile, then hidden.
    pub(crate) fn next_own(&mut self, others: usize) {
        self.chosen_own = Some(match self.own(others) {
            OwnPicture::Small => OwnPicture::Tile,
            OwnPicture::Tile => OwnPicture::Hidden,
            OwnPicture::Hidden => OwnPicture::Small,
        });
    }

    pub(crate) fn toggle_pinned(&mut self, source: Source) {
        self.pinned = (self.pinned != Some(source)).then_some(source);
    }

    pub(crate) fn is_pinned(&self, source: Source) -> bool {
        self.pinned == Some(source)
    }

    /// Whose picture is large; `None`: nobody's.
    pub(crate) fn large(&self) -> Option<Source> {
        let speaker = || self.speaker.current.map(Source::Peer);
        self.pinned.or_else(|| if self.view == View::Speaker { speaker() } else { None })
    }

    pub(crate) fn toggle_view(&mut self) {
        self.pinned = None;
        self.view = match self.view {
            View::Grid => View::Speaker,
            View::Speaker => View::Grid,
        };
    }

    /// `others`: everyone else, and whether they speak.
    pub(crate) fn update(&mut self, others: impl Iterator<Item = (ParticipantId, bool)> + Clone, now: Timestamp) {
        if let Some(Source::Peer(pinned)) = self.pinned
            && others.clone().all(|(other, _)| other != pinned)
        {
            self.pinned = None;
        }
        self.speaker.update(others, now);
    }

    /// When someone else may become the speaker.
    pub(crate) fn next_change(&self) -> Option<Timestamp> {
        self.speaker.candidate.map(|(_, since)| since + TAKES_OVER)
    }
}

#[derive(Debug, Default)]
struct Speaker {
    current: Option<ParticipantId>,
    /// Who speaks while the current one is silent, and since when.
    candidate: Option<(ParticipantId, Timestamp)>,
}

impl Speaker {
    fn update(&mut self, others: impl Iterator<Item = (ParticipantId, bool)> + Clone, now: Timestamp) {
        let speaks = |of: ParticipantId| others.clone().any(|(other, speaks)| other == of && speaks);
        if self.current.is_none_or(|current| others.clone().all(|(other, _)| other != current)) {
            // Whoever speaks, or else the first one.
            let speaking = others.clone().find(|(_, speaks)| *speaks).or_else(|| others.clone().next());
            *self = Self { current: speaking.map(|(other, _)| other), candidate: None };
            return;
        }
        if self.current.is_some_and(speaks) {
            self.candidate = None;
            return;
        }
        let stays = self.candidate.filter(|(candidate, _)| speaks(*candidate));
        self.candidate = stays.or_else(|| others.clone().find(|(_, speaks)| *speaks).map(|(other, _)| (other, now)));
        if let Some((candidate, since)) = self.candidate
            && now.since(since) >= TAKES_OVER
        {
            *self = Self { current: Some(candidate), candidate: None };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINA: ParticipantId = ParticipantId(1);
    const JUN: ParticipantId = ParticipantId(2);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(1_000_000 + ms * 1_000)
    }

    fn update(stage: &mut Stage, mina: bool, jun: bool, ms: u64) -> Option<Source> {
        stage.update([(MINA, mina), (JUN, jun)].into_iter(), at(ms));
        stage.large()
    }

    #[test]
    fn whoever_speaks_is_large_but_not_for_a_cough() {
        let mut stage = Stage { view: View::Speaker, ..Stage::default() };
        let (mina, jun) = (Some(Source::Peer(MINA)), Some(Source::Peer(JUN)));
        assert_eq!(update(&mut stage, true, false, 0), mina);
        assert_eq!(update(&mut stage, false, true, 100), mina, "a cough");
        assert_eq!(update(&mut stage, false, false, 300), mina);
        assert_eq!(update(&mut stage, false, true, 1_000), mina);
        assert_eq!(stage.next_change(), Some(at(1_800)));
        assert_eq!(update(&mut stage, true, true, 1_500), mina, "both: nothing changes");
        assert_eq!(update(&mut stage, false, true, 2_000), mina);
        assert_eq!(update(&mut stage, false, true, 2_800), jun);
        stage.update(std::iter::once((MINA, false)), at(3_000));
        assert_eq!(stage.large(), mina, "Jun has left");
    }

    #[test]
    fn one_who_is_pinned_stays_until_it_leaves() {
        let mut stage = Stage::default();
        assert_eq!(update(&mut stage, true, false, 0), None);
        stage.toggle_pinned(Source::Peer(JUN));
        assert_eq!(update(&mut stage, true, false, 5_000), Some(Source::Peer(JUN)));
        stage.update(std::iter::once((MINA, true)), at(6_000));
        assert_eq!(stage.large(), None);
        stage.toggle_pinned(Source::Own);
        assert_eq!(stage.large(), Some(Source::Own));
        stage.toggle_pinned(Source::Own);
        assert_eq!(stage.large(), None);
    }

    #[test]
    fn the_own_picture_covers_nobody_among_several() {
        let mut stage = Stage::default();
        assert_eq!(
            (stage.own(0), stage.own(1), stage.own(2)),
            (OwnPicture::Small, OwnPicture::Small, OwnPicture::Tile)
        );
        stage.next_own(2);
        assert_eq!((stage.own(1), stage.own(5)), (OwnPicture::Hidden, OwnPicture::Hidden));
        stage.next_own(2);
        assert_eq!(stage.own(2), OwnPicture::Small);
    }
}
