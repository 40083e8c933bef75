//! What LOLWUT draws: a crystal of iron ore, grown by chance.
//!
//! ```text
//!   a seed in the middle; grains come in from the rim on a random walk and stay where they touch the crystal
//! ```
//!
//! That is diffusion-limited aggregation (Witten and Sander, 1981), on a grid small enough to be
//! quick whatever sizes a client asks for.

use crate::base::rng::Rng;

/// The version that draws when none is asked for.
pub const NEWEST: i64 = 8;

const WIDTH: i64 = 60;
const HEIGHT: i64 = 20;
const WIDTH_MAX: i64 = 160;
const HEIGHT_MAX: i64 = 60;

/// How many numbers a version takes from the words that follow it: others are not looked at.
pub fn sizes(version: i64) -> usize {
    match version {
        5 => 3,
        6 => 2,
        _ => 0,
    }
}

/// The picture of a version: columns and lines may be chosen where [`sizes`] lets them. Nothing for
/// versions that do not draw.
pub fn draw(version: i64, sizes: &[i64], rng: &mut Rng) -> String {
    if !matches!(version, 5 | 6 | NEWEST) {
        return String::new();
    }
    let size = |index: usize, default, max| sizes.get(index).map_or(default, |n| *n).clamp(1, max);
    let width = size(0, WIDTH, WIDTH_MAX) as usize;
    let height = size(1, HEIGHT, HEIGHT_MAX) as usize;
    let crystal = Crystal::grow(width, height, rng);
    format!("{crystal}\nA crystal of hematite, grown for you alone.\n")
}

/// Which cells of the grid are ore.
struct Crystal {
    width: usize,
    height: usize,
    cells: Vec<bool>,
}

impl Crystal {
    /// Grows a crystal from one cell: a grain for every eighth cell of the grid.
    fn grow(width: usize, height: usize, rng: &mut Rng) -> Crystal {
        let mut crystal = Crystal { width, height, cells: vec![false; width * height] };
        crystal.cells[height / 2 * width + width / 2] = true;
        for _ in 0..width * height / 8 {
            crystal.add_grain(rng);
        }
        crystal
    }

    /// One grain walks from a random cell until it touches the crystal. Its steps are numbered, so
    /// that it cannot walk for ever; a grain that finds nothing is lost.
    fn add_grain(&mut self, rng: &mut Rng) {
        const STEPS: usize = 600;
        let (mut x, mut y) =
            (rng.below(self.width as u64) as usize, rng.below(self.height as u64) as usize);
        for _ in 0..STEPS {
            if self.touches(x, y) {
                self.cells[y * self.width + x] = true;
                return;
            }
            match rng.below(4) {
                0 => x = (x + 1).min(self.width - 1),
                1 => x = x.saturating_sub(1),
                2 => y = (y + 1).min(self.height - 1),
                _ => y = y.saturating_sub(1),
            }
        }
    }

    /// Whether a neighbour of a cell, or the cell itself, is ore.
    fn touches(&self, x: usize, y: usize) -> bool {
        let columns = x.saturating_sub(1)..=(x + 1).min(self.width - 1);
        let is_ore = |x: usize, y: usize| self.cells[y * self.width + x];
        (y.saturating_sub(1)..=(y + 1).min(self.height - 1))
            .any(|y| columns.clone().any(|x| is_ore(x, y)))
    }
}

impl std::fmt::Display for Crystal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for row in self.cells.chunks(self.width) {
            let line: String = row.iter().map(|ore| if *ore { '#' } else { ' ' }).collect();
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::TestServer;

    #[test]
    fn the_crystal_hangs_together() {
        for (width, height) in [(60, 20), (1, 1), (1, 9), (160, 60)] {
            let crystal = Crystal::grow(width, height, &mut Rng::from_seed(3));
            let ore = crystal.cells.iter().filter(|ore| **ore).count();
            assert!(ore > 0 && ore <= 1 + width * height / 8, "{ore} of {width}x{height}");
            assert!(width * height < 100 || ore > 10);
            let mut seen = vec![false; width * height];
            let mut todo = vec![(width / 2, height / 2)];
            while let Some((x, y)) = todo.pop() {
                if std::mem::replace(&mut seen[y * width + x], true) {
                    continue;
                }
                let near = (y.saturating_sub(1)..=(y + 1).min(height - 1)).flat_map(|y| {
                    (x.saturating_sub(1)..=(x + 1).min(width - 1)).map(move |x| (x, y))
                });
                todo.extend(near.filter(|(x, y)| crystal.cells[y * width + x]));
            }
            assert_eq!(seen, crystal.cells, "one piece");
        }
    }

    #[test]
    fn versions_and_their_sizes() {
        let mut t = TestServer::new();
        let plain = "$17\r\nRedis ver. 8.2.3\n\r\n";
        assert_eq!(t.run("LOLWUT VERSION 99 x"), plain);
        assert_eq!(t.run("LOLWUT VERSION -1"), plain);
        let bad = "-ERR value is not an integer or out of range\r\n";
        for line in ["VERSION x", "VERSION 5 x", "VERSION 5 1 2 x", "VERSION 6 1 x"] {
            assert_eq!(t.run(&format!("LOLWUT {line}")), bad, "{line}");
        }
        for line in
            ["", "x", "VERSION", "5 x", "VERSION 8 x", "version 5 0 -9 7", "VERSION 6 1 1 x"]
        {
            let picture = t.run(&format!("LOLWUT {line}"));
            assert!(picture.ends_with("Redis ver. 8.2.3\n\r\n") && picture != plain, "{line}");
        }
        assert!(t.run("LOLWUT VERSION 5 999999999 999999999").len() < 20_000);
        t.run("HELLO 3");
        assert_eq!(t.run("LOLWUT VERSION 0"), "=21\r\ntxt:Redis ver. 8.2.3\n\r\n");
    }
}
