//! Which traces a portion of the spans may hold: a Bloom filter split into blocks of one half of a cache line each.

use xxhash_rust::xxh3::xxh3_64;

/// Bits for each trace: one in about a thousand that are not there is taken for being there.
const BITS_A_TRACE: usize = 16;
/// Words of a block, in each of which a trace has one bit.
const WORDS: usize = 8;
/// Odd numbers, one for each word of a block, that make its bit of the hash. They are those of Parquet's filters.
const SALTS: [u32; WORDS] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Says of a trace that it is surely not there, or that it probably is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TraceFilter {
    /// Where there are none, nothing is known, and every trace may be there.
    blocks: Vec<[u32; WORDS]>,
}

impl TraceFilter {
    /// The filter of traces with these hashes.
    pub(super) fn of(hashes: &[u64]) -> Self {
        let blocks = (hashes.len() * BITS_A_TRACE).div_ceil(32 * WORDS).max(1);
        let mut filter = Self { blocks: vec![[0; WORDS]; blocks] };
        for &hash in hashes {
            let block = filter.block(hash);
            for (word, bit) in filter.blocks[block].iter_mut().zip(bits(hash)) {
                *word |= bit;
            }
        }
        filter
    }

    /// By which a trace is asked for.
    pub(super) fn hash(trace_id: u128) -> u64 {
        xxh3_64(&trace_id.to_le_bytes())
    }

    /// Whether a trace with this hash may be there.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        if self.blocks.is_empty() {
            return true;
        }
        let block = &self.blocks[self.block(hash)];
        block.iter().zip(bits(hash)).all(|(word, bit)| word & bit != 0)
    }

    /// The number of the block that a hash has its bits in.
    fn block(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }

    /// The form in which it is stored.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The filter that was stored so. Of bytes that are none, one that lets every trace pass.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks::<{ 4 * WORDS }>();
        if !rest.is_empty() {
            return Self::default();
        }
        let block = |bytes: &[u8; 4 * WORDS]| {
            std::array::from_fn(|word| {
                let mut four = [0; 4];
                four.copy_from_slice(&bytes[4 * word..4 * word + 4]);
                u32::from_le_bytes(four)
            })
        };
        Self { blocks: blocks.iter().map(block).collect() }
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> usize {
        self.blocks.len() * 4 * WORDS
    }
}

/// The bit of each word of the block, of the lower half of the hash; the upper half chooses the block.
fn bits(hash: u64) -> [u32; WORDS] {
    SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_never_missed(ids in prop::collection::vec(any::<u128>(), 0..300)) {
            let hashes: Vec<u64> = ids.iter().map(|&id| TraceFilter::hash(id)).collect();
            let filter = TraceFilter::of(&hashes);
            let stored = TraceFilter::from_bytes(&filter.to_bytes());
            prop_assert_eq!(&stored, &filter);
            prop_assert!(hashes.iter().all(|&hash| stored.may_hold(hash)));
        }

        #[test]
        fn bytes_that_are_no_filter_miss_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), id: u128) {
            let filter = TraceFilter::from_bytes(&bytes);
            if !bytes.len().is_multiple_of(32) || bytes.is_empty() {
                prop_assert!(filter.may_hold(TraceFilter::hash(id)));
            }
        }
    }

    #[test]
    fn hardly_anything_else_is_taken_for_being_there() {
        let hashes: Vec<u64> = (0..20_000_u128).map(TraceFilter::hash).collect();
        let filter = TraceFilter::of(&hashes);
        assert_eq!(filter.len(), 40_000);
        let mistaken = (20_000..220_000_u128).filter(|&id| filter.may_hold(TraceFilter::hash(id))).count();
        assert!(mistaken < 600, "{mistaken} of 200,000 mistaken");
    }
}
