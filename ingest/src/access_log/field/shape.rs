//! What values may look like.

/// What a value may look like, by which it is told from its neighbours. Every value may be empty or `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::access_log) enum Shape {
    /// Digits, with a minus sign where a clock went backwards.
    Number,
    /// Letters and commas.
    Flags,
    /// Letters, digits, `-` and `_`.
    Id,
    /// No white space and no quotation mark.
    Word,
    /// No quotation mark.
    List,
    /// Only what the field can read, see [`Field::accepts`](super::Field::accepts).
    Readable,
    /// Anything.
    Text,
}

impl Shape {
    /// How many bytes of the start of `text` a value of this shape can hold at most.
    pub(in crate::access_log) fn reach(self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let while_true =
            |holds: fn(&u8) -> bool| bytes.iter().position(|byte| !holds(byte)).unwrap_or(bytes.len());
        match self {
            Self::Number => {
                let sign = usize::from(bytes.first() == Some(&b'-'));
                sign + bytes[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count()
            }
            Self::Flags if bytes.first() == Some(&b'-') => 1,
            Self::Flags => while_true(|byte| byte.is_ascii_alphabetic() || *byte == b','),
            Self::Id => while_true(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
            Self::Word => while_true(|byte| !byte.is_ascii_whitespace() && *byte != b'"'),
            Self::List => while_true(|byte| *byte != b'"'),
            Self::Readable | Self::Text => bytes.len(),
        }
    }

    /// Whether a value of this shape that is followed at once by one of the shape `next` ends where it must.
    pub(in crate::access_log) fn ends_before(self, next: Self) -> bool {
        matches!((self, next), (Self::Number, Self::Flags) | (Self::Flags, Self::Number))
    }
}
