//! Where faults go in. Each wrapper belongs to one life, passes calls on, and does to them what the
//! switchboard says.
