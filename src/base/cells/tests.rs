//! Cells against a model, across threads, and what they give back.
//!
//! Under Miri and sanitizers others get blocks of the system's allocator instead of cells; these
//! tests do not.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use super::super::alloc::thread_delta;
use super::super::effort::effort;
use super::super::rng::Draws;
use super::heap::{Heap, here};
use super::*;

/// A block as others get it where nobody watches.
fn allocate(size: usize) -> NonNull<u8> {
    if size > SIZE_MAX { super::allocate(size) } else { allocate_cell(size) }
}

/// # Safety
/// As [`super::free`], for a block of [`allocate`].
unsafe fn free(block: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { if size > SIZE_MAX { super::free(block, size) } else { free_cell(block, size) } }
}

/// A block filled with a pattern of its own.
struct Block {
    start: NonNull<u8>,
    size: usize,
    seed: u8,
}

// SAFETY: a block owns its memory, and any thread may free it.
unsafe impl Send for Block {}

impl Block {
    fn new(size: usize, seed: u8) -> Self {
        let start = allocate(size);
        let align = if class_size(size).is_multiple_of(8) { 8 } else { 2 };
        assert!(start.addr().get().is_multiple_of(align));
        // SAFETY: the block is fresh, and the whole class may be used.
        unsafe { start.write_bytes(seed, class_size(size)) };
        Block { start, size, seed }
    }

    fn check(&self) {
        // SAFETY: the block is alive and was filled.
        let bytes =
            unsafe { NonNull::slice_from_raw_parts(self.start, class_size(self.size)).as_ref() };
        let is_even = bytes[0] == self.seed && bytes[1..] == bytes[..bytes.len() - 1];
        assert!(is_even, "nobody else wrote to it");
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.check();
        // SAFETY: allocated with this size and not used again.
        unsafe { free(self.start, self.size) }
    }
}

/// Runs on a thread with a heap that nobody else has used.
fn with_own_heap(work: impl FnOnce(&'static Heap) + Send + 'static) {
    thread::spawn(|| work(Heap::put_fresh())).join().expect("no panic");
}

#[test]
fn classes_are_as_fine_as_said() {
    let mut before = 0;
    for size in 0..=effort(5000, 700) {
        let class = class_size(size);
        let step = match size {
            _ if size <= SIZE_MIN => SIZE_MIN + 1,
            _ if size <= FINE_MAX => FINE,
            _ if size <= SIZE_MAX => COARSE,
            _ => size / 4,
        };
        assert!(class >= size && class < size + step && class >= before, "size {size}");
        assert_eq!(class_size(class), class, "a class is its own");
        if size <= SIZE_MAX {
            assert!(class_of(size) < CLASSES && class_of(size) == class_of(class));
            assert_eq!(heap::cell_size(class_of(size)), class, "size {size}");
        }
        before = class;
    }
    assert_eq!(class_of(SIZE_MAX), CLASSES - 1);
    assert_eq!([21, 86, 128, 129].map(class_size), [22, 86, 128, 136]);
}

#[test]
fn blocks_never_overlap_and_keep_their_bytes() {
    let mut draw = Draws::new(7);
    let before = thread_delta();
    let mut live: Vec<Block> = vec![];
    let mut ranges: BTreeMap<usize, usize> = BTreeMap::new();
    let mut counted = 0;
    let rounds: usize = effort(60_000, 600);
    for round in 0..rounds {
        // Phases of growth and of decline; sizes of a few classes at a time, so that chunks run
        // full and empty.
        let grows = (round * 15 / rounds).is_multiple_of(2);
        if draw.below(10) < if grows { 7 } else { 2 } {
            let size = if draw.below(4) == 0 { draw.below(900) } else { 30 + round * 60 / rounds };
            let block = Block::new(size, draw.below(256) as u8);
            let (start, end) =
                (block.start.addr().get(), block.start.addr().get() + class_size(size));
            let below = ranges.range(..end).next_back();
            assert!(below.is_none_or(|(_, end)| *end <= start), "overlap");
            ranges.insert(start, end);
            counted += class_size(size);
            live.push(block);
        } else if !live.is_empty() {
            let block = live.swap_remove(draw.below(live.len()));
            assert!(ranges.remove(&block.start.addr().get()).is_some());
            counted -= class_size(block.size);
        }
    }
    live.iter().for_each(Block::check);
    if let Some(heap) = here() {
        heap.check();
    }
    drop(live);
    assert!(counted > 0);
    drop(ranges);
    assert_eq!(thread_delta(), before, "everything counted was given back");
}

#[test]
fn what_a_block_counts_is_its_class() {
    for size in [0, 1, 20, 21, 86, 127, 129, 640, 641, 5000] {
        let before = thread_delta();
        let block = Block::new(size, 1);
        assert_eq!(thread_delta() - before, class_size(size) as isize);
        drop(block);
        assert_eq!(thread_delta(), before);
    }
}

#[test]
fn empty_chunks_and_regions_go_back() {
    with_own_heap(|heap| {
        let bytes = region::REGION * effort(7, 3);
        let many = |size: usize| (0..bytes / size).map(|_| Block::new(size, 3)).collect::<Vec<_>>();
        let blocks = many(100);
        let used = heap.used();
        assert!(used >= bytes / region::CHUNK, "{used}");
        heap.check();
        drop(blocks);
        heap.check();
        assert_eq!(
            (heap.used(), heap.regions()),
            (1, 2),
            "the last chunk of a class, an empty region"
        );
        // The chunks serve another class.
        let blocks = many(200);
        assert!(heap.used() <= used + used / 50);
        drop(blocks);
        heap.check();
        assert_eq!(heap.used(), 2, "the last chunk of either class");
        purge();
        heap.check();
        assert_eq!((heap.used(), heap.regions()), (0, 0));
    });
}

#[test]
fn pages_of_free_chunks_are_kept_within_bounds() {
    with_own_heap(|heap| {
        let (all, several) = (effort(200_000, 400), effort(1000, 45));
        let mut blocks: Vec<_> = (0..all).map(|_| Block::new(100, 3)).collect();
        let used = heap.used();
        // Half of them goes, some whole chunks each time.
        let mut at = 0;
        blocks.retain(|_| {
            at += 1;
            at / several % 2 == 0
        });
        heap.check();
        let bound = heap::DIRTY_MIN + used / heap::USED_PER_DIRTY;
        assert!(heap.dirty() > 0 && heap.dirty() <= bound, "{} of {bound}", heap.dirty());
        purge();
        assert_eq!(heap.dirty(), 0);
        blocks.extend((0..all / 2).map(|_| Block::new(100, 4)));
        blocks.iter().for_each(Block::check);
        heap.check();
    });
}

#[test]
fn cells_freed_elsewhere_come_back_whole() {
    with_own_heap(|heap| {
        let all = effort(100_000, 1000);
        let mut blocks: Vec<_> = (0..all).map(|_| Block::new(50, 3)).collect();
        let rest = blocks.split_off(all / 10 * 9);
        let used = heap.used();
        let counted = thread_delta();
        thread::spawn(move || drop(blocks)).join().expect("no panic");
        assert!(thread_delta() >= counted, "counted by the thread that freed them");
        assert_eq!(heap.used(), used, "nothing moves before we look");
        assert!(!is_collecting());
        notice();
        assert!(is_collecting());
        collect(10);
        assert!(is_collecting() && (used - 10..used).contains(&heap.used()));
        collect(usize::MAX);
        assert!(!is_collecting());
        heap.check();
        assert!(heap.used() <= used / 9 + 1, "{} of {used}", heap.used());
        rest.iter().for_each(Block::check);
        // A chunk of which some cells came back and some live hands out those that came back.
        let used = heap.used();
        let (odd, even): (Vec<_>, Vec<_>) =
            rest.into_iter().enumerate().partition(|(i, _)| i % 2 == 1);
        thread::spawn(move || drop(odd)).join().expect("no panic");
        let again: Vec<_> = (0..all / 20).map(|_| Block::new(50, 9)).collect();
        assert!(heap.used() <= used + 1, "allocating looked first");
        even.iter().for_each(|(_, block)| block.check());
        drop((even, again));
        purge();
        assert_eq!(heap.used(), 0);
    });
}

#[test]
fn a_heap_passes_to_the_next_thread() {
    const THREADS: usize = effort(300, 10);
    const TOGETHER: usize = effort(20, 4);
    let heap = || here().map(|heap| std::ptr::from_ref(heap).addr()).expect("it has allocated");
    // Threads of other tests come and go too, so one of many has a heap that was left.
    let mut heaps: Vec<usize> = vec![];
    let mut blocks = vec![];
    for _ in 0..THREADS {
        let made = thread::spawn(move || (Block::new(77, 5), heap())).join().expect("no panic");
        blocks.push(made.0);
        heaps.push(made.1);
    }
    heaps.sort();
    heaps.dedup();
    assert!(heaps.len() < THREADS);
    drop(blocks);
    let all = Arc::new(Barrier::new(TOGETHER));
    let together = (0..TOGETHER).map(|_| {
        let all = Arc::clone(&all);
        thread::spawn(move || {
            let made = (Block::new(77, 5), heap());
            all.wait();
            made.1
        })
    });
    let threads: Vec<_> = together.collect();
    let mut heaps: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
    heaps.sort();
    heaps.dedup();
    assert_eq!(heaps.len(), TOGETHER, "threads that live together have heaps of their own");
}

/// Threads allocate, free, and send each other blocks, which the receiver checks and frees.
#[test]
fn threads_may_free_what_others_allocate() {
    const THREADS: usize = 4;
    let rounds = effort(40_000, 100);
    let (senders, receivers): (Vec<Sender<Block>>, Vec<Receiver<Block>>) =
        (0..THREADS).map(|_| channel()).unzip();
    let threads: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(me, inbox)| {
            let senders = senders.clone();
            thread::spawn(move || {
                let mut draw = Draws::new(me as u64 + 1);
                let mut kept: Vec<Block> = vec![];
                for round in 0..rounds {
                    let size = 16 + 2 * draw.below(6) + round * 5 / rounds * 40;
                    let block = Block::new(size, draw.below(256) as u8);
                    match draw.below(4) {
                        0 => kept.push(block),
                        1 => drop(block),
                        _ => drop(senders[draw.below(THREADS)].send(block)),
                    }
                    if draw.below(3) == 0 && !kept.is_empty() {
                        kept.swap_remove(draw.below(kept.len()));
                    }
                    kept.extend(inbox.try_iter().filter(|block| block.seed % 3 == 0));
                    if round % effort(1000, 10) == 0 {
                        notice();
                    }
                    collect(2);
                }
                drop(senders);
                // Whoever comes to the end first drops its inbox, and what is sent there is freed
                // by the sender.
                drop((inbox, kept));
                purge();
                if let Some(heap) = here() {
                    heap.check();
                }
            })
        })
        .collect();
    drop(senders);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// All threads free into the same few chunks, whose owner takes back and allocates meanwhile.
#[test]
fn many_may_free_into_one_chunk_while_its_owner_works() {
    const THREADS: usize = 3;
    with_own_heap(|heap| {
        let rounds = effort(if cfg!(debug_assertions) { 60 } else { 600 }, 2);
        let several = effort(1500, 150);
        let (senders, threads): (Vec<_>, Vec<_>) = (0..THREADS)
            .map(|_| {
                let (sender, inbox) = channel::<Block>();
                (sender, thread::spawn(move || inbox.into_iter().for_each(drop)))
            })
            .unzip();
        for round in 0..rounds {
            for i in 0..several {
                senders[i % THREADS].send(Block::new(24, round as u8)).expect("it listens");
                if i % effort(64, 10) == 0 {
                    notice();
                    collect(1);
                }
            }
            heap.check();
        }
        drop(senders);
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        purge();
        heap.check();
        assert_eq!((heap.used(), heap.regions()), (0, 0), "every cell came back");
    });
}
