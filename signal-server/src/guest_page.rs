//! The guest page, with which people without Maru join from a browser. Its files are compiled into the program.

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        File { name: $name, content_type: $content_type, body: include_str!(concat!("../../assets/web/", $name)) }
    };
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const INDEX: File = file!("index.html", "text/html; charset=utf-8");
const FILES: [File; 11] = [
    file!("style.css", "text/css; charset=utf-8"),
    file!("main.js", JAVASCRIPT),
    file!("call.js", JAVASCRIPT),
    file!("chat.js", JAVASCRIPT),
    file!("identity.js", JAVASCRIPT),
    file!("media.js", JAVASCRIPT),
    file!("peer.js", JAVASCRIPT),
    file!("pickers.js", JAVASCRIPT),
    file!("signaling.js", JAVASCRIPT),
    file!("texts.js", JAVASCRIPT),
    file!("tiles.js", JAVASCRIPT),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static str,
}

/// The file at `path`: the page itself at `/` and at `/r/ROOM`, and its other files relative to both.
pub(crate) fn find(path: &str) -> Option<File> {
    let path = path.strip_prefix('/')?;
    let in_room = path.strip_prefix("r/");
    if let Some(name) = in_room.unwrap_or(path).strip_prefix("web/") {
        return FILES.into_iter().find(|file| file.name == name);
    }
    let is_room = in_room.is_some_and(|room| !room.is_empty() && !room.contains('/'));
    (path.is_empty() || is_room).then_some(INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_has_the_same_page_and_the_same_files() {
        let index = find("/").expect("the page");
        for path in ["/r/family", "/r/%EA%B0%80%EC%A1%B1", "/r/a%2Fb"] {
            assert_eq!(find(path), Some(index), "{path}");
        }
        for file in FILES {
            assert_eq!(find(&format!("/web/{}", file.name)), Some(file));
            assert_eq!(find(&format!("/r/web/{}", file.name)), Some(file));
        }
    }

    #[test]
    fn every_file_is_used_and_every_import_exists() {
        for File { name, .. } in FILES {
            let linked = INDEX.body.contains(&format!("\"web/{name}\""));
            let imported = FILES.iter().any(|file| file.body.contains(&format!("from './{name}'")));
            assert!(linked || imported, "{name} is never used");
        }
        for file in FILES {
            let imports = file.body.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next());
            for import in imports {
                assert!(FILES.iter().any(|file| file.name == import), "{import} is missing");
            }
        }
    }

    #[test]
    fn other_paths_have_no_file() {
        for path in
            ["", "x", "/x", "/r/", "/r", "/r/a/b", "/web/", "/web/index.html", "/web/../Cargo.toml", "//", "/r/web/x"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
