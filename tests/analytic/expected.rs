//! Own copies of the answers in `../shared/validation/cases.json`, so that the tests can run without that file.
//!
//! Where the file is there, `reference` holds every row against it.

use super::Op::{self, AtLeast, AtMost, Within};
use Tolerance::{Abs, Rel};

/// What a metric of a case is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) op: Op,
    pub(crate) expected: f64,
    pub(crate) tolerance: Tolerance,
    /// The number of requests (or expiries, or replications) for which the tolerance holds.
    pub(crate) n: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tolerance {
    Abs(f64),
    Rel(f64),
}

const fn row(
    case: &'static str,
    metric: &'static str,
    op: Op,
    expected: f64,
    tolerance: Tolerance,
    n: Option<f64>,
) -> Row {
    Row { case, metric, op, expected, tolerance, n }
}

impl Row {
    /// The tolerance for a measurement over `n` of whatever is counted: a mean is as sharp as the root of its sample.
    pub(crate) fn tolerance_at(&self, n: f64) -> f64 {
        let whole = match self.tolerance {
            Abs(tolerance) => tolerance,
            Rel(tolerance) => tolerance * self.expected.abs(),
        };
        self.n.map_or(whole, |given| whole * (given / n).sqrt())
    }
}

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    row("A01", "ET", Within, 0.06666666666666667, Abs(0.002636086282582565), Some(1000000.0)),
    row("A01", "EW", Within, 0.056666666666666664, Abs(0.002622663077009506), Some(1000000.0)),
    row("A01", "T_p50", Within, 0.046209812037329684, Abs(0.0015223382856779399), Some(1000000.0)),
    row("A01", "T_p95", Within, 0.19971548490359933, Abs(0.011225965755468453), Some(1000000.0)),
    row("A01", "T_p99", Within, 0.3070113457325394, Abs(0.023987814968060083), Some(1000000.0)),
    row("A01", "EL", Within, 5.666666666666666, Abs(0.224067334019518), Some(1000000.0)),
    row("A01", "util", Within, 0.85, Rel(0.01), None),
    row("A01", "frac_no_wait", Within, 0.15000000000000002, Abs(0.004116680295149132), Some(1000000.0)),
    row("A03b", "Ploss", Within, 0.0671744079296289, Abs(0.0019468085235333128), Some(1000000.0)),
    row("A03b", "throughput", Within, 83.9543032863334, Abs(0.17521276711799827), Some(1000000.0)),
    row("A03b", "ET_accepted", Within, 0.06028401355438875, Abs(0.0004459345628794665), Some(1000000.0)),
    row("A03b", "util", Within, 0.839543032863334, Abs(0.0017521276711799732), Some(1000000.0)),
    row("A03b", "EL", Within, 5.061102357262587, Abs(0.0299546201698303), Some(1000000.0)),
    row("A05", "Ploss", Within, 0.10921284587252249, Abs(0.00229616501604296), Some(1000000.0)),
    row("A05", "throughput", Within, 80.17084387147298, Abs(0.20665485144386675), Some(1000000.0)),
    row("A05", "E_busy", Within, 16.034168774294596, Abs(0.04722135492668912), Some(1000000.0)),
    row("A07b", "Pabandon", Within, 0.06701171547344811, Abs(0.0017653822468152705), Some(1000000.0)),
    row("A07b", "Pwait", Within, 0.46894170444133665, Abs(0.007237414999370848), Some(1000000.0)),
    row("A07b", "ELq", Within, 1.206210878522066, Abs(0.029877041006824354), Some(1000000.0)),
    row("A07b", "EW_served", Within, 0.012591048550927075, Abs(0.0003222028403283813), Some(1000000.0)),
    row("A07b", "EW_all", Within, 0.013402343094689621, Abs(0.0003319671222980485), Some(1000000.0)),
    row("A07b", "util", Within, 0.8396894560738968, Abs(0.0015888440221337482), Some(1000000.0)),
    row("A08c", "Pabandon", Within, 0.06365404185736225, Abs(0.0023511077168840468), Some(1000000.0)),
    row("A08c", "Pwait", Within, 0.8895286602355058, Abs(0.0030027607396775615), Some(1000000.0)),
    row("A08c", "EW_served", Within, 0.040441078034894246, Abs(0.0005647332264939941), Some(1000000.0)),
    row("A08c", "throughput", Within, 88.95286602355058, Abs(0.22335523310398628), Some(1000000.0)),
    row("A08c", "util", Within, 0.8895286602355058, Abs(0.002233552331039868), Some(1000000.0)),
    row("A08g", "goodput", Within, 94.44499098941687, Abs(0.6), Some(500000.0)),
    row("A08g", "discarded_fraction", Within, 0.0002796152521842682, Abs(0.0006), None),
    row("A09", "throughput", Within, 8.802608115551745, Abs(0.023440314993986418), Some(1000000.0)),
    row("A09", "ET", Within, 0.36323233324443405, Abs(0.002959124361323466), Some(1000000.0)),
    row("A09", "util", Within, 0.8802608115551745, Abs(0.002344031499398638), Some(1000000.0)),
    row("A14", "attempts_per_request", Within, 1.417, Abs(0.0024770716737546462), Some(1000000.0)),
    row("A14", "success_fraction", Within, 0.9919, Abs(0.00030253713566823676), Some(1000000.0)),
    row("A14", "frac_exactly_2_attempts", Within, 0.21, Abs(0.0013815978572381353), Some(1000000.0)),
    row("A14c", "bottom_calls_per_user_request_1_layers", Within, 3.0, Abs(0.0), None),
    row("A14c", "bottom_calls_per_user_request_2_layers", Within, 9.0, Abs(0.0), None),
    row("A14c", "bottom_calls_per_user_request_3_layers", Within, 27.0, Abs(0.0), None),
    row("A14c", "bottom_calls_per_user_request_4_layers", Within, 81.0, Abs(0.0), None),
    row("A14c", "bottom_calls_per_user_request_5_layers", Within, 243.0, Abs(0.0), None),
    row("A15b", "ET", Within, 0.1, Abs(0.0060187004045952515), Some(1000000.0)),
    row("A17c", "reject_fraction", Within, 0.10344894125244375, Abs(0.0015098998307512914), Some(1000000.0)),
    row("A18", "E_max", Within, 0.05187377517639621, Abs(0.00030020652755076183), Some(200000.0)),
    row("A18", "T_p50", Within, 0.04975146840585803, Abs(0.0003071168950127807), Some(200000.0)),
    row("A18", "T_p99", Within, 0.09205369664023158, Abs(0.00209338224651252), Some(200000.0)),
    row("A18", "E_95_of_100", Within, 0.029040441843062873, Abs(0.00010481868343859738), Some(200000.0)),
    row("A18c", "frac_slow_100", Within, 0.6339676587267709, Abs(0.011749887884881797), Some(200000.0)),
    row("A18c", "frac_slow_10", Within, 0.09561792499119559, Abs(0.006211448384194616), Some(200000.0)),
    row("A18c", "frac_slow_2000_1e4", Within, 0.18127743473445046, Abs(0.0024344544300629106), Some(200000.0)),
    row("A20", "LRU", Within, 0.5356153359019613, Abs(0.001910329521804542), Some(1000000.0)),
    row("A20", "FIFO", Within, 0.5089580862292702, Abs(0.0018744066492051238), Some(1000000.0)),
    row("A20", "LFU_perfect", Within, 0.6745510293473501, Rel(0.01), None),
    row("A21", "hit_ratio", Within, 0.8333333333333334, Abs(0.00047187392243070586), Some(1000000.0)),
    row("A21", "fetches_per_s", Within, 0.08333333333333333, Abs(9.472444281943559e-05), Some(1000000.0)),
    row("A22", "mean_recomputes_per_expiry", Within, 101.0, Abs(0.7975434276988722), Some(2000.0)),
    row("A22", "sd", Within, 10.0, Abs(0.5678162206546515), Some(2000.0)),
    row("A30c", "mean_time_to_deadlock", Within, 0.8499999999999998, Abs(0.09864589368089724), Some(500.0)),
    row("A33", "peak_backlog", Within, 200.0, Abs(1.0), None),
    row("A33", "drain_end", Within, 18.0, Abs(0.02), None),
    row("A33", "max_wait", Within, 2.0, Abs(0.02), None),
    row("A36c", "mean_time_to_deadlock", Within, 0.38240740740740736, Rel(0.11), Some(1000.0)),
    row("B02_three_retries", "amplification_f0.01", Within, 1.00981, Abs(0.00266), None),
    row("B02_three_retries", "success_f0.01", Within, 1.0, Abs(0.001), None),
    row("B02_three_retries", "amplification_f0.05", Within, 1.05233, Abs(0.01502), None),
    row("B02_three_retries", "success_f0.05", Within, 1.0, Abs(0.001), None),
    row("B02_three_retries", "amplification_f0.1", Within, 1.11119, Abs(0.01681), None),
    row("B02_three_retries", "success_f0.1", Within, 0.99992, Abs(0.001), None),
    row("B02_three_retries", "amplification_f0.3", Within, 1.41255, Abs(0.01897), None),
    row("B02_three_retries", "success_f0.3", Within, 0.99191, Abs(0.00192), None),
    row("B02_three_retries", "amplification_f0.5", Within, 1.87489, Abs(0.02235), None),
    row("B02_three_retries", "success_f0.5", Within, 0.93736, Abs(0.00747), None),
    row("B02_three_retries", "amplification_f1.0", Within, 4.0, Abs(0.002), None),
    row("B02_three_retries", "success_f1.0", Within, 0.0, Abs(0.001), None),
    row("B05", "renege_fraction", Within, 0.6000000014620781, Abs(0.01), None),
    row("B05", "mean_wait_of_served", Within, 5.666666706264613, Abs(0.02), None),
    row("B07c", "LRU_hits_C5", Within, 4982.0, Abs(0.0), None),
    row("B07c", "LRU_hits_C25", Within, 15814.0, Abs(0.0), None),
    row("B07c", "LRU_hits_C50", Within, 22012.0, Abs(0.0), None),
    row("B07c", "LRU_hits_C125", Within, 31748.0, Abs(0.0), None),
    row("B07c", "FIFO_hits_C5", Within, 4603.0, Abs(0.0), None),
    row("B07c", "LFU_hits_C5", Within, 7762.0, Abs(0.0), None),
    row("B07c", "SIEVE_hits_C5", Within, 9864.0, Abs(0.0), None),
    row("B07c", "FIFO_hits_C25", Within, 13663.0, Abs(0.0), None),
    row("B07c", "LFU_hits_C25", Within, 21834.0, Abs(0.0), None),
    row("B07c", "SIEVE_hits_C25", Within, 22020.0, Abs(0.0), None),
    row("B07c", "FIFO_hits_C50", Within, 19442.0, Abs(0.0), None),
    row("B07c", "LFU_hits_C50", Within, 26248.0, Abs(0.0), None),
    row("B07c", "SIEVE_hits_C50", Within, 27433.0, Abs(0.0), None),
    row("B07c", "FIFO_hits_C125", Within, 29151.0, Abs(0.0), None),
    row("B07c", "LFU_hits_C125", Within, 33967.0, Abs(0.0), None),
    row("B07c", "SIEVE_hits_C125", Within, 35354.0, Abs(0.0), None),
    row("C01", "frac_requests_slow", Within, 0.63, Abs(0.005), None),
    row("C01", "fanout_2000_p1e-4", Within, 0.18, Abs(0.01), None),
    row("C03", "db_load_multiplier", Within, 243.0, Abs(0.0), None),
    row("C06", "three_layers_4_attempts", Within, 64.0, Abs(0.0), None),
    row("C06", "without_budget_3_attempts", AtMost, 3.0, Abs(0.0), None),
    row("D01a", "goodput_20_60", AtLeast, 0.98, Abs(0.0), None),
    row("D01a", "goodput_fraction_200_300", AtMost, 0.02, Abs(0.0), None),
    row("D01a", "attempts_per_request_200_300", Within, 4.0, Abs(0.05), None),
    row("D01c", "goodput_20_60", AtLeast, 0.98, Abs(0.0), None),
    row("D01c", "goodput_fraction_200_300", AtLeast, 0.97, Abs(0.0), None),
    row("D01c", "recovery_time_after_trigger", Within, 27.0, Abs(8.0), None),
    row("D01j", "goodput_20_60", AtLeast, 0.98, Abs(0.0), None),
    row("D01j", "goodput_fraction_75_300", AtLeast, 0.97, Abs(0.0), None),
    row("D01j", "attempts_per_request_200_300", Within, 1.01, Abs(0.02), None),
    row("D04a", "queries_no_coalescing", Within, 2999.1, Abs(160.0), None),
    row("D04a", "queries_single_flight", Within, 999.3, Abs(4.0), None),
    row("D04a", "peak_in_flight_no_coalescing", Within, 2000.0, Abs(170.0), None),
    row("D04a", "peak_in_flight_single_flight", Within, 499.38508757940536, Abs(40.0), None),
    row("D09", "bad_fraction_round_robin", Within, 0.1, Abs(0.004), None),
    row("D09", "bad_fraction_p2c", Within, 0.006, Abs(0.003), None),
    row("D09", "bad_fraction_least", Within, 0.005, Abs(0.003), None),
    row("D09", "share_to_slow_least", Within, 0.013, Abs(0.003), None),
    row("D09", "outstanding_at_slow_rr_t90", Within, 3600.0, Rel(0.08), None),
    row("D12", "t99_initial_jitter_30", Within, 29.8, Abs(0.3), None),
    row("D12", "attempts_initial_jitter_30", Within, 5000.0, Abs(0.0), None),
    row("D12", "t99_initial_jitter_12", Within, 12.0, Abs(0.3), None),
    row("D12", "t99_full_jitter", Within, 92.9, Abs(6.0), None),
    row("D12", "attempts_full_jitter", Within, 36270.0, Abs(700.0), None),
    row("D15", "goodput_FIFO_40_120", AtMost, 0.5, Abs(0.0), None),
    row("D15", "goodput_LIFO", Within, 99.985, Abs(1.5), None),
];
