//! Pools, compiled: plain ones and those of libraries, and what the latter connect to.

use super::{Checker, DistId, EdgeId, EndpointId, EndpointPlan, Op, Pc, Plan, ServiceId};
use crate::pool::adaptive::Adaptive;
use crate::pool::{self, Pool};
use crate::spec::{self, PoolOrder};
use squall_sim::Span;
use squall_sim::random::{Place, Purpose};

/// Connections that one pool can have.
const MOST: u64 = 1_000_000;
/// Linux gives up calling after 127 s, retransmitting after 924.6 s, and probing after 2 h 11 min 15 s.
const CONNECT_TIMEOUT: Span = Span::from_secs(127);
const SILENCE: Span = Span::from_millis(924_600);
const FORGET: Span = Span::from_secs(7875);

#[derive(Clone, Debug)]
pub(crate) struct PoolPlan {
    pub(crate) size: u32,
    pub(crate) most: u32,
    pub(crate) wait: Option<Span>,
    pub(crate) lifo: bool,
    pub(crate) library: Option<Box<LibraryPlan>>,
    /// The rule that the size follows, and how often it is looked at.
    pub(crate) adaptive: Option<(Adaptive, Span)>,
}

/// A library's pool, and how its connections behave.
#[derive(Clone, Debug)]
pub(crate) struct LibraryPlan {
    pub(crate) spec: pool::Spec,
    /// The service that it connects to, over which edge.
    pub(crate) to: Option<(ServiceId, EdgeId)>,
    pub(crate) connect: Option<DistId>,
    pub(crate) connect_timeout: Span,
    /// What a log-in makes the service do.
    pub(crate) login: Option<EndpointId>,
    pub(crate) round_trip: Option<DistId>,
    pub(crate) silence: Span,
    pub(crate) keepalive: Option<Span>,
    /// Held for longer than this, a connection counts as leaked.
    pub(crate) leak: Option<Span>,
    /// What randomness of the pool is called.
    pub(crate) name: String,
    pub(crate) connect_place: Place,
    pub(crate) trip_place: Place,
    pub(crate) login_place: Place,
    work: Option<DistId>,
}

/// The connections that each replica of a service takes, and how long it keeps one whose other end is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionsPlan {
    pub(crate) most: u32,
    pub(crate) forget: Span,
}

impl ConnectionsPlan {
    pub(super) fn compile(path: &str, spec: Option<&spec::Connections>, checker: &mut Checker<'_>) -> Self {
        let Some(spec) = spec else {
            return Self { most: u32::MAX, forget: FORGET };
        };
        checker.within(format!("{path}.connections.most"), spec.most.into(), 1, MOST);
        Self { most: spec.most, forget: checker.span(format!("{path}.connections.forget"), spec.forget) }
    }
}

impl Plan {
    pub(super) fn compile_pool(&mut self, path: &str, pool: &spec::Pool, checker: &mut Checker<'_>) {
        let library = match &pool.library {
            Some(library) => self.compile_library(path, library, pool, checker),
            None => {
                plain(path, pool, checker);
                None
            }
        };
        let size = library.as_ref().map_or(pool.size.unwrap_or(1), |library| Pool::<u32>::new(&library.spec).size());
        // SQLAlchemy's pool of size 0 and Go's without idle connections keep nothing, and open what is asked for.
        let least = u64::from(library.is_none());
        checker.within(format!("{path}.size"), u64::from(size) + u64::from(pool.overflow), least, MOST);
        let adaptive = pool.adaptive.as_ref().map(|spec| {
            let path = format!("{path}.adaptive");
            checker.within(format!("{path}.most"), spec.most.into(), size.into(), MOST);
            checker.positive(format!("{path}.grow"), spec.grow);
            checker.positive(format!("{path}.shrink"), spec.shrink);
            if spec.grow <= 1.0 || spec.shrink >= 1.0 {
                let remedy = "use a `grow` above 1 and a `shrink` below 1";
                checker.problem(&path, "a pool that grows by this rule would not, or shrinks by growing", remedy);
            }
            if spec.below.get() >= spec.above.get() {
                checker.problem(&path, "a pool cannot be both above `above` and below `below`", "make `below` smaller");
            }
            (Adaptive::new(spec, size), checker.span(format!("{path}.every"), spec.every))
        });
        self.pools.push(PoolPlan {
            size,
            most: size.saturating_add(pool.overflow),
            wait: pool.wait.map(|wait| checker.span(format!("{path}.wait"), wait)),
            lifo: pool.order == PoolOrder::Lifo,
            library,
            adaptive,
        });
    }

    fn compile_library(
        &mut self,
        path: &str,
        library: &pool::Spec,
        pool: &spec::Pool,
        checker: &mut Checker<'_>,
    ) -> Option<Box<LibraryPlan>> {
        if pool.size.is_some() || pool.overflow > 0 || pool.wait.is_some() || pool.order != PoolOrder::Fifo {
            let rule = "`size`, `overflow`, `wait` and `order` are those of a plain pool, and this is a library's";
            checker.problem(path, rule, "set the fields of the library instead");
        }
        if pool.to.is_none() {
            let fields = [("login", pool.login.is_some()), ("silence", pool.silence.is_some())];
            for (field, _) in fields.into_iter().chain([("keepalive", pool.keepalive.is_some())]).filter(|f| f.1) {
                let rule = format!("`{field}` says nothing about a pool that connects to no service");
                checker.problem(format!("{path}.{field}"), rule, "name the service with `to`, or leave it out");
            }
        }
        if matches!(library, pool::Spec::Hikaricp(spec) if spec.maximum_pool_size == 0)
            || matches!(library, pool::Spec::Pgbouncer(spec) if spec.default_pool_size == 0)
        {
            checker.problem(format!("{path}.library"), "a pool of no connections gives none", "use at least 1");
        }
        let mut dist = |field: &str, spec: Option<&spec::Distribution>| {
            let dist = spec.and_then(|spec| checker.dist(self, &format!("{path}.{field}"), spec))?;
            Some(dist).filter(|dist| self.dists[dist.at()].is_constant() != Some(0.0))
        };
        let (connect, work, round_trip) = (
            dist("connect", pool.connect.as_ref()),
            dist("login", pool.login.as_ref()),
            dist("round_trip", pool.round_trip.as_ref()),
        );
        let leak = match library {
            pool::Spec::Hikaricp(spec) => spec.leak_detection_threshold.map(|after| after.span()),
            _ => None,
        };
        let mut span = |field: &str, value: Option<crate::units::Duration>| {
            value.map(|value| checker.span(format!("{path}.{field}"), value))
        };
        Some(Box::new(LibraryPlan {
            spec: library.clone(),
            to: None,
            connect,
            connect_timeout: span("connect_timeout", pool.connect_timeout).unwrap_or(CONNECT_TIMEOUT),
            login: None,
            round_trip,
            silence: span("silence", pool.silence).unwrap_or(SILENCE),
            keepalive: span("keepalive", pool.keepalive),
            leak,
            name: path.to_owned(),
            connect_place: Place::named(path, Purpose::Latency),
            trip_place: Place::named(path, Purpose::Wait),
            login_place: Place::named(path, Purpose::Work),
            work,
        }))
    }

    /// Says where the pool number `at` leads, and writes the program of its log-ins.
    pub(super) fn connect_pool(&mut self, at: usize, to: (ServiceId, EdgeId)) {
        let Some(library) = &mut self.pools[at].library else { return };
        library.to = Some(to);
        // Calls over a connection go where it goes, which the short way does not ask.
        self.edges[to.1.at()].short = false;
        let (work, place) = (library.work, library.login_place);
        if let Some(dist) = work {
            let start = Pc(self.ops.len() as u32);
            self.ops.extend([Op::Work { dist, place }, Op::End]);
            let id = EndpointId(self.endpoints.len() as u32);
            self.endpoints.push(EndpointPlan { start, queues: true, idempotent: true });
            if let Some(library) = &mut self.pools[at].library {
                library.login = Some(id);
            }
        }
    }
}

/// What can be wrong with a plain pool.
fn plain(path: &str, pool: &spec::Pool, checker: &mut Checker<'_>) {
    if pool.size.is_none() {
        checker.problem(path, "this pool has no size", "give it a `size`, or the pool of a `library`");
    }
    let fields = [
        ("to", pool.to.is_some()),
        ("connect", pool.connect.is_some()),
        ("connect_timeout", pool.connect_timeout.is_some()),
        ("login", pool.login.is_some()),
        ("round_trip", pool.round_trip.is_some()),
        ("silence", pool.silence.is_some()),
        ("keepalive", pool.keepalive.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, given)| *given) {
        let rule =
            format!("`{field}` is about connections that are opened, and those of a plain pool are always there");
        checker.problem(format!("{path}.{field}"), rule, "use the pool of a `library`, or leave it out");
    }
}
