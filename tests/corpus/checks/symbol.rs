//! Symbols of the broker: what is read is written back the same, and names one instrument.

use std::sync::LazyLock;

use tomking::{
    calendar::Calendar,
    instrument::{Product, symbol::Symbol},
};

use super::{is_readable, text};

static CALENDAR: LazyLock<Calendar> = LazyLock::new(Calendar::default);

pub fn check(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(product) = text.parse::<Product>() {
        assert_eq!(product.symbol().parse(), Ok(product));
    }
    let symbol = match text.parse::<Symbol>() {
        Ok(symbol) => symbol,
        Err(error) => return is_readable(&error.to_string()),
    };
    let written = symbol.to_string();
    assert_eq!(written.parse::<Symbol>().as_ref(), Ok(&symbol), "`{text}` written `{written}`");
    for near in ["2012-06-01", "2024-08-02", "2035-06-01"] {
        let near = near.parse().unwrap();
        match symbol.resolve(&CALENDAR, near) {
            Ok(instrument) => {
                let again = Symbol::of(&instrument).unwrap();
                // A monthly root may be written as its weekly twin; what it names is the same.
                assert_eq!(again.resolve(&CALENDAR, near).as_ref(), Ok(&instrument), "{text}");
            }
            Err(error) => is_readable(&error.to_string()),
        }
    }
}
