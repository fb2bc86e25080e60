//! From bytes to lines. Pure.

/// Longer lines are cut. Envoy takes 60 KiB of headers unless it is told otherwise.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Cuts a growing sequence of bytes into lines.
#[derive(Clone, Debug, Default)]
pub(super) struct LineCutter {
    /// The start of a line whose end has not come yet.
    pending: Vec<u8>,
    /// Whether the rest of a line that was cut is being skipped.
    is_skipping: bool,
}

impl LineCutter {
    /// Starts in the middle of a line that has been cut, or at the start of one.
    pub(super) fn new(is_skipping: bool) -> Self {
        Self { pending: Vec::new(), is_skipping }
    }

    /// Takes further bytes, and gives each line that they end, without its line break. The number of lines that were cut
    /// comes back.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> u64 {
        let mut cut_lines = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if !self.is_skipping {
                let room = MAX_LINE_BYTES - self.pending.len();
                let is_too_long = part.len() > room;
                if end.is_some() && self.pending.is_empty() && !is_too_long {
                    take(part);
                } else {
                    self.pending.extend_from_slice(&part[..part.len().min(room)]);
                    if end.is_some() || is_too_long {
                        take(&self.pending);
                        self.pending.clear();
                    }
                }
                self.is_skipping = is_too_long;
                cut_lines += u64::from(is_too_long);
            }
            if end.is_some() {
                self.is_skipping = false;
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        cut_lines
    }

    /// Gives the last line, which has no end.
    pub(super) fn finish(&mut self, mut take: impl FnMut(&[u8])) {
        if !self.pending.is_empty() {
            take(&self.pending);
            self.pending.clear();
        }
        self.is_skipping = false;
    }

    /// How many bytes have been taken of a line whose end has not come yet.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Whether the rest of a line that was cut is being skipped.
    pub(super) fn is_skipping(&self) -> bool {
        self.is_skipping
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(parts: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        let mut cut_lines = 0;
        for part in parts {
            cut_lines += cutter.push(part, |line| lines.push(line.to_vec()));
        }
        cutter.finish(|line| lines.push(line.to_vec()));
        (lines, cut_lines)
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_once() {
        let long = vec![b'x'; MAX_LINE_BYTES + 5];
        let (lines, cut_lines) = cut(&[b"a\n", &long, &long, b"\nb\n"]);
        let lengths: Vec<usize> = lines.iter().map(Vec::len).collect();
        assert_eq!((lengths, cut_lines), (vec![1, MAX_LINE_BYTES, 1], 1));
        let (lines, cut_lines) = cut(&[&long[..MAX_LINE_BYTES], b"\n"]);
        assert_eq!((lines.len(), cut_lines), (1, 0));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_come(
            text in "[a\n]{0,60}",
            splits in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let mut splits: Vec<usize> = splits.into_iter().map(|at| at.min(text.len())).collect();
            splits.extend([0, text.len()]);
            splits.sort_unstable();
            let parts: Vec<&[u8]> = splits.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let expected: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(cut(&parts), (expected, 0));
        }
    }
}
