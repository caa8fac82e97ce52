//! The hands of people: the owner at the broker's own screen, and the operator at the daemon. They
//! are no part of the process: they see the true market and trade on the true venue, and the latch
//! they ask for by the entry points the control socket uses.

use std::sync::Arc;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::{
    account::{Effect, Holding, Leg, NetPrice, Side},
    broker::{Broker, OrderRequest},
    desk::latch::Change,
    instrument::{Instrument, OptionContract, Product, Right},
    market::Market,
    sim::chaos::{
        board::{Board, Present},
        dice::Dice,
        plan::Act,
    },
};

/// What the hands are drawn from.
const HANDS: u64 = 0x4A4D;
/// Who asks for a change of the latch, as the control socket has it.
const OPERATOR: &str = "operator";
/// Somebody who finds no daemon asks again, so often …
const TRIES: u32 = 60;
/// … and so long after.
const AGAIN: TimeDelta = TimeDelta::seconds(5);
/// Options by hand expire within so many days.
const DAYS_OUT: u32 = 45;

/// The venue as it runs at the moment; `None` while it is down.
pub type VenueNow = Arc<dyn Fn() -> Option<Arc<dyn Broker>> + Send + Sync>;

/// Everything people do in one run.
pub struct People {
    /// The switchboard.
    pub board: Arc<Board>,
    /// The broker's own screen.
    pub venue: VenueNow,
    /// The true market.
    pub market: Arc<dyn Market>,
}

impl People {
    /// Does what the plan says, each act at its instant, in tasks of the world.
    pub fn start(self) {
        let people = Arc::new(self);
        let world = people.board.world().clone();
        for (number, (at, act)) in people.board.people().into_iter().enumerate() {
            let people = Arc::clone(&people);
            world.spawn(async move {
                people.board.world().sleep_until(at).await;
                let dice = Dice::new(people.board.seed(), HANDS ^ (number as u64));
                if people.act(act, dice).await.is_some() {
                    people.board.done(at, act);
                }
            });
        }
    }

    /// `None` where it could not be done.
    async fn act(&self, act: Act, dice: Dice) -> Option<()> {
        match act {
            Act::TradeOther => self.trade_other(dice).await,
            Act::TradeOurs => self.trade_ours(dice).await,
            Act::CancelOurs => self.cancel_ours(dice).await,
            Act::Latch(change) => self.ask(change).await,
        }
    }

    /// Asks the daemon, as long as it takes until one runs.
    async fn ask(&self, change: Change) -> Option<()> {
        for _ in 0..TRIES {
            let awake = self.board.present().filter(|present| !present.gate.life().is_asleep());
            if let Some(present) = awake {
                self.asked(present, change);
                return Some(());
            }
            self.board.world().sleep(AGAIN).await;
        }
        None
    }

    /// The request runs in the daemon and dies with it.
    fn asked(&self, present: Present, change: Change) {
        let place = self.board.asked(present.gate.life().number(), change);
        let board = Arc::clone(&self.board);
        let Present { gate, desk, .. } = present;
        gate.rt().spawn(async move {
            let cause = format!("{} by hand", change.name());
            if desk.change(change, &cause, OPERATOR).await.is_ok() {
                board.answered(place);
            }
        });
    }

    async fn cancel_ours(&self, mut dice: Dice) -> Option<()> {
        let venue = (self.venue)()?;
        let orders = venue.orders_today().await.ok()?;
        let ours = |o: &&_| is_ours(o);
        let working: Vec<_> = orders.iter().filter(ours).collect();
        let order = dice.pick(&working)?;
        venue.cancel(&order.id).await.ok()
    }

    /// Closes what we hold, in part or whole, or adds to it.
    async fn trade_ours(&self, mut dice: Dice) -> Option<()> {
        let venue = (self.venue)()?;
        let today = self.board.world().now();
        let is_live = |held: &&Holding| match &held.instrument {
            Instrument::Option(contract) => contract.series.last_trade > today,
            _ => true,
        };
        let holdings = venue.holdings().await.ok()?;
        let live: Vec<&Holding> = holdings.iter().filter(is_live).collect();
        let held = *dice.pick(&live)?;
        let closes = dice.percent(70);
        let side = if (held.quantity < 0) == closes { Side::Buy } else { Side::Sell };
        let effect = if closes { Effect::Close } else { Effect::Open };
        self.trade(held.instrument.clone(), side, effect, 1).await
    }

    /// Trades something the rulebook never touches on a Friday.
    async fn trade_other(&self, mut dice: Dice) -> Option<()> {
        let side = if dice.percent(50) { Side::Buy } else { Side::Sell };
        match dice.below(3) {
            0 => {
                let units = u32::try_from(dice.between(1, 20)).unwrap_or(1);
                let shares = Instrument::Shares { product: Product::Spy };
                self.trade(shares, Side::Buy, Effect::Open, units).await
            }
            1 => {
                let contract = self.far_option(&mut dice, Product::Xsp).await?;
                self.trade(Instrument::Option(contract), side, Effect::Open, 1).await
            }
            _ => {
                let quote = self.market.underlying(Product::Mes, None).await.ok()?;
                let future = Instrument::Future { product: Product::Mes, code: quote.future? };
                self.trade(future, side, Effect::Open, 1).await
            }
        }
    }

    /// An option out of the money that does not expire today.
    async fn far_option(&self, dice: &mut Dice, product: Product) -> Option<OptionContract> {
        let series = self.market.series(product, DAYS_OUT).await.ok()?;
        let soon = self.board.world().now() + TimeDelta::days(7);
        let far: Vec<_> = series.iter().filter(|series| series.last_trade > soon).collect();
        let series = *dice.pick(&far)?;
        let last = self.market.underlying(product, Some(series)).await.ok()?.last;
        let reach = last * Decimal::new(5, 2);
        let chain = self.market.chain(series, last - reach, last + reach).await.ok()?;
        let out = chain.quotes.iter().filter(|quote| {
            let put = quote.contract.right == Right::Put;
            put == (quote.contract.strike < last)
        });
        let out: Vec<_> = out.collect();
        dice.pick(&out).map(|quote| quote.contract.clone())
    }

    /// One order at what the other side shows.
    async fn trade(
        &self,
        instrument: Instrument,
        side: Side,
        effect: Effect,
        units: u32,
    ) -> Option<()> {
        let limit = self.price(&instrument, side).await?;
        let leg = Leg { instrument, side, ratio: 1, effect };
        let order = OrderRequest {
            external_id: String::new(),
            legs: vec![leg],
            units,
            limit,
            strict_effect: false,
        };
        let taken = (self.venue)()?.submit(&order).await.ok()?;
        self.board.by_hand(taken.id);
        Some(())
    }

    async fn price(&self, instrument: &Instrument, side: Side) -> Option<NetPrice> {
        let at = |bid: Decimal, ask: Decimal| match side {
            Side::Buy => NetPrice(-ask),
            Side::Sell => NetPrice(bid),
        };
        match instrument {
            Instrument::Option(contract) => {
                let quotes = self.market.quotes(std::slice::from_ref(contract)).await.ok()?;
                quotes.first().map(|quote| at(quote.bid, quote.ask))
            }
            other => {
                let mark = self.market.mark(other).await.ok()?;
                let tick = crate::instrument::tick::underlying_tick(other.product());
                let near = Decimal::from(20) * tick;
                let mark = (mark / tick).round() * tick;
                Some(at(mark - near, mark + near))
            }
        }
    }
}

/// An order of the daemon's that works.
fn is_ours(order: &crate::broker::BrokerOrder) -> bool {
    order.external_id.is_some() && !order.status.is_terminal()
}
