//! One seed from its first instant to its last.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use chrono::{Days, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::{
    board::{Board, Log, Tally},
    check::Lived,
    disk::Disk,
    ground::Ground,
    life::Machine,
    plan::{Plan, What},
    process::{Around, Stored},
    seams::{exchange::Exchange, people::People},
    venue::VenueHost,
    watch::{Violation, Watch},
};
use crate::{
    calendar::new_york,
    clock::VirtualWorld,
    market::{Market, ModelledMarket},
    store::{self, Store, StoreError, sha256_hex},
};

/// What came of one seed. It depends on the plan and the program alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Weeks planned.
    pub weeks: u32,
    /// The first invariant that did not hold; it ended the run.
    pub violation: Option<Violation>,
    /// Instants of the world.
    pub steps: u64,
    /// Lives of the process.
    pub lives: Vec<Lived>,
    /// Faults by kind.
    pub faults: BTreeMap<String, Tally>,
    /// Simulated time, seconds.
    pub seconds: i64,
    /// Orders that reached the broker.
    pub orders: usize,
    /// Alerts that channels took.
    pub deliveries: usize,
    /// What it left.
    pub digests: Digests,
}

/// SHA-256 sums of what a run left; none where no store was open at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// The journal's head.
    pub journal: Option<String>,
    /// Every row of the daemon's store.
    pub store: Option<String>,
    /// Every order that reached the broker and every alert that was delivered.
    pub messages: String,
}

/// Runs a plan, in a world of its own on this thread. A panic that no task kept to itself is a
/// violation.
pub fn one(ground: &Arc<Ground>, plan: &Plan) -> Result<Outcome, StoreError> {
    store::caught(|| world_of(ground, plan)).unwrap_or_else(|panic| {
        let violation = Violation {
            invariant: 0,
            step: 0,
            at: plan.start(),
            life: 0,
            words: format!("the run panicked: {panic}"),
            journal: Vec::new(),
        };
        Ok(Outcome {
            seed: plan.seed,
            weeks: plan.weeks,
            violation: Some(violation),
            steps: 0,
            lives: Vec::new(),
            faults: BTreeMap::new(),
            seconds: 0,
            orders: 0,
            deliveries: 0,
            digests: Digests::default(),
        })
    })
}

fn world_of(ground: &Arc<Ground>, plan: &Plan) -> Result<Outcome, StoreError> {
    let ground = &ground.of(plan);
    let world = VirtualWorld::new(plan.start());
    let rt = world.runtime();
    let board = Board::new(plan, rt.clone());
    let machine = Machine::new(rt.clone());
    let venue_store = Store::in_memory()?;
    let watch = Watch::new(
        Arc::clone(ground),
        Arc::clone(&board),
        Arc::clone(&machine),
        venue_store.clone(),
        plan.weeks,
    );
    let eyes = Arc::clone(&watch);
    let mut world = world.watched(Box::new(move |_| eyes.instant()));
    let (figures, calendar) = (ground.settings.market.clone(), ground.calendar.clone());
    let tape = Arc::clone(&ground.tape);
    let market: Arc<dyn Market> =
        Arc::new(ModelledMarket::new(tape, figures, rt.clone(), calendar));
    let (truth, fills) = (venue_store.clone(), ground.settings.paper.fills.clone());
    let venue = VenueHost::new(Arc::clone(ground), Arc::clone(&market), venue_store, rt.clone());
    Exchange { board: Arc::clone(&board), host: Arc::clone(&venue), truth, fills }
        .start(&plan.faults);
    let stored = if plan.breaks_the_disk() {
        Stored::Disk(Disk::default())
    } else {
        Stored::Memory(Store::in_memory()?)
    };
    let around = Around {
        ground: Arc::clone(ground),
        board: Arc::clone(&board),
        machine,
        stored,
        venue: Arc::clone(&venue),
        market: Arc::clone(&market),
        watch: Arc::clone(&watch),
    };
    weather(&around, plan);
    rt.spawn(days(around.clone(), plan.clone()));
    People { board: Arc::clone(&board), venue: Arc::new(move || venue.now()), market }.start();
    rt.spawn(around.supervise());
    let end = plan.end();
    let ended = world.run(async move { rt.sleep_until(end).await });
    if ended.is_some() {
        watch.end();
    } else {
        watch.fail("every task waits and no timer is set".to_owned()); // unless a violation ended it
    }
    let seconds = (world.runtime().now() - plan.start()).num_seconds();
    let outcome = gather(plan, &board, &watch, seconds);
    // The daemon that runs holds its way through the board, which holds the daemon.
    board.set_present(None);
    Ok(outcome)
}

/// What happens to the machine at given instants.
fn weather(around: &Around, plan: &Plan) {
    for (index, fault) in plan.faults.iter().enumerate() {
        let (around, fault) = (around.clone(), fault.clone());
        let rt = around.board.world().clone();
        rt.clone().spawn(async move {
            let Around { machine, board, .. } = around;
            match fault.what {
                What::ClockStep { seconds } => {
                    rt.sleep_until(fault.at).await;
                    machine.step(TimeDelta::seconds(seconds));
                    board.struck(index);
                    rt.sleep_until(fault.until).await;
                    machine.step(-TimeDelta::seconds(seconds));
                }
                What::Suspend => {
                    rt.sleep_until(fault.at).await;
                    machine.suspend();
                    board.struck(index);
                    rt.sleep_until(fault.until).await;
                    machine.resume();
                }
                What::Stop => {
                    rt.sleep_until(fault.at).await;
                    if let Some(present) = board.present() {
                        present.gate.life().ask_to_stop();
                        board.struck(index);
                    }
                }
                _ => {}
            }
        });
    }
}

/// Tells each midnight of New York.
async fn days(around: Around, plan: Plan) {
    let rt = around.board.world();
    for day in 1..7 * u64::from(plan.weeks) {
        rt.sleep_until(new_york(plan.from + Days::new(day), NaiveTime::MIN)).await;
        around.watch.day_over();
    }
}

fn gather(plan: &Plan, board: &Board, watch: &Watch, seconds: i64) -> Outcome {
    let (violation, lives, steps) = watch.findings();
    let log = board.log();
    let store = watch.store();
    let digests = Digests {
        journal: store.as_ref().and_then(|s| s.journal_head().ok()).map(|head| head.hash),
        store: store.as_ref().and_then(|store| store.digest().ok()),
        messages: messages(&log),
    };
    Outcome {
        seed: plan.seed,
        weeks: plan.weeks,
        violation,
        steps,
        lives,
        faults: board.tallies(),
        seconds,
        orders: log.wire.len(),
        deliveries: log.deliveries.len(),
        digests,
    }
}

/// One figure for all that left the process.
fn messages(log: &Log) -> String {
    let mut text = String::new();
    for arrival in &log.wire {
        let _ = writeln!(text, "{} {} {:?}", arrival.at, arrival.life, arrival.sent);
    }
    for sent in &log.deliveries {
        let _ =
            writeln!(text, "{} {} {} {} {}", sent.at, sent.life, sent.channel, sent.id, sent.words);
    }
    sha256_hex(text.as_bytes())
}
