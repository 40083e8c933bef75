//! Small collections in payloads, in every form that was ever written: ziplists, zipmaps, intsets,
//! listpacks, and lists of nodes. Their frames are put right, so that more than these is tried.
//! What is let in can be looked at and saved, and what was saved comes back as the same.

#![no_main]

use hematite::base::clock::UnixMillis;
use hematite::base::lzf;
use hematite::config::Config;
use hematite::keyspace::entry::ObjectFn;
use hematite::keyspace::{Entry, Keyspace, Meta};
use hematite::persist::rdb::driver::payload_options;
use hematite::persist::rdb::format::kind;
use hematite::persist::rdb::load;
use hematite::persist::rdb::save;
use hematite::types::digest::Digest;
use hematite::types::View;
use libfuzzer_sys::{arbitrary, fuzz_target};

#[derive(Debug, arbitrary::Arbitrary)]
enum Kind {
    HashListpack,
    HashListpackTtl,
    HashZiplist,
    HashZipmap,
    ListZiplist,
    Quicklist,
    Quicklist2,
    SetIntset,
    SetListpack,
    ZsetListpack,
    ZsetZiplist,
}

impl Kind {
    fn byte(&self) -> u8 {
        match self {
            Kind::HashListpack => kind::HASH_LISTPACK,
            Kind::HashListpackTtl => kind::HASH_LISTPACK_TTL,
            Kind::HashZiplist => kind::HASH_ZIPLIST,
            Kind::HashZipmap => kind::HASH_ZIPMAP,
            Kind::ListZiplist => kind::LIST_ZIPLIST,
            Kind::Quicklist => kind::QUICKLIST,
            Kind::Quicklist2 => kind::QUICKLIST_2,
            Kind::SetIntset => kind::SET_INTSET,
            Kind::SetListpack => kind::SET_LISTPACK,
            Kind::ZsetListpack => kind::ZSET_LISTPACK,
            Kind::ZsetZiplist => kind::ZSET_ZIPLIST,
        }
    }

    fn is_listpack(&self) -> bool {
        use Kind::{HashListpack, HashListpackTtl, Quicklist2, SetListpack, ZsetListpack};
        matches!(self, HashListpack | HashListpackTtl | Quicklist2 | SetListpack | ZsetListpack)
    }

    fn is_ziplist(&self) -> bool {
        matches!(self, Kind::HashZiplist | Kind::ListZiplist | Kind::Quicklist | Kind::ZsetZiplist)
    }

    /// The entries with head and end.
    fn framed(&self, entries: &[u8], count: u16, tail: u32) -> Vec<u8> {
        let bytes = |head: usize| (head + entries.len() + 1) as u32;
        let mut blob = vec![];
        if self.is_listpack() {
            blob.extend(bytes(6).to_le_bytes());
            blob.extend(count.to_le_bytes());
        } else if self.is_ziplist() {
            blob.extend(bytes(10).to_le_bytes());
            blob.extend((tail % bytes(10)).to_le_bytes());
            blob.extend(count.to_le_bytes());
        }
        blob.extend_from_slice(entries);
        if !matches!(self, Kind::SetIntset) {
            blob.push(0xff);
        }
        blob
    }
}

#[derive(Debug, arbitrary::Arbitrary)]
struct Node<'a> {
    entries: &'a [u8],
    count: u16,
    tail: u32,
    is_plain: bool,
    is_compressed: bool,
}

struct Content<'a>(&'a mut Digest);

impl ObjectFn<()> for Content<'_> {
    fn call<V: View>(self, view: V) {
        view.digest(self.0);
    }
}

/// What DEBUG DIGEST knows of a value.
fn digest(entry: &Entry) -> [u8; 20] {
    let mut digest = Digest::default();
    entry.view().object(Content(&mut digest));
    *digest.bytes()
}

fn put_string(out: &mut Vec<u8>, text: &[u8], compressed: bool) {
    let put_len = |out: &mut Vec<u8>, len: usize| {
        out.push(0x80);
        out.extend((len as u32).to_be_bytes());
    };
    match compressed.then(|| lzf::compress(text)).flatten() {
        Some(packed) => {
            out.push(0xc3);
            put_len(out, packed.len());
            put_len(out, text.len());
            out.extend(packed);
        }
        None => {
            put_len(out, text.len());
            out.extend_from_slice(text);
        }
    }
}

fuzz_target!(|input: (Kind, u64, Vec<Node<'_>>)| {
    let (kind, deadline, nodes) = input;
    let mut bytes = vec![kind.byte()];
    if matches!(kind, Kind::HashListpackTtl) {
        bytes.extend(deadline.to_le_bytes());
    }
    let is_list = matches!(kind, Kind::Quicklist | Kind::Quicklist2);
    let nodes = &nodes[..nodes.len().min(if is_list { 8 } else { 1 })];
    if is_list {
        bytes.push(nodes.len() as u8);
    }
    for node in nodes {
        if matches!(kind, Kind::Quicklist2) {
            bytes.push(if node.is_plain { 1 } else { 2 });
        }
        let is_plain = matches!(kind, Kind::Quicklist2) && node.is_plain;
        let blob = match is_plain {
            true => node.entries.to_vec(),
            false => kind.framed(node.entries, node.count, node.tail),
        };
        put_string(&mut bytes, &blob, node.is_compressed);
    }
    let keyspace = Keyspace::default();
    let mut options = payload_options(&Config::default(), &keyspace, UnixMillis(1_700_000_000_000));
    options.checksum = false;
    let Ok(entry) = load::restore(b"k", (&bytes, 12), Meta::default(), &options) else { return };
    let payload = save::payload(entry.view(), None, true).expect("any value can be saved");
    let (value, version) = load::check_payload(&payload, &options).expect("it is whole");
    let again =
        load::restore(b"k", (value, version), Meta::default(), &options).expect("it is sound");
    assert_eq!(entry.view().value_type(), again.view().value_type());
    assert_eq!(digest(&entry), digest(&again), "the same elements, whatever form they are kept in");
});
