//! One position's round: quotes, the strategy's decision, what is remembered and told of it, and what
//! is wanted at the broker.

use serde_json::json;

use super::{
    Desk,
    adjusting::Around,
    deliver::options_of,
    drive::{Wanted, left_behind},
    watch::{EXIT_MEMORIES, not_flat},
};
use crate::{
    account::{ExitReason, Position},
    calendar::Session,
    clock::Timestamp,
    market::OptionQuote,
    notice::{self, Notice},
    planted::{self, Bug},
    store::{Read, StoreError, WriteTx},
    strategy::{
        Rule,
        closing::{Scope, closing, open_legs},
        ladder::Urgency,
        manage::{ExitAction, ExitMemory, Managed, Warning, Watched},
        rule,
    },
};

impl Desk {
    /// One position's round.
    pub(super) async fn look(
        &self,
        position: &Position,
        session: &Session,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(tick) = self.tick_of(position)? else { return Ok(()) };
        let Some(options) = options_of(position) else {
            self.hot().wanted.remove(&position.id);
            return Ok(());
        };
        let Some(rule) = rule(position.strategy) else { return Ok(()) };
        let position = options.as_ref();
        let quotes = self.position_quotes(position).await;
        if now >= self.zdte_times(session).evaluation && planted::on(Bug::SleepAtEvaluation) {
            return Ok(());
        }
        let before = self.hot().memories.get(&position.id).cloned().unwrap_or_default();
        let given = self.given(rule, position, &quotes, &before, now).await?;
        let around = if rule.is_same_day() {
            Around { underlying: None, vix: None }
        } else {
            self.around(position).await
        };
        let watched = Watched {
            rulebook: &self.parts.rulebook,
            session,
            position,
            quotes: &quotes,
            underlying: around.underlying.as_ref(),
            vix: around.vix,
            tick,
            now,
        };
        let managed = rule.manage(&watched, &given);
        self.remember(position, &before, &managed, now).await?;
        self.want(&watched, managed);
        Ok(())
    }

    /// What the strategy is given to remember: with what the desk itself has found.
    async fn given(
        &self,
        rule: &dyn Rule,
        position: &Position,
        quotes: &[OptionQuote],
        before: &ExitMemory,
        now: Timestamp,
    ) -> Result<ExitMemory, StoreError> {
        let mut given = before.clone();
        if given.closing.is_none() && self.at_assignment_risk(position, quotes, now).await? {
            match rule.at_risk() {
                Scope::All => given.closing = Some(ExitReason::AssignmentRisk),
                part => given.closing_part = Some((ExitReason::AssignmentRisk, part)),
            }
        }
        if given.closing.is_none() && rule.is_same_day() && self.vix_closes() {
            given.closing = Some(ExitReason::VixSpike);
        }
        let more = |kept: &u32| closing(position, Scope::But(*kept)).is_some();
        given.keep_units = given.keep_units.filter(more);
        if self.stops_suspended() {
            // Two observations in a row fire a stop: none does while each begins anew.
            given.stop_observations = 0;
            given.near_observations = 0;
        }
        Ok(given)
    }

    /// Writes down what changed, and tells what is to be told.
    async fn remember(
        &self,
        position: &Position,
        before: &ExitMemory,
        managed: &Managed,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let notices = alerts(position, managed);
        let matters = ExitMemory {
            last_mark_at: before.last_mark_at,
            near_at: before.near_at,
            ..managed.memory.clone()
        };
        if matters == *before && notices.is_empty() {
            return Ok(());
        }
        let (position, before) = (position.clone(), before.clone());
        let (memory, cost) = (managed.memory.clone(), managed.mark.cost());
        self.write(move |tx| {
            let triggered = before.closing.is_none().then_some(memory.closing).flatten();
            let part = memory.closing_part.filter(|_| before.closing_part.is_none());
            keep(tx, &position, &before, memory)?;
            if let Some(reason) = triggered {
                let data = json!({ "reason": reason, "cost": cost });
                tx.journal(now, &position.id.0, "closing", &data)?;
            }
            if let Some((reason, scope)) = part {
                let data = json!({ "reason": reason, "part": scope, "cost": cost });
                tx.journal(now, &position.id.0, "closing", &data)?;
            }
            notices.into_iter().try_for_each(|told| notice::raise(tx, now, told))
        })
        .await
    }

    /// Takes the round's outcome into memory: what should work at the broker from now on.
    fn want(&self, watched: &Watched<'_>, managed: Managed) {
        let position = watched.position;
        let order = wanted(watched, &managed);
        let mut hot = self.hot();
        let kept = hot.memories.get(&position.id);
        let begun = kept.and_then(|memory| memory.closing);
        let closing = begun.or(managed.memory.closing);
        // A close that began in the meantime is looked at in a round of its own.
        let order = order.filter(|_| closing == managed.memory.closing);
        let memory = ExitMemory { closing, ..managed.memory };
        if hot.open.contains_key(&position.id) {
            hot.memories.insert(position.id.clone(), memory);
        }
        match order {
            Some(order) => hot.wanted.insert(position.id.clone(), order),
            None => hot.wanted.remove(&position.id),
        };
    }
}

/// Writes a position's memory. Uneven legs or a breaker may have begun a close in the meantime.
fn keep(
    tx: &mut WriteTx,
    position: &Position,
    before: &ExitMemory,
    memory: ExitMemory,
) -> Result<(), StoreError> {
    let row = tx.get(&EXIT_MEMORIES, &position.id.0)?.unwrap_or_default();
    let closing = row.closing.or(memory.closing);
    let cut_since = row.keep_units != before.keep_units;
    let keep_units = if cut_since { row.keep_units } else { memory.keep_units };
    tx.put(&EXIT_MEMORIES, &position.id.0, &ExitMemory { closing, keep_units, ..memory })
}

/// The one order that should work. A cut to bring the account's risk down goes before what the
/// strategy wants of the rest.
fn wanted(watched: &Watched<'_>, managed: &Managed) -> Option<Wanted> {
    let position = watched.position;
    let cut = managed.memory.keep_units.map(Scope::But);
    let cut = cut.filter(|scope| managed.memory.closing.is_none() && watched.holds(*scope));
    let cut = cut.map(|scope| {
        let (reason, urgency) = (ExitReason::Reduced, Urgency::Whole);
        ExitAction::Close { reason, scope, urgency }
    });
    // Where assignment took the shorts there is no debit to rest at.
    let shorts = open_legs(position).any(|leg| leg.quantity < 0);
    let mut actions = cut.into_iter().chain(managed.actions.iter().copied());
    let action = actions.find(|action| match action {
        ExitAction::RestProfit { .. } => shorts,
        ExitAction::Close { .. } => !planted::on(Bug::NeitherCloseNorAlert),
        ExitAction::Adjust { .. } => true,
        _ => false,
    })?;
    Some(Wanted { action, leave: left_behind(position, action, watched.quotes) })
}

fn alerts(position: &Position, managed: &Managed) -> Vec<Notice> {
    let id = &position.id;
    let told = managed.actions.iter().filter_map(|action| match action {
        ExitAction::AlertNoMark { seconds } => {
            Some(Notice::NoMark { position: id.clone(), seconds: *seconds })
        }
        ExitAction::AlertNotFlat if planted::on(Bug::NeitherCloseNorAlert) => None,
        ExitAction::AlertNotFlat => Some(not_flat(position)),
        ExitAction::Warn(warning) => {
            let what = match warning {
                Warning::NearStrike => {
                    "the underlying nears the short put; all is closed at 25 points"
                }
                Warning::Delta => "a short's delta has reached the first line of defence",
            };
            Some(Notice::Prepare { position: id.clone(), what: what.to_owned() })
        }
        _ => None,
    });
    told.collect()
}
