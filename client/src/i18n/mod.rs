//! The texts that a person reads. They are in `assets/i18n`, one Fluent file per language. This module finds a text and
//! fills in its variables.

mod josa;
mod notice;
mod sentences;
#[cfg(test)]
mod tests;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

pub use fluent_bundle::FluentValue as Value;
pub use notice::Notice;
pub use sentences::{device_problem, device_stands_in, end_reason, name_error, room_error};

/// A language that Maru speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "ko")]
    Korean,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// The system language: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is not empty (POSIX, 8.2).
    pub fn of_system() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|l| !l.is_empty());
        Self::of_locale(&locale.unwrap_or_default())
    }

    /// The language of a POSIX locale name such as `ko_KR.UTF-8`; English if there is no translation.
    pub fn of_locale(locale: &str) -> Self {
        let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("ko") { Self::Korean } else { Self::English }
    }

    /// The name of the language, in that language.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../../../assets/i18n/en.ftl"),
            Self::Korean => include_str!("../../../assets/i18n/ko.ftl"),
        }
    }

    fn id(self) -> LanguageIdentifier {
        let code = match self {
            Self::English => "en",
            Self::Korean => "ko",
        };
        // Both codes are well formed. They decide only how numbers are written.
        code.parse().unwrap_or_default()
    }
}

/// The texts of one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    pub fn new(language: Language) -> Self {
        // Messages that cannot be parsed are skipped. A test makes sure that there are none.
        let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(parsed, _)| parsed);
        let mut bundle = FluentBundle::new_concurrent(vec![language.id()]);
        // Isolation marks for right-to-left text would be shown as boxes, also in the terminal.
        bundle.set_use_isolating(false);
        // Fails only where the name is taken, and nothing has been added yet.
        let _ = bundle.add_function(josa::FUNCTION, josa::function);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// The text of `key`, or the key itself if there is none.
    pub fn tr(&self, key: &str) -> String {
        self.tr_with(key, &[])
    }

    /// The text of `key` with its variables filled in.
    pub fn tr_with(&self, key: &str, variables: &[(&str, Value<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "no message has the key {key}");
            return key.to_owned();
        };
        let variables: FluentArgs<'_> = variables.iter().map(|(name, value)| (*name, value.clone())).collect();
        let mut errors = Vec::new();
        let sentence = self.bundle.format_pattern(pattern, Some(&variables), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{key}: {errors:?}");
        sentence
    }
}
