//! The languages have the same messages, and the code and the files use the same keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};

use super::*;

/// The pairs of particles that messages may ask for.
const PARTICLES: [&str; 5] = ["을/를", "이/가", "은/는", "과/와", "으로/로"];

/// The variables of each message.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource = FluentResource::try_new(language.source().to_owned())
        .unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
    let mut messages = BTreeMap::new();
    for entry in resource.entries() {
        let Entry::Message(message) = entry else {
            assert!(matches!(entry, Entry::Comment(_)), "only messages and comments: {entry:?}");
            continue;
        };
        let pattern = message.value.as_ref().unwrap_or_else(|| panic!("{} says nothing", message.id.name));
        let variables = pattern.elements.iter().filter_map(variable).map(str::to_owned);
        let doubled = messages.insert(message.id.name.to_owned(), variables.collect());
        assert_eq!(doubled, None, "{} is there twice", message.id.name);
    }
    messages
}

/// The variable that `element` fills in. Only variables and Korean particles after them are allowed.
fn variable<'a>(element: &'a PatternElement<&'a str>) -> Option<&'a str> {
    let PatternElement::Placeable { expression: Expression::Inline(inline) } = element else {
        assert!(matches!(element, PatternElement::TextElement { .. }), "not allowed: {element:?}");
        return None;
    };
    match inline {
        InlineExpression::VariableReference { id } => Some(id.name),
        InlineExpression::FunctionReference { id, arguments } => {
            assert_eq!((id.name, arguments.named.len()), (josa::FUNCTION, 0));
            match &arguments.positional[..] {
                [InlineExpression::VariableReference { id }, InlineExpression::StringLiteral { value }] => {
                    assert!(PARTICLES.contains(value), "unknown particles: {value}");
                    Some(id.name)
                }
                other => panic!("a variable and a pair of particles are needed, not {other:?}"),
            }
        }
        other => panic!("not allowed: {other:?}"),
    }
}

/// The Rust files below `folder`.
fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(&path).expect("can be read"));
        }
    }
    found
}

#[test]
fn all_languages_have_the_same_messages_with_the_same_variables() {
    let english = messages(Language::English);
    assert!(english.len() > 50);
    for language in Language::ALL {
        assert_eq!(messages(language), english, "{language:?}");
    }
}

#[test]
fn every_message_is_used() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    for key in messages(Language::English).keys() {
        let quoted = format!("\"{key}\"");
        assert!(sources.iter().any(|source| source.contains(&quoted)), "nothing says {key}");
    }
}

#[test]
fn every_key_in_the_code_is_a_message() {
    let known = messages(Language::English);
    let mut found = 0;
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for call in [".tr", ".tr_with", " named"].map(|function| format!("{function}(")) {
            for rest in source.split(&call).skip(1) {
                let Some(literal) = rest.trim_start().strip_prefix('"') else { continue };
                let key = literal.split('"').next().unwrap_or_default();
                assert!(known.contains_key(key), "no message has the key {key}");
                found += 1;
            }
        }
    }
    assert!(found > 50, "the calls are found: {found}");
}

#[test]
fn variables_are_filled_in_without_marks_around_them() {
    let korean = Texts::new(Language::Korean);
    assert_eq!(korean.tr_with("notice-joined", &[("name", "미나".into())]), "미나님이 들어왔습니다.");
    let english = Texts::new(Language::English);
    assert_eq!(english.tr_with("chat-delivered", &[("count", 2.into()), ("total", 3.into())]), "delivered to 2 of 3");
}

#[test]
fn a_particle_follows_the_word_that_is_filled_in() {
    let korean = Texts::new(Language::Korean);
    let renamed = |name: &str| korean.tr_with("notice-renamed", &[("old", "미나".into()), ("name", name.into())]);
    assert_eq!(renamed("하은"), "미나님이 이름을 하은으로 바꾸었습니다.");
    assert_eq!(renamed("한별"), "미나님이 이름을 한별로 바꾸었습니다.");
    assert_eq!(renamed("Mina"), "미나님이 이름을 Mina로 바꾸었습니다.");
}

#[test]
fn the_locale_decides_the_language() {
    for (locale, language) in [
        ("ko_KR.UTF-8", Language::Korean),
        ("ko", Language::Korean),
        ("ko-KR", Language::Korean),
        ("kok_IN", Language::English),
        ("C.UTF-8", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), language, "{locale}");
    }
}

#[test]
fn every_reason_and_problem_is_a_sentence() {
    use crate::media::{DeviceKind, DeviceProblem};
    use crate::session::EndReason;
    use maru_protocol::IdError;

    let text = || "text".to_owned();
    let reasons = [
        EndReason::Left,
        EndReason::BadUrl { url: text(), reason: text() },
        EndReason::NoServer { url: text(), reason: text() },
        EndReason::BadCertificate { url: text(), reason: text() },
        EndReason::NotAServer { url: text(), reason: text() },
        EndReason::OtherVersion { server: text() },
        EndReason::RoomFull { capacity: None },
        EndReason::RoomFull { capacity: Some(8) },
        EndReason::ServerFull,
        EndReason::Internal { reason: text() },
    ];
    let problems = [
        DeviceProblem::NoDevice,
        DeviceProblem::NotFound { name: text() },
        DeviceProblem::Busy { name: text() },
        DeviceProblem::Unplugged { name: text() },
        DeviceProblem::NotResponding { name: text() },
        DeviceProblem::Unusable { name: text(), reason: text() },
        DeviceProblem::Crashed { reason: text() },
    ];
    let errors = [IdError::Empty, IdError::TooLong { length: 40, limit: 32 }, IdError::ControlCharacter];
    for language in Language::ALL {
        let texts = Texts::new(language);
        let devices = [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker];
        let mut sentences: Vec<String> = reasons.iter().map(|reason| end_reason(&texts, reason)).collect();
        sentences.extend(
            devices.iter().flat_map(|device| problems.iter().map(|problem| device_problem(&texts, *device, problem))),
        );
        sentences.extend(errors.iter().flat_map(|error| [name_error(&texts, error), room_error(&texts, error)]));
        for sentence in &sentences {
            assert!(sentence.ends_with('.'), "{sentence}");
        }
        let different: BTreeSet<_> = sentences.iter().collect();
        assert_eq!(different.len(), sentences.len(), "each says something of its own");
    }
}
