//! What all benches share: each thing is measured by criterion, and call by call beside it.
//!
//! Criterion tells how the mean moves from one version to the next; it times whole batches of
//! calls and so knows no 99th percentile. The second pass times every single call, which is what a
//! customer waits for. Its clock adds some 50 ns a call: below a microsecond believe criterion.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use criterion::Criterion;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Calls timed singly: so many at least, for this long at least, never longer than the limit.
const MIN_CALLS: usize = 2_000;
const MAX_CALLS: usize = 100_000;
const LONG_ENOUGH: Duration = Duration::from_millis(500);
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The measurements of one executable.
pub(crate) struct Bench {
    criterion: Criterion,
    /// Not under `--test`, nor without cargo's `--bench`: then criterion makes one call only.
    times_calls: bool,
    rows: Vec<(String, Calls)>,
}

/// The times of single calls, shortest first; never empty.
struct Calls(Vec<Duration>);

impl Bench {
    /// Reads criterion's arguments; a name filter holds for both passes.
    pub(crate) fn from_args() -> Self {
        // Short runs: all benches together stay below four minutes.
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(20)
            .configure_from_args();
        let given = |wanted| std::env::args().any(|arg| arg == wanted);
        Self { criterion, times_calls: given("--bench") && !given("--test"), rows: Vec::new() }
    }

    /// Prints the table.
    #[expect(clippy::print_stdout, reason = "the table is what a bench is run for")]
    pub(crate) fn finish(self) {
        self.criterion.final_summary();
        if self.rows.is_empty() {
            return;
        }
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header(["", "p50", "p99", "max", "calls/s", "calls"]);
        table.column_iter_mut().skip(1).for_each(|c| c.set_cell_alignment(CellAlignment::Right));
        for (name, calls) in &self.rows {
            table.add_row([
                name.clone(),
                format!("{:.1?}", calls.percentile(50)),
                format!("{:.1?}", calls.percentile(99)),
                format!("{:.1?}", calls.percentile(100)),
                format!("{:.0}", calls.per_second()),
                calls.0.len().to_string(),
            ]);
        }
        println!("\n{table}\n");
    }
}

/// Measures `f` under `name`, unless the command line filters it out.
///
/// The time to drop what `f` returns counts.
pub(crate) fn measure<T>(bench: &mut Bench, name: &str, mut f: impl FnMut() -> T) {
    let mut is_wanted = false;
    bench.criterion.bench_function(name, |bencher| {
        is_wanted = true;
        bencher.iter(&mut f);
    });
    if is_wanted && bench.times_calls {
        bench.rows.push((name.to_owned(), Calls::of(f)));
    }
}

impl Calls {
    fn of<T>(mut f: impl FnMut() -> T) -> Self {
        let mut calls = Vec::with_capacity(MAX_CALLS);
        let started = Instant::now();
        loop {
            let called = Instant::now();
            black_box(f());
            calls.push(called.elapsed());
            let took = started.elapsed();
            let is_enough = calls.len() >= MIN_CALLS && took >= LONG_ENOUGH;
            if is_enough || calls.len() == MAX_CALLS || took >= TIME_LIMIT {
                calls.sort_unstable();
                return Self(calls);
            }
        }
    }

    /// The shortest time that `percent` of the calls do not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100) - 1]
    }

    fn per_second(&self) -> f64 {
        self.0.len() as f64 / self.0.iter().sum::<Duration>().as_secs_f64()
    }
}
