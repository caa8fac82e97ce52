//! Commands to the daemon: the local socket, and the store when no daemon runs.
