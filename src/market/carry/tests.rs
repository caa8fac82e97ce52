use super::*;
use crate::config::market::tests::settings;

#[test]
fn a_future_stands_above_the_index_by_rate_less_dividend_and_meets_it_at_expiry() {
    let carry = settings().carry;
    let expiry: Timestamp = "2024-09-20T13:30:00Z".parse().unwrap();
    let at = |text: &str| fair_future(&carry, Product::Es, 5000.0, text.parse().unwrap(), expiry);
    // 73 days of 365 at 5.0 % less 1.3 %: 5000 e^0.0074.
    assert!((at("2024-07-09T13:30:00Z") - 5_037.137_2).abs() < 1e-3);
    assert!((at("2024-09-20T13:30:00Z") - 5000.0).abs() < 1e-9);
    assert!((at("2024-09-21T13:30:00Z") - 5000.0).abs() < 1e-9);
}
