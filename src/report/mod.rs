//! Daily and weekly reports as text and HTML.
