//! A difference for programs: JSON, JUnit, annotations and a summary for GitHub.

use super::diff::{Difference, summary, told};
use crate::experiment::baseline::{Change, Changed};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

/// The name of a change in results.
fn name(change: Change) -> &'static str {
    match change {
        Change::Same => "same",
        Change::Small => "small",
        Change::Better => "better",
        Change::Unclear => "unclear",
        Change::Moved => "moved",
        Change::Worse => "worse",
    }
}

/// All scenarios as one object.
#[must_use]
pub fn differences_json(all: &[Difference]) -> Value {
    let change = |changed: &Changed| {
        json!({
            "component": changed.component,
            "metric": changed.metric,
            "unit": changed.unit,
            "before": changed.before,
            "after": changed.after,
            "low": changed.interval.map(|interval| interval.low),
            "high": changed.interval.map(|interval| interval.high),
            "tolerance": changed.tolerance,
            "change": name(changed.change),
        })
    };
    let one = |difference: &Difference| {
        let variants = difference.variances.iter().map(|variance| {
            json!({
                "variant": variance.variant,
                "summary": summary(variance).0.to_lowercase(),
                "same_bytes": variance.same_bytes,
                "changes": variance.changes.iter().filter(|c| c.change != Change::Same).map(change).collect::<Vec<_>>(),
            })
        });
        let alarms = difference.alarms().into_iter().map(|alarm| {
            json!({ "title": alarm.title, "text": alarm.text, "file": alarm.place.0.to_string_lossy(), "line": alarm.place.1 })
        });
        json!({
            "name": difference.name,
            "seeds": difference.seeds,
            "variants": variants.collect::<Vec<_>>(),
            "alarms": alarms.collect::<Vec<_>>(),
        })
    };
    let ok = all.iter().all(|difference| difference.alarms().is_empty());
    json!({ "squall": env!("CARGO_PKG_VERSION"), "ok": ok, "scenarios": all.iter().map(one).collect::<Vec<_>>() })
}

/// A suite for each scenario, a case for each variant.
#[must_use]
pub fn junit(all: &[Difference]) -> String {
    let mut report = Report::new("squall diff");
    for difference in all {
        let mut suite = TestSuite::new(difference.name.as_str());
        let alarms = difference.alarms();
        for variance in &difference.variances {
            let title = format!("{} / {}", difference.name, variance.variant);
            let texts: Vec<&str> = alarms.iter().filter(|a| a.title == title).map(|a| a.text.as_str()).collect();
            let mut status = TestCaseStatus::success();
            if let Some(first) = texts.first() {
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(*first).set_type("worse").set_description(texts.join("\n"));
            }
            let mut case = TestCase::new(variance.variant.as_str(), status);
            case.set_classname(difference.name.as_str());
            let (word, more) = summary(variance);
            case.set_system_out(format!("{word}: {more}"));
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    // Writing to memory fails for nothing that can be in a name.
    report.to_string().unwrap_or_default()
}

/// One workflow command for each alarm, with the file and the line that it is about.
#[must_use]
pub fn annotations(all: &[Difference]) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for alarm in all.iter().flat_map(Difference::alarms) {
        let (file, line) = (property(&alarm.place.0.to_string_lossy()), alarm.place.1);
        let title = property(&format!("squall: {}", alarm.title));
        out += &format!("::error file={file},line={line},title={title}::{}\n", escape(&alarm.text));
    }
    out
}

/// A summary in Markdown, for the page of a pull request.
#[must_use]
pub fn markdown(all: &[Difference]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let failed: usize = all.iter().map(|difference| difference.alarms().len()).sum();
    let mut out = match failed {
        0 => "### squall: nothing is worse than is allowed\n\n".to_owned(),
        count => format!("### squall: {count} worse than is allowed\n\n"),
    };
    out += "| scenario | variant | | what changed |\n|---|---|---|---|\n";
    for difference in all {
        for variance in &difference.variances {
            let (word, more) = summary(variance);
            let mut changes: Vec<String> = Difference::notable(variance).take(5).map(told).collect();
            let broken = difference.broken.iter().filter(|(variant, ..)| *variant == variance.variant);
            changes.extend(broken.map(|(_, sentence, _)| format!("**does not hold any more:** {sentence}")));
            let text = if changes.is_empty() {
                more
            } else {
                changes.iter().map(|c| cell(c)).collect::<Vec<_>>().join("<br>")
            };
            let word = if word == "WORSE" { "**worse**" } else { word };
            out += &format!("| {} | {} | {word} | {text} |\n", cell(&difference.name), cell(&variance.variant));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::baseline::Variance;
    use std::path::PathBuf;

    fn difference() -> Difference {
        let changed = |change, after| Changed {
            variant: "lifo".to_owned(),
            component: "clients.web".to_owned(),
            metric: "goodput_share after fault 1".to_owned(),
            unit: "share".to_owned(),
            before: Some(0.99),
            after: Some(after),
            interval: None,
            tolerance: 0.01,
            change,
        };
        let variance = |variant: &str, changes| Variance {
            variant: variant.to_owned(),
            same_bytes: false,
            gone: false,
            new: false,
            changes,
        };
        Difference {
            name: "storm".to_owned(),
            seeds: 4,
            variances: vec![
                variance("lifo", vec![changed(Change::Worse, 0.62)]),
                variance("calm", vec![changed(Change::Small, 0.991)]),
            ],
            places: vec![(PathBuf::from("a,b/storm.yaml"), 7), (PathBuf::from("storm.yaml"), 1)],
            broken: Vec::new(),
        }
    }

    #[test]
    fn an_annotation_names_file_and_line() {
        let wanted = "::error file=a%2Cb/storm.yaml,line=7,title=squall%3A storm / lifo::worse: clients.web.goodput_share \
                      after fault 1 62.0%25 instead of 99.0%25 (-37.0 points; 1.0 allowed)\n";
        assert_eq!(annotations(&[difference()]), wanted);
    }

    #[test]
    fn a_reviewer_reads_what_got_worse() {
        let text = markdown(&[difference()]);
        assert!(text.starts_with("### squall: 1 worse than is allowed"), "{text}");
        assert!(text.contains("| storm | lifo | **worse** | clients.web.goodput_share after fault 1 62.0%"), "{text}");
        assert!(text.contains("| storm | calm | bytes changed | the outcome is the same"), "{text}");
    }

    #[test]
    fn a_test_report_has_one_failure() {
        let xml = junit(&[difference()]);
        assert!(xml.contains(r#"tests="2""#) && xml.contains(r#"failures="1""#), "{xml}");
        assert!(xml.contains("<failure") && xml.contains("62.0% instead of 99.0%"), "{xml}");
        assert_eq!(differences_json(&[difference()])["ok"], false);
    }
}
