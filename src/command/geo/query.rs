//! What a search asks for, read from its words.
//!
//! The words come in any order, and what is wrong is complained of where it stands, word by word;
//! only then is it asked whether something is missing. The centre may be a member, so the set takes
//! part in the reading. Where there is no set, nothing is found, and yet all words are read.

use super::super::CmdError;
use super::super::args::integer;
use super::{point, unit};
use crate::base::text::{parse_f64, parse_i64};
use crate::ds::geohash::Point;
use crate::ds::geohash::sphere::{Shape, mean};
use crate::resp::request::Args;
use crate::types::zset::ZsetView;

/// Which words a command takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Those that shape the answer: the centre and the circle have been given by position.
    Few,
    /// STORE and STOREDIST with a key, too.
    FewAndStore,
    /// Also those for the centre and the shape.
    All,
    /// And STOREDIST, without a key.
    AllToStore,
}

/// The centre of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Center {
    Place(Point),
    /// Where a member is; nowhere if there is no set.
    Member(Option<Point>),
    /// That of the polygon.
    Middle,
}

/// The order of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As it is found.
    Found,
    NearestFirst,
    FarthestFirst,
}

/// Where a result goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub key: &'a [u8],
    /// Its scores are distances.
    pub distances: bool,
}

/// A search.
pub struct Query<'a> {
    pub center: Option<Center>,
    pub shape: Option<Shape>,
    /// Metres of the unit in which distances are shown.
    pub unit: f64,
    pub with_coord: bool,
    pub with_dist: bool,
    pub with_hash: bool,
    /// At most so many members.
    pub count: Option<usize>,
    /// The first ones that are found will do.
    pub any: bool,
    pub order: Order,
    pub target: Option<Target<'a>>,
}

impl<'a> Query<'a> {
    /// Nothing has been asked for.
    pub fn new() -> Query<'a> {
        Query {
            center: None,
            shape: None,
            unit: 1.0,
            with_coord: false,
            with_dist: false,
            with_hash: false,
            count: None,
            any: false,
            order: Order::Found,
            target: None,
        }
    }

    /// The result is stored under a key.
    pub fn stored_at(key: &'a [u8]) -> Query<'a> {
        Query { target: Some(Target { key, distances: false }), ..Query::new() }
    }

    /// Makes a member the centre.
    pub fn around_member(&mut self, set: ZsetView<'_>, member: &[u8]) -> Result<(), CmdError> {
        let score = set.score(member).ok_or(CmdError::GEO_MEMBER)?;
        self.center = Some(Center::Member(Some(Point::of_score(score))));
        Ok(())
    }

    /// Makes the shape a circle: its radius is this word, the unit the next.
    pub fn within_radius(&mut self, args: Args<'_>, at: usize) -> Result<(), CmdError> {
        let radius = parse_f64(args.at(at)).ok_or(CmdError::GEO_RADIUS)?;
        if radius < 0.0 {
            return Err(CmdError::GEO_RADIUS_NEGATIVE);
        }
        self.unit = unit(args, at + 1)?;
        self.shape = Some(Shape::Circle { radius: radius * self.unit });
        Ok(())
    }

    /// Makes the shape a box: its width is this word, the height the next, then comes the unit.
    fn within_box(&mut self, args: Args<'_>, at: usize) -> Result<(), CmdError> {
        let width = parse_f64(args.at(at)).ok_or(CmdError::GEO_WIDTH)?;
        let height = parse_f64(args.at(at + 1)).ok_or(CmdError::GEO_HEIGHT)?;
        if width < 0.0 || height < 0.0 {
            return Err(CmdError::GEO_BOX_NEGATIVE);
        }
        self.unit = unit(args, at + 2)?;
        self.shape = Some(Shape::Rect { width: width * self.unit, height: height * self.unit });
        Ok(())
    }

    /// Makes the shape a polygon, and its middle the centre. This word tells the number of corners,
    /// which come behind it. Returns how many words they are.
    fn within_polygon(&mut self, args: Args<'_>, at: usize) -> Result<usize, CmdError> {
        let corners = parse_i64(args.at(at)).and_then(|n| i32::try_from(n).ok());
        let corners = corners.ok_or(CmdError::GEO_CORNERS_NUMBER)?;
        let room = (args.len() - at - 1) / 2;
        // Compat: too few words for them is the same complaint.
        let corners = usize::try_from(corners).ok().filter(|n| (3..=room).contains(n));
        let corners = corners.ok_or(CmdError::GEO_CORNERS)?;
        let corners: Vec<Point> =
            (0..corners).map(|i| point(args, at + 1 + 2 * i)).collect::<Result<_, _>>()?;
        let words = 2 * corners.len();
        self.unit = 1.0;
        self.center = Some(Center::Middle);
        self.shape = Some(Shape::Polygon { corners });
        Ok(words)
    }

    /// Reads the words from one on. `set` is what is searched, if it is there.
    pub fn read(
        &mut self,
        args: Args<'a>,
        from: usize,
        set: Option<ZsetView<'_>>,
        takes: Takes,
    ) -> Result<(), CmdError> {
        let mut at = from;
        while at < args.len() {
            let mut words = match takes {
                Takes::All | Takes::AllToStore => self.read_place(args, at, set)?,
                Takes::Few | Takes::FewAndStore => 0,
            };
            if words == 0 {
                words = self.read_wish(args, at)?;
            }
            if words == 0 {
                words = self.read_target(args, at, takes);
            }
            if words == 0 {
                return Err(CmdError::SYNTAX);
            }
            at += words;
        }
        self.check(args, takes)
    }

    /// Reads a word that all commands take. Returns how many words belong to it; 0: it is none of
    /// them.
    fn read_wish(&mut self, args: Args<'_>, at: usize) -> Result<usize, CmdError> {
        match () {
            () if args.is(at, "ASC") => self.order = Order::NearestFirst,
            () if args.is(at, "DESC") => self.order = Order::FarthestFirst,
            () if args.is(at, "WITHDIST") => self.with_dist = true,
            () if args.is(at, "WITHCOORD") => self.with_coord = true,
            () if args.is(at, "WITHHASH") => self.with_hash = true,
            () if args.is(at, "ANY") => self.any = true,
            () if args.is(at, "COUNT") && at + 1 < args.len() => {
                let count = usize::try_from(integer(args.at(at + 1))?).unwrap_or(0);
                if count == 0 {
                    return Err(CmdError::CLAIM_COUNT);
                }
                self.count = Some(count);
                return Ok(2);
            }
            () => return Ok(0),
        }
        Ok(1)
    }

    /// Reads where to store, and as what.
    fn read_target(&mut self, args: Args<'a>, at: usize, takes: Takes) -> usize {
        let distances = args.is(at, "STOREDIST");
        match (takes, args.get(at + 1)) {
            (Takes::AllToStore, _) if distances => {
                self.target = self.target.map(|target| Target { distances, ..target });
                1
            }
            (Takes::FewAndStore, Some(key)) if distances || args.is(at, "STORE") => {
                self.target = Some(Target { key, distances });
                2
            }
            _ => 0,
        }
    }

    /// Reads the centre or the shape. One that has been given may be given again, as one of the
    /// same kind.
    fn read_place(
        &mut self,
        args: Args<'_>,
        at: usize,
        set: Option<ZsetView<'_>>,
    ) -> Result<usize, CmdError> {
        let behind = args.len() - at - 1;
        let is = |word: &str, words: usize| behind >= words && args.is(at, word);
        match (self.center, &self.shape) {
            (None | Some(Center::Member(_)), _) if is("FROMMEMBER", 1) => {
                match set {
                    Some(set) => self.around_member(set, args.at(at + 1))?,
                    None => self.center = Some(Center::Member(None)),
                }
                Ok(2)
            }
            (None | Some(Center::Place(_)), _) if is("FROMLONLAT", 2) => {
                self.center = Some(Center::Place(point(args, at + 1)?));
                Ok(3)
            }
            (_, None | Some(Shape::Circle { .. })) if is("BYRADIUS", 2) => {
                self.within_radius(args, at + 1)?;
                Ok(3)
            }
            (_, None | Some(Shape::Rect { .. })) if is("BYBOX", 3) => {
                self.within_box(args, at + 1)?;
                Ok(4)
            }
            (None | Some(Center::Middle), None | Some(Shape::Polygon { .. }))
                if is("BYPOLYGON", 2) =>
            {
                Ok(2 + self.within_polygon(args, at + 1)?)
            }
            _ => Ok(0),
        }
    }

    /// Whether the words go together, and all is there that has to be.
    fn check(&mut self, args: Args<'_>, takes: Takes) -> Result<(), CmdError> {
        if self.target.is_some() && (self.with_coord || self.with_dist || self.with_hash) {
            return Err(match takes {
                Takes::AllToStore => CmdError::GEO_SEARCHSTORE_WITH,
                _ => CmdError::GEO_STORE_WITH,
            });
        }
        let takes_all = matches!(takes, Takes::All | Takes::AllToStore);
        if takes_all && self.center.is_none() {
            return Err(CmdError::search_lacks("FROMMEMBER or FROMLONLAT", args.at(0)));
        }
        if takes_all && self.shape.is_none() {
            // Compat: the third shape is not named.
            return Err(CmdError::search_lacks("BYRADIUS and BYBOX", args.at(0)));
        }
        if self.any && self.count.is_none() {
            return Err(CmdError::GEO_ANY);
        }
        if self.count.is_some() && !self.any && self.order == Order::Found {
            self.order = Order::NearestFirst;
        }
        Ok(())
    }

    /// What is looked for, and where. Nothing if that is a member of a set that is not there.
    pub fn aim(&self) -> Option<(&Shape, Point)> {
        let shape = self.shape.as_ref()?;
        let center = match (self.center?, shape) {
            (Center::Place(point), _) => point,
            (Center::Member(point), _) => point?,
            (Center::Middle, Shape::Polygon { corners }) => mean(corners),
            (Center::Middle, _) => return None,
        };
        Some((shape, center))
    }
}
