//! The HTML report in a real browser, without a network: no error, charts that are drawn, a scrubber that moves the graph.
//!
//! Needs Chromium; where none is installed the test says so and ends.

use std::fs;
use std::path::Path;
use std::process::Command;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs before anything else on the page.
const BEFORE: &str = "<script>
window.problems = [];
addEventListener('error', (event) => problems.push(String(event.message)));
addEventListener('unhandledrejection', (event) => problems.push(String(event.reason)));
for (const kind of ['error', 'warn']) console[kind] = (...words) => problems.push(kind + ': ' + words.join(' '));
</script>";

/// Does what a person would do, and leaves what was seen in an attribute.
const AFTER: &str = "<script>
addEventListener('load', () => setTimeout(() => {
  const seen = { problems };
  const ink = (canvas) => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Set();
    for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 3] > 200) colors.add(pixels.slice(at, at + 3).join());
    return colors.size;
  };
  const canvases = [...document.querySelectorAll('.chart canvas')];
  seen.charts = canvases.map(ink);
  const nodes = () => [...document.querySelectorAll('#topology .node')].map((n) => n.getAttribute('class')).join();
  const scrubber = document.getElementById('scrubber');
  const move = (time) => { scrubber.value = time; scrubber.dispatchEvent(new Event('input')); return nodes(); };
  seen.before = move(2);
  seen.during = move(9);
  seen.instant = document.getElementById('instant').textContent;
  seen.badges = [...document.querySelectorAll('#topology .badge')].map((b) => b.textContent).filter(Boolean);
  const line = document.querySelector('#topology [data-name=\"services.api\"] .line').textContent;
  seen.line = line;
  const press = (key) => {
    const graph = document.getElementById('topology');
    graph.focus();
    graph.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    return [+scrubber.value, document.getElementById('instant').textContent];
  };
  seen.focus = (document.getElementById('topology').focus(), document.activeElement.id);
  seen.right = press('ArrowRight');
  seen.home = press('Home');
  seen.end = press('End');
  const story = document.querySelector('#story details');
  seen.story = [...story.querySelectorAll('h3')].map((part) => part.textContent.trim());
  seen.told = story.textContent.replace(/\\s+/g, ' ');
  seen.stories = document.querySelectorAll('#story details').length;
  seen.marks = [...document.querySelectorAll('#marks tr')].map((row) => row.textContent);
  const box = document.querySelector('#variants input');
  const picture = () => canvases[0].toDataURL();
  const full = picture();
  box.click();
  setTimeout(() => {
    const chart = document.querySelector('.chart .plot');
    seen.hidden = picture() !== full;
    box.click();
    setTimeout(() => {
      const whole = picture();
      chart.focus();
      chart.dispatchEvent(new KeyboardEvent('keydown', { key: '+' }));
      setTimeout(() => {
        seen.zoomed = picture() !== whole;
        seen.figures = document.querySelectorAll('figure svg').length;
        seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
        document.documentElement.dataset.seen = JSON.stringify(seen);
      }, 50);
    }, 50);
  }, 50);
}, 100));
</script>";

const SCENARIO: &str = "
squall: 1
about: A </script> in the text must not end the page's own.
clients:
  web: { to: api.get, arrivals: { poisson: { rate: 50/s } }, edge: { policies: [{ timeout: 1s }] } }
services:
  api:
    capacity: { workers: 1 }
    endpoints: { get: { steps: [{ work: { exponential: { mean: 15ms } } }] } }
faults: [{ slow: { at: 5s, for: 5s, service: api, factor: 3 } }]
variants:
  wide: { set: { services.api.capacity.workers: 4 } }
run: { duration: 20s, seeds: 2 }
monitoring:
  scrape: { every: 1s }
  evaluate: 1s
  alerts: { busy: { when: services.api.utilisation > 90%, over: 3s } }
operators:
  on-call: { on: [busy], response: 2s, steps: [{ do: { traffic: { client: web, share: 80% } } }] }
expect: [{ that: clients.web.success >= 99.9%, broken_by: [unmitigated] }]
";

fn squall(folder: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_squall")).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the browser's page looks like in the end, as text.
fn dump(browser: &str, page: &Path, more: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1000,900"])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .args(["--virtual-time-budget=8000", "--dump-dom"])
        .args(more)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Verdict, time line, alerts and actions, and what all seeds came to.
fn the_story_is_told(seen: &serde_json::Value) {
    let parts = seen["story"].as_array().unwrap();
    assert!(text(&parts[0]).starts_with("Verdict: ") && parts.contains(&"What happened".into()), "{seen}");
    assert!(parts.contains(&"Steady state".into()) && seen["stories"] == 2, "{seen}");
    let told = text(&seen["told"]);
    for words in
        ["2 of 2", "Origin: services.api", "fault 1 begins", "alert busy fires", "operator on-call traffic clients.web"]
    {
        assert!(told.contains(words), "no `{words}` in: {told}");
    }
    let marks: Vec<&str> = seen["marks"].as_array().unwrap().iter().map(text).collect();
    assert!(marks.iter().any(|mark| mark.starts_with("1") && mark.contains("fault: slow api")), "{seen}");
    assert!(marks.iter().any(|mark| mark.starts_with("A") && mark.contains("alert busy fires")), "{seen}");
}

#[test]
fn a_report_lives_in_a_browser() {
    let installed =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let Some(browser) = NAMES.iter().find(installed) else {
        println!("skipped: no Chromium is installed, so the HTML report was not opened");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.yaml"), SCENARIO).unwrap();
    squall(folder.path(), &["run", "small.yaml", "--quiet", "--out", "out"]);
    squall(folder.path(), &["report", "out"]);
    let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(outside), "the page asks for `{outside}`");
    }
    let probed =
        page.replacen("<head>", &format!("<head>{BEFORE}"), 1).replacen("</body>", &format!("{AFTER}</body>"), 1);
    let path = folder.path().join("probed.html");
    fs::write(&path, probed).unwrap();
    for more in [&[][..], &["--blink-settings=preferredColorScheme=0"][..]] {
        let dom = dump(browser, &path, more);
        let start =
            dom.find("data-seen=\"").unwrap_or_else(|| panic!("the page did not come to its end:\n{dom:.2000}"));
        let seen =
            dom[start + 11..].split('"').next().unwrap_or_default().replace("&quot;", "\"").replace("&amp;", "&");
        let seen: serde_json::Value = serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}"));
        assert_eq!(seen["problems"], serde_json::json!([]), "{seen}");
        let charts: Vec<u64> =
            seen["charts"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).collect();
        assert!(charts.len() == 2 && charts.iter().all(|colors| *colors >= 5), "{seen}");
        assert_ne!(seen["before"], seen["during"], "the scrubber moves nothing: {seen}");
        assert!(text(&seen["before"]).contains("calm") && text(&seen["during"]).contains("full"), "{seen}");
        assert_eq!(seen["instant"], "9.0 s");
        assert!(!seen["badges"].as_array().unwrap().is_empty(), "{seen}");
        assert!(text(&seen["line"]).contains("% busy"), "{seen}");
        assert_eq!(seen["focus"], "topology");
        assert_eq!(seen["right"], serde_json::json!([10, "10.0 s"]));
        assert_eq!((&seen["home"][1], &seen["end"][1]), (&"0.0 s".into(), &"20.0 s".into()), "{seen}");
        the_story_is_told(&seen);
        assert!(seen["hidden"] == true && seen["zoomed"] == true, "{seen}");
        assert!(seen["figures"].as_u64() >= Some(4), "{seen}");
        assert_eq!(seen["wide"], 0, "the page scrolls sideways: {seen}");
    }
}
