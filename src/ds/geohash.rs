//! Places on the earth as numbers: the scores of a sorted set that is used as a map.
//!
//! Longitude and latitude are cut into 2^26 steps each, and the bits of the two step numbers are
//! interleaved:
//!
//! ```text
//!   latitude  y     . y25 .  y24 ... . y0         52 bits: a double holds them exactly
//!   longitude x     x25 . x24 .  ... x0 .
//! ```
//!
//! Leaving out low bits gives a coarser grid: a [`Cell`] of step n is a square of the 2^n by 2^n
//! into which the map is cut, and the places in it are a range of scores. A search looks at the
//! cell of its centre and at the eight around it ([`search`]), and measures what it finds there
//! ([`sphere`]).
//!
//! The map ends at 85.05112878 degrees north and south, where the Mercator projection makes it a
//! square. The text of a place ([`Point::text`]) follows the usual geohash, whose map goes to the
//! poles.
//!
//! Everything is computed in doubles in the order of the reference, so that numbers and texts agree
//! to the last bit. The grid has corners of its own, which are kept: a place on the eastern or
//! northern edge gets a step number one beyond the grid, and so a score beyond all cells.

pub mod search;
pub mod sphere;
#[cfg(test)]
mod tests;

use std::ops::Range;

/// The edges of the map.
pub const LON_MAX: f64 = 180.0;
pub const LAT_MAX: f64 = 85.05112878;

/// Steps of the finest grid.
pub const STEP_MAX: u32 = 26;

/// The alphabet of texts.
const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Letters of a text. The last one stands for bits that a score does not have.
const TEXT_LEN: usize = 11;

/// A place: degrees to the east and to the north.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub lon: f64,
    pub lat: f64,
}

/// A square of a grid: its column from the west and its row from the south.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub x: u32,
    pub y: u32,
    pub step: u32,
}

/// Edges of a piece of the map, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    pub west: f64,
    pub east: f64,
    pub south: f64,
    pub north: f64,
}

/// Spreads the bits of a number over the even places.
#[inline]
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Collects the bits on the even places.
#[inline]
fn collect(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

/// The bits that a score stands for.
/// Compat: scores that are none of a place become bits as x86 converts them.
#[inline]
pub fn bits_of_score(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    if score < HALF {
        score as i64 as u64
    } else if score < 2.0 * HALF {
        score as u64
    } else {
        0
    }
}

/// How many of `1 << step` steps a number is on the way through a range.
fn steps(number: f64, min: f64, max: f64, step: u32) -> u32 {
    ((number - min) / (max - min) * (1u64 << step) as f64) as u32
}

impl Point {
    /// A place on the map.
    pub fn on_map(lon: f64, lat: f64) -> Option<Point> {
        (lon.abs() <= LON_MAX && lat.abs() <= LAT_MAX).then_some(Point { lon, lat })
    }

    /// The bits of the finest cell the place is in: the score of a member that is there.
    pub fn bits(self) -> u64 {
        Cell::of(self, STEP_MAX).bits()
    }

    /// The middle of the cell that a score stands for.
    #[inline]
    pub fn of_bits(bits: u64) -> Point {
        let cell = Cell { x: collect(bits >> 1), y: collect(bits), step: STEP_MAX };
        let Edges { west, east, south, north } = cell.edges();
        Point {
            lon: ((west + east) / 2.0).clamp(-LON_MAX, LON_MAX),
            lat: ((south + north) / 2.0).clamp(-LAT_MAX, LAT_MAX),
        }
    }

    /// The place a member with this score is at.
    #[inline]
    pub fn of_score(score: f64) -> Point {
        Point::of_bits(bits_of_score(score))
    }

    /// The usual geohash of the place.
    pub fn text(self) -> [u8; TEXT_LEN] {
        let x = steps(self.lon, -180.0, 180.0, STEP_MAX);
        let y = steps(self.lat, -90.0, 90.0, STEP_MAX);
        let bits = Cell { x, y, step: STEP_MAX }.bits();
        let mut text = [LETTERS[0]; TEXT_LEN];
        // Compat: fifty bits make ten letters; the last one is always 0.
        for (at, letter) in text[..TEXT_LEN - 1].iter_mut().enumerate() {
            *letter = LETTERS[(bits >> (47 - 5 * at) & 31) as usize];
        }
        text
    }
}

impl Cell {
    /// The cell of a grid in which a place is.
    pub fn of(point: Point, step: u32) -> Cell {
        let x = steps(point.lon, -LON_MAX, LON_MAX, step);
        let y = steps(point.lat, -LAT_MAX, LAT_MAX, step);
        Cell { x, y, step }
    }

    /// Its columns and rows, interleaved.
    pub fn bits(self) -> u64 {
        spread(self.y) | spread(self.x) << 1
    }

    /// The scores of the places in it.
    pub fn scores(self) -> Range<f64> {
        let shift = 2 * (STEP_MAX - self.step);
        let bits = self.bits();
        (bits << shift) as f64..((bits + 1) << shift) as f64
    }

    /// Where it ends.
    #[inline]
    pub fn edges(self) -> Edges {
        let edge = |number: u64, max: f64| {
            -max + (number as f64 / (1u64 << self.step) as f64) * (max - -max)
        };
        let (x, y) = (u64::from(self.x), u64::from(self.y));
        Edges {
            west: edge(x, LON_MAX),
            east: edge(x + 1, LON_MAX),
            south: edge(y, LAT_MAX),
            north: edge(y + 1, LAT_MAX),
        }
    }

    /// The cell so many columns to the east and rows to the north. The grid has no end in either
    /// direction: behind the last column comes the first one, and behind the last row, too.
    pub fn beside(self, columns: i32, rows: i32) -> Cell {
        let mask = (1u32 << self.step) - 1;
        // Compat: what is beyond the grid stays there unless it is moved.
        let moved = |at: u32, by: i32| match by {
            0 => at,
            _ => at.wrapping_add_signed(by) & mask,
        };
        Cell { x: moved(self.x, columns), y: moved(self.y, rows), step: self.step }
    }
}
