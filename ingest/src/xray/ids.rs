//! Ids of traces and segments.

/// A trace id as X-Ray writes it, `1-<8 hex>-<24 hex>`, or as W3C does, 32 hex. None where it is neither, or all zero.
pub(super) fn trace_id(text: &str) -> Option<u128> {
    let id = match text.strip_prefix("1-") {
        Some(rest) => {
            let (time, rest) = rest.split_once('-')?;
            if time.len() != 8 || rest.len() != 24 {
                return None;
            }
            u128::from(hex(time)? as u64) << 96 | hex(rest)?
        }
        None if text.len() == 32 => hex(text)?,
        None => return None,
    };
    (id != 0).then_some(id)
}

/// A segment's id: 16 hex. None where it is not, or all zero.
pub(super) fn span_id(text: &str) -> Option<u64> {
    let id = hex(text).filter(|_| text.len() == 16)?;
    (id != 0).then_some(id as u64)
}

fn hex(text: &str) -> Option<u128> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_as_x_ray_and_w3c_write_them() {
        let id = Some(0x6b03_fc99_13c8_b4e2_7afd_487f_b349_ecd3);
        assert_eq!(trace_id("1-6b03fc99-13c8b4e27afd487fb349ecd3"), id);
        assert_eq!(trace_id("1-6B03FC99-13C8B4E27AFD487FB349ECD3"), id);
        assert_eq!(trace_id("6b03fc9913c8b4e27afd487fb349ecd3"), id);
        assert_eq!(span_id("7fecb5636c8ab93b"), Some(0x7fec_b563_6c8a_b93b));
        for bad in [
            "",
            "1-",
            "1-6b03fc99",
            "2-6b03fc99-13c8b4e27afd487fb349ecd3",
            "1-6b03fc9-913c8b4e27afd487fb349ecd3",
            "1-00000000-000000000000000000000000",
            "1-+b03fc99-13c8b4e27afd487fb349ecd3",
            "1-6b03fc99-13c8b4e27afd487fb349ecdg",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
        for bad in ["", "7fecb5636c8ab93", "7fecb5636c8ab93b0", "0000000000000000", "+fecb5636c8ab93b", "ä"]
        {
            assert_eq!(span_id(bad), None, "{bad}");
        }
    }
}
