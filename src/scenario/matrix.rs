//! A matrix: mitigations that are laid over scenarios, each alone.

use super::load::Loader;
use super::node::Node;
use super::source::read_text;
use super::spec::Variant;
use super::typed::read;
use super::{Diagnostics, issue::Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_models::spec::Named;
use std::path::{Path, PathBuf};

/// The version of the format.
const VERSION: u32 = 1;

/// Mitigations, and the scenarios that each of them is laid over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Version of the file format; today `1`.
    pub squall_matrix: u32,
    /// What this matrix is about, for a person.
    #[serde(default)]
    pub about: Option<String>,
    /// The scenarios, relative to this file.
    pub scenarios: Vec<PathBuf>,
    /// The mitigations by name, in the form of a scenario's variants. Where a scenario has a variant of the same name, its own
    /// is used: it knows better how this is done there. Without any, only the scenarios' own variants are judged.
    #[serde(default)]
    pub mitigations: Named<Variant>,
    /// How many seeds, instead of each scenario's own number.
    #[serde(default)]
    pub seeds: Option<u32>,
}

/// Mitigations of a matrix on their way into a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Mitigations<'a> {
    /// The matrix.
    pub file: &'a Path,
    /// Those that are meant.
    pub names: &'a [&'a str],
}

/// Reads a matrix.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read_matrix(path: &Path) -> Result<Matrix, Diagnostics> {
    let mut loader = Loader::default();
    loader.matrix(path).ok_or_else(|| loader.issues.render(&loader.sources, path))
}

impl Loader {
    fn matrix(&mut self, path: &Path) -> Option<Matrix> {
        let root = self.matrix_tree(path)?;
        let read = read::<Matrix>(&root, root.at, &mut self.issues);
        let lost = |field: &str| read.is_lost(field);
        let matrix = read.value.as_ref()?;
        if matrix.squall_matrix != VERSION && !lost("squall_matrix") {
            let at = root.get("squall_matrix").map_or(root.at, |node| node.at);
            let rule = format!("version {} of a matrix is not known", matrix.squall_matrix);
            self.issues.at(at, rule, "write `squall_matrix: 1`");
        }
        if matrix.scenarios.is_empty() && !lost("scenarios") {
            let at = root.get("scenarios").map_or(root.at, |node| node.at);
            self.issues.at(at, "there are no scenarios", "name at least one");
        }
        if matrix.seeds.is_some_and(|seeds| seeds < 2) && !lost("seeds") {
            let at = root.get("seeds").map_or(root.at, |node| node.at);
            self.issues.at(at, "a difference needs at least two seeds", "write `seeds: 5`, or more");
        }
        if self.issues.len() == 0 { read.value } else { None }
    }

    fn matrix_tree(&mut self, path: &Path) -> Option<Node> {
        match read_text(path) {
            Ok(text) => {
                let file = self.sources.add(path, path.display().to_string(), text);
                self.parse(file)
            }
            Err((rule, remedy)) => {
                self.issues.add(Place::Nowhere, rule, remedy.replace("; it is relative to the file that names it", ""));
                None
            }
        }
    }

    /// Puts mitigations beside the variants of a scenario, unless it has one of that name itself.
    pub(super) fn with_mitigations(&mut self, root: &mut Node, mitigations: &Mitigations<'_>) -> Option<()> {
        let mut tree = self.matrix_tree(mitigations.file)?;
        let Some(mut section) = tree.take("mitigations") else { return Some(()) };
        if root.get("variants").is_none() {
            let mut empty = section.clone();
            empty.node = Node::map(section.node.at);
            root.entries_mut()?.insert("variants".to_owned(), empty);
        }
        let variants = root.entries_mut()?.get_mut("variants")?.node.entries_mut()?;
        for (name, entry) in std::mem::take(section.node.entries_mut()?) {
            if mitigations.names.contains(&name.as_str()) {
                variants.entry(name).or_insert(entry);
            }
        }
        Some(())
    }
}
