//! The guest page: how someone without Maru joins from a browser. Its files are part of the program.

/// What can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static str,
}

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        ($name, Page { content_type: $content_type, body: include_str!(concat!("../../assets/web/", $name)) })
    };
}

/// The page at `path`: `/`, `/r/ROOM`, and the files that the page names, relative to either of them.
pub(crate) fn find(path: &str) -> Option<Page> {
    let path = path.strip_prefix('/')?;
    let in_room = path.strip_prefix("r/");
    if let Some(name) = in_room.unwrap_or(path).strip_prefix("web/") {
        return FILES.iter().find(|(known, _)| *known == name).map(|(_, page)| *page);
    }
    let is_room = in_room.is_some_and(|room| !room.is_empty() && !room.contains('/'));
    (path.is_empty() || is_room).then_some(INDEX.1)
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const INDEX: (&str, Page) = file!("index.html", "text/html; charset=utf-8");
const FILES: [(&str, Page); 10] = [
    file!("style.css", "text/css; charset=utf-8"),
    file!("main.js", JAVASCRIPT),
    file!("call.js", JAVASCRIPT),
    file!("chat.js", JAVASCRIPT),
    file!("media.js", JAVASCRIPT),
    file!("peer.js", JAVASCRIPT),
    file!("pickers.js", JAVASCRIPT),
    file!("signaling.js", JAVASCRIPT),
    file!("texts.js", JAVASCRIPT),
    file!("tiles.js", JAVASCRIPT),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_same_for_each_room_and_finds_its_files_from_there() {
        let index = find("/").expect("a page");
        for path in ["/r/family", "/r/%EA%B0%80%EC%A1%B1", "/r/a%2Fb"] {
            assert_eq!(find(path), Some(index), "{path}");
        }
        for (name, page) in FILES {
            assert_eq!(find(&format!("/web/{name}")), Some(page));
            assert_eq!(find(&format!("/r/web/{name}")), Some(page));
        }
    }

    #[test]
    fn every_file_that_a_file_names_is_there() {
        let names = FILES.iter().map(|(name, _)| *name);
        let named = |name: &str| {
            let imported = format!("from './{name}'");
            let linked = format!("\"web/{name}\"");
            INDEX.1.body.contains(&linked) || FILES.iter().any(|(_, page)| page.body.contains(&imported))
        };
        assert!(names.clone().all(named), "a file is never used");
        for (_, page) in FILES {
            let imports = page.body.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next());
            for import in imports {
                assert!(names.clone().any(|name| name == import), "{import} is missing");
            }
        }
    }

    #[test]
    fn nothing_else_is_there() {
        for path in
            ["", "x", "/x", "/r/", "/r", "/r/a/b", "/web/", "/web/index.html", "/web/../Cargo.toml", "//", "/r/web/x"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
