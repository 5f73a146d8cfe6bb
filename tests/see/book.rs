//! The documentation as a book: every page is in the table of contents, every link leads to a page and a heading that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Markdown files in this folder and below, in order.
pub(crate) fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of Markdown links outside of code blocks.
fn links(text: &str) -> Vec<String> {
    let parts = prose(text).flat_map(|line| line.split("](").skip(1));
    parts.filter_map(|part| part.split(')').next().map(str::to_owned)).collect()
}

/// What a link can name in a page: its headings as mdBook and forges turn them into anchors, numbered where they repeat.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let Some(heading) = line[level..].strip_prefix(' ').filter(|_| (1..=6).contains(&level)) else { continue };
        // Of a link in a heading only the text counts.
        let mut name = String::new();
        let mut rest = heading.trim();
        while let Some((before, after)) = rest.split_once("](") {
            name.push_str(before);
            rest = after.split_once(')').map_or("", |(_, rest)| rest);
        }
        name.push_str(rest);
        let letter = |letter: char| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
            _ => None,
        };
        let name: String = name.to_lowercase().chars().filter_map(letter).collect();
        let again = (1..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}

/// What is wrong with a link of a page.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (target, anchor) = link.split_once('#').map_or((link, None), |(target, anchor)| (target, Some(anchor)));
    let place = if target.is_empty() { page.to_path_buf() } else { page.parent()?.join(target) };
    if !place.exists() {
        return Some(format!("{}: `{link}` leads nowhere", page.display()));
    }
    let anchor = anchor.filter(|_| place.extension().is_some_and(|ending| ending == "md"))?;
    let known = anchors(&fs::read_to_string(&place).ok()?);
    (!known.contains(anchor)).then(|| format!("{}: `{link}`: no such heading; there are {known:?}", page.display()))
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = root.join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed = links(&summary);
    let mut wrong = Vec::new();
    let mut others = pages(&root.join("results"));
    others.extend(["README.md", "CHANGELOG.md", "notebooks/README.md"].map(|name| root.join(name)));
    for page in pages(&docs).into_iter().chain(others) {
        let name = page.strip_prefix(&docs).map(|name| name.to_string_lossy().replace('\\', "/")).ok();
        if let Some(name) = name.filter(|name| name != "SUMMARY.md") {
            match listed.iter().filter(|known| **known == name).count() {
                1 => {}
                times => wrong.push(format!("docs/{name} is {times} times in docs/SUMMARY.md, not once")),
            }
        }
        wrong.extend(links(&fs::read_to_string(&page).unwrap()).iter().filter_map(|link| broken(&page, link)));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn links_are_followed_to_the_heading() {
    let page = "# A `name.yaml`, & more\n## Twice\n```sh\n# no heading\n[no](link.md)\n```\n## Twice\n### [Text](to.md) here\n";
    let found = anchors(page);
    assert_eq!(found.iter().collect::<Vec<_>>(), ["a-nameyaml--more", "text-here", "twice", "twice-1"]);
    assert_eq!(links(page), ["to.md"]);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("here.md");
    fs::write(&here, page).unwrap();
    for good in ["#twice-1", "here.md#text-here", "here.md", "https://example.org/nowhere#x"] {
        assert_eq!(broken(&here, good), None);
    }
    assert!(broken(&here, "#thrice").unwrap().contains("no such heading"));
    assert!(broken(&here, "there.md").unwrap().contains("leads nowhere"));
}

#[test]
fn mdbook_builds_the_book() {
    let out = tempfile::tempdir().unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let Ok(built) = Command::new("mdbook").args(["build", root, "--dest-dir"]).arg(out.path()).output() else {
        println!("skipped: mdbook is not installed, so the book was not built");
        return;
    };
    let told = String::from_utf8_lossy(&built.stdout) + String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success() && !told.contains("WARN") && !told.contains("ERROR"), "{told}");
    for page in pages(&Path::new(root).join("docs")) {
        let name = page.strip_prefix(Path::new(root).join("docs")).unwrap().with_extension("html");
        let place =
            out.path().join(if name.ends_with("README.html") { name.with_file_name("index.html") } else { name });
        assert!(place.ends_with("SUMMARY.html") || place.is_file(), "no {}", place.display());
    }
    let lost: Vec<String> = built_pages(out.path()).iter().flat_map(|page| lost_links(page, out.path())).collect();
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

fn built_pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { built_pages(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "html"))
        .collect()
}

/// Links of a built page that lead nowhere, with the book in the folder `book` of the project.
fn lost_links(page: &Path, book: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let links = text.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    let files = links.map(|link| link.split('#').next().unwrap_or_default());
    let lost = files.filter(|link| !link.is_empty() && !link.contains(':')).filter(|link| {
        let mut parts: Vec<&std::ffi::OsStr> = page.parent().unwrap().strip_prefix(book).unwrap().iter().collect();
        let mut out = false;
        for part in link.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                // Above the book is the project.
                out |= parts.pop().is_none();
            } else {
                parts.push(part.as_ref());
            }
        }
        let place: PathBuf = parts.iter().collect();
        let root = if out { Path::new(env!("CARGO_MANIFEST_DIR")) } else { book };
        !root.join(place).exists()
    });
    lost.map(|link| format!("{}: {link} leads nowhere", page.display())).collect()
}
