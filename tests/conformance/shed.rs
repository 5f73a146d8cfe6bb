//! Recordings of load shedding.

use super::given::{at_ms, ms};
use super::vector::{Check, flag, list, number, numbers};
use super::{Family, Kind};
use serde_json::{Value, json};
use squall_models::shed::codel_rfc8289::Codel;
use squall_models::shed::{Shed, Spec, Turn};
use squall_sim::Time;

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "codel_folly", vector: "", run: folly },
        Kind { file: "limiters_misc", vector: "codel_rfc8289_next_drop", run: law },
    ],
    exceptions: &[],
};

fn folly(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let millis = |key| number(config, key).map(|millis| format!("{millis}ms"));
    let spec = json!({ "codel_folly": {
        "interval": millis("interval_ms")?, "target": millis("target_ms")?, "slough": millis("slough_ms")?,
    }});
    let spec: Spec = serde_json::from_value(spec).map_err(|error| error.to_string())?;
    let mut shed = Shed::new(&spec, 1);
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let facts = Turn {
            now: at_ms(number(step, "t_ms")?),
            waited: ms(number(step, "queue_delay_ms")?),
            behind: 1,
            busy: 0,
            deadline: Time::MAX,
        };
        let dropped = shed.turn(&facts);
        let Shed::CodelFolly(codel) = &shed else { return Err("another policy was made".to_owned()) };
        check.same(at, "shed", flag(step, "shed")?, dropped);
        check.same(at, "overloaded", flag(step, "overloaded")?, codel.overloaded());
        check.same(at, "min_delay", ms(number(step, "min_delay_ms")?), codel.shortest());
    }
    Ok(())
}

fn law(vector: &Value, check: &mut Check) -> Result<(), String> {
    let interval = ms(number(&vector["config"], "interval_ms")?);
    for (count, expected) in (1..).zip(numbers(vector, "count_1_based")?) {
        let got = Codel::next_interval(interval, count).seconds() * 1000.0;
        check.near(count, "next interval", expected, got, 1e-6);
    }
    Ok(())
}
