//! Every plot of real results: readable, the same every time, and with nothing upon anything else.

use super::axis::{Axis, Unit};
use super::figure::{Figure, Pen, Point, Shape};
use super::fixtures::{others, results};
use super::page::{Area, Panel};
use super::palette::AXIS;
use super::{Look, PLOTS, Plot, Undrawn, View, font};
use crate::record::results::{Mark, Results};
use std::collections::BTreeSet;

/// Every plot that these results hold.
fn figures(view: &View<'_>) -> Vec<(&'static str, Figure)> {
    let draw = |plot: &Plot| match (plot.draw)(view) {
        Ok(figure) => Some((plot.name, figure)),
        Err(Undrawn::Nothing(_)) => None,
        Err(error) => panic!("{}: {error}", plot.name),
    };
    PLOTS.iter().filter(|plot| plot.of == view.results.contents).filter_map(draw).collect()
}

#[test]
fn no_text_lies_on_another_or_leaves_the_picture() {
    let (_folder, results) = results();
    let (_other, others) = others();
    let mut drawn = BTreeSet::new();
    for (results, width) in others.iter().chain([&results]).flat_map(|results| [(results, 800.0), (results, 560.0)]) {
        let look = Look { width, ..Look::default() };
        for (name, figure) in figures(&View::new(results, &look)) {
            drawn.insert(name);
            let texts: Vec<_> = figure
                .shapes
                .iter()
                .filter_map(|shape| match shape {
                    Shape::Text { at, text, kind } => Some((text, font::bounds(*at, text, *kind))),
                    _ => None,
                })
                .collect();
            assert!(texts.len() > 5, "{name} says next to nothing");
            for (at, (text, (start, end))) in texts.iter().enumerate() {
                let inside = start.0 >= 0.0 && start.1 >= 0.0 && end.0 <= figure.width && end.1 <= figure.height;
                assert!(inside, "{name} at {width}: `{text}` leaves the picture: {start:?} {end:?}");
                for (other, (from, to)) in &texts[at + 1..] {
                    let apart = end.0 <= from.0 || to.0 <= start.0 || end.1 <= from.1 || to.1 <= start.1;
                    assert!(apart, "{name} at {width}: `{text}` lies on `{other}`: {start:?} {end:?}, {from:?} {to:?}");
                }
            }
        }
    }
    assert!(PLOTS.iter().all(|plot| drawn.contains(plot.name)), "{drawn:?}");
}

#[test]
fn what_other_commands_have_found_is_drawn_as_it_is() {
    let (_folder, others) = others();
    let look = Look::default();
    let shapes = |results: &Results, name: &str| {
        let plot = PLOTS.iter().find(|plot| plot.name == name).unwrap();
        (plot.draw)(&View::new(results, &look)).unwrap().shapes
    };
    let dots = |shapes: &[Shape]| shapes.iter().filter(|shape| matches!(shape, Shape::Dot { .. })).count();
    // Four panels (all clients, each of two, and what is expected), each with three variants (one of them the bound) and
    // three seeds, and one dot in the legend.
    assert_eq!(dots(&shapes(&others[0], "differences")), 4 * 3 * 3 + 1);
    // Five points of three variants, twice; no latency where nothing ended well.
    let swept = others[1].sweep().unwrap();
    let with = swept.latencies.values().filter(|times| !times.is_empty()).count();
    assert_eq!(dots(&shapes(&others[1], "sweep")), 3 * 5 + with);
    assert_eq!(swept.shares.len(), 15);
    let boxes = shapes(&others[2], "grid").iter().filter(|shape| matches!(shape, Shape::Rect { .. })).count();
    assert_eq!(boxes, 3 * 9 + 24);
    // A curve for each branch of each variant has a point for each value.
    let points =
        others[3].tips().unwrap().curves.iter().filter(|risk| risk.variant == "wide" && risk.branch == "up").count();
    let tipping = shapes(&others[3], "tipping");
    let curves = tipping.iter().filter(|shape| matches!(shape, Shape::Line { points: all, .. } if all.len() == points));
    assert_eq!(curves.count(), 3 * 2);
    let error = Results::open(&others[3].folder).unwrap_err().to_string();
    assert!(error.contains("squall tip") && error.contains("squall plot"), "{error}");
}

#[test]
fn alerts_and_actions_have_letters_that_are_explained() {
    let (_folder, results) = results();
    let look = Look { variants: vec!["unmitigated".to_owned()], ..Look::default() };
    let view = View::new(&results, &look);
    for name in ["goodput", "latency", "heatmap", "services", "amplification", "outcomes"] {
        let plot = PLOTS.iter().find(|plot| plot.name == name).unwrap();
        let shapes = (plot.draw)(&view).unwrap().shapes;
        let texts: Vec<&str> = shapes
            .iter()
            .filter_map(|shape| match shape {
                Shape::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let foot = texts.join(" ");
        let fault = "1 slow db";
        for what in ["alert busy fires", "alert full fires", "action 1 flush caches.l1", "action 2 traffic", fault] {
            assert!(foot.contains(what), "{name}: `{what}` is not explained: {foot}");
        }
        for letter in ["A", "B", "C", "D"] {
            assert!(texts.contains(&letter), "{name}: no mark {letter} in {texts:?}");
        }
        // The three actions go through every panel, with letters or without.
        let lines = shapes.iter().filter_map(|shape| match shape {
            Shape::Line { points, pen } => Some((points, pen)),
            _ => None,
        });
        let panels = lines.clone().filter(|(points, pen)| points.len() == 3 && **pen == Pen::new(AXIS, 1.0)).count();
        let through = |(points, pen): &(&Vec<Point>, &Pen)| pen.dash == Some((2.0, 2.0)) && points[0].0 == points[1].0;
        assert!(panels > 0);
        assert_eq!(lines.filter(through).count(), 3 * panels, "{name}: actions in {panels} panels");
    }
}

#[test]
fn faults_at_one_place_share_a_label() {
    let mut figure = Figure::new("", 200.0, 100.0);
    let area = Area { x: 0.0, y: 0.0, width: 200.0, height: 100.0, head: 0.0, leftmost: true, lowest: true };
    let axis = Axis::Linear { low: 0.0, high: 100.0 };
    let panel = Panel { area, x: (axis, Unit::Clock), y: (axis, Unit::Plain) };
    let at = |from| Mark {
        from,
        until: None,
        what: String::new(),
        kind: String::new(),
        targets: Vec::new(),
        factor: None,
        share: None,
        replicas: None,
    };
    panel.marks(&mut figure, &[at(10.0), at(10.0), at(10.1), at(50.0), at(80.0), at(80.0)]);
    let texts = figure.shapes.iter().filter_map(|shape| match shape {
        Shape::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["1–3", "4", "5,6"]);
}

#[test]
fn pictures_are_the_same_bytes_every_time() {
    let (_folder, results) = results();
    let look = Look::default();
    let (one, two) = (View::new(&results, &look), View::new(&results, &look));
    for plot in &PLOTS {
        let (Ok(one), Ok(two)) = (plot.draw(&one), plot.draw(&two)) else { continue };
        assert_eq!(one.svg().unwrap(), two.svg().unwrap(), "{}", plot.name);
        if ["goodput", "topology"].contains(&plot.name) {
            assert!(one.png(1).unwrap() == two.png(1).unwrap(), "{}", plot.name);
        }
    }
}

#[test]
fn a_png_is_a_picture_with_colours_and_letters() {
    let (_folder, results) = results();
    let look = Look::default();
    let view = View::new(&results, &look);
    for plot in &PLOTS {
        let Ok(picture) = plot.draw(&view) else { continue };
        for scale in [1, 2].into_iter().filter(|scale| *scale == 1 || plot.name == "seeds") {
            let bytes = picture.png(scale).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(info.width, 800 * scale);
            let colours: BTreeSet<&[u8]> = pixels.chunks_exact(3).collect();
            let dark = pixels.chunks_exact(3).filter(|pixel| pixel.iter().all(|part| *part < 80)).count();
            assert!(colours.len() > 40 && dark > 200, "{}: {} colours, {dark} dark", plot.name, colours.len());
        }
    }
}

#[test]
fn what_is_drawn_is_what_was_measured() {
    let (_folder, results) = results();
    let series = results.series().unwrap();
    let arrivals: f64 = results.values("unmitigated", "clients.web", "count.arrivals").unwrap()[&2];
    let column = series.get("unmitigated", 2, "clients.web", "offered").unwrap();
    let sum: f64 = column.iter().filter(|value| value.is_finite()).sum();
    assert!((sum * series.resolution - arrivals).abs() < 0.5, "{sum} {arrivals}");
    let latencies = results.latencies().unwrap();
    let web = &latencies[&("unmitigated".to_owned(), "clients.web".to_owned())];
    assert_eq!(web.len() as f64, results.total("unmitigated", "clients.web", "count.ok"));
    let graph = results.graph("unmitigated");
    let arrow = |from: &str, to: &str| graph.arrows.contains(&(graph.find(from).unwrap(), graph.find(to).unwrap()));
    assert!(
        arrow("clients.web", "services.api")
            && arrow("services.api", "caches.l1")
            && arrow("services.api", "pools.api.db")
    );
}

#[test]
fn folders_that_hold_no_results_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = Results::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("squall run"), "{error}");
    let (kept, results) = results();
    std::fs::write(results.folder.join("manifest.json"), r#"{"schema": 99}"#).unwrap();
    let error = Results::open(&results.folder).unwrap_err().to_string();
    assert!(error.contains("99") && error.contains("run the scenario again"), "{error}");
    drop(kept);
}
