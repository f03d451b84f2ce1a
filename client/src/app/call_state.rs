//! A call as the window shows it, from the first search for a server on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use maru_core::time::Timestamp;
use maru_protocol::{Nickname, RoomName};

use super::chat_log::ChatLog;
use super::commands::Side;
use super::history::History;
use super::stage::Stage;
use super::viewing::Viewing;
use crate::clock;
use crate::i18n::Notice;
use crate::invitation::Invitation;
use crate::participants::{Participant, Participants};
use crate::session::{CallEvent, Event, ParticipantId};

/// How long a notice is shown over the video.
pub(crate) const NOTICE_TIME: Duration = Duration::from_secs(6);
/// Notices shown at the same time.
const NOTICES_SHOWN: usize = 4;

#[derive(Debug)]
pub(crate) struct CallState {
    pub(crate) room: RoomName,
    pub(crate) name: Nickname,
    pub(crate) progress: Progress,
    pub(crate) server: ServerState,
    pub(crate) invitation: Option<Invitation>,
    pub(crate) participants: Participants,
    pub(crate) chat: ChatLog,
    pub(crate) side: Option<Side>,
    pub(crate) stage: Stage,
    pub(crate) history: History,
    pub(crate) shows_help: bool,
    /// Our own.
    pub(crate) hand_raised: bool,
    pub(crate) viewing: Viewing,
    /// Since when nothing comes from them.
    absent_since: BTreeMap<ParticipantId, Timestamp>,
    /// Each with the end of its time on the screen.
    notices: VecDeque<(Notice, Timestamp)>,
}

/// Whether someone new can join us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerState {
    There,
    Lost,
    /// The same client registered elsewhere, and we stay out.
    Replaced,
}

/// What is told to a person who looks elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alert {
    Joined,
    Wrote,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    Searching,
    Connecting { url: String },
    Joined,
}

impl CallState {
    /// `chat` has the lines of earlier calls in this room.
    pub(crate) fn new(room: RoomName, name: Nickname, chat: ChatLog) -> Self {
        Self {
            room,
            name,
            progress: Progress::Searching,
            server: ServerState::There,
            invitation: None,
            participants: Participants::default(),
            chat,
            side: None,
            stage: Stage::default(),
            history: History::default(),
            shows_help: false,
            hand_raised: false,
            viewing: Viewing::default(),
            absent_since: BTreeMap::new(),
            notices: VecDeque::new(),
        }
    }

    /// The notices on the screen at `now`, oldest first.
    pub(crate) fn notices(&self, now: Timestamp) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(move |(_, until)| *until > now).map(|(notice, _)| notice)
    }

    /// When the next notice disappears.
    pub(crate) fn next_notice_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.notices.iter().map(|(_, until)| *until).filter(|until| *until > now).min()
    }

    pub(crate) fn notify(&mut self, notice: Notice, now: Timestamp) {
        self.chat.add_notice(notice.clone(), unix_ms(now));
        if self.notices.len() == NOTICES_SHOWN {
            self.notices.pop_front();
        }
        self.notices.push_back((notice, now + NOTICE_TIME));
    }

    /// Ignores [`Event::Ended`]: the state drops the call then.
    pub(crate) fn apply(&mut self, event: CallEvent, now: Timestamp) -> Option<Alert> {
        let mut alert = None;
        for notice in self.participants.apply(&self.room, &event) {
            if matches!(notice, Notice::Joined { .. }) {
                alert = Some(Alert::Joined);
            }
            // The tiles show who was here before us.
            if !matches!(notice, Notice::Present { .. }) {
                self.notify(notice, now);
            }
        }
        match event {
            CallEvent::Call(event) => return alert.or(self.apply_of_call(event, now)),
            CallEvent::Invitation(invitation) => self.invitation = Some(invitation),
            CallEvent::Stats(stats) => self.history.add(stats),
            CallEvent::Media { .. } | CallEvent::FirstFrame { .. } => {}
        }
        alert
    }

    /// How long nothing has come from a participant.
    pub(crate) fn absent_for(&self, participant: ParticipantId, now: Timestamp) -> Option<Duration> {
        self.absent_since.get(&participant).map(|since| now.since(*since))
    }

    /// When one of these times shows another second.
    pub(crate) fn next_absent_second(&self, now: Timestamp) -> Option<Timestamp> {
        let next = |since: &Timestamp| *since + Duration::from_secs(now.since(*since).as_secs() + 1);
        self.absent_since.values().map(next).min()
    }

    fn apply_of_call(&mut self, event: Event, now: Timestamp) -> Option<Alert> {
        match event {
            Event::Searching => self.connecting(Progress::Searching),
            Event::Connecting { url } => self.connecting(Progress::Connecting { url }),
            Event::Joined { .. } => self.progress = Progress::Joined,
            Event::ServerLost => self.server = ServerState::Lost,
            Event::ServerBack { .. } => self.server = ServerState::There,
            Event::Replaced => self.server = ServerState::Replaced,
            Event::Chat { participant, text, sent_unix_ms } => {
                if let Some(writer) = self.participants.get(participant) {
                    self.chat.add_theirs(participant, writer.name.clone(), text, sent_unix_ms);
                    if self.side != Some(Side::Chat) {
                        self.chat.count_unread();
                    }
                    return Some(Alert::Wrote);
                }
            }
            Event::ChatDelivered { participant, id } => self.chat.mark_delivered(id, participant),
            Event::ParticipantInterrupted { participant }
            | Event::ParticipantAway { participant }
            | Event::ParticipantUnreachable { participant, .. } => {
                self.absent_since.entry(participant).or_insert(now);
            }
            Event::ParticipantConnected { participant } | Event::ParticipantLeft { participant, .. } => {
                self.absent_since.remove(&participant);
            }
            Event::ServerRefused { .. }
            | Event::ParticipantJoined { .. }
            | Event::ParticipantRenamed { .. }
            | Event::ComputerAtLimit(_)
            | Event::ParticipantState { .. }
            | Event::MediaAgreed { .. }
            | Event::Ended(_) => {}
        }
        None
    }

    /// The text to copy for someone who is to join: the invitation link, or the room's name until there is a link.
    pub(crate) fn invite(&mut self, now: Timestamp) -> String {
        let Some(Invitation { link, with_camera }) = self.invitation.clone() else { return self.room.to_string() };
        self.notify(Notice::Invited { with_camera }, now);
        link
    }

    /// Looks who speaks.
    pub(crate) fn update_stage(&mut self, now: Timestamp) {
        let speaks = |peer: &Participant| (peer.key, !peer.muted && peer.sound.is_speaking());
        self.stage.update(self.participants.iter().map(speaks), now);
    }

    pub(crate) fn send_draft(&mut self, now: Timestamp) -> Option<(u64, String)> {
        self.chat.send_draft(self.participants.iter().map(|peer| peer.key), unix_ms(now))
    }

    /// After the server was lost, the client searches and connects again. The call stays on the screen meanwhile.
    fn connecting(&mut self, progress: Progress) {
        if self.progress != Progress::Joined {
            self.progress = progress;
        }
    }
}

fn unix_ms(at: Timestamp) -> u64 {
    clock::unix_ms(at).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{ParticipantId, Server};

    fn name(name: &str) -> Nickname {
        name.parse().expect("a nickname")
    }

    fn call() -> CallState {
        CallState::new("room".parse().expect("a room name"), name("me"), ChatLog::default())
    }

    fn at(secs: u64) -> Timestamp {
        clock::timestamp(std::time::Instant::now()) + Duration::from_secs(secs)
    }

    fn join(call: &mut CallState, key: u32, who: &str, now: Timestamp) {
        call.apply(CallEvent::Call(Event::ParticipantJoined { participant: ParticipantId(key), name: name(who) }), now);
    }

    #[test]
    fn those_present_before_us_are_not_announced() {
        let (mut call, now) = (call(), at(0));
        call.apply(
            CallEvent::Call(Event::Joined { server: Server { url: "s".into(), is_own: false }, present: 1 }),
            now,
        );
        join(&mut call, 1, "Mina", now);
        assert_eq!(call.notices(now).count(), 1, "only that we entered");
        join(&mut call, 2, "Jun", now);
        assert_eq!(call.notices(now).last(), Some(&Notice::Joined { name: name("Jun") }));
        assert_eq!(call.participants.iter().count(), 2);
    }

    #[test]
    fn notices_disappear_but_stay_in_the_chat() {
        let (mut call, now) = (call(), at(0));
        call.notify(Notice::ServerLost, now);
        assert_eq!(call.next_notice_end(now), Some(now + NOTICE_TIME));
        assert_eq!(call.notices(now + NOTICE_TIME).count(), 0);
        assert_eq!(call.next_notice_end(now + NOTICE_TIME), None);
        assert_eq!(call.chat.lines().len(), 1);
        for _ in 0..10 {
            call.notify(Notice::ServerBack, now);
        }
        assert_eq!(call.notices(now).count(), NOTICES_SHOWN);
    }

    #[test]
    fn messages_count_as_unread_while_the_chat_is_closed() {
        let (mut call, now) = (call(), at(0));
        join(&mut call, 1, "Mina", now);
        let chat = || {
            CallEvent::Call(Event::Chat {
                participant: ParticipantId(1), text: "안녕".into(), sent_unix_ms: u64::MAX
            })
        };
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1);
        call.side = Some(Side::Chat);
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1);
        call.apply(
            CallEvent::Call(Event::ParticipantLeft { participant: ParticipantId(1), name: name("Mina"), lost: true }),
            now,
        );
        assert_eq!(call.notices(now).last(), Some(&Notice::Lost { name: name("Mina") }));
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1, "nothing more comes from someone who is gone");
    }
}
