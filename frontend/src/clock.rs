//! Times as the browser knows them. All of it needs a browser: the zone is the viewer's own.

use js_sys::Date;
use wasm_bindgen::JsValue;

use crate::model::comparing::before_relative;
use crate::state::{PageState, Zone};

const MINUTE_MS: f64 = 60_000.0;

/// The browser's clock, milliseconds since 1970.
pub(crate) fn now_ms() -> f64 {
    Date::now()
}

/// Reads an RFC 3339 time, milliseconds since 1970.
pub(crate) fn parse(time: &str) -> Option<f64> {
    Some(Date::parse(time)).filter(|ms| ms.is_finite())
}

/// `2026-11-23 08:15:30` on the chosen clock.
pub(crate) fn written(ms: f64, zone: Zone) -> String {
    iso(ms + offset_minutes(ms, zone) * MINUTE_MS).replace('T', " ").chars().take(19).collect()
}

/// `2026-11-23 08:15` on the chosen clock; a dash where no calendar has the time.
pub(crate) fn date(ms: f64, zone: Zone) -> String {
    // The last time that the browser can write, and the first.
    if ms.abs() > 8.64e15 - 86_400_000.0 {
        return "–".to_owned();
    }
    written(ms, zone).chars().take(16).collect()
}

/// `08:15:30.125` on the chosen clock; the text itself where it is not a time.
pub(crate) fn time_of_day(time: &str, zone: Zone) -> String {
    let moved = parse(time).map(|ms| iso(ms + offset_minutes(ms, zone) * MINUTE_MS));
    moved.map_or_else(|| time.to_owned(), |text| text.chars().skip(11).take(12).collect())
}

/// An RFC 3339 time on the chosen clock, or the text itself where it is not a time.
pub(crate) fn rewritten(time: &str, zone: Zone) -> String {
    parse(time).map_or_else(|| time.to_owned(), |ms| written(ms, zone))
}

/// An RFC 3339 time on the chosen clock with its milliseconds, or the text itself where it is not a time.
pub(crate) fn precise(time: &str, zone: Zone) -> String {
    let precise = |ms: f64| {
        let text = iso(ms + offset_minutes(ms, zone) * MINUTE_MS).replace('T', " ");
        text.trim_end_matches('Z').to_owned()
    };
    parse(time).map_or_else(|| time.to_owned(), precise)
}

/// `2026-11-23T08:15`, as a date field of the browser wants it.
pub(crate) fn field_value(ms: f64, zone: Zone) -> String {
    iso(ms + offset_minutes(ms, zone) * MINUTE_MS).chars().take(16).collect()
}

/// What a date field of the browser holds, as RFC 3339 UTC.
pub(crate) fn from_field(value: &str, zone: Zone) -> Option<String> {
    // Without a zone the browser reads local time.
    let ms = match zone {
        Zone::Utc => parse(&format!("{value}Z")),
        Zone::Local => parse(value),
    }?;
    Some(iso(ms).replace(".000Z", "Z"))
}

/// The range before the one of a page, as long.
pub(crate) fn range_before(state: &PageState) -> Option<(String, String)> {
    if let (true, Some(before)) = (state.is_moving(), before_relative(&state.from)) {
        return Some(before);
    }
    let from = parse(&state.from)?;
    let to = parse(&state.to).unwrap_or_else(now_ms);
    Some((iso(from - (to - from)), iso(from)))
}

/// `UTC`, or the offset of the local clock: `UTC+02:00`.
pub(crate) fn zone_label(zone: Zone) -> String {
    let minutes = offset_minutes(now_ms(), zone) as i64;
    if minutes == 0 {
        return "UTC".to_owned();
    }
    let sign = if minutes < 0 { '−' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// How far a clock is ahead of UTC at a time, ms.
pub(crate) fn offset_ms(ms: f64, zone: Zone) -> f64 {
    offset_minutes(ms, zone) * MINUTE_MS
}

/// Minutes that a clock is ahead of UTC at a time.
fn offset_minutes(ms: f64, zone: Zone) -> f64 {
    match zone {
        Zone::Utc => 0.0,
        Zone::Local => -Date::new(&JsValue::from_f64(ms)).get_timezone_offset(),
    }
}

/// A time as RFC 3339 UTC with milliseconds.
pub(crate) fn iso(ms: f64) -> String {
    String::from(Date::new(&JsValue::from_f64(ms)).to_iso_string())
}
