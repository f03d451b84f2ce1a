//! The chat's panel.

use egui::accesskit::{Live, Role};
use egui::{Event as Input, ImeEvent, Key, Modifiers, OutputCommand, PointerButton, Rect};
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::app::commands::Side;
use crate::media::Cue;

const MINUTE_MS: u64 = 60_000;
const THEN_MS: u64 = 1_790_000_000_000 / MINUTE_MS * MINUTE_MS;

fn writes(bench: &mut Bench, who: ParticipantId, text: &str, sent_unix_ms: u64) {
    bench.event(CallEvent::Call(Event::Chat { participant: who, text: text.into(), sent_unix_ms }));
}

fn send(bench: &mut Bench, text: &str) {
    bench.command(Command::TypeChat(text.into()));
    bench.command(Command::SendChat);
}

/// With the chat open.
fn chatting(language: Language) -> (Bench, ParticipantId) {
    let mut bench = Bench::in_call(language);
    let mina = bench.connects(1, "Mina");
    bench.command(Command::ToggleSide(Side::Chat));
    (bench, mina)
}

/// What the window asks of the system in the next passes.
fn asked(harness: &mut Harness<'_, Bench>) -> Vec<OutputCommand> {
    let mut asked = vec![];
    for _ in 0..4 {
        harness.step();
        asked.extend(harness.output().platform_output.commands.clone());
    }
    asked
}

fn opened(commands: &[OutputCommand]) -> Vec<&str> {
    let mut urls = vec![];
    for command in commands {
        if let OutputCommand::OpenUrl(open) = command {
            urls.push(open.url.as_str());
        }
    }
    urls
}

fn copied(commands: &[OutputCommand]) -> Vec<&str> {
    let mut texts = vec![];
    for command in commands {
        if let OutputCommand::CopyText(text) = command {
            texts.push(text.as_str());
        }
    }
    texts
}

fn is_visible(harness: &Harness<'_, Bench>, part: &str) -> bool {
    harness.query_all_by_label_contains(part).next().is_some()
}

fn wheel(harness: &mut Harness<'_, Bench>, at: Rect, points: f32) {
    harness.hover_at(at.center());
    harness.event(Input::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, points),
        modifiers: Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
    });
    // The area scrolls smoothly.
    harness.run_steps(12);
}

#[test]
fn each_message_speaks_its_writer_and_time_and_the_newest_is_announced() {
    for (language, own) in [(Language::English, "You, "), (Language::Korean, "나, ")] {
        let (mut bench, mina) = chatting(language);
        send(&mut bench, "내가 먼저");
        writes(&mut bench, mina, "hello", THEN_MS);
        writes(&mut bench, mina, "안녕", THEN_MS + 1);
        let harness = open(bench, WIDE);
        harness.get_by_role(Role::Log);
        let spoken = |part: &str| {
            let node = harness.get_by_label_contains(part);
            (node.value().unwrap_or_default(), node.accesskit_node().live())
        };
        let (first, quiet) = spoken("hello");
        assert!(first.starts_with("Mina, ") && first.ends_with(": hello"), "{first}");
        assert_eq!(quiet, Live::Off);
        let (second, live) = spoken("안녕");
        assert!(second.starts_with("Mina, ") && second.ends_with(": 안녕"), "{second}");
        assert_eq!(live, Live::Polite);
        let (ours, _) = spoken("내가 먼저");
        assert!(ours.to_lowercase().starts_with(&own.to_lowercase()), "{ours}");
    }
}

#[test]
fn a_link_opens_by_click_and_by_keyboard() {
    let (mut bench, mina) = chatting(Language::Korean);
    writes(&mut bench, mina, "https://example.org/서울에서 만나요, javascript://example.org", THEN_MS);
    let mut harness = open(bench, WIDE);
    let url = "https://example.org/서울에서";
    assert_eq!(harness.get_all_by_role(Role::Link).count(), 1);
    harness.get_by_role_and_label(Role::Link, url).click();
    assert_eq!(opened(&asked(&mut harness)), [url]);
    for _ in 0..30 {
        if harness.get_by_role_and_label(Role::Link, url).is_focused() {
            break;
        }
        harness.key_press(Key::Tab);
        harness.run();
    }
    harness.key_down(Key::Enter);
    assert_eq!(opened(&asked(&mut harness)), [url]);
}

#[test]
fn a_long_link_is_one_tab_stop_and_opens_from_each_of_its_lines() {
    let (mut bench, mina) = chatting(Language::English);
    let url = format!("https://example.org/{}", "a".repeat(300));
    writes(&mut bench, mina, &url, THEN_MS);
    let mut harness = open(bench, WIDE);
    assert_eq!(harness.get_all_by_role(Role::Link).count(), 1);
    let text = harness.get_by_role_and_label(Role::Link, &url).rect();
    let below = text.center() + egui::vec2(0.0, 2.0 * text.height());
    harness.hover_at(below);
    for pressed in [true, false] {
        harness.event(Input::PointerButton {
            pos: below,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    assert_eq!(opened(&asked(&mut harness)), [url]);
}

#[test]
fn a_message_is_copied_from_its_menu_and_as_selected_text_with_its_links() {
    let (mut bench, mina) = chatting(Language::English);
    let text = "see https://example.org, it is good";
    writes(&mut bench, mina, text, THEN_MS);
    let mut harness = open(bench, WIDE);
    let rect = harness.get_by_label_contains(text).rect();
    // Beside the link.
    let end = rect.right_center() - egui::vec2(2.0, 0.0);
    for pressed in [true, false] {
        harness.hover_at(end);
        harness.event(Input::PointerButton {
            pos: end,
            button: PointerButton::Secondary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    harness.run();
    harness.get_by_label("Copy the message").click();
    assert_eq!(copied(&asked(&mut harness)), [text]);
    harness.get_by_role(Role::Link).click_secondary();
    harness.run();
    harness.get_by_label("Copy the link").click();
    assert_eq!(copied(&asked(&mut harness)), ["https://example.org"]);

    harness.drag_at(rect.left_center() + egui::vec2(0.5, 0.0));
    harness.run();
    harness.hover_at(end + egui::vec2(40.0, 0.0));
    harness.run();
    harness.drop_at(end + egui::vec2(40.0, 0.0));
    harness.run();
    harness.event(Input::Copy);
    assert_eq!(copied(&asked(&mut harness)), [text]);
}

#[test]
fn lines_of_an_earlier_call_are_there_again_in_the_same_room_only() {
    for (language, divider) in
        [(Language::English, "above: from an earlier call"), (Language::Korean, "위는 이전 통화의 대화")]
    {
        let (mut bench, mina) = chatting(language);
        writes(&mut bench, mina, "before", THEN_MS);
        send(&mut bench, "mine");
        let again = |bench: &mut Bench, room: &str| {
            bench.command(Command::Leave);
            bench.command(Command::TypeRoom(room.into()));
            bench.command(Command::Join);
            let server = Server { url: "ws://10.0.0.7:4460".into(), is_own: false };
            bench.event(CallEvent::Call(Event::Joined { server, present: 1 }));
            bench.command(Command::ToggleSide(Side::Chat));
        };
        again(&mut bench, "other");
        let mut harness = open(bench, WIDE);
        assert!(!is_visible(&harness, "before") && !is_visible(&harness, divider));
        again(harness.state_mut(), "STANDUP");
        let bench = harness.state_mut();
        let mina = bench.connects(1, "Mina");
        // The acknowledgement of the first call's message came too late.
        bench.event(CallEvent::Call(Event::ChatDelivered { participant: mina, id: 1 }));
        send(bench, "again");
        harness.run();
        let [before, divider, again] =
            ["before", divider, "again"].map(|part| harness.get_by_label_contains(part).rect().top());
        assert!(before < divider && divider < again);
        assert!(harness.state().effects.iter().any(|effect| format!("{effect:?}").contains("SendChat { id: 2")));
    }
}

#[test]
fn what_came_while_the_chat_was_closed_is_below_a_line_until_it_is_closed_again() {
    let (mut bench, mina) = chatting(Language::Korean);
    writes(&mut bench, mina, "read", THEN_MS);
    bench.command(Command::ToggleSide(Side::Chat));
    for at in 0..60 {
        writes(&mut bench, mina, &format!("unread {at}"), THEN_MS + at * MINUTE_MS);
    }
    let mut harness = open(bench, WIDE);
    harness.state_mut().command(Command::ToggleSide(Side::Chat));
    harness.run();
    harness.get_by_label("새 메시지");
    assert!(is_visible(&harness, ": unread 0"), "it opens at the first of them");
    harness.state_mut().command(Command::ToggleSide(Side::Chat));
    harness.state_mut().command(Command::ToggleSide(Side::Chat));
    harness.run();
    assert!(harness.query_by_label("새 메시지").is_none());
}

#[test]
fn the_newest_message_stays_in_view_unless_someone_reads_above() {
    let (mut bench, mina) = chatting(Language::English);
    for at in 0..100 {
        let text = format!("line {at} {}", "words and words ".repeat(at as usize % 40));
        writes(&mut bench, mina, &text, THEN_MS + at * MINUTE_MS);
    }
    let mut harness = open(bench, WIDE);
    assert!(is_visible(&harness, ": line 99 "));
    writes(harness.state_mut(), mina, "one more", THEN_MS);
    harness.run();
    assert!(is_visible(&harness, ": one more"));
    let log = harness.get_by_label_contains(": one more").rect();
    // So far that heights were estimated.
    wheel(&mut harness, log, 6_000.0);
    assert!(!is_visible(&harness, ": one more"));
    assert!(harness.query_by_label("New messages below").is_none(), "there are none yet");
    let middle = |harness: &Harness<'_, Bench>| {
        let rows = harness.query_all_by_label_contains(": line ");
        rows.map(|row| (row.value().unwrap_or_default(), row.rect().top())).nth(1).expect("rows in view")
    };
    let before = middle(&harness);
    wheel(&mut harness, log, 40.0);
    let (text, top) = middle(&harness);
    if text == before.0 {
        assert!((top - before.1 - 40.0).abs() < 1.0, "{before:?} {top}");
    }
    let before = middle(&harness);
    for at in 0..480 {
        writes(harness.state_mut(), mina, &format!("new {at}"), THEN_MS + at * MINUTE_MS);
        if at == 0 {
            harness.run();
            assert_eq!(middle(&harness), before, "what is read stays where it is");
        }
    }
    harness.run();
    harness.get_by_label("New messages below").click();
    harness.run();
    assert!(is_visible(&harness, ": new 479"));
    assert!(harness.query_by_label("New messages below").is_none());
    wheel(&mut harness, log, 500.0);
    send(harness.state_mut(), "mine");
    harness.run();
    assert!(is_visible(&harness, ": mine"), "one's own message is shown");
}

#[test]
fn only_what_is_seen_is_laid_out() {
    let mut bench = Bench::in_call(Language::Korean);
    let mina = bench.connects(1, &"👩".repeat(8));
    for at in 0..500 {
        let text: String = format!("{at} ").chars().chain("여러 낱말과 words, ".chars().cycle()).take(4_000).collect();
        writes(&mut bench, mina, &text, THEN_MS + at * MINUTE_MS);
    }
    let mut harness = open(bench, WIDE);
    harness.state_mut().command(Command::ToggleSide(Side::Chat));
    let assert_few_galleys = |harness: &mut Harness<'_, Bench>| {
        for _ in 0..3 {
            harness.step();
            let galleys = harness.ctx.fonts(|fonts| fonts.num_galleys_in_cache());
            assert!(galleys < 100, "{galleys}");
        }
    };
    assert_few_galleys(&mut harness);
    assert!(is_visible(&harness, ": 0 여러"), "the first unread");
    send(harness.state_mut(), "mine");
    assert_few_galleys(&mut harness);
    assert!(is_visible(&harness, ": mine"));
}

#[test]
fn hangul_appears_as_it_is_composed() {
    let (bench, _) = chatting(Language::Korean);
    let mut harness = open(bench, WIDE);
    let field = |harness: &Harness<'_, Bench>| harness.get_by_label("메시지").value().unwrap_or_default();
    for text in ["ㅎ", "하", "한"] {
        harness.event(Input::Ime(ImeEvent::Preedit { text: text.into(), active_range_chars: None }));
        harness.run();
        assert_eq!(field(&harness), text);
    }
    harness.event(Input::Ime(ImeEvent::Commit("한".into())));
    harness.run();
    assert_eq!(field(&harness), "한");
    harness.key_press(Key::Enter);
    harness.run();
    harness.get_by_label_contains(": 한");
}

fn alerts(bench: &mut Bench) -> Vec<String> {
    let is_alert = |effect: &Effect| matches!(effect, Effect::PlayCue(_) | Effect::RequestAttention);
    bench.effects.drain(..).filter(is_alert).map(|effect| format!("{effect:?}")).collect()
}

#[test]
fn who_joins_or_writes_is_heard_and_marks_the_window_unless_it_is_seen() {
    let (mut bench, mina) = chatting(Language::English);
    let joined = format!("PlayCue({:?})", Cue::Joined);
    let message = format!("PlayCue({:?})", Cue::Message);
    assert_eq!(alerts(&mut bench), [joined.as_str()], "Mina");
    let later = |bench: &mut Bench| bench.now = bench.now + Duration::from_secs(10);
    later(&mut bench);
    writes(&mut bench, mina, "seen", THEN_MS);
    assert_eq!(alerts(&mut bench), [""; 0]);
    bench.state.is_focused = false;
    writes(&mut bench, mina, "elsewhere", THEN_MS);
    assert_eq!(alerts(&mut bench), ["RequestAttention", message.as_str()]);
    writes(&mut bench, mina, "at once again", THEN_MS);
    assert_eq!(alerts(&mut bench), ["RequestAttention"], "a flood is heard now and then");
    later(&mut bench);
    bench.state.is_focused = true;
    bench.command(Command::ToggleSide(Side::Chat));
    writes(&mut bench, mina, "closed", THEN_MS);
    assert_eq!(alerts(&mut bench), [message]);
    later(&mut bench);
    bench.joins(2, "Jun");
    assert_eq!(alerts(&mut bench), [joined]);
}
