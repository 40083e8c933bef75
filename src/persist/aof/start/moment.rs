//! Moments as people write them: `--restore-to`.
//!
//! ```text
//!   1700000000                        Unix seconds
//!   2026-11-26T01:40:53Z              ISO 8601 with an offset from UTC
//!   2026-11-26T01:40:53, ...53.5      local time; a blank may stand for the T
//! ```

use chrono::{DateTime, Local, NaiveDateTime, TimeZone};

/// The Unix second meant. Parts of a second are dropped: a second is loaded as a whole.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds > 0).then_some(seconds);
    }
    let iso = text.replacen(' ', "T", 1);
    if let Ok(moment) = DateTime::parse_from_rfc3339(&iso) {
        return Some(moment.timestamp());
    }
    let local = NaiveDateTime::parse_from_str(&iso, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(&iso, "%Y-%m-%dT%H:%M"))
        .ok()?;
    // Where the hour came twice, the first one is meant: later history stays out.
    Local.from_local_datetime(&local).earliest().map(|moment| moment.timestamp())
}

#[test]
fn moments_are_read_in_every_form() {
    assert_eq!(parse("1700000000"), Some(1_700_000_000));
    assert_eq!(parse("2023-11-14T22:13:20Z"), Some(1_700_000_000));
    assert_eq!(parse("2023-11-14 23:13:20.9+01:00"), Some(1_700_000_000));
    let local = Local.timestamp_opt(1_700_000_000, 0).single().expect("once");
    let text = local.format("%Y-%m-%dT%H:%M:%S").to_string();
    assert_eq!(parse(&text), Some(1_700_000_000));
    assert_eq!(parse(&text[..16]), Some(1_700_000_000 - 20));
    for wrong in ["", "yesterday", "-5", "2023-11-14", "2023-13-14T22:13:20Z"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
