//! File names for `--save-remote`, made from nicknames.

/// `name` as the stem of a file name: letters and digits of any script, `-` and `_` stay, the rest becomes `_`.
pub(super) fn file_stem(name: &str) -> String {
    let stem: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect();
    if stem.is_empty() { "peer".into() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        assert_eq!(file_stem("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_stem("a/b\\c\0d"), "a_b_c_d");
        assert_eq!(file_stem(".."), "__");
    }

    #[test]
    fn names_people_have_stay_readable() {
        assert_eq!(file_stem("철수-2_a"), "철수-2_a");
        assert_eq!(file_stem("Ann 🙂"), "Ann__");
        assert_eq!(file_stem(""), "peer");
    }
}
