//! Commands that the documentation quotes: squall understands them, and the files that they name exist.

use super::book::pages;
use clap::error::ErrorKind;
use std::fs;
use std::path::{Path, PathBuf};

/// A command of a page.
#[derive(Debug, PartialEq)]
struct Quoted {
    words: Vec<String>,
    /// It stands in a sentence, where arguments may be left out.
    inline: bool,
}

/// The first command of a line as a shell would take it: quotes, comments, and what ends a command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (None, '|' | ';' | '&' | '>' | '<') => break,
            (None, '#') if word.is_none() => break,
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The commands of a page: in blocks of shell or console, and in sentences. Lines of a notebook begin with `# `.
fn commands(text: &str) -> Vec<Quoted> {
    let mut found = Vec::new();
    let mut block = "";
    let mut pending = String::new();
    for line in text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)) {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            block = if block.is_empty() { if kind.is_empty() { "text" } else { kind } } else { "" };
            continue;
        }
        if block.is_empty() {
            let spans = line.split('`').skip(1).step_by(2).filter(|span| span.starts_with("squall "));
            found.extend(spans.map(|span| Quoted { words: words(span), inline: true }));
        } else if block.starts_with("sh") || block.starts_with("console") {
            let typed = block.starts_with("sh") || !pending.is_empty();
            let Some(line) = line.strip_prefix("$ ").or(typed.then_some(line)) else { continue };
            pending.push_str(line.trim_end().trim_end_matches('\\'));
            if !line.trim_end().ends_with('\\') {
                let line = std::mem::take(&mut pending);
                found.push(Quoted { words: words(&line), inline: false });
            }
        }
    }
    for quoted in &mut found {
        if quoted.words.starts_with(&["cargo", "run", "--release", "--"].map(str::to_owned)) {
            quoted.words.splice(..4, ["squall".to_owned()]);
        }
    }
    found.retain(|quoted| quoted.words.first().is_some_and(|word| word == "squall") && quoted.words.len() > 1);
    found
}

/// What squall says to a command.
fn misunderstood(quoted: &Quoted) -> Option<String> {
    let error = squall::cli::command().try_get_matches_from(&quoted.words).err()?;
    let fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => quoted.inline,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => quoted.inline,
        _ => false,
    };
    (!fine).then(|| error.to_string())
}

/// The files of this repository among the words: those in folders that a clone has.
fn files(quoted: &Quoted) -> impl Iterator<Item = &String> {
    let own = ["topologies/", "docs/", "results/baseline", "results/matrix"];
    quoted.words.iter().filter(move |word| own.iter().any(|folder| word.starts_with(folder)))
}

#[test]
fn quoted_commands_are_understood_and_name_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = pages(&root.join("docs"));
    all.extend(["README.md", "notebooks/README.md", "results/README.md"].map(|name| root.join(name)));
    let notebooks = fs::read_dir(root.join("notebooks")).unwrap().map(|entry| entry.unwrap().path());
    // What notebooks share is code, and its messages have holes to fill.
    let read = |path: &PathBuf| path.extension().is_some_and(|it| it == "py") && !path.ends_with("squall_results.py");
    all.extend(notebooks.filter(read));
    let (mut tried, mut wrong) = (0, Vec::new());
    for page in all {
        let text = fs::read_to_string(&page).unwrap();
        for quoted in commands(&text) {
            tried += 1;
            let told = quoted.words.join(" ");
            let missing = files(&quoted).filter(|name| !root.join(name).exists()).map(|name| format!("no file {name}"));
            let problems: Vec<String> = misunderstood(&quoted).into_iter().chain(missing).collect();
            wrong.extend(problems.iter().map(|problem| format!("{}: `{told}`: {problem}", page.display())));
        }
    }
    assert!(tried > 80, "only {tried} commands were found");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn commands_are_found_and_judged() {
    let page = "```sh\nsquall run a.yaml \\\n    --set 'x.y=1 s' # why\ncargo run --release -- check b.yaml | less\n```\n\
        Say `squall sweep` or `squall run --wrong`.\n```yaml\nsquall: 1\n```\n```console\n$ squall list\nsquall tells\n```\n";
    let found = commands(page);
    let told: Vec<String> = found.iter().map(|quoted| quoted.words[1..].join("+")).collect();
    assert_eq!(told, ["run+a.yaml+--set+x.y=1 s", "check+b.yaml", "sweep", "run+--wrong", "list"]);
    let bad: Vec<bool> = found.iter().map(|quoted| misunderstood(quoted).is_some()).collect();
    assert_eq!(bad, [false, false, false, true, false]);
    assert!(misunderstood(&Quoted { words: words("squall sweep"), inline: false }).is_some());
    let named = Quoted { words: words("squall run topologies/none.yaml --out results/local/x"), inline: false };
    assert_eq!(files(&named).map(PathBuf::from).collect::<Vec<_>>(), [PathBuf::from("topologies/none.yaml")]);
}
