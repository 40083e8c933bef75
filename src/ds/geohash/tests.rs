//! Places, cells and shapes: what Redis 8.2 computes, and searches against looking at everything.

use proptest::prelude::*;

use super::search::{Search, Sieve, cells};
use super::sphere::{EARTH_RADIUS, Origin, Shape, distance, mean};
use super::*;

fn at(lon: f64, lat: f64) -> Point {
    Point::on_map(lon, lat).expect("a place on the map")
}

fn text(point: Point) -> String {
    String::from_utf8(point.text().to_vec()).expect("letters")
}

/// Scores, positions and texts as Redis 8.2 answers them.
#[test]
fn places_are_those_of_the_reference() {
    let places = [
        (13.361389, 38.115556, 3479099956230698),
        (15.087269, 37.502669, 3479447370796909),
        (1.0, 1.0, 3377822707026402),
        (180.0, 85.0, 10508398856570128),
        (-0.5, -0.5, 1125869160217991),
    ];
    for (lon, lat, bits) in places {
        assert_eq!(at(lon, lat).bits(), bits, "{lon} {lat}");
    }
    let back = Point::of_bits(3479099956230698);
    assert_eq!((back.lon, back.lat), (13.361389338970184, 38.1155563954963));
    assert_eq!(text(back), "sqc8b49rny0");
    assert_eq!(text(Point::of_bits(3479447370796909)), "sqdtr74hyu0");
}

/// Scores that no GEOADD makes, as Redis 8.2 reads them.
#[test]
fn any_score_is_some_place() {
    let places = [
        (1.5, -179.99999731779099, -85.05112497791825, "00bh0hbj210"),
        (-1.0, 180.0, 85.05112878, "bp05b5048p0"),
        (4503599627370496.0, -179.99999731779099, 85.05112878, "bp05b5048p0"),
        (1e300, -179.99999731779099, -85.05112751263943, "00bh0hbj200"),
        (f64::INFINITY, -179.99999731779099, -85.05112751263943, "00bh0hbj200"),
        (4503599627370495.0, 179.99999731779099, 85.05112751263943, "zzpgzgpfxz0"),
        (9007199254740992.0, 180.0, -85.05112751263943, "00bh0hbj200"),
    ];
    for (score, lon, lat, letters) in places {
        let point = Point::of_score(score);
        assert_eq!((point.lon, point.lat), (lon, lat), "{score}");
        assert_eq!(text(point), letters, "{score}");
    }
    for score in [f64::NEG_INFINITY, -1e300, 1e19, 2e19, f64::MAX, -0.0, 5e-324] {
        let point = Point::of_score(score);
        assert!(Point::on_map(point.lon, point.lat).is_some(), "{score}");
    }
}

#[test]
fn the_map_has_edges() {
    assert!(Point::on_map(180.0, 85.05112878).is_some());
    for (lon, lat) in [(180.1, 0.0), (0.0, 85.0511288), (f64::INFINITY, 0.0), (0.0, f64::NAN)] {
        assert_eq!(Point::on_map(lon, lat), None);
    }
}

#[test]
fn cells_have_neighbours_all_around() {
    let cell = Cell { x: 0, y: 3, step: 2 };
    assert_eq!(cell.beside(-1, 1), Cell { x: 3, y: 0, step: 2 });
    assert_eq!(cell.beside(1, -1), Cell { x: 1, y: 2, step: 2 });
    assert_eq!(cell.beside(0, 0), cell);
    // Beyond the grid: moved back by one it is on it again.
    let beyond = Cell::of(at(180.0, 0.0), 2);
    assert_eq!((beyond.x, beyond.beside(0, 1).x, beyond.beside(-1, 0).x), (4, 4, 3));
    assert_eq!(Cell { x: 1, y: 0, step: 1 }.scores(), (1u64 << 51) as f64..(3u64 << 50) as f64);
}

#[test]
fn distances_are_those_of_the_haversine_formula() {
    let (palermo, catania) = (Point::of_bits(3479099956230698), Point::of_bits(3479447370796909));
    assert_eq!(distance(palermo, catania), 166274.15156960033);
    assert_eq!(distance(palermo, palermo), 0.0);
    let half_way = std::f64::consts::PI * EARTH_RADIUS;
    assert_eq!(distance(at(-90.0, 0.0), at(90.0, 0.0)), half_way);
    assert!((distance(at(7.0, -45.0), at(7.0, 45.0)) - half_way / 2.0).abs() < 1e-6);
}

#[test]
fn the_middle_of_a_polygon_is_on_the_sphere() {
    let corners = [at(10.0, 30.0), at(20.0, 30.0), at(20.0, 45.0), at(10.0, 45.0)];
    let middle = mean(&corners);
    // Farther to the north than on a plane, as Valkey 9.1 has it.
    assert!((middle.lon - 15.0).abs() < 1e-9 && (middle.lat - 37.6055).abs() < 1e-3);
}

fn any_point() -> impl Strategy<Value = Point> {
    let lon =
        prop_oneof![-180.0..=180.0, 179.0..=180.0, -180.0..=-179.0, Just(180.0), Just(-180.0)];
    let lat = prop_oneof![
        4 => -LAT_MAX..=LAT_MAX,
        1 => 84.0..=LAT_MAX,
        1 => -LAT_MAX..=-84.0,
        1 => Just(LAT_MAX),
        1 => Just(-LAT_MAX),
    ];
    (lon, lat).prop_map(|(lon, lat)| at(lon, lat))
}

/// A place from which the grid goes in all directions. One beyond it, on the eastern or northern
/// edge, has its neighbours wrong, as in the reference.
fn any_center() -> impl Strategy<Value = Point> {
    any_point().prop_map(|point| at(point.lon.min(179.99999), point.lat.min(85.05112)))
}

fn any_length() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0.0..8.0f64).prop_map(|exponent| 10f64.powf(exponent)),
        Just(0.0),
        Just(f64::INFINITY),
        Just(1e300)
    ]
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        any_length().prop_map(|radius| Shape::Circle { radius }),
        (any_length(), any_length()).prop_map(|(width, height)| Shape::Rect { width, height }),
        prop::collection::vec(any_point(), 3..8).prop_map(|corners| Shape::Polygon { corners }),
    ]
}

/// The place that a member at a place is at: the middle of its cell.
fn kept(point: Point) -> Point {
    Point::of_bits(point.bits())
}

/// A place near another, or anywhere.
fn near(center: Point, way: (f64, f64), size: f64) -> Point {
    let lon = center.lon + way.0 * size;
    let lon = if lon > 180.0 { lon - 360.0 } else { lon };
    let lon = if lon < -180.0 { lon + 360.0 } else { lon };
    at(lon.clamp(-180.0, 180.0), (center.lat + way.1 * size).clamp(-LAT_MAX, LAT_MAX))
}

/// What a search for a shape finds, as indices, and what looking at everything finds.
fn both(shape: &Shape, center: Point, points: &[Point]) -> (Vec<usize>, Vec<usize>) {
    let search = Search::new(shape, center);
    let mut found = vec![];
    for cell in cells(shape, center) {
        let scores = cell.scores();
        let is_in = |at: &usize| {
            let score = points[*at].bits() as f64;
            scores.contains(&score) && search.measure(score).is_some()
        };
        found.extend((0..points.len()).filter(is_in));
    }
    let origin = Origin::at(center);
    let is_in = |at: &usize| shape.distance(&origin, kept(points[*at])).is_some();
    (found, (0..points.len()).filter(is_in).collect())
}

proptest! {
    #[test]
    fn places_come_back(point in any_point()) {
        let back = kept(point);
        prop_assert!((back.lon - point.lon).abs() <= 360.0 / f64::from(1 << 26));
        prop_assert!((back.lat - point.lat).abs() <= 180.0 / f64::from(1 << 26));
        prop_assert!(Point::on_map(back.lon, back.lat).is_some());
    }

    #[test]
    fn bits_are_spread_and_collected(x: u32, y: u32) {
        let bits = Cell { x, y, step: STEP_MAX }.bits();
        prop_assert_eq!((collect(bits), collect(bits >> 1)), (y, x));
        for i in 0..32 {
            prop_assert_eq!((bits >> (2 * i) & 1, bits >> (2 * i + 1) & 1), (u64::from(y >> i & 1), u64::from(x >> i & 1)));
        }
    }

    #[test]
    fn a_place_is_in_its_cells(point in any_center(), step in 1..=STEP_MAX) {
        let cell = Cell::of(point, step);
        prop_assert!(cell.scores().contains(&(point.bits() as f64)));
        let Edges { west, east, south, north } = cell.edges();
        let slack = 1e-9;
        prop_assert!(west - slack <= point.lon && point.lon <= east + slack);
        prop_assert!(south - slack <= point.lat && point.lat <= north + slack);
    }

    /// No place is rejected unmeasured that is in the shape.
    #[test]
    fn the_sieve_lets_pass_what_is_in_the_shape(
        shape in any_shape(),
        center in any_point(),
        ways in prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 30),
        size in -5.0..2.5f64,
    ) {
        let (sieve, origin) = (Sieve::new(&shape, center), Origin::at(center));
        for way in ways {
            let point = near(center, way, 10f64.powf(size));
            if shape.distance(&origin, kept(point)).is_some() {
                prop_assert!(sieve.passes(point.bits()), "{shape:?} {center:?} {point:?}");
            }
        }
    }

    /// A search finds what is there, once, and nothing else. (Towards the poles it does not: the
    /// cells are the reference's.)
    #[test]
    fn searches_find_what_looking_at_everything_finds(
        center in any_center(),
        radius in 0.0..7.5f64,
        ratio in 0.01..1.0f64,
        ways in prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 60),
        is_rect: bool,
    ) {
        let radius = 10f64.powf(radius);
        let degrees = (2.0 * radius / EARTH_RADIUS).to_degrees();
        let points: Vec<_> = ways.iter().map(|way| near(center, *way, degrees.min(170.0))).collect();
        let shape = match is_rect {
            true => Shape::Rect { width: radius, height: radius * ratio },
            false => Shape::Circle { radius },
        };
        let (mut found, all) = both(&shape, center, &points);
        found.sort_unstable();
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "nothing twice");
        prop_assert!(found.iter().all(|at| all.contains(at)), "nothing else");
        if center.lat.abs() + degrees < 70.0 {
            prop_assert_eq!(found, all, "{:?} {:?}", shape, center);
        }
    }

    /// The whole map is within the largest radius.
    #[test]
    fn a_huge_circle_holds_everything(
        center in any_center(),
        points in prop::collection::vec(any_point(), 20),
        radius in prop_oneof![Just(2.1e7), Just(1e300), Just(f64::INFINITY)],
    ) {
        // Beyond the grid there is no cell of the map.
        let points: Vec<_> = points.into_iter().filter(|point| point.bits() < 1 << 52).collect();
        let (mut found, _) = both(&Shape::Circle { radius }, center, &points);
        found.sort_unstable();
        prop_assert!(found.into_iter().eq(0..points.len()));
    }

    /// A polygon with its sides along the grid is a comparison of degrees.
    #[test]
    fn an_upright_polygon_is_a_frame(
        a in (-179.0..179.0f64, -60.0..60.0f64),
        size in (0.01..30.0f64, 0.01..20.0f64),
        points in prop::collection::vec((-0.5..1.5f64, -0.5..1.5f64), 40),
    ) {
        let (east, north) = ((a.0 + size.0).min(180.0), a.1 + size.1);
        let corners = vec![at(a.0, a.1), at(east, a.1), at(east, north), at(a.0, north)];
        let points: Vec<_> = points
            .iter()
            .map(|way| (a.0 + way.0 * size.0, a.1 + way.1 * size.1))
            .filter_map(|(lon, lat)| Point::on_map(lon, lat))
            .collect();
        let center = mean(&corners);
        let (mut found, all) = both(&Shape::Polygon { corners }, center, &points);
        let is_in = |at: &usize| {
            let Point { lon, lat } = kept(points[*at]);
            a.0 <= lon && lon < east && a.1 < lat && lat <= north
        };
        let wanted: Vec<_> = (0..points.len()).filter(is_in).collect();
        prop_assert_eq!(&all, &wanted);
        found.sort_unstable();
        prop_assert_eq!(found, wanted);
    }
}
