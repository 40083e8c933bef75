//! Hashes beside plain maps, in all encodings.
