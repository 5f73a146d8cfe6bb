//! The documentation as a book: every page is in the table of contents, and every link leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pages(folder: &Path) -> Vec<PathBuf> {
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

/// The targets of Markdown links outside of code blocks.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        code ^= line.trim_start().starts_with("```");
        for part in line.split("](").skip(1).filter(|_| !code) {
            found.extend(part.split(')').next().map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = root.join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed = links(&summary);
    let mut wrong = Vec::new();
    let others = [root.join("README.md"), root.join("notebooks/README.md"), root.join("results/README.md")];
    for page in pages(&docs).into_iter().chain(others) {
        let name = page.strip_prefix(&docs).map(|name| name.to_string_lossy().replace('\\', "/")).ok();
        if let Some(name) = name.filter(|name| name != "SUMMARY.md" && !listed.contains(name)) {
            wrong.push(format!("docs/{name} is not in docs/SUMMARY.md"));
        }
        for link in links(&fs::read_to_string(&page).unwrap()) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside && !page.parent().unwrap().join(target).exists() {
                wrong.push(format!("{}: `{link}` leads nowhere", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
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
}
