//! Lists.
//!
//! ```text
//!   Packed   one listpack: `listpack`          short lists
//!   Quick    a chain of them: `quicklist`      long ones, and those with an element that is too large for a listpack
//! ```
//!
//! When a list turns from one into the other is Redis's rule, and the options at the time of the
//! change decide ([`List::grow_for`], [`List::shrink`]): before elements are added, their texts
//! count with the bytes of the listpack, whether they will be added in the end or not; on the way
//! back, only half of the limits may be used, so that a list at the limit does not go to and fro. A
//! list that is only looked at stays as it is.
//!
//! Elements are [`Piece`]s: an integer or bytes, with the allocation that holds them if they are
//! large and stand alone.

use super::digest::Digest;
use super::text::Text;
use super::{Form, Object, View};
use crate::base::alloc::class_size;
use crate::ds::listpack::{Item, Needle, Packed, Run};
use crate::ds::quicklist::{Quicklist, canonical};

pub use crate::ds::quicklist::{End, Fill, Limits, Node, Piece, Side};

/// Small lists are changed in a buffer of this size, which is not given back while they are small.
const KEPT_ROOM: usize = 2048;

/// A list.
#[derive(Debug, Clone)]
pub enum List {
    Packed(Run),
    /// In a box of its own: a list that is being changed is moved about, and most are small.
    Quick(Box<Quicklist>),
}

const _: () = assert!(size_of::<List>() == size_of::<Run>());

/// A list, looked at.
#[derive(Debug, Clone, Copy)]
pub enum ListView<'a> {
    Packed(Packed<'a>),
    Quick(&'a Quicklist),
}

/// How a quicklist is built, for DEBUG OBJECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    pub nodes: usize,
    pub items: usize,
    pub fill: Fill,
    pub is_compressed: bool,
    /// Bytes of all nodes before compression.
    pub raw_bytes: usize,
}

impl Default for List {
    fn default() -> Self {
        List::Packed(Run::default())
    }
}

impl<'a> From<Piece<'a>> for Text<'a> {
    #[inline]
    fn from(piece: Piece<'a>) -> Self {
        match (piece.shared, piece.item) {
            (Some(bytes), _) => Text::Big(bytes),
            (None, item) => item.into(),
        }
    }
}

impl List {
    /// A list of one listpack that another server has written, well-formed but perhaps not in
    /// canonical form.
    pub fn from_blob(blob: Vec<u8>) -> Self {
        List::Packed(canonical(blob))
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            List::Packed(run) => run.len(),
            List::Quick(quick) => quick.len(),
        }
    }

    /// True without elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Prepares for `count` more elements with texts of `bytes` bytes in all: past the limits the
    /// list becomes a chain.
    #[inline]
    pub fn grow_for(&mut self, count: usize, bytes: usize, limits: Limits) {
        if let List::Packed(run) = self
            && !limits.fill.allows(run.blob_bytes() + bytes, run.len() + count)
        {
            self.make_quick(limits);
        }
    }

    #[cold]
    fn make_quick(&mut self, limits: Limits) {
        if let List::Packed(run) = self {
            *self = List::Quick(Box::new(Quicklist::of_run(std::mem::take(run), limits)));
        }
    }

    /// After a removal or a replacement: a chain of one node that is far below the limits becomes a
    /// listpack.
    #[inline]
    pub fn shrink(&mut self, limits: Limits) {
        let fill = limits.fill;
        if let List::Quick(quick) = self
            && quick.is_one_listpack(usize::MAX, usize::MAX)
        {
            // Compat: with a limit on their number, elements may have any size.
            let bytes =
                if fill.items_max() == usize::MAX { fill.bytes_max() / 2 } else { usize::MAX };
            if quick.is_one_listpack(bytes, fill.items_max() / 2) {
                self.make_packed();
            }
        }
    }

    /// After the list was made as a whole: it becomes a listpack if it is one and within the
    /// limits, else a chain.
    pub fn settle(&mut self, limits: Limits) {
        self.grow_for(0, 0, limits);
        let fill = limits.fill;
        if let List::Quick(quick) = self
            && quick.is_one_listpack(fill.bytes_max(), fill.items_max())
        {
            self.make_packed();
        }
    }

    #[cold]
    fn make_packed(&mut self) {
        if let List::Quick(quick) = std::mem::take(self) {
            *self = match quick.into_run() {
                Ok(run) => List::Packed(run),
                Err(quick) => List::Quick(Box::new(quick)),
            };
        }
    }

    /// Adds an element at an end. [`List::grow_for`] was asked before.
    #[inline]
    pub fn push(&mut self, end: End, piece: Piece<'_>, limits: Limits) {
        match (self, end) {
            (List::Packed(run), End::Front) => run.push_front(piece.item),
            (List::Packed(run), End::Back) => run.push_back(piece.item),
            (List::Quick(quick), End::Front) => quick.push_front(piece, limits),
            (List::Quick(quick), End::Back) => quick.push_back(piece, limits),
        }
    }

    /// The element at an end.
    #[inline]
    pub fn peek(&self, end: End) -> Option<Piece<'_>> {
        self.view().peek(end)
    }

    /// Removes the element at an end.
    #[inline]
    pub fn pop(&mut self, end: End) {
        match (self, end) {
            (List::Packed(run), _) => {
                match end {
                    End::Front => run.remove_front(run.len().min(1)),
                    End::Back => run.remove_back(run.len().min(1)),
                }
                spare(run);
            }
            (List::Quick(quick), End::Front) => quick.pop_front(),
            (List::Quick(quick), End::Back) => quick.pop_back(),
        }
    }

    /// Removes `count` elements from an index on.
    pub fn remove(&mut self, index: usize, count: usize) {
        match self {
            List::Packed(run) => {
                let count = count.min(run.len().saturating_sub(index));
                if let Some(at) = run.view().seek(index).filter(|_| count > 0) {
                    run.remove(at, count);
                    spare(run);
                }
            }
            List::Quick(quick) => quick.remove(index, count),
        }
    }

    /// Puts another element in the place of the one at an index. False: there is none.
    pub fn replace(&mut self, index: usize, piece: Piece<'_>, limits: Limits) -> bool {
        match self {
            List::Packed(run) => {
                let at = run.view().seek(index);
                at.map(|at| run.replace(at, piece.item)).is_some()
            }
            List::Quick(quick) => quick.replace(index, piece, limits),
        }
    }

    /// Puts an element beside the first one with the text of a pivot. False: there is none.
    pub fn insert_beside(
        &mut self,
        pivot: &[u8],
        side: Side,
        piece: Piece<'_>,
        limits: Limits,
    ) -> bool {
        match self {
            List::Packed(run) => {
                let found =
                    run.view().first().and_then(|at| Needle::new(pivot).find(run.view(), at));
                let Some((at, _)) = found else { return false };
                match side {
                    Side::Before => run.insert(at, piece.item),
                    Side::After => run.insert_after(at, piece.item),
                }
                true
            }
            List::Quick(quick) => quick.insert_beside(pivot, side, piece, limits),
        }
    }

    /// Removes elements with a text, at most `max` of them, beginning at an end. Returns how many.
    pub fn remove_matches(&mut self, text: &[u8], from: End, max: usize) -> usize {
        match self {
            List::Packed(run) => {
                let mut offsets = Needle::new(text).find_all(run.view()).1;
                match from {
                    End::Front => offsets.truncate(max),
                    End::Back => drop(offsets.drain(..offsets.len().saturating_sub(max))),
                }
                run.remove_at(&offsets);
                spare(run);
                offsets.len()
            }
            List::Quick(quick) => quick.remove_matches(text, from, max),
        }
    }
}

/// The buffer serves one small list after the other: it is made large enough once.
#[inline]
fn enlarge(buffer: &mut Vec<u8>) {
    if buffer.capacity() < KEPT_ROOM {
        buffer.reserve_exact(KEPT_ROOM - buffer.len());
    }
}

/// Gives memory back that is far more than a list needs.
fn spare(run: &mut Run) {
    if run.memory_bytes() > KEPT_ROOM {
        run.fit_roughly();
    }
}

impl<'a> ListView<'a> {
    /// The element at an end.
    #[inline]
    pub fn peek(self, end: End) -> Option<Piece<'a>> {
        match (self, end) {
            (ListView::Packed(pack), End::Front) => pack.first().map(|at| pack.item(at).into()),
            (ListView::Packed(pack), End::Back) => pack.last().map(|at| pack.item(at).into()),
            (ListView::Quick(quick), End::Front) => quick.front(),
            (ListView::Quick(quick), End::Back) => quick.back(),
        }
    }

    /// Shows `count` elements from an index on, in order.
    #[inline]
    pub fn visit(self, index: usize, count: usize, mut show: impl FnMut(Piece<'_>)) {
        match self {
            ListView::Packed(pack) => {
                let Some(at) = pack.seek(index) else { return };
                pack.offsets_from(at).take(count).for_each(|(_, item)| show(item.into()));
            }
            ListView::Quick(quick) => quick.visit(index, count, show),
        }
    }

    /// Shows all elements, the last one first, until `show` says no.
    pub fn visit_back(self, mut show: impl FnMut(Piece<'_>) -> bool) {
        match self {
            ListView::Packed(pack) => {
                let _ = pack.iter().rev().all(|item| show(item.into()));
            }
            ListView::Quick(quick) => quick.visit_back(quick.len().saturating_sub(1), show),
        }
    }

    /// Shows the indexes of elements with a text, counted from the front but in order from an end,
    /// until `show` says no or `max` elements have been looked at.
    pub fn search(self, text: &[u8], from: End, max: usize, mut show: impl FnMut(usize) -> bool) {
        match self {
            ListView::Packed(pack) => {
                let (indexes, len) = (Needle::new(text).find_all(pack).0, pack.len());
                match from {
                    End::Front => {
                        let _ = indexes.iter().filter(|i| **i < max).all(|i| show(*i));
                    }
                    End::Back => {
                        let least = len.saturating_sub(max);
                        let mut matches = indexes.iter().rev().filter(|i| **i >= least);
                        let _ = matches.all(|i| show(*i));
                    }
                }
            }
            ListView::Quick(quick) => quick.search(text, from, max, show),
        }
    }

    /// How the chain is built, if it is one.
    pub fn build(self) -> Option<Build> {
        let ListView::Quick(quick) = self else { return None };
        let (nodes, each) = quick.nodes();
        Some(Build {
            nodes,
            items: quick.len(),
            fill: quick.fill(),
            is_compressed: quick.depth() > 0,
            raw_bytes: each.map(Node::raw_bytes).sum(),
        })
    }
}

impl Object for List {
    type View<'a> = ListView<'a>;

    #[inline]
    fn view(&self) -> ListView<'_> {
        match self {
            List::Packed(run) => ListView::Packed(run.view()),
            List::Quick(quick) => ListView::Quick(quick),
        }
    }

    fn packed(&self) -> Option<(Form, &[u8])> {
        match self {
            List::Packed(run) => Some((Form::List, run.blob())),
            List::Quick(_) => None,
        }
    }

    #[inline]
    fn view_packed(form: Form, blob: &[u8]) -> Option<ListView<'_>> {
        (form == Form::List).then(|| ListView::Packed(Packed::new(blob)))
    }

    #[inline]
    fn from_packed(form: Form, mut blob: Vec<u8>) -> Option<Self> {
        enlarge(&mut blob);
        (form == Form::List).then(|| List::Packed(Run::from_blob(blob)))
    }

    #[inline]
    fn within(mut buffer: Vec<u8>) -> Self {
        enlarge(&mut buffer);
        List::Packed(Run::within(buffer))
    }

    fn move_out(&mut self) {
        if let List::Packed(run) = self {
            run.fit();
        }
    }

    #[inline]
    fn into_blob(self) -> Option<Vec<u8>> {
        match self {
            List::Packed(run) => Some(run.into_buffer()),
            List::Quick(_) => None,
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            List::Packed(run) => run.memory_bytes(),
            List::Quick(quick) => class_size(size_of::<Quicklist>()) + quick.memory_bytes(),
        }
    }
}

impl View for ListView<'_> {
    fn encoding(self) -> &'static str {
        match self {
            ListView::Packed(_) => "listpack",
            ListView::Quick(_) => "quicklist",
        }
    }

    #[inline]
    fn len(self) -> usize {
        match self {
            ListView::Packed(pack) => pack.len(),
            ListView::Quick(quick) => quick.len(),
        }
    }

    fn digest(self, into: &mut Digest) {
        let mut text = Vec::new();
        self.visit(0, usize::MAX, |piece| into.mix(piece.item.bytes(&mut text)));
    }

    fn free_effort(self) -> usize {
        match self {
            ListView::Packed(_) => 1,
            ListView::Quick(quick) => quick.nodes().0,
        }
    }
}

/// An element on its way from one list to another, or longer than the list it was in.
#[derive(Debug)]
pub struct Carried(Kept);

#[derive(Debug)]
enum Kept {
    Int(i64),
    Short([u8; 128], u8),
    Long(std::sync::Arc<Vec<u8>>),
}

impl From<Piece<'_>> for Carried {
    #[inline]
    fn from(piece: Piece<'_>) -> Self {
        Carried(match (piece.item, piece.shared) {
            (_, Some(bytes)) => Kept::Long(bytes.clone()),
            (Item::Int(number), None) => Kept::Int(number),
            (Item::Bytes(bytes), None) => {
                let mut short = [0; 128];
                match short.get_mut(..bytes.len()) {
                    Some(room) => {
                        room.copy_from_slice(bytes);
                        Kept::Short(short, bytes.len() as u8)
                    }
                    None => Kept::Long(bytes.to_vec().into()),
                }
            }
        })
    }
}

impl Carried {
    /// The element.
    #[inline]
    pub fn piece(&self) -> Piece<'_> {
        match &self.0 {
            Kept::Int(number) => Item::Int(*number).into(),
            Kept::Short(short, len) => Item::Bytes(&short[..usize::from(*len)]).into(),
            Kept::Long(bytes) => bytes.into(),
        }
    }
}
