//! Ids as lower-case hexadecimal text, which every JSON reader takes, while few take numbers of 128 bits.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(super) mod trace_id {
    use super::{Deserializer, Serializer, read};

    pub(crate) fn serialize<S: Serializer>(id: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:032x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        read(deserializer)
    }
}

pub(super) mod span_id {
    use serde::de::Error as _;

    use super::{Deserializer, Serializer, read};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(crate) fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:016x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::try_from(read(deserializer)?).map_err(D::Error::custom)
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    let text = String::deserialize(deserializer)?;
    u128::from_str_radix(&text, 16).map_err(D::Error::custom)
}
