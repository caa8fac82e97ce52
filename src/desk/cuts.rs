//! Positions cut to bring the account's risk down: half of the short premium after a jump of VIX
//! (rulebook §6), and what takes buying power over its cap for too long (§1). What is chosen is
//! written in one transaction with its reason; the rounds close it, as they close everything.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use super::{Desk, tables::BREAKERS, tables::BREAKERS_KEY, watch::EXIT_MEMORIES};
use crate::{
    account::{ExitReason, Position, PositionId},
    clock::Timestamp,
    money::Usd,
    notice::{self, Notice},
    risk::{
        breaker::{
            State,
            forced::{self, Usage},
        },
        capital::capital,
        reduction::{Cut, ReductionError, halve_short_premium, reduce_requirement},
        stress::Tables,
    },
    store::{Read, StoreError, WriteTx},
    strategy::{
        Snapshot,
        closing::{Scope, closing},
        manage::ExitMemory,
    },
};

/// The name of the forced reduction in journal and notices.
const FORCED: &str = "buying-power";

/// A position with the units of it that are kept.
type Kept = (PositionId, u32);

impl Desk {
    /// What a jump of VIX cuts: half of the short premium, worst stress first. What cannot be priced
    /// is told of: nothing is guessed.
    pub(super) async fn spike_cuts(&self) -> Result<Vec<Kept>, StoreError> {
        let snapshot = self.whole_book().await?;
        let Some(book) = &snapshot.book else { return Ok(Vec::new()) };
        let cuts = halve_short_premium(self.stress_tables(), &snapshot.positions, book);
        self.kept(&snapshot, cuts).await
    }

    /// The forced reduction of §1, looked at with each risk snapshot.
    pub(super) async fn reduce_to_cap(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        used_percent: Decimal,
        cap_percent: Decimal,
    ) -> Result<(), StoreError> {
        let Some(balances) = snapshot.balances else { return Ok(()) };
        let usage = Usage {
            at: snapshot.now,
            in_session: snapshot.session.is_some_and(|session| session.contains(snapshot.now)),
            used_percent,
            cap_percent,
            net_liquidation: balances.net_liquidation_usd,
            requirement: balances.requirement_usd,
        };
        let Some(row) = self.parts.store.read(|tx| tx.get(&BREAKERS, BREAKERS_KEY))? else {
            return Ok(());
        };
        let mut state: State = row.clone();
        let cuts_now =
            forced::look(&self.parts.rulebook.breakers.forced, &mut state.forced, &usage);
        let under_way = self.hot().memories.values().any(is_cut);
        let mut kept = Vec::new();
        if cuts_now && !under_way {
            kept = self.over_cap(cap_percent).await?;
        }
        if state == row && kept.is_empty() {
            return Ok(());
        }
        let cause = format!(
            "buying power {used_percent} % is over its cap {cap_percent} % for too long, and the \
             broker's excess is {} %",
            crate::money::round_half_up(usage.excess_percent(), 2)
        );
        let now = self.now();
        let chosen = kept.clone();
        let written = self
            .write(move |tx| {
                // A look of the breakers came in between: the next snapshot begins with it.
                if tx.get(&BREAKERS, BREAKERS_KEY)?.as_ref() != Some(&row) {
                    return Ok(false);
                }
                tx.put(&BREAKERS, BREAKERS_KEY, &state)?;
                cut(tx, &chosen, FORCED, &cause, now)?;
                Ok(true)
            })
            .await?;
        if written {
            self.take_cuts(&kept);
        }
        Ok(())
    }

    async fn over_cap(&self, cap_percent: Decimal) -> Result<Vec<Kept>, StoreError> {
        let snapshot = self.whole_book().await?;
        let (Some(book), Some(balances)) = (&snapshot.book, snapshot.balances) else {
            return Ok(Vec::new());
        };
        let Ok(capital) = capital(&snapshot) else { return Ok(Vec::new()) };
        let most = capital.sizing.0 * cap_percent / Decimal::ONE_HUNDRED;
        let target = Usd(most * capital.rate.usd_per_gbp);
        let bounds = (balances.requirement_usd, target);
        let tables = self.stress_tables();
        let cuts = reduce_requirement(tables, &snapshot.positions, book, bounds, snapshot.now);
        self.kept(&snapshot, cuts).await
    }

    fn stress_tables(&self) -> Tables<'_> {
        let rules = &self.parts.rulebook;
        Tables { stress: &rules.stress, groups: &rules.groups }
    }

    /// Cuts as what is kept of each position; why there are none is told.
    async fn kept(
        &self,
        snapshot: &Snapshot,
        cuts: Result<Vec<Cut>, ReductionError>,
    ) -> Result<Vec<Kept>, StoreError> {
        let cuts = match cuts {
            Ok(cuts) => cuts,
            Err(error) => {
                let (now, breaker) = (self.now(), FORCED.to_owned());
                let text = format!("what is to be cut cannot be worked out: {error}; cut by hand");
                let told = Notice::Breaker { breaker, text, critical: true };
                self.write(move |tx| notice::raise(tx, now, told)).await?;
                return Ok(Vec::new());
            }
        };
        let open = |id: &PositionId| snapshot.positions.iter().find(|p| p.id == *id);
        let kept = cuts.into_iter().filter_map(|cut| {
            let units = open_units(open(&cut.position)?)?;
            Some((cut.position, units.saturating_sub(cut.units)))
        });
        Ok(kept.collect())
    }

    /// Takes what was written into memory, and has it looked at without delay.
    pub(super) fn take_cuts(&self, kept: &[Kept]) {
        let mut hot = self.hot();
        for (position, units) in kept {
            if hot.open.contains_key(position) {
                apply(hot.memories.entry(position.clone()).or_default(), *units);
                hot.last_round = None;
            }
        }
        drop(hot);
        if !kept.is_empty() {
            self.beat();
        }
    }
}

/// Writes down what is kept of positions.
pub(super) fn cut(
    tx: &mut WriteTx,
    kept: &[Kept],
    breaker: &str,
    cause: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (position, units) in kept {
        let mut memory = tx.get(&EXIT_MEMORIES, &position.0)?.unwrap_or_default();
        apply(&mut memory, *units);
        tx.put(&EXIT_MEMORIES, &position.0, &memory)?;
        let data = json!({ "reason": ExitReason::Reduced, "kept_units": units, "cause": cause });
        tx.journal(now, &position.0, "closing", &data)?;
    }
    if kept.is_empty() {
        return Ok(());
    }
    let what = |(position, units): &Kept| match units {
        0 => format!("{position} is closed"),
        _ => format!("{position} is cut to {units} units"),
    };
    let what = kept.iter().map(what).collect::<Vec<_>>().join(", ");
    let text = format!("{cause}: {what}");
    notice::raise(tx, now, Notice::Breaker { breaker: breaker.to_owned(), text, critical: false })
}

fn apply(memory: &mut ExitMemory, units: u32) {
    if units == 0 {
        memory.closing.get_or_insert(ExitReason::Reduced);
    } else {
        memory.keep_units = Some(units);
    }
}

fn is_cut(memory: &ExitMemory) -> bool {
    memory.keep_units.is_some() || memory.closing == Some(ExitReason::Reduced)
}

/// The position's units that are still open whole.
fn open_units(position: &Position) -> Option<u32> {
    let order = closing(position, Scope::All)?;
    let units = Decimal::from(order.units) * order.units_of(position);
    rust_decimal::prelude::ToPrimitive::to_u32(&units)
}
