//! Protobuf as it lies on the wire, read in place: nothing is copied and nothing is allocated, so that a request cannot
//! take more memory than its own bytes, whatever it holds.

/// The bytes are no protobuf, or not of the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not the protobuf message that they should be")]
pub(crate) struct Malformed;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2: text, bytes or a message.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    pub(crate) fn varint(self) -> Result<u64, Malformed> {
        if let Self::Varint(number) = self { Ok(number) } else { Err(Malformed) }
    }

    pub(crate) fn fixed64(self) -> Result<u64, Malformed> {
        if let Self::Fixed64(number) = self { Ok(number) } else { Err(Malformed) }
    }

    pub(crate) fn double(self) -> Result<f64, Malformed> {
        self.fixed64().map(f64::from_bits)
    }

    /// A `sint32`, whose lowest bit is its sign.
    pub(crate) fn sint32(self) -> Result<i32, Malformed> {
        let number = self.varint()? as u32;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A number of any wire type.
    pub(crate) fn number(self) -> Result<u64, Malformed> {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => Ok(number),
            Self::Fixed32(number) => Ok(number.into()),
            Self::Bytes(_) => Err(Malformed),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed) }
    }

    /// What this field holds of a repeated varint: several numbers in one, as they are mostly sent, or one.
    pub(crate) fn varints(self) -> Result<Packed<'a>, Malformed> {
        match self {
            Self::Varint(number) => Ok(Packed::One(number)),
            Self::Bytes(rest) => Ok(Packed::Varints(Fields { rest })),
            _ => Err(Malformed),
        }
    }

    /// The same of a repeated fixed64 or double.
    pub(crate) fn fixed64s(self) -> Result<Packed<'a>, Malformed> {
        match self {
            Self::Fixed64(number) => Ok(Packed::One(number)),
            Self::Bytes(rest) if rest.len().is_multiple_of(8) => Ok(Packed::Fixed64s(Fields { rest })),
            _ => Err(Malformed),
        }
    }
}

/// Numbers of a repeated field. A field may come in several such parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packed<'a> {
    /// Nothing more.
    End,
    /// One number.
    One(u64),
    /// Varints, one after the other.
    Varints(Fields<'a>),
    /// Numbers of eight bytes, one after the other.
    Fixed64s(Fields<'a>),
}

impl Packed<'_> {
    /// The next number; of a double its bits.
    pub(crate) fn next(&mut self) -> Result<Option<u64>, Malformed> {
        match self {
            Self::Varints(fields) if !fields.rest.is_empty() => fields.read_varint().map(Some),
            Self::Fixed64s(fields) if !fields.rest.is_empty() => {
                Ok(Some(u64::from_le_bytes(fields.read_array()?)))
            }
            Self::One(number) => {
                let number = *number;
                *self = Self::End;
                Ok(Some(number))
            }
            _ => Ok(None),
        }
    }
}

/// The fields of one message, in the order of the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and value. Groups, which nothing here uses, are skipped.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Malformed> {
        let mut open_groups = 0_u32;
        while !self.rest.is_empty() {
            let tag = u32::try_from(self.read_varint()?).map_err(|_| Malformed)?;
            let number = tag >> 3;
            if number == 0 {
                return Err(Malformed);
            }
            let value = match tag & 7 {
                0 => Value::Varint(self.read_varint()?),
                1 => Value::Fixed64(u64::from_le_bytes(self.read_array()?)),
                2 => {
                    let length = usize::try_from(self.read_varint()?).map_err(|_| Malformed)?;
                    Value::Bytes(self.take(length)?)
                }
                3 => {
                    open_groups += 1;
                    continue;
                }
                4 => {
                    open_groups = open_groups.checked_sub(1).ok_or(Malformed)?;
                    continue;
                }
                5 => Value::Fixed32(u32::from_le_bytes(self.read_array()?)),
                _ => return Err(Malformed),
            };
            if open_groups == 0 {
                return Ok(Some((number, value)));
            }
        }
        if open_groups == 0 { Ok(None) } else { Err(Malformed) }
    }

    /// The next message of a stream in which each stands behind its length.
    pub(crate) fn next_delimited(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let length = usize::try_from(self.read_varint()?).map_err(|_| Malformed)?;
        self.take(length).map(Some)
    }

    /// The next number of a packed field.
    pub(crate) fn next_varint(&mut self) -> Result<Option<u64>, Malformed> {
        if self.rest.is_empty() { Ok(None) } else { self.read_varint().map(Some) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn read_array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*array)
    }

    fn read_varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
        let mut fields = Fields::of(message);
        let mut seen = Vec::new();
        while let Some(field) = fields.next()? {
            seen.push(field);
        }
        Ok(seen)
    }

    #[test]
    fn reads_every_wire_type() {
        let message = [0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 1, 2, 3, 4];
        let fields = all(&message).unwrap();
        assert_eq!(
            fields,
            [
                (1, Value::Varint(150)),
                (2, Value::Fixed64(1)),
                (3, Value::Bytes(b"hi")),
                (4, Value::Fixed32(0x0403_0201))
            ]
        );
    }

    fn numbers(mut packed: Packed<'_>) -> Result<Vec<u64>, Malformed> {
        let mut numbers = Vec::new();
        while let Some(number) = packed.next()? {
            numbers.push(number);
        }
        Ok(numbers)
    }

    #[test]
    fn reads_repeated_numbers_packed_or_not() {
        assert_eq!(numbers(Value::Bytes(&[1, 0x96, 0x01]).varints().unwrap()), Ok(vec![1, 150]));
        assert_eq!(numbers(Value::Varint(7).varints().unwrap()), Ok(vec![7]));
        assert_eq!(numbers(Value::Bytes(&[]).varints().unwrap()), Ok(vec![]));
        assert_eq!(numbers(Value::Bytes(&[0x96]).varints().unwrap()), Err(Malformed));
        assert!(Value::Fixed64(1).varints().is_err());
        let two = [1_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat();
        assert_eq!(numbers(Value::Bytes(&two).fixed64s().unwrap()), Ok(vec![1, 2]));
        assert_eq!(numbers(Value::Fixed64(3).fixed64s().unwrap()), Ok(vec![3]));
        assert!(Value::Bytes(&two[..9]).fixed64s().is_err());
        assert!(Value::Varint(1).fixed64s().is_err());
    }

    #[test]
    fn reads_signed_numbers() {
        for (wire, number) in [(0, 0), (1, -1), (2, 1), (0xffff_ffff, i32::MIN), (0xffff_fffe, i32::MAX)] {
            assert_eq!(Value::Varint(wire).sint32(), Ok(number));
        }
    }

    #[test]
    fn reads_messages_behind_their_lengths() {
        let mut stream = Fields::of(&[2, b'h', b'i', 0, 3, b'n']);
        assert_eq!(stream.next_delimited(), Ok(Some(&b"hi"[..])));
        assert_eq!(stream.next_delimited(), Ok(Some(&b""[..])));
        assert_eq!(stream.next_delimited(), Err(Malformed));
        assert_eq!(Fields::of(&[]).next_delimited(), Ok(None));
    }

    #[test]
    fn skips_groups_and_what_is_in_them() {
        let message = [0x0b, 0x10, 7, 0x13, 0x14, 0x0c, 0x18, 5];
        assert_eq!(all(&message).unwrap(), [(3, Value::Varint(5))]);
    }

    #[test]
    fn refuses_what_cannot_be_protobuf() {
        let never_ending_varint = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let longer_than_it_is = [0x0a, 5, 1];
        let field_zero = [0x00, 1];
        let unknown_wire_type = [0x0e];
        let group_never_opened = [0x0c];
        let group_never_closed = [0x0b, 0x10, 7];
        for bad in [
            &never_ending_varint[..],
            &longer_than_it_is,
            &field_zero,
            &unknown_wire_type,
            &group_never_opened,
            &group_never_closed,
        ] {
            assert_eq!(all(bad), Err(Malformed), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn ends_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(&bytes);
        }
    }
}
