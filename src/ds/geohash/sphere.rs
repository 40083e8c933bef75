//! Distances on a sphere as large as the earth, and the shapes that searches have.
//!
//! ```text
//!   Circle    what is within a distance of the centre
//!   Rect      what is within half a height to the north or south, and half a width along the parallel through itself
//!   Polygon   what is inside when the map is taken for a plane; its centre is the mean of its corners on the sphere
//! ```
//!
//! A search asks three things of its shape: how far it reaches ([`Shape::reach`]), which decides
//! how coarse the cells are; its [`Shape::frame`], which decides which cells are left out; and
//! whether a place is in it ([`Shape::distance`]). Distances are those of the haversine formula.
//! The frame is the reference's own and is wrong near the poles, which searches show;
//! [`Shape::outer`] is a frame that nothing in the shape is outside of, for quick rejections that
//! nobody sees.

use std::f64::consts::PI;

use super::{Edges, LAT_MAX, LON_MAX, Point};

/// Radius of the earth in metres.
pub const EARTH_RADIUS: f64 = 6372797.560856;

/// Radians of a degree.
const DEGREE: f64 = PI / 180.0;

/// Degrees by which a frame for quick rejections is wider than computed: about a metre, and far
/// more than the errors of the computation.
const SLACK: f64 = 1e-5;

/// What is looked for, in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Circle { radius: f64 },
    Rect { width: f64, height: f64 },
    Polygon { corners: Vec<Point> },
}

/// A place from which distances are measured.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub point: Point,
    lon: f64,
    lat: f64,
    lat_cos: f64,
}

/// The distance between two latitudes, in metres.
fn between_latitudes(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (b * DEGREE - a * DEGREE).abs()
}

/// The distance between two places, in metres.
pub fn distance(a: Point, b: Point) -> f64 {
    Origin::at(a).distance(b)
}

impl Origin {
    /// Measures from here.
    pub fn at(point: Point) -> Origin {
        let lat = point.lat * DEGREE;
        Origin { point, lon: point.lon * DEGREE, lat, lat_cos: lat.cos() }
    }

    /// The distance to a place, in metres.
    #[inline]
    pub fn distance(&self, to: Point) -> f64 {
        let v = ((to.lon * DEGREE - self.lon) / 2.0).sin();
        if v == 0.0 {
            return between_latitudes(self.point.lat, to.lat);
        }
        let lat = to.lat * DEGREE;
        let u = ((lat - self.lat) / 2.0).sin();
        let a = u * u + self.lat_cos * lat.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }
}

/// The mean of places on the sphere.
pub fn mean(points: &[Point]) -> Point {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for point in points {
        let (lon, lat) = (point.lon * DEGREE, point.lat * DEGREE);
        x += lat.cos() * lon.cos();
        y += lat.cos() * lon.sin();
        z += lat.sin();
    }
    // The direction is all that matters, so the sums need no dividing.
    Point { lon: y.atan2(x) / DEGREE, lat: z.atan2((x * x + y * y).sqrt()) / DEGREE }
}

impl Shape {
    /// How far from the centre it reaches, in metres: for a polygon, the frame around it.
    pub fn reach(&self, center: Point) -> f64 {
        match self {
            Shape::Circle { radius } => *radius,
            Shape::Rect { width, height } => {
                let (x, y) = (width / 2.0, height / 2.0);
                (x * x + y * y).sqrt()
            }
            Shape::Polygon { corners } => {
                let (from, Edges { west, east, south, north }) =
                    (Origin::at(center), frame_of(corners));
                let ends = [(west, south), (west, north), (east, south), (east, north)];
                ends.iter().map(|&(lon, lat)| from.distance(Point { lon, lat })).fold(0.0, f64::max)
            }
        }
    }

    /// The distance of a place that is in the shape, in metres.
    #[inline]
    pub fn distance(&self, center: &Origin, to: Point) -> Option<f64> {
        match self {
            Shape::Circle { radius } => {
                Some(center.distance(to)).filter(|distance| distance <= radius)
            }
            Shape::Rect { width, height } => {
                if between_latitudes(to.lat, center.point.lat) > height / 2.0 {
                    return None;
                }
                let beside = Point { lon: center.point.lon, lat: to.lat };
                (distance(to, beside) <= width / 2.0).then(|| center.distance(to))
            }
            Shape::Polygon { corners } => is_inside(corners, to).then(|| center.distance(to)),
        }
    }

    /// The frame around the shape that the cells of a search are compared with.
    /// Compat: near the poles it is too narrow, or has its west in the east.
    pub fn frame(&self, center: Point) -> Edges {
        let (height, width) = match self {
            Shape::Circle { radius } => (*radius, *radius),
            Shape::Rect { width, height } => (height / 2.0, width / 2.0),
            Shape::Polygon { corners } => return frame_of(corners),
        };
        let lat = height / EARTH_RADIUS / DEGREE;
        let nearer_pole = if center.lat < 0.0 { center.lat - lat } else { center.lat + lat };
        let lon = width / EARTH_RADIUS / (nearer_pole * DEGREE).cos() / DEGREE;
        Edges {
            west: center.lon - lon,
            east: center.lon + lon,
            south: center.lat - lat,
            north: center.lat + lat,
        }
    }

    /// A frame that nothing in the shape is outside of. Its west and east may be beyond the date
    /// line.
    pub fn outer(&self, center: Point) -> Edges {
        let (lat, lon) = match self {
            Shape::Circle { radius } => {
                let angle = radius / EARTH_RADIUS;
                let lat = angle / DEGREE;
                // Where the circle touches a meridian; one around a pole touches all of them.
                let sine = angle.sin() / (center.lat * DEGREE).cos();
                let is_around_pole = center.lat.abs() + lat >= 90.0 || sine >= 1.0;
                (lat, if is_around_pole { LON_MAX } else { sine.asin() / DEGREE })
            }
            Shape::Rect { width, height } => {
                let lat = height / 2.0 / EARTH_RADIUS / DEGREE;
                let narrowest = ((center.lat.abs() + lat).min(90.0) * DEGREE).cos();
                let angle = width / 4.0 / EARTH_RADIUS;
                let sine = angle.sin() / narrowest;
                let is_around = angle >= PI / 2.0 || sine >= 1.0;
                (lat, if is_around { LON_MAX } else { 2.0 * sine.asin() / DEGREE })
            }
            Shape::Polygon { corners } => return widened(frame_of(corners)),
        };
        widened(Edges {
            west: center.lon - lon,
            east: center.lon + lon,
            south: center.lat - lat,
            north: center.lat + lat,
        })
    }
}

fn widened(edges: Edges) -> Edges {
    Edges {
        west: edges.west - SLACK,
        east: edges.east + SLACK,
        south: (edges.south - SLACK).max(-LAT_MAX),
        north: (edges.north + SLACK).min(LAT_MAX),
    }
}

/// The smallest frame around some places.
fn frame_of(points: &[Point]) -> Edges {
    let empty = Edges {
        west: f64::INFINITY,
        east: f64::NEG_INFINITY,
        south: f64::INFINITY,
        north: f64::NEG_INFINITY,
    };
    points.iter().fold(empty, |edges, point| Edges {
        west: edges.west.min(point.lon),
        east: edges.east.max(point.lon),
        south: edges.south.min(point.lat),
        north: edges.north.max(point.lat),
    })
}

/// Whether a place is inside a polygon on the flat map: a ray to the east meets its sides an odd
/// number of times.
fn is_inside(corners: &[Point], at: Point) -> bool {
    let Some(last) = corners.last() else { return false };
    let (mut inside, mut before) = (false, last);
    for corner in corners {
        if (corner.lat > at.lat) != (before.lat > at.lat) {
            let share = (at.lat - corner.lat) / (before.lat - corner.lat);
            inside ^= at.lon < (before.lon - corner.lon) * share + corner.lon;
        }
        before = corner;
    }
    inside
}
