//! The presets: what real libraries do by default, as data files under `models/presets/`, one for each library and version.
//!
//! A preset is used as `retry: {preset: aws-standard-2026}`; its file says what a user would write instead, where each
//! value comes from, and where squall departs from the library. They are read, put in place and checked by the product.

/// One preset as it is embedded.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The key that it is used under, such as `retry`.
    pub family: &'static str,
    /// Its name, `<library>-<version>`; unique in its family.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

/// Embeds `presets/<family>.<name>.yaml` for each name of each family.
macro_rules! presets {
    ($($family:ident: [$($name:literal,)*])*) => {
        /// All presets, by family.
        pub const PRESETS: &[Preset] = &[$($(Preset {
            family: stringify!($family),
            name: $name,
            text: include_str!(concat!("../presets/", stringify!($family), ".", $name, ".yaml")),
        },)*)*];
    };
}

presets! {
    retry: [
        "aws-legacy-botocore",
        "resilience4j-2",
    ]
    budget: [
    ]
    throttle: [
    ]
    rate_limit: [
    ]
    breaker: [
    ]
    eject: [
    ]
    bulkhead: [
    ]
    library: [
        "go-sql-1.27",
        "hikaricp-5",
        "hikaricp-6",
        "hikaricp-7",
        "pgbouncer-1.25",
        "sqlalchemy-2",
    ]
    limit: [
    ]
    queue: [
    ]
    hedge: [
    ]
    cache: [
    ]
    balance: [
    ]
    autoscaler: [
    ]
}
