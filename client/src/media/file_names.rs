//! File names for `--save-remote`, made from nicknames.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Longest stem, in characters. File systems allow 255 bytes; a character has up to four.
const MAX_STEM_CHARS: usize = 56;

/// Gives each peer a file name of its own.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    used: Mutex<HashSet<String>>,
}

impl FileNames {
    /// Names that no file in `folder` has, so that the files of one call are told from those of the next. Without a folder
    /// all names are free.
    pub(super) fn of_folder(folder: Option<&Path>) -> Self {
        let files = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
        let stem = |file: std::fs::DirEntry| {
            let name = file.file_name();
            name.to_string_lossy().split('.').next().map(str::to_lowercase)
        };
        Self { used: Mutex::new(files.filter_map(stem).collect()) }
    }

    /// A stem for the files of the peer `name` that no other call has returned: a nickname that repeats gets a number.
    /// Letters and digits of any script, `-` and `_` stay; any other character becomes `_`.
    pub(super) fn unique(&self, name: &str) -> String {
        let stem = file_stem(name);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unique = stem.clone();
        let mut copy = 1;
        // Compared in lower case: some file systems ignore case.
        while !used.insert(unique.to_lowercase()) {
            copy += 1;
            unique = format!("{stem}_{copy}");
        }
        unique
    }
}

fn file_stem(name: &str) -> String {
    let allowed = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let stem: String = name.chars().map(allowed).take(MAX_STEM_CHARS).collect();
    if stem.is_empty() { "peer".into() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(file_stem("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_stem("a/b\\c\0d:e\n"), "a_b_c_d_e_");
        assert_eq!(file_stem(".. /"), "____");
        assert_eq!(file_stem(""), "peer");
    }

    #[test]
    fn letters_of_any_script_stay() {
        assert_eq!(file_stem("철수-2_a"), "철수-2_a");
        assert_eq!(file_stem("Ann 🙂"), "Ann__");
    }

    #[test]
    fn a_name_that_repeats_gets_a_number() {
        let names = FileNames::default();
        assert_eq!(["민지", "민지", "Bo", "bO"].map(|name| names.unique(name)), ["민지", "민지_2", "Bo", "bO_2"]);
    }

    #[test]
    fn a_second_call_into_the_same_folder_gets_names_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["Bo.wav", "민지.y4m", "민지.2.y4m"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let names = FileNames::of_folder(Some(folder.path()));
        assert_eq!(["bo", "민지", "Ann"].map(|name| names.unique(name)), ["bo_2", "민지_2", "Ann"]);
    }

    #[test]
    fn a_file_name_fits_into_255_bytes() {
        let name = format!("{}_12345.y4m", file_stem(&"𠮷".repeat(5000)));
        assert!(name.len() <= 255, "{} bytes", name.len());
    }
}
