//! The same as [`super::decode`], for answers that stand as Envoy writes them, letter by letter: without blanks, without
//! escapes, keys in Envoy's order. Whatever differs is left to the careful way.
//!
//! A thousand proxies say a gigabyte every few seconds, most of which is not kept: what happened in the last moments, and
//! quantiles. These are skipped here without a look.

use memchr::{memchr, memchr2};

use sidecarta_queries::rows::envoy::LatencyBin;

use super::decode::{Stats, fine};

/// Reads an answer; nothing where it is not exactly what Envoy writes.
pub(super) fn decode(body: &[u8]) -> Option<Stats> {
    let mut reader = Reader { rest: body };
    let mut stats = Stats::default();
    reader.take(br#"{"stats":["#)?;
    loop {
        if reader.take(br#"{"name":""#).is_some() {
            reader.series(&mut stats)?;
        } else {
            reader.histograms(&mut stats)?;
        }
        if reader.take(b",").is_none() {
            break;
        }
    }
    reader.take(b"]}")?;
    reader.rest.iter().all(|byte| b" \t\r\n".contains(byte)).then_some(stats)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Steps over a text.
    fn take(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Steps over the rest of a text and the quotation mark behind it.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = memchr2(b'"', b'\\', self.rest).filter(|&end| self.rest[end] == b'"')?;
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    /// Steps over what stands in brackets, of which the first has been passed. There is no other pair in them.
    fn skip_list(&mut self) -> Option<()> {
        let end = memchr(b']', self.rest)?;
        self.rest = &self.rest[end + 1..];
        Some(())
    }

    /// Reads a whole number.
    fn number(&mut self) -> Option<u64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_json = digits == 1 || (digits > 1 && self.rest[0] != b'0');
        let (number, rest) = self.rest.split_at_checked(digits).filter(|_| is_json)?;
        self.rest = rest;
        number.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }

    /// Reads a number that may have a fraction.
    fn fraction(&mut self) -> Option<f64> {
        let begin = self.rest;
        let whole = self.number()?;
        if self.take(b".").is_none() {
            return Some(whole as f64);
        }
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[digits..];
        let text = &begin[..begin.len() - self.rest.len()];
        std::str::from_utf8(text).ok().filter(|_| digits > 0)?.parse().ok()
    }

    /// The rest of a counter, gauge or text, behind the beginning of its name.
    fn series(&mut self, stats: &mut Stats) -> Option<()> {
        let name = self.text()?;
        self.take(br#","value":"#)?;
        let value = if self.take(b"\"").is_some() {
            clean(self.text()?)?;
            None
        } else {
            // One that is negative shows up just under 2^64.
            i64::try_from(self.number()?).ok().map(i64::cast_unsigned)
        };
        self.take(b"}")?;
        stats.add_series(clean(name)?, value)
    }

    /// The one element that holds all histograms.
    fn histograms(&mut self, stats: &mut Stats) -> Option<()> {
        self.take(br#"{"histograms":{"supported_percentiles":["#)?;
        self.skip_list()?;
        self.take(br#","details":["#)?;
        if self.take(b"]").is_none() {
            loop {
                self.histogram(stats)?;
                if self.take(b",").is_none() {
                    break;
                }
            }
            self.take(b"]")?;
        }
        self.take(b"}}")
    }

    fn histogram(&mut self, stats: &mut Stats) -> Option<()> {
        self.take(br#"{"name":""#)?;
        let name = self.text()?;
        self.take(br#","totals":["#)?;
        if self.take(b"]").is_none() {
            loop {
                stats.add_bin(self.bin()?);
                if self.take(b",").is_none() {
                    break;
                }
            }
            self.take(b"]")?;
        }
        self.take(br#","intervals":["#)?;
        self.skip_list()?;
        self.take(br#","percentiles":["#)?;
        self.skip_list()?;
        self.take(b"}")?;
        stats.end_histogram(clean(name)?)
    }

    fn bin(&mut self) -> Option<LatencyBin> {
        self.take(br#"{"lower_bound":"#)?;
        let lower_bound = self.fraction()?;
        self.take(br#","width":"#)?;
        self.fraction()?;
        self.take(br#","count":"#)?;
        let count = self.number()?;
        self.take(b"}")?;
        Some(fine(lower_bound, count))
    }
}

/// A text, where it may stand in JSON as it is.
fn clean(text: &[u8]) -> Option<&str> {
    // The smallest of all letters is found without a branch for each of them.
    let is_clean = text.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= 0x20;
    std::str::from_utf8(text).ok().filter(|_| is_clean)
}
