//! HyperLogLog commands through a server in a box.
