//! The desk: intents to orders to fills; reconciliation; the latch; its loops and job bodies.
