use super::*;
use crate::{
    broker::{Transaction, TransactionKind},
    money::Usd,
};

/// Opens one option on each side as asked, lets it expire with its underlying at `value`, and
/// returns the transactions of the expiry and what is held after it.
fn expire(
    product: Product,
    right: Right,
    side: Side,
    value: Decimal,
) -> (Vec<Transaction>, Vec<(Instrument, i64)>, Usd) {
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.play(move |a| async move {
        let contract = option(product, dec!(500), right);
        a.market.quote(&contract, dec!(2.00), dec!(2.05));
        a.market.mark_at(product, value);
        a.market.settle(product, value);
        let limit = if side == Side::Buy { dec!(-2.05) } else { dec!(2.00) };
        let legs = vec![leg(side, &contract, Effect::Open)];
        a.fill(request(legs, 1, limit)).await;
        let before = a.venue.transactions(0).await.unwrap();
        a.until("2024-08-02T21:00:00Z").await;
        let held = a.venue.holdings().await.unwrap();
        let held = held.into_iter().map(|held| (held.instrument, held.quantity)).collect();
        let rows = a.venue.transactions(before.last().unwrap().id).await.unwrap();
        (rows, held, a.venue.balances().await.unwrap().net_liquidation_usd)
    })
}

#[test]
fn options_out_of_the_money_are_removed_without_cash() {
    let products = [Product::Spx, Product::Xsp, Product::Es, Product::Mes, Product::Spy];
    for product in products {
        for (right, value) in [(Right::Call, dec!(499)), (Right::Put, dec!(500))] {
            for side in [Side::Buy, Side::Sell] {
                let (rows, held, _) = expire(product, right, side, value);
                assert_eq!(held, [], "{product} {right:?} {side:?}");
                assert_eq!(rows.len(), 1);
                assert_eq!(rows[0].kind, TransactionKind::Expiration);
                assert_eq!(rows[0].quantity, -side.sign());
                assert_eq!((rows[0].cash_usd, rows[0].fees_usd), (Usd::ZERO, Usd::ZERO));
                assert_eq!(rows[0].at, at("2024-08-02T20:00:00Z"));
            }
        }
    }
}

#[test]
fn index_options_in_the_money_are_settled_in_cash_to_the_cent() {
    // value − strike of 500 in points, 100 dollars each
    let cases = [
        (Product::Spx, Right::Call, Side::Buy, dec!(512.37), dec!(1237)),
        (Product::Spx, Right::Call, Side::Sell, dec!(512.37), dec!(-1237)),
        (Product::Spx, Right::Put, Side::Buy, dec!(499.99), dec!(1)),
        (Product::Xsp, Right::Put, Side::Sell, dec!(498.637), dec!(-136.30)),
        (Product::Xsp, Right::Call, Side::Buy, dec!(501.2345), dec!(123.45)),
    ];
    for (product, right, side, value, cash) in cases {
        let (rows, held, _) = expire(product, right, side, value);
        assert_eq!(held, []);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].kind, TransactionKind::CashSettlement);
        assert_eq!(rows[0].cash_usd, Usd(cash), "{product} {right:?} {side:?}");
    }
}

#[test]
fn options_on_futures_and_etfs_in_the_money_become_what_they_are_written_on() {
    // A long call and a short put buy it at the strike, a short call and a long put sell it.
    let cases = [
        (Right::Call, Side::Buy, dec!(510), 1),
        (Right::Call, Side::Sell, dec!(510), -1),
        (Right::Put, Side::Buy, dec!(490), -1),
        (Right::Put, Side::Sell, dec!(490), 1),
    ];
    let es = || Instrument::Future { product: Product::Es, code: "ESU4".to_owned() };
    let mes = || Instrument::Future { product: Product::Mes, code: "MESU4".to_owned() };
    let spy = || Instrument::Shares { product: Product::Spy };
    for (right, side, value, direction) in cases {
        for (becomes, each, multiplier) in [(es(), 1, 50), (mes(), 1, 5), (spy(), 100, 1)] {
            let product = becomes.product();
            let (rows, held, net) = expire(product, right, side, value);
            let quantity = direction * each;
            assert_eq!(held, [(becomes.clone(), quantity)], "{product} {right:?} {side:?}");
            let kinds: Vec<_> = rows.iter().map(|row| row.kind).collect();
            assert_eq!(kinds, [TransactionKind::Delivery; 2]);
            assert_eq!((rows[0].quantity, rows[0].cash_usd), (-side.sign(), Usd::ZERO));
            assert_eq!(rows[0].fees_usd, Usd(dec!(5)));
            let strike_cash = -Decimal::from(quantity * multiplier) * dec!(500);
            assert_eq!((rows[1].quantity, rows[1].cash_usd), (quantity, Usd(strike_cash)));

            // Net liquidation is what it was, plus the 10 points in the money, the premium paid or
            // received, the opening fees and the exercise.
            let per_point = Decimal::from(each * multiplier);
            let premium = if side == Side::Buy { dec!(-2.05) } else { dec!(2.00) };
            let won = dec!(10) * Decimal::from(side.sign()) + premium;
            let opening = super::super::fees::of_trade(
                &settings(),
                &Instrument::Option(option(product, dec!(500), right)),
                Effect::Open,
                1,
            );
            let expected = Usd(dec!(2560000) + won * per_point) - opening - Usd(dec!(5));
            assert_eq!(net, expected, "{product} {right:?} {side:?}");
        }
    }
}

#[test]
fn a_delivered_future_is_closed_by_an_order_of_its_own() {
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(500000);
    stage.play(|a| async move {
        let contract = option(Product::Es, dec!(5300), Right::Put);
        a.market.quote(&contract, dec!(2.00), dec!(2.25));
        a.market.mark_at(Product::Es, dec!(5290));
        a.market.settle(Product::Es, dec!(5290));
        a.fill(request(vec![leg(Side::Sell, &contract, Effect::Open)], 1, dec!(2.00))).await;
        a.until("2024-08-05T13:31:00Z").await;
        let held = a.venue.holdings().await.unwrap();
        assert_eq!((held[0].quantity, held[0].average_price), (1, dec!(5300)));
        a.market.mark_at(Product::Es, dec!(5280));
        let sell = Leg {
            instrument: held[0].instrument.clone(),
            side: Side::Sell,
            ratio: 1,
            effect: Effect::Close,
        };
        let order = a.fill(request(vec![sell], 1, dec!(5279))).await;
        assert_eq!(order.fills[0].price, dec!(5280));
        assert_eq!(order.fills[0].fees, Usd(dec!(2.95)));
        assert_eq!(a.venue.holdings().await.unwrap(), []);
        // 2 points of premium received, 20 lost; 3.37 to open, 5.00 assigned, 2.95 to close.
        let cash = a.venue.balances().await.unwrap().cash_usd;
        assert_eq!(cash, Usd(dec!(640000) - dec!(18) * dec!(50) - dec!(11.32)));
    });
}

#[test]
fn a_future_held_to_its_last_trade_is_settled_at_its_mark() {
    let mut stage = Stage::new(at("2024-09-19T18:00:00Z"));
    stage.settings.starting_balance_gbp = dec!(500000);
    stage.play(|a| async move {
        let future = Instrument::Future { product: Product::Es, code: "ESU4".to_owned() };
        a.market.mark_at(Product::Es, dec!(5500));
        let buy = Leg { instrument: future, side: Side::Buy, ratio: 1, effect: Effect::Open };
        a.fill(request(vec![buy], 1, dec!(-5501))).await;
        a.market.mark_at(Product::Es, dec!(5510.25));
        a.until("2024-09-20T13:30:00Z").await;
        assert_eq!(a.venue.holdings().await.unwrap(), []);
        let last = a.venue.transactions(0).await.unwrap().pop().unwrap();
        assert_eq!((last.kind, last.quantity), (TransactionKind::CashSettlement, -1));
        assert_eq!(last.cash_usd, Usd(dec!(275512.50)));
    });
}

#[test]
fn a_settlement_without_a_value_waits_for_one_and_keeps_its_instant() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let contract = option(Product::Spx, dec!(5300), Right::Put);
        a.market.quote(&contract, dec!(2.00), dec!(2.10));
        a.fill(request(vec![leg(Side::Buy, &contract, Effect::Open)], 1, dec!(-2.10))).await;
        a.until("2024-08-02T20:30:00Z").await;
        assert_eq!(a.venue.holdings().await.unwrap().len(), 1);
        a.market.settle(Product::Spx, dec!(5295.50));
        a.wait(60).await;
        assert_eq!(a.venue.holdings().await.unwrap(), []);
        let last = a.venue.transactions(0).await.unwrap().pop().unwrap();
        assert_eq!((last.at, last.cash_usd), (at("2024-08-02T20:00:00Z"), Usd(dec!(450))));
    });
}

#[test]
fn an_am_series_settles_at_the_opening_of_its_expiration_day() {
    let third_friday: NaiveDate = "2024-08-16".parse().unwrap();
    let listed = expiration::listed(&Calendar::default(), Product::Spx, third_friday, 0);
    let am = listed.into_iter().find(|series| series.settlement == Settlement::Am).unwrap();
    let contract = OptionContract { series: am, strike: dec!(5300), right: Right::Put };
    let mut stage = Stage::new(at("2024-08-15T14:30:00Z"));
    stage.play(move |a| async move {
        a.market.quote(&contract, dec!(2.00), dec!(2.10));
        a.market.settle(Product::Spx, dec!(5400));
        a.fill(request(vec![leg(Side::Buy, &contract, Effect::Open)], 1, dec!(-2.10))).await;
        a.until("2024-08-16T13:29:59Z").await;
        assert_eq!(a.venue.holdings().await.unwrap().len(), 1);
        a.until("2024-08-16T13:30:00Z").await;
        assert_eq!(a.venue.holdings().await.unwrap(), []);
        let late = request(vec![leg(Side::Buy, &contract, Effect::Open)], 1, dec!(-2.10));
        assert!(a.venue.submit(&late).await.is_err());
    });
}
