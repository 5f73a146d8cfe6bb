//! Results as one HTML file that needs nothing else: to read, to forward, to print.

mod data;
mod drawing;
mod tables;

use super::plots::{PLOTS, Undrawn, View};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde_json::json;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const APP: &str = include_str!("app.js");
const UPLOT: &str = include_str!("vendor/uplot.js");
const UPLOT_STYLE: &str = include_str!("vendor/uplot.css");

/// The pictures of all seeds that the page holds.
const PICTURES: [&str; 5] = ["goodput", "outcomes", "seeds", "differences", "ecdf"];

/// Bytes that pictures, and the whole page, take at most, so that it can be forwarded.
const PICTURE_BYTES: usize = 480_000;
const PAGE_BYTES: usize = 950_000;

/// The page.
///
/// # Errors
/// The results cannot be read, or the template and its data do not fit.
pub fn html(view: &View<'_>) -> Result<String, Undrawn> {
    let results = view.results;
    let (mut pictures, mut size, mut left_out) = (Vec::new(), 0, Vec::new());
    for plot in PLOTS.iter().filter(|plot| PICTURES.contains(&plot.name)) {
        match plot.draw(view) {
            Ok(picture) => {
                let svg = picture.svg()?;
                if size + svg.len() <= PICTURE_BYTES {
                    size += svg.len();
                    pictures.push(svg);
                } else {
                    left_out.push(plot.name);
                }
            }
            Err(Undrawn::Nothing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let verdicts = tables::verdicts(view)?;
    let failed = verdicts.iter().filter(|row| !row.ok).count();
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = environment.template_from_named_str("page.html", PAGE).map_err(broken)?;
    let mut told = json!({
        "version": results.manifest.get("squall").and_then(|version| version.as_str()).unwrap_or("?"),
        "name": results.name(),
        "about": results.about(),
        "seeds": results.seeds.len(),
        "seed": view.seed(),
        "end": view.series()?.end(),
        "interrupted": results.manifest.get("interrupted").and_then(serde_json::Value::as_bool).unwrap_or(false),
        "verdicts": verdicts,
        "failed": failed,
        "variants": tables::variants(view)?,
        "comparisons": tables::comparisons(view)?,
        "stories": tables::stories(view)?,
        "graph": drawing::drawing(&results.graph(view.variant())),
        "pictures": pictures,
        "left_out": left_out,
        "sources": results.sources()?,
        "command": tables::command(view),
        "sha256": results.manifest.pointer("/scenario/sha256").and_then(|hash| hash.as_str()).unwrap_or("?"),
        "runs": results.manifest.get("runs"),
        "data": "",
        "css": STYLE,
        "app": APP,
        "uplot": UPLOT,
        "uplot_css": UPLOT_STYLE,
    });
    // What the rest leaves is for the numbers.
    let rest = page.render(Serde(&told)).map_err(broken)?.len();
    let data = data::data(view, PAGE_BYTES.saturating_sub(rest))?;
    // A closing tag in a name would end the script that holds it.
    told["data"] = data.to_string().replace("</", "<\\/").into();
    page.render(Serde(told)).map_err(broken)
}

fn broken(error: minijinja::Error) -> Undrawn {
    Undrawn::Failed(format!("the template of the page is broken: {error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::Look;
    use crate::report::plots::fixtures::others;

    #[test]
    fn a_page_of_a_comparison_has_all_its_pictures() {
        let (_folder, others) = others();
        let look = Look::default();
        let view = View::new(&others[0], &look);
        let page = html(&view).unwrap();
        for name in PICTURES {
            let plot = PLOTS.iter().find(|plot| plot.name == name).unwrap_or_else(|| panic!("no plot {name}"));
            let picture = plot.draw(&view).unwrap().svg().unwrap();
            assert!(page.contains(&picture), "{name} is not in the page");
        }
    }
}
