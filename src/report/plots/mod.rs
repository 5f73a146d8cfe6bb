//! Pictures of results, one file for each. Everything is drawn from what a run left on disk.

mod amplification;
mod axis;
pub(super) mod deeds;
mod differences;
mod ecdf;
mod fates;
mod figure;
#[cfg(test)]
pub(super) mod fixtures;
mod font;
mod goodput;
mod grid;
mod heatmap;
mod latency;
mod layout;
mod outcomes;
mod page;
mod palette;
mod render;
mod seeds;
mod services;
mod sweep;
#[cfg(test)]
mod tests;
mod tipping;
mod topology;
mod view;

pub(in crate::report) use topology::Boxes;
pub use view::{Look, View};

use crate::record::results::{Contents, Unreadable};
use figure::Figure;
use std::fmt;

/// A kind of picture.
pub struct Plot {
    /// Its name on the command line, and the stem of its files.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// What results it is drawn from.
    pub of: Contents,
    draw: fn(&View<'_>) -> Result<Figure, Undrawn>,
}

/// All kinds of picture.
pub const PLOTS: [Plot; 14] = [
    Plot { name: "goodput", about: goodput::ABOUT, of: Contents::Runs, draw: goodput::draw },
    Plot { name: "latency", about: latency::ABOUT, of: Contents::Runs, draw: latency::draw },
    Plot { name: "heatmap", about: heatmap::ABOUT, of: Contents::Runs, draw: heatmap::draw },
    Plot { name: "services", about: services::ABOUT, of: Contents::Runs, draw: services::draw },
    Plot { name: "amplification", about: amplification::ABOUT, of: Contents::Runs, draw: amplification::draw },
    Plot { name: "fates", about: fates::ABOUT, of: Contents::Runs, draw: fates::draw },
    Plot { name: "outcomes", about: outcomes::ABOUT, of: Contents::Runs, draw: outcomes::draw },
    Plot { name: "ecdf", about: ecdf::ABOUT, of: Contents::Runs, draw: ecdf::draw },
    Plot { name: "seeds", about: seeds::ABOUT, of: Contents::Runs, draw: seeds::draw },
    Plot { name: "differences", about: differences::ABOUT, of: Contents::Runs, draw: differences::draw },
    Plot { name: "topology", about: topology::ABOUT, of: Contents::Runs, draw: topology::draw },
    Plot { name: "tipping", about: tipping::ABOUT, of: Contents::Tip, draw: tipping::draw },
    Plot { name: "sweep", about: sweep::ABOUT, of: Contents::Sweep, draw: sweep::draw },
    Plot { name: "grid", about: grid::ABOUT, of: Contents::Sweep, draw: grid::draw },
];

/// Why there is no picture.
#[derive(Debug)]
pub enum Undrawn {
    /// The results hold nothing that it shows.
    Nothing(String),
    /// The results cannot be read, or the picture cannot be made.
    Failed(String),
}

impl fmt::Display for Undrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

impl From<Unreadable> for Undrawn {
    fn from(error: Unreadable) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A picture that can be written in several formats.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture(Figure);

impl Plot {
    /// Draws it.
    ///
    /// # Errors
    /// There is nothing to draw, or the results cannot be read.
    pub fn draw(&self, view: &View<'_>) -> Result<Picture, Undrawn> {
        if view.results.contents != self.of {
            let command = match self.of {
                Contents::Runs => "run` or `squall compare",
                Contents::Tip => "tip",
                Contents::Sweep => "sweep",
            };
            return Err(Undrawn::Nothing(format!("it is drawn from results of `squall {command}`")));
        }
        (self.draw)(view).map(Picture)
    }
}

impl Picture {
    /// As SVG, with a title for who cannot see it.
    ///
    /// # Errors
    /// The library that draws failed.
    pub fn svg(&self) -> Result<String, Undrawn> {
        render::svg(&self.0).map_err(|error| Undrawn::Failed(error.to_string()))
    }

    /// As PNG, with so many pixels for each pixel of its width.
    ///
    /// # Errors
    /// The library that draws failed.
    pub fn png(&self, scale: u32) -> Result<Vec<u8>, Undrawn> {
        render::png(&self.0, scale).map_err(|error| Undrawn::Failed(error.to_string()))
    }
}
