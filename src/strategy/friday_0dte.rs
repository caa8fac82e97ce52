//! Friday 0DTE.
