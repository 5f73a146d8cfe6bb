//! Recordings of connection pools.

use super::given::at_s;
use super::vector::{Check, count, list, maybe, number, text};
use super::{Family, Kind};
use serde_json::{Value, json};
use squall_models::pool::{Action, Late, Pool, Slot, Verdict, sqlalchemy};
use squall_sim::Time;
use squall_sim::random::{Luck, LuckDraws, Place, Purpose};
use std::collections::{BTreeMap, VecDeque};

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: &[] };

const KINDS: &[Kind] = &[
    Kind { file: "pool_sqlalchemy", vector: "waiter_order", run: sqlalchemy_waiters },
    Kind { file: "pool_sqlalchemy", vector: "defaults_15", run: sqlalchemy_steps },
    Kind { file: "pool_sqlalchemy", vector: "defaults", run: sqlalchemy_defaults },
    Kind { file: "pool_sqlalchemy", vector: "", run: sqlalchemy_steps },
    Kind { file: "pool_go", vector: "idle_reuse", run: go_reuse },
    Kind { file: "pool_go", vector: "defaults", run: go_defaults },
    Kind { file: "pool_go", vector: "waiter_served_first", run: go_waiters },
];

fn draws(number: u64) -> LuckDraws {
    Luck::new(number).at(Place::named("conformance.pool", Purpose::Other(0)))
}

fn pool(spec: Value) -> Result<Pool<u32>, String> {
    Ok(Pool::new(&serde_json::from_value(spec).map_err(|error| error.to_string())?))
}

/// A pool whose log-ins and round trips take no time and go well, and who has got what from it.
struct Instant {
    pool: Pool<u32>,
    now: Time,
    draws: LuckDraws,
    /// Who was given which slot, in that order.
    given: Vec<(u32, Slot)>,
    closed: u32,
}

impl Instant {
    fn new(pool: Pool<u32>, seed: u64) -> Self {
        Self { pool, now: Time::ZERO, draws: draws(seed), given: Vec::new(), closed: 0 }
    }

    fn settle(&mut self) {
        let mut todo = VecDeque::new();
        loop {
            todo.extend(std::iter::from_fn(|| self.pool.action()));
            match todo.pop_front() {
                None => return,
                Some(Action::Connect(slot)) => self.pool.connected(self.now, slot, Ok(()), &mut self.draws),
                Some(Action::Test(slot, _)) => self.pool.tested(self.now, slot, true),
                Some(Action::Give(slot, waiter)) => self.given.push((waiter, slot)),
                Some(Action::Close(_)) => self.closed += 1,
                Some(Action::Fail(..)) => {}
            }
        }
    }

    /// The slot that somebody gets without having to wait for anybody else.
    fn acquire(&mut self, waiter: u32) -> Option<Slot> {
        if let Verdict::Given(slot) = self.pool.acquire(self.now, waiter) {
            self.given.push((waiter, slot));
        }
        self.settle();
        self.given.last().filter(|(known, _)| *known == waiter).map(|(_, slot)| *slot)
    }

    fn release(&mut self, slot: Slot) {
        self.pool.release(self.now, slot, &mut self.draws);
        self.settle();
    }

    fn serial(&self, slot: Slot) -> u64 {
        self.pool.connection(slot).serial
    }
}

/// `+a` takes a connection for a, `-a` gives it back, `!a` invalidates it, `adv60` lets 60 s pass.
fn sqlalchemy_steps(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let mut spec = json!({ "pool_size": count(config, "pool_size")?, "max_overflow": count(config, "max_overflow")? });
    if let Some(lifo) = config["use_lifo"].as_bool() {
        spec["use_lifo"] = json!(lifo);
    }
    if let Some(seconds) = maybe(config, "recycle_s")? {
        spec["recycle"] = json!(format!("{seconds}s"));
    }
    let mut around = Instant::new(pool(json!({ "sqlalchemy": spec }))?, 1);
    let mut held: BTreeMap<String, Slot> = BTreeMap::new();
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let op = text(step, "op")?;
        if let Some(seconds) = op.strip_prefix("adv") {
            let seconds: f64 = seconds.parse().map_err(|_| format!("`{op}` is no time"))?;
            around.now = at_s(around.now.seconds() + seconds);
        } else {
            let (verb, name) = op.split_at(1);
            let result = sqlalchemy_step(&mut around, &mut held, (at as u32, verb, name))?;
            check.same(at, "result", step["result"].clone(), result);
        }
        let counts = around.pool.counts();
        let number = |count: u32| f64::from(count);
        check.near(at, "size", self::number(step, "size")?, number(around.pool.size()), 0.0);
        check.near(at, "checkedin", self::number(step, "checkedin")?, number(counts.idle), 0.0);
        check.near(at, "checkedout", self::number(step, "checkedout")?, number(counts.taken), 0.0);
        let overflow = around.pool.overflow().ok_or("it is no pool of SQLAlchemy")?;
        check.near(at, "overflow", self::number(step, "overflow")?, overflow as f64, 0.0);
    }
    Ok(())
}

fn sqlalchemy_step(
    around: &mut Instant,
    held: &mut BTreeMap<String, Slot>,
    (at, verb, name): (u32, &str, &str),
) -> Result<Value, String> {
    if verb == "+" {
        if let Some(slot) = around.acquire(at) {
            held.insert(name.to_owned(), slot);
            return Ok(json!(around.serial(slot)));
        }
        // Nothing else happens in these recordings before the time is over.
        let late = around.pool.timed_out(at);
        around.settle();
        return Ok(if late == Late::Fails { json!("TimeoutError") } else { json!("goes on") });
    }
    let slot = held.remove(name).ok_or_else(|| format!("`{name}` has no connection"))?;
    let closed = around.closed;
    if verb == "!" {
        around.pool.broken(around.now, slot, false);
    }
    around.release(slot);
    Ok(json!(match (verb, around.closed > closed) {
        ("!", _) => "invalidated",
        (_, true) => "closed",
        (_, false) => "returned",
    }))
}

fn sqlalchemy_waiters(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut around = Instant::new(pool(json!({ "sqlalchemy": { "pool_size": 1, "max_overflow": 0 } }))?, 1);
    let mut slot = around.acquire(99).ok_or("an empty pool gives nothing")?;
    for waiter in list(vector, "waiters_started_in_order")? {
        let waiter = waiter.as_u64().ok_or("a waiter is a number")?;
        around.acquire(waiter as u32);
    }
    for (at, expected) in list(vector, "served_in_order")?.iter().enumerate() {
        around.release(slot);
        let &(waiter, next) = around.given.last().ok_or("nobody was served")?;
        check.same(at, "served", expected.clone(), json!(waiter));
        slot = next;
    }
    Ok(())
}

fn sqlalchemy_defaults(vector: &Value, check: &mut Check) -> Result<(), String> {
    let spec: sqlalchemy::Spec = serde_json::from_value(json!({})).map_err(|error| error.to_string())?;
    let spec = serde_json::to_value(spec).map_err(|error| error.to_string())?;
    for field in ["pool_size", "max_overflow", "timeout", "recycle", "pre_ping", "use_lifo"] {
        let expected = match field {
            "timeout" => json!(format!("{}s", number(vector, field)?)),
            // The library's −1 is a field left out.
            "recycle" if number(vector, field)? == -1.0 => Value::Null,
            _ => vector[field].clone(),
        };
        check.same(field, "default", expected, spec[field].clone());
    }
    Ok(())
}

fn go_reuse(vector: &Value, check: &mut Check) -> Result<(), String> {
    let opened = list(vector, "opened")?.len() as u32;
    let mut around = Instant::new(pool(json!({ "go_sql": { "max_idle": opened } }))?, 1);
    let mut slots = BTreeMap::new();
    for waiter in 0..opened {
        let slot = around.acquire(waiter).ok_or("an unbounded pool gives nothing")?;
        slots.insert(around.serial(slot), slot);
    }
    for serial in list(vector, "returned_in_order")? {
        let slot = serial.as_u64().and_then(|serial| slots.get(&serial)).ok_or("no such connection")?;
        around.release(*slot);
    }
    for (at, expected) in list(vector, "then_borrowed")?.iter().enumerate() {
        let slot = around.acquire(opened + at as u32).ok_or("an idle connection is not given")?;
        check.same(at, "borrowed", expected.clone(), json!(around.serial(slot)));
    }
    Ok(())
}

fn go_defaults(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut around = Instant::new(pool(json!({ "go_sql": {} }))?, 1);
    let opened = count(vector, "opened")? as u32;
    let slots: Vec<Slot> = (0..opened).filter_map(|waiter| around.acquire(waiter)).collect();
    check.same("all", "opened", u64::from(opened), slots.len() as u64);
    slots.into_iter().for_each(|slot| around.release(slot));
    check.same("all", "closed", count(vector, "closed_because_max_idle")?, around.closed.into());
    check.same("all", "idle", count(vector, "idle_after_return")?, around.pool.counts().idle.into());
    check.same("all", "bound", count(vector, "max_open")?, around.pool.most().unwrap_or(0).into());
    Ok(())
}

/// The library serves waiters at random. Its counts and squall's over as many trials have to come from one distribution,
/// and that has to be the uniform one: χ² with three degrees of freedom stays below 16.3 but for one time in a thousand.
fn go_waiters(vector: &Value, check: &mut Check) -> Result<(), String> {
    const LIMIT: f64 = 16.3;
    let counts = &vector["counts_by_arrival_index"];
    let recorded: Vec<f64> =
        ["0", "1", "2", "3"].map(|index| number(counts, index)).into_iter().collect::<Result<_, _>>()?;
    let trials: f64 = recorded.iter().sum();
    let mut counted = vec![0.0; recorded.len()];
    for trial in 0..trials as u64 {
        let mut around = Instant::new(pool(json!({ "go_sql": { "max_open": 1 } }))?, trial);
        let slot = around.acquire(99).ok_or("an empty pool gives nothing")?;
        for waiter in 0..recorded.len() as u32 {
            check_waits(&mut around, waiter)?;
        }
        around.release(slot);
        let &(first, _) = around.given.last().ok_or("nobody was served")?;
        counted[first as usize] += 1.0;
    }
    let even = trials / recorded.len() as f64;
    let squares = |counts: &[f64]| counts.iter().map(|count| (count - even) * (count - even) / even).sum::<f64>();
    check.same("recorded", "uniform", true, squares(&recorded) < LIMIT);
    check.same("squall", "uniform", true, squares(&counted) < LIMIT);
    let both =
        recorded.iter().zip(&counted).map(|(one, other)| (one - other) * (one - other) / (one + other)).sum::<f64>();
    check.same("both", "one distribution", true, both < LIMIT);
    Ok(())
}

fn check_waits(around: &mut Instant, waiter: u32) -> Result<(), String> {
    if around.acquire(waiter).is_some() { Err(format!("{waiter} did not have to wait")) } else { Ok(()) }
}
