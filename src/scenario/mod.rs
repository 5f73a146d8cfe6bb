//! From the text of a scenario file to compiled worlds, with everything that is wrong reported at once.
//!
//! A scenario is put together in this order, later over earlier:
//!
//! 1. the sections of its `topology` file;
//! 2. its own sections: maps are merged key by key (the scenario's `clients.web.to` replaces the topology's), lists and
//!    scalars replace, and so does another pick of one of several things (`arrivals: {closed: …}` over `{poisson: …}`);
//! 3. its `set`;
//! 4. for each variant, the `set` of its `apply` files in their order, then its own `set`;
//! 5. `--set` from the command line.
//!
//! Last, each `{preset: NAME, …}` becomes what a library does by default, with the other fields of the map laid over it.
//!
//! A path in a `set` is keys and list numbers with dots between: `services.api.endpoints.get.steps.0.work`. What it leads
//! through has to exist, except sections that a file may leave out (`edge`, `edges.NAME`, `link`, `queue`, …). In a list the
//! number after the last adds one. `null` removes; removals come after everything else in the same `set`, from behind.

pub mod check;
pub mod expect;
pub mod graph;
pub mod marks;
mod matrix;
pub mod spec;

mod compile;
mod data;
mod fail;
mod issue;
mod judge;
pub(crate) mod line;
mod load;
mod lost;
mod merge;
mod metric;
mod node;
mod oracle;
mod preset;
mod sentence;
mod source;
mod typed;
mod visit;
mod words;
mod world;
mod yaml;

pub use expect::{Expect, Expectation, Judgement, Measured, Verdict};
pub use matrix::{Matrix, Mitigations, read_matrix};
pub use oracle::oracle;
pub use preset::{Preset, Setting, presets};

use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the scenario as it stands, without any variant's changes.
pub const UNMITIGATED: &str = "unmitigated";

/// The name of the variant that has enough of everything; see [`oracle`].
pub const ORACLE: &str = "oracle";

/// A scenario that was read, checked and compiled, with all its variants.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The file's stem.
    pub name: String,
    /// The file as the user gave it.
    pub path: PathBuf,
    /// What the scenario is about, for a person.
    pub about: Option<String>,
    /// How long to run, how often, and how precisely to look.
    pub run: spec::Run,
    /// The same, as the simulator takes it.
    pub settings: squall_models::Settings,
    /// `unmitigated` first, then the variants by name.
    pub cases: Vec<Case>,
    /// The whole resolved input as canonical JSON, for a hash.
    pub canonical: String,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<String>,
    /// The files that it was read from, by their paths from the first, and their texts.
    pub sources: Vec<(String, String)>,
}

/// One variant, ready to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The variant's name.
    pub name: String,
    /// What it does, for a person.
    pub about: Option<String>,
    /// The world after all overlays.
    pub world: squall_models::spec::World,
    /// The world compiled.
    pub blueprint: squall_models::Blueprint,
    /// Where it is written: the last policy file that it applies, or its place in the scenario.
    pub place: Option<(PathBuf, usize)>,
    /// What is expected of this variant.
    pub expectations: Vec<Expectation>,
}

/// Everything that is wrong with a scenario. Its `Display` is ready for stderr.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    text: String,
    count: usize,
}

impl Diagnostics {
    /// How many problems there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Diagnostics {
    /// The first problem's headline, for where there is room for one line only.
    #[must_use]
    pub fn headline(&self) -> &str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("error: ")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Diagnostics {}

/// Reads a scenario with everything that it names, applies `sets` (`path=value`) to every variant last, and compiles it.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(path: &Path, sets: &[String]) -> Result<Loaded, Diagnostics> {
    load::load(path, sets, &[])
}

/// The same with `sets` applied only to the variants that are named; to all of them if none is.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_for(path: &Path, sets: &[String], variants: &[String]) -> Result<Loaded, Diagnostics> {
    load::load(path, sets, variants)
}

/// Reads a scenario with the mitigations of a matrix beside its own variants.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_with(path: &Path, mitigations: &Mitigations<'_>) -> Result<Loaded, Diagnostics> {
    load::load_with(path, mitigations)
}

/// The same for a text that is in memory; `path` says what to call it, and where the files are that it names.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_bytes(path: &Path, bytes: &[u8], sets: &[String]) -> Result<Loaded, Diagnostics> {
    load::load_bytes(path, bytes, sets)
}

/// The JSON Schema (draft-07) of a scenario file.
#[must_use]
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<spec::Scenario>().to_value();
    preset::into_schema(&mut schema);
    schema
}
