//! Replay speed on the simulated market: the whole program, every job, management every minute; a
//! month, then a year. By hand, since one run of a year says more than a hundred of a day.
//!
//! `cargo bench --bench replay`

#![allow(clippy::unwrap_used)] // a bench that cannot start has nothing to measure

use tomking::{
    config::Settings,
    schedule::JobSet,
    sim::replay::{self, Plan, Tape},
};

fn main() {
    for (name, from, to) in
        [("a month", "2024-07-15", "2024-08-16"), ("a year", "2024-01-02", "2024-12-31")]
    {
        let range = (from.parse().unwrap(), to.parse().unwrap());
        let jobs = JobSet::embedded().unwrap().disabled("heartbeat");
        let plan = Plan::new(range, Settings::load(None).unwrap(), jobs, Tape::Simulated);
        let (found, _) = replay::run(plan).unwrap();
        println!(
            "{name}, {from} to {to}: {} sessions in {:.2} s, {:.0} a second, {} slots done",
            found.sessions,
            std::time::Duration::from_millis(found.elapsed_ms).as_secs_f64(),
            found.sessions_per_second,
            found.jobs.done
        );
    }
}
