//! Geospatial commands: sorted sets whose scores are places.
//!
//! ```text
//!   add       GEOADD                            a ZADD of places
//!   ask       GEODIST GEOHASH GEOPOS            what is known of members
//!   search    GEOSEARCH GEOSEARCHSTORE, GEORADIUS and its kin
//!   query     what a search asks for, read from its words
//! ```
//!
//! What the scores mean, and how a search goes about, is told in `ds::geohash`. There is no type of
//! its own: any sorted set is a map, whatever its scores are.

mod add;
mod ask;
mod query;
mod search;
#[cfg(test)]
mod tests;

pub use add::GEOADD;
pub use ask::{GEODIST, GEOHASH, GEOPOS};
pub use search::{
    GEORADIUS, GEORADIUS_RO, GEORADIUSBYMEMBER, GEORADIUSBYMEMBER_RO, GEOSEARCH, GEOSEARCHSTORE,
};

use super::{Arg, CmdError};
use crate::base::double::text_4_decimals;
use crate::base::text::parse_f64;
use crate::ds::geohash::Point;
use crate::resp::reply::Reply;
use crate::resp::request::Args;

/// The names of units.
const UNITS: &[Arg] = &[
    Arg::pure_token("m", "M"),
    Arg::pure_token("km", "KM"),
    Arg::pure_token("ft", "FT"),
    Arg::pure_token("mi", "MI"),
];

/// Reads a place whose longitude is this word, and whose latitude is the next.
fn point(args: Args<'_>, at: usize) -> Result<Point, CmdError> {
    let lon = parse_f64(args.at(at)).ok_or(CmdError::NOT_FLOAT)?;
    let lat = parse_f64(args.at(at + 1)).ok_or(CmdError::NOT_FLOAT)?;
    Point::on_map(lon, lat).ok_or_else(|| CmdError::off_the_map(lon, lat))
}

/// The metres of a unit.
fn unit(args: Args<'_>, at: usize) -> Result<f64, CmdError> {
    let units = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = units.into_iter().find(|(name, _)| args.is(at, name));
    found.map(|(_, metres)| metres).ok_or(CmdError::GEO_UNIT)
}

/// Answers with a distance.
fn reply_distance(out: &mut Reply, distance: f64) {
    out.bulk(text_4_decimals(distance, &mut [0; 24]));
}

/// Answers with a place.
fn reply_point(out: &mut Reply, point: Point) {
    out.array(2);
    out.double(point.lon);
    out.double(point.lat);
}
