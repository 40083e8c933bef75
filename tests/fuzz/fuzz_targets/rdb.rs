//! Snapshots and payloads from anywhere: the loader answers with an error or with values that can
//! be saved and read again; it never panics and takes no memory that the bytes do not pay for.

#![no_main]

use std::io;

use hematite::base::clock::UnixMillis;
use hematite::config::Config;
use hematite::keyspace::{Entry, Keyspace, Meta};
use hematite::persist::rdb::driver::payload_options;
use hematite::persist::rdb::load::{self, Fault, Host, Inserter};
use hematite::persist::rdb::save;
use libfuzzer_sys::fuzz_target;

struct Bytes<'a> {
    left: &'a [u8],
    keyspace: &'a mut Keyspace,
    inserter: Inserter,
    tells: bool,
}

impl Host for Bytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = into.len().min(self.left.len()).min(777);
        let (now, later) = self.left.split_at(n);
        into[..n].copy_from_slice(now);
        self.left = later;
        Ok(n)
    }

    fn left(&self) -> Option<u64> {
        self.tells.then_some(self.left.len() as u64)
    }

    fn key(&mut self, db: u32, entry: Entry) -> Result<(), Fault> {
        self.inserter.add(self.keyspace, db, entry)
    }
}

// The first byte says what the others are: a whole snapshot, or the value of a payload of this
// version.
fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let mut keyspace = Keyspace::default();
    let mut options = payload_options(&Config::default(), &keyspace, UnixMillis(1_700_000_000_000));
    options.checksum = false;
    if kind & 1 == 0 {
        let inserter = Inserter::new(true);
        let mut host =
            Bytes { left: bytes, keyspace: &mut keyspace, inserter, tells: kind & 2 == 0 };
        let loaded = load::load(&mut host, &options);
        let mut inserter = host.inserter;
        let settled = inserter.settle(&mut keyspace);
        if loaded.is_err() || settled.is_err() {
            return;
        }
        for index in 0..keyspace.databases() {
            for entry in keyspace.db(hematite::keyspace::DbIndex(index)).keys.iter() {
                let payload = save::payload(entry, None, true).expect("any value can be saved");
                let value = load::check_payload(&payload, &options).expect("it is whole");
                load::restore(entry.key(), value, entry.meta(), &options).expect("it comes back");
            }
        }
    } else {
        let version = [10, 11, 12, 80][usize::from(kind >> 1 & 3)];
        if let Ok(entry) = load::restore(b"k", (bytes, version), Meta::default(), &options) {
            save::payload(entry.view(), None, true).expect("any value can be saved");
        }
    }
});
