//! Pictures of results, one file for each. Everything is drawn from what a run left on disk.

mod amplification;
mod axis;
mod ecdf;
mod fates;
mod figure;
mod font;
mod goodput;
mod heatmap;
mod latency;
mod layout;
mod outcomes;
mod page;
mod palette;
mod render;
mod seeds;
mod services;
#[cfg(test)]
pub(super) mod tests;
mod topology;
mod view;

pub(in crate::report) use topology::Boxes;
pub use view::{Look, View};

use crate::record::results::Unreadable;
use figure::Figure;
use std::fmt;

/// A kind of picture.
pub struct Plot {
    /// Its name on the command line, and the stem of its files.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    draw: fn(&View<'_>) -> Result<Figure, Undrawn>,
}

/// All kinds of picture.
pub const PLOTS: [Plot; 10] = [
    Plot { name: "goodput", about: goodput::ABOUT, draw: goodput::draw },
    Plot { name: "latency", about: latency::ABOUT, draw: latency::draw },
    Plot { name: "heatmap", about: heatmap::ABOUT, draw: heatmap::draw },
    Plot { name: "services", about: services::ABOUT, draw: services::draw },
    Plot { name: "amplification", about: amplification::ABOUT, draw: amplification::draw },
    Plot { name: "fates", about: fates::ABOUT, draw: fates::draw },
    Plot { name: "outcomes", about: outcomes::ABOUT, draw: outcomes::draw },
    Plot { name: "ecdf", about: ecdf::ABOUT, draw: ecdf::draw },
    Plot { name: "seeds", about: seeds::ABOUT, draw: seeds::draw },
    Plot { name: "topology", about: topology::ABOUT, draw: topology::draw },
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
