//! What a child gives back: the pages of values that it has written.
//!
//! ```text
//!   value   ....|---- page ----|---- page ----|---- page ----|..      its bytes
//!               └────────── given back ───────────────────────┘        whole pages inside of them, nothing else
//! ```
//!
//! A page that parent and child share is copied as soon as the parent writes to it. The child never
//! looks at a value again once it is in the file; if it lets go of the pages, they are the parent's
//! alone, and writing to them costs nothing. That helps only for pages that hold nothing else:
//! those inside of a long string, a large element or a node of a list. Small elements and keys
//! share their pages with thousands of others and are in the file in another order than in memory,
//! so none of those pages is done before the child is.
//!
//! This is the only place that lets go of anything. It is done with a [`Dismiss`] that a child
//! alone can have (`child::start` makes it), and by whoever has written a whole key, after its last
//! byte.
#![expect(unsafe_code, reason = "memory goes back to the system under values that exist")]

use std::sync::Arc;

use crate::base::alloc::class_size;
use crate::base::pages;
use crate::ds::listpack::Item;
use crate::keyspace::{EntryRef, Type};
use crate::types::View;
use crate::types::hash::Hash;
use crate::types::list::{List, ListView, Node};
use crate::types::set::Set;
use crate::types::text::Text;
use crate::types::zset::Zset;

/// Bytes from which on a piece is looked at: so many surely hold a whole page where pages are of 4
/// KiB.
const PIECE_MIN: usize = 2 * 4096;

/// Whether values may be let go of after they are written. Only a child's may:
/// [`Dismiss::in_child`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Dismiss {
    is_child: bool,
}

impl Dismiss {
    /// For a child of the server.
    ///
    /// # Safety
    ///
    /// The process must be a fork that ends without reading a value that was given to
    /// [`Dismiss::value`], or running its destructor.
    pub(super) unsafe fn in_child() -> Dismiss {
        Dismiss { is_child: true }
    }

    /// A key is written, its value taking so many bytes: nobody in this process will read the value
    /// again.
    #[inline]
    pub fn value(self, entry: EntryRef<'_>, written: u64) {
        if self.is_child && written >= WRITTEN_MIN {
            let_go(entry, written);
        }
    }
}

/// Values that took fewer bytes, perhaps compressed, are not looked at.
const WRITTEN_MIN: u64 = 64;

fn let_go(entry: EntryRef<'_>, written: u64) {
    const TYPE: &str = "its type says so";
    // Going through many elements again is worth it if they are large.
    let are_large = |len: usize| written / (len as u64).max(1) >= PIECE_MIN as u64;
    match entry.value_type() {
        Type::String => {
            if let Some(Text::Big(bytes)) = entry.text() {
                shared(bytes);
            }
        }
        Type::List => match entry.of_type::<List>().expect(TYPE) {
            ListView::Packed(pack) => text(pack.bytes()),
            ListView::Quick(list) => list.nodes().1.for_each(node),
        },
        Type::Set => {
            let set = entry.of_type::<Set>().expect(TYPE);
            if are_large(set.len()) {
                set.members().for_each(item);
            }
        }
        Type::Zset => {
            let set = entry.of_type::<Zset>().expect(TYPE);
            if are_large(set.len()) {
                set.iter().for_each(|(member, _)| item(member));
            }
        }
        Type::Hash => {
            let hash = entry.of_type::<Hash>().expect(TYPE);
            if are_large(hash.len()) {
                hash.iter().for_each(|field| {
                    item(field.name);
                    item(field.value);
                });
            }
        }
        // Its nodes are of a page at most.
        Type::Stream => {}
    }
}

fn node(node: &Node) {
    match node {
        Node::Packed(run) => block(run.allocation()),
        Node::Plain(bytes) => shared(bytes),
        Node::Squeezed(_) => node.squeezed().into_iter().for_each(text),
    }
}

/// A text that several keys can share: one that is not written yet may be among them.
fn shared(bytes: &Arc<Vec<u8>>) {
    if Arc::strong_count(bytes) == 1 {
        block((bytes.as_ptr(), bytes.capacity()));
    }
}

fn item(item: Item<'_>) {
    if let Item::Bytes(bytes) = item {
        text(bytes);
    }
}

/// Bytes that may be a part of an allocation.
fn text(bytes: &[u8]) {
    give_back(bytes.as_ptr(), bytes.len());
}

/// A whole allocation of the size that was asked for: what it has beyond that is its own, too.
fn block((start, size): (*const u8, usize)) {
    if size > 0 {
        give_back(start, class_size(size));
    }
}

/// Lets go of the whole pages inside of so many bytes.
fn give_back(start: *const u8, len: usize) {
    if len < PIECE_MIN {
        return;
    }
    let whole = pages::inside(start.addr(), len, pages::size());
    if whole.is_empty() {
        return;
    }
    // SAFETY: the range is that of whole pages of this machine within the memory of one value, so
    // no other value, key, header or table of the allocator has a byte there, and the system has
    // nothing to round up; that memory is private and anonymous. Nobody in this process reads it
    // again, as who made the `Dismiss` has promised, and the parent's view of it does not change.
    // What fails costs only memory.
    unsafe {
        libc::madvise(start.add(whole.start).cast_mut().cast(), whole.len(), libc::MADV_DONTNEED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::aof::rewrite;
    use crate::persist::child::{self, End, Task};
    use crate::persist::disk::{Disk, Scratch};
    use crate::persist::rdb::driver::save_options;
    use crate::persist::rdb::save;
    use crate::server::testing::TestServer;

    /// Bytes of this process that are in memory but not in a file, its own or shared.
    fn resident() -> u64 {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
        let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("a line");
        let kib = line.trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("a number") * 1024
    }

    /// Texts that compression does not shorten.
    fn text(rng: &mut crate::base::rng::Rng, len: usize) -> String {
        (0..len).map(|_| char::from(b'a' + (rng.next_u64() % 26) as u8)).collect()
    }

    /// Large pieces of every kind, and some small ones.
    fn server() -> TestServer {
        let mut t = TestServer::new();
        let mut rng = crate::base::rng::Rng::from_seed(3);
        t.run(&format!("SET string {}", text(&mut rng, 4 << 20)));
        t.run("COPY string shared");
        for index in 0..40 {
            t.run(&format!("RPUSH nodes {}", text(&mut rng, 3000)));
            t.run(&format!("RPUSH plain {}", text(&mut rng, 100_000)));
            t.run(&format!("HSET hash f{index} {}", text(&mut rng, 50_000)));
            t.run(&format!("SADD set {}", text(&mut rng, 50_000)));
            t.run(&format!("ZADD zset {index} {}", text(&mut rng, 50_000)));
            t.run(&format!("SADD small {}", text(&mut rng, 10)));
        }
        t.run("HEXPIRE hash 1000 FIELDS 1 f7");
        t
    }

    fn wait(mut child: child::Child) {
        while !child.listen(0) {
            std::thread::yield_now();
        }
        assert_eq!(child.wait(), End::Done);
    }

    fn write(t: &TestServer, as_lines: bool, dismiss: Dismiss, to: &mut Vec<u8>) {
        if as_lines {
            let form = rewrite::Form { stamp: None, checksum: false, functions: vec![], dismiss };
            rewrite::write_all(&t.srv.keyspace, to, &form, &mut |_| {}).expect("memory");
        } else {
            let options = save::Options {
                dismiss,
                compress: false,
                used_memory: 0,
                ..save_options(&t.srv, false)
            };
            save::save(&t.srv.keyspace, to, &options, &mut |_| Ok(())).expect("memory");
        }
    }

    /// What the child writes is what the parent would; it ends with less memory, and the parent's
    /// data are whole.
    #[test]
    fn a_child_gives_back_what_it_has_written_and_nothing_before() {
        let scratch = Scratch::new("dismiss");
        let t = server();
        for as_lines in [false, true] {
            let path = scratch.0.join("written");
            let mut whole = vec![];
            write(&t, as_lines, Dismiss::default(), &mut whole);
            let child =
                child::start(child::Spawner::Fork, &Disk::default(), Task::Snapshot, |reporter| {
                    // Room that is in memory already, so that only what is given back changes the
                    // sum.
                    let mut bytes = vec![1; whole.len()];
                    bytes.clear();
                    let before = resident();
                    write(&t, as_lines, reporter.dismiss(), &mut bytes);
                    let freed = before.saturating_sub(resident());
                    // Not the string that two keys share, nor ends and buffers.
                    let is_enough = freed > (whole.len() as u64 - (8 << 20)) / 2;
                    let text = format!("freed {freed} of {before}, wrote {}", whole.len());
                    // Nobody hears the panic of a child.
                    std::fs::write(&path, if is_enough { &bytes } else { text.as_bytes() })
                });
            wait(child.expect("forked"));
            let found = std::fs::read(&path).expect("read");
            let start = String::from_utf8_lossy(&found[..found.len().min(100)]).into_owned();
            assert!(found == whole, "lines: {as_lines}; {start}");
            let mut again = vec![];
            write(&t, as_lines, Dismiss::default(), &mut again);
            assert!(again == whole, "the parent has all its data");
        }
    }
}
