//! How long ago something was, by the time that has passed and not by what the wall clock says: a
//! clock put back lengthens no wait, and one put forward ends none.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::clock::{Runtime, Timestamp};

/// What was seen at the last look, by what it is of: its instant as it is written, and when that was
/// on the steady clock.
#[derive(Debug, Default)]
pub(super) struct Ages(BTreeMap<String, (Timestamp, TimeDelta)>);

/// One look at everything that is waited for; what is not looked at is forgotten.
#[derive(Debug)]
pub(super) struct Look<'a> {
    ages: &'a mut Ages,
    seen: BTreeMap<String, (Timestamp, TimeDelta)>,
    /// The present instant.
    pub now: Timestamp,
    steady: TimeDelta,
}

impl Ages {
    /// Looks at this moment.
    pub fn look(&mut self, rt: &Runtime) -> Look<'_> {
        Look { ages: self, seen: BTreeMap::new(), now: rt.now(), steady: rt.steady() }
    }
}

impl Look<'_> {
    /// How long ago the instant of `what` was. One that was not seen before counts by the wall; one
    /// that lies ahead is of this moment: the clock was put back since.
    pub fn ago(&mut self, what: String, at: Timestamp) -> TimeDelta {
        let known = self.ages.0.get(&what).filter(|(of, _)| *of == at).map(|(_, steady)| *steady);
        let was = known.unwrap_or_else(|| self.steady - (self.now - at).max(TimeDelta::zero()));
        self.seen.insert(what, (at, was));
        self.steady - was
    }

    /// What is left of a wait that lasts so long and ends at `until`.
    pub fn left(&mut self, what: String, until: Timestamp, lasts: TimeDelta) -> TimeDelta {
        (lasts - self.ago(what, until - lasts)).max(TimeDelta::zero())
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.ages.0 = std::mem::take(&mut self.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::dispatch::tests::stepped::Stepped;

    #[test]
    fn a_clock_that_is_put_right_neither_lengthens_nor_shortens_a_wait() {
        for step in [-7200, -30, 0, 30, 7200] {
            let (mut ages, clock) = (Ages::default(), Stepped::new("2024-08-02T12:00:00Z"));
            let rt = clock.runtime();
            let (at, hour) = (rt.now(), TimeDelta::hours(1));
            let mut left = |clock: &Stepped| {
                let left = ages.look(&clock.runtime()).left("a".to_owned(), at + hour, hour);
                left.num_minutes()
            };
            assert_eq!(left(&clock), 60);
            clock.pass(TimeDelta::minutes(20));
            clock.step(TimeDelta::seconds(step));
            assert_eq!(left(&clock), 40, "step {step} s");
            clock.pass(TimeDelta::minutes(50));
            assert_eq!(left(&clock), 0, "step {step} s");
        }
    }

    #[test]
    fn what_another_life_wrote_with_a_later_clock_lasts_its_own_time_and_no_longer() {
        let clock = Stepped::new("2024-08-02T12:00:00Z");
        let rt = clock.runtime();
        let ten = TimeDelta::minutes(10);
        for (until, minutes) in [(-5, 0), (4, 4), (10, 10), (600, 10)] {
            let until = rt.now() + TimeDelta::minutes(until);
            let left = Ages::default().look(&rt).left("a".to_owned(), until, ten);
            assert_eq!(left.num_minutes(), minutes);
        }
    }
}
