//! The largest buffers that any client had in the last few seconds, as INFO shows them.
//!
//! Clients own their buffers for moments only, so a look at all of them finds next to nothing. What
//! is large is noted when it stays with its client at the end of being served; each second has a
//! slot, and slots grow old.

const SECONDS: u64 = 8;
/// Buffers up to this size are nothing to speak of.
const NOTED: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    input: usize,
    output: usize,
}

/// Peaks of recent seconds.
#[derive(Debug, Default)]
pub struct RecentPeaks {
    slots: [Slot; SECONDS as usize],
}

impl RecentPeaks {
    /// Notes what a client has waiting in each direction, in bytes, if it is much.
    #[inline]
    pub fn note(&mut self, now_us: u64, input: usize, output: usize) {
        if input > NOTED || output > NOTED {
            self.keep(now_us / 1_000_000, input, output);
        }
    }

    #[cold]
    fn keep(&mut self, second: u64, input: usize, output: usize) {
        let slot = &mut self.slots[(second % SECONDS) as usize];
        if slot.second != second {
            *slot = Slot { second, ..Slot::default() };
        }
        slot.input = slot.input.max(input);
        slot.output = slot.output.max(output);
    }

    /// The largest input and output of the last seconds.
    pub fn figures(&self, now_us: u64) -> (usize, usize) {
        let now = now_us / 1_000_000;
        let fresh = self.slots.iter().filter(|slot| slot.second + SECONDS > now);
        fresh.fold((0, 0), |(input, output), slot| (input.max(slot.input), output.max(slot.output)))
    }
}

#[test]
fn peaks_are_remembered_for_a_few_seconds() {
    let mut peaks = RecentPeaks::default();
    peaks.note(100_000_000, 50_000, 0);
    peaks.note(100_500_000, 40_000, 90_000);
    peaks.note(103_000_000, 60_000, NOTED);
    assert_eq!(peaks.figures(103_000_000), (60_000, 90_000));
    assert_eq!(peaks.figures(108_000_000), (60_000, NOTED), "the first second is forgotten");
    assert_eq!(peaks.figures(111_000_000), (0, 0));
    peaks.note(108_000_000, 20_000, 1);
    assert_eq!(peaks.figures(108_000_000), (60_000, NOTED));
    peaks.note(111_000_000, NOTED, NOTED);
    assert_eq!(peaks.figures(111_000_000), (20_000, 1), "small ones are not noted");
}
