//! Which scores a search looks at, and which of them it need not measure.
//!
//! ```text
//!    NW  N  NE      The cells are so coarse that the shape is within these nine. Those that its frame does
//!    W   C  E       not reach are left out; the others are looked at in the order C N S E W NE NW SE SW,
//!    SW  S  SE      which is the order of an unsorted answer.
//! ```
//!
//! A [`Sieve`] tells from the bits of a score alone that a place is out of the question. A column
//! or row number keeps its order when its bits are spread, so they are compared where they are.

use super::sphere::{Origin, Shape};
use super::{Cell, Edges, LAT_MAX, LON_MAX, Point, STEP_MAX, bits_of_score};

/// Half of the way around the equator of the Mercator map, in metres.
const MERCATOR_MAX: f64 = 20037726.37;

/// The neighbours of a cell, and the cell itself, as columns to the east and rows to the north.
const AROUND: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// The finest grid whose nine cells are sure to hold what is within some metres.
fn step_for(reach: f64, lat: f64) -> u32 {
    if reach == 0.0 {
        return STEP_MAX;
    }
    let (mut reach, mut step) = (reach, 1);
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        step += 1;
    }
    // Two coarser, and more towards the poles, where cells are narrower.
    step -= 2 + i32::from(lat.abs() > 66.0) + i32::from(lat.abs() > 80.0);
    step.clamp(1, STEP_MAX as i32) as u32
}

/// The cells to look at for a shape around a centre, in order.
pub fn cells(shape: &Shape, center: Point) -> impl Iterator<Item = Cell> {
    let frame = shape.frame(center);
    // Compat: the middle of a polygon may be nearer to a pole than the map goes. Valkey then looks
    // into a corner of the map; we begin where the map ends.
    let start = Point { lat: center.lat.clamp(-LAT_MAX, LAT_MAX), ..center };
    let mut cell = Cell::of(start, step_for(shape.reach(center), center.lat));
    // Compat: one coarser grid is tried, and near the poles that may not do.
    if cell.step > 1 && !holds(cell, frame) {
        cell = Cell::of(start, cell.step - 1);
    }
    let own = cell.edges();
    let is_coarse = cell.step < 2;
    let is_reached = move |(columns, rows): (i32, i32)| {
        is_coarse
            || !(rows < 0 && own.south < frame.south
                || rows > 0 && own.north > frame.north
                || columns < 0 && own.west < frame.west
                || columns > 0 && own.east > frame.east)
    };
    let mut last = None;
    let around = AROUND.into_iter().filter(move |way| is_reached(*way));
    // In a grid of four cells neighbours are the same, and stand one behind the other.
    around.map(move |(columns, rows)| cell.beside(columns, rows)).filter(move |cell| {
        let is_new = last != Some(*cell);
        last = Some(*cell);
        is_new
    })
}

/// Whether the neighbours of a cell reach as far as a frame.
fn holds(cell: Cell, frame: Edges) -> bool {
    cell.beside(0, 1).edges().north >= frame.north
        && cell.beside(0, -1).edges().south <= frame.south
        && cell.beside(1, 0).edges().east >= frame.east
        && cell.beside(-1, 0).edges().west <= frame.west
}

/// Tells from a score that a place is not in a shape.
#[derive(Clone, Copy, Debug)]
pub struct Sieve {
    south: u64,
    north: u64,
    west: u64,
    east: u64,
    /// The date line is between west and east.
    is_split: bool,
}

/// The bits of rows, and of columns.
const ROWS: u64 = 0x5555_5555_5555_5555;
const COLUMNS: u64 = !ROWS;

impl Sieve {
    /// For a shape around a centre.
    pub fn new(shape: &Shape, center: Point) -> Sieve {
        let Edges { mut west, mut east, south, north } = shape.outer(center);
        let is_all_around = east - west >= 2.0 * LON_MAX;
        if is_all_around {
            (west, east) = (-LON_MAX, LON_MAX);
        }
        let is_split = west < -LON_MAX || east > LON_MAX;
        if west < -LON_MAX {
            west += 2.0 * LON_MAX;
        }
        if east > LON_MAX {
            east -= 2.0 * LON_MAX;
        }
        let bits = |lon, lat| Point { lon, lat }.bits();
        Sieve {
            south: bits(0.0, south.clamp(-LAT_MAX, LAT_MAX)) & ROWS,
            north: bits(0.0, north.clamp(-LAT_MAX, LAT_MAX)) & ROWS,
            west: bits(west, 0.0) & COLUMNS,
            east: bits(east, 0.0) & COLUMNS,
            is_split,
        }
    }

    /// Whether a place may be in the shape.
    #[inline]
    pub fn passes(&self, bits: u64) -> bool {
        let (row, column) = (bits & ROWS, bits & COLUMNS);
        let (is_east, is_west) = (column >= self.west, column <= self.east);
        let fits = if self.is_split { is_east | is_west } else { is_east & is_west };
        fits & (row >= self.south) & (row <= self.north)
    }
}

/// A search under way.
pub struct Search<'a> {
    shape: &'a Shape,
    origin: Origin,
    sieve: Sieve,
}

impl<'a> Search<'a> {
    pub fn new(shape: &'a Shape, center: Point) -> Search<'a> {
        Search { shape, origin: Origin::at(center), sieve: Sieve::new(shape, center) }
    }

    /// The distance of the place with a score, in metres, if it is in the shape.
    #[inline]
    pub fn measure(&self, score: f64) -> Option<f64> {
        let bits = bits_of_score(score);
        if !self.sieve.passes(bits) {
            return None;
        }
        self.shape.distance(&self.origin, Point::of_bits(bits))
    }
}
