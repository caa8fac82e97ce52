//! Intents, positions and cash as the entries add them up.

use serde::Deserialize;
use serde_json::Value;

use super::{Folded, FoldedIntent, FoldedPosition, typed};
use crate::{
    account::{BrokerOrderId, ExitReason, Fill, IntentId, Position, PositionId, StrategyId},
    clock::Timestamp,
    desk::intent::{AttemptStatus, IntentState},
    instrument::Instrument,
    money::Usd,
    strategy::{Intent, Purpose},
};

impl Folded {
    pub(super) fn intent_made(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Made {
            state: IntentState,
            intent: Intent,
        }
        let Made { state, intent } = typed(data)?;
        if let Some(position) = intent.purpose.position() {
            let row = self.positions.get_mut(position);
            row.ok_or_else(|| format!("it closes `{position}`, which was never opened"))?
                .next_close += 1;
        }
        let made = FoldedIntent {
            strategy: intent.strategy,
            purpose: intent.purpose,
            state,
            sends: 0,
            working: None,
            fills: Vec::new(),
            cancel: None,
            ended: None,
        };
        match self.intents.insert(intent.id.clone(), made) {
            None => Ok(()),
            Some(_) => Err(format!("intent `{}` was made before", intent.id)),
        }
    }

    pub(super) fn sending(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Sending {
            order: String,
        }
        let Sending { order } = typed(data)?;
        let intent = self.intent(cause)?;
        if let Some((other, _)) = &intent.working {
            return Err(format!("`{order}` is sent while `{other}` has not ended"));
        }
        intent.sends += 1;
        let expected = format!("{cause}/{}", intent.sends);
        if order != expected {
            return Err(format!("it sends `{order}`, the next send is `{expected}`"));
        }
        intent.working = Some((order, AttemptStatus::Sending));
        intent.state = IntentState::Sending;
        Ok(())
    }

    pub(super) fn order(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Told {
            order: String,
            broker_order: Option<BrokerOrderId>,
            result: AttemptStatus,
            state: IntentState,
        }
        let told: Told = typed(data)?;
        let intent = self.intent(cause)?;
        intent.state = told.state;
        if let (IntentState::Rejected, AttemptStatus::Rejected { reason }) =
            (told.state, &told.result)
        {
            intent.ended = Some(reason.clone());
        }
        if intent.working.as_ref().is_some_and(|(order, _)| *order == told.order) {
            let ended = told.result.is_ended();
            intent.working = (!ended).then_some((told.order, told.result));
        }
        if let Some(order) = told.broker_order {
            self.orders.insert(order, IntentId(cause.to_owned()));
        }
        Ok(())
    }

    pub(super) fn order_claimed(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Claimed {
            broker_order: BrokerOrderId,
        }
        let Claimed { broker_order } = typed(data)?;
        self.orders.insert(broker_order, IntentId(cause.to_owned()));
        Ok(())
    }

    pub(super) fn fill(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        let fill: Fill = typed(data)?;
        let intent = self.intent(cause)?;
        if intent.fills.iter().any(|known| known.id == fill.id) {
            return Err(format!("fill `{}` was told before", fill.id));
        }
        intent.fills.push(fill.clone());
        let (strategy, entry) = (intent.strategy, intent.purpose == Purpose::Entry);
        let own = || PositionId(cause.to_owned());
        let id = intent.purpose.position().cloned().unwrap_or_else(own);
        let quantity = fill.side.sign() * i64::from(fill.quantity);
        self.move_cash(fill.cash(), fill.fees);
        let position = match self.positions.get_mut(&id) {
            Some(position) => position,
            None if entry => self.positions.entry(id).or_insert(FoldedPosition::opened(strategy)),
            None => return Err(format!("it fills a close of `{id}`, which was never opened")),
        };
        position.add(fill.instrument.clone(), quantity, fill.cash(), fill.fees);
        if entry && !position.legs.is_empty() {
            (position.closed_at, position.exit_reason) = (None, None);
        }
        Ok(())
    }

    pub(super) fn cancel_wanted(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Wanted {
            reason: String,
        }
        let Wanted { reason } = typed(data)?;
        self.intent(cause)?.cancel = Some(reason);
        Ok(())
    }

    pub(super) fn ended(&mut self, cause: &str, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Ended {
            state: IntentState,
            reason: Option<String>,
        }
        let Ended { state, reason } = typed(data)?;
        let intent = self.intent(cause)?;
        if let Some((order, _)) = &intent.working {
            return Err(format!("`{cause}` ended over its working order `{order}`"));
        }
        (intent.state, intent.ended) = (state, reason);
        Ok(())
    }

    pub(super) fn closed(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Told {
            position: PositionId,
            reason: ExitReason,
            closed_at: Option<Timestamp>,
        }
        let told: Told = typed(data)?;
        let position = self.position(&told.position)?;
        position.closed_at = told.closed_at;
        position.exit_reason = Some(told.reason);
        Ok(())
    }

    pub(super) fn settled(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Settled {
            position: PositionId,
            instrument: Instrument,
            quantity: i64,
            cash_usd: Usd,
            fees_usd: Usd,
        }
        let told: Settled = typed(data)?;
        self.move_cash(told.cash_usd, told.fees_usd);
        let position = self.position(&told.position)?;
        position.add(told.instrument, told.quantity, told.cash_usd, told.fees_usd);
        Ok(())
    }

    pub(super) fn foreign(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Foreign {
            cash_usd: Usd,
            #[serde(default)]
            transfer: bool,
        }
        let Foreign { cash_usd, transfer } = typed(data)?;
        let book = self.cash.as_mut().ok_or("the ledger was never opened")?;
        book.foreign_usd += cash_usd;
        if transfer {
            book.transfers_usd += cash_usd;
        }
        Ok(())
    }

    pub(super) fn transactions_read(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct TransactionsRead {
            through: u64,
        }
        let TransactionsRead { through } = typed(data)?;
        let book = self.cash.as_mut().ok_or("the ledger was never opened")?;
        if through <= book.last_transaction {
            return Err(format!(
                "transaction {through} is read again: {} were read",
                book.last_transaction
            ));
        }
        book.last_transaction = through;
        Ok(())
    }

    /// A position written whole, with the cash that came with it.
    pub(super) fn taken_over(&mut self, data: &Value) -> Result<(), String> {
        #[derive(Deserialize)]
        struct TakenOver {
            row: Position,
            #[serde(default)]
            cash_usd: Usd,
            #[serde(default)]
            fees_usd: Usd,
        }
        let TakenOver { row, cash_usd, fees_usd } = typed(data)?;
        self.move_cash(cash_usd, fees_usd);
        self.positions.insert(row.id.clone(), FoldedPosition::of(&row));
        Ok(())
    }

    fn move_cash(&mut self, cash: Usd, fees: Usd) {
        if let Some(book) = &mut self.cash {
            book.traded_usd += cash;
            book.fees_usd += fees;
        }
    }

    fn intent(&mut self, id: &str) -> Result<&mut FoldedIntent, String> {
        let found = self.intents.get_mut(&IntentId(id.to_owned()));
        found.ok_or_else(|| format!("intent `{id}` was never made"))
    }

    fn position(&mut self, id: &PositionId) -> Result<&mut FoldedPosition, String> {
        self.positions.get_mut(id).ok_or_else(|| format!("position `{id}` was never opened"))
    }
}

impl FoldedPosition {
    fn opened(strategy: StrategyId) -> Self {
        Self {
            strategy,
            legs: std::collections::BTreeMap::new(),
            cash_usd: Usd::ZERO,
            fees_usd: Usd::ZERO,
            closed_at: None,
            exit_reason: None,
            next_close: 1,
        }
    }

    /// What a row says, in the form of the fold.
    pub(super) fn of(row: &Position) -> Self {
        let mut folded = Self {
            cash_usd: row.cash_usd,
            fees_usd: row.fees_usd,
            closed_at: row.closed_at,
            exit_reason: row.exit_reason,
            next_close: row.next_close,
            ..Self::opened(row.strategy)
        };
        for leg in &row.legs {
            folded.add(leg.instrument.clone(), leg.quantity, Usd::ZERO, Usd::ZERO);
        }
        folded
    }

    fn add(&mut self, instrument: Instrument, quantity: i64, cash: Usd, fees: Usd) {
        self.cash_usd += cash;
        self.fees_usd += fees;
        let held = self.legs.remove(&instrument).unwrap_or(0) + quantity;
        if held != 0 {
            self.legs.insert(instrument, held);
        }
    }
}
