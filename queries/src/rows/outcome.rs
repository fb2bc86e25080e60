//! How a request was answered, as far as a span or a log entry says.

use crate::dictionary::StatId;

/// Envoy's response flags by their numbers, which never change: those of the fields of the access log service, then those
/// that have none there.
const FLAGS: [&str; 31] = [
    "", "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DR", "DO", "UDO",
];

/// Names of the gRPC statuses, by their numbers.
const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A set of Envoy's response flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResponseFlags(u32);

impl ResponseFlags {
    /// The flags that Envoy joins by `,`; what is none is left out.
    pub fn parse(text: &str) -> Self {
        let numbers = text.split(',').filter_map(|name| flag_number(name.trim()));
        Self(numbers.fold(0, |flags, number| flags | 1 << number))
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn numbers(self) -> impl Iterator<Item = i16> {
        (1..FLAGS.len() as i16).filter(move |number| self.0 & (1 << number) != 0)
    }
}

fn flag_number(name: &str) -> Option<usize> {
    (1..FLAGS.len()).find(|&number| FLAGS[number] == name)
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// HTTP status of the answer; zero where none is known.
    pub http_status: u16,
    /// gRPC status of the answer.
    pub grpc_status: Option<u8>,
    /// What Envoy says of it.
    pub flags: ResponseFlags,
}

impl Outcome {
    /// What it counts as, in the numbers of the [dictionary](crate::dictionary).
    pub fn stats(self) -> impl Iterator<Item = StatId> {
        let http = (100..1_000).contains(&self.http_status).then(|| StatId::http_status(self.http_status));
        let grpc = self.grpc_status.map(StatId::grpc_status);
        http.into_iter().chain(grpc).chain(self.flags.numbers().map(StatId::flag))
    }
}

/// The number of a gRPC status that is told as a number or by its name.
pub fn grpc_status(text: &str) -> Option<u8> {
    let by_name = || GRPC_STATUSES.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = text.parse::<usize>().ok().or_else(by_name)?;
    (number < GRPC_STATUSES.len()).then_some(number as u8)
}

/// The name of a gRPC status.
pub fn grpc_status_name(number: u8) -> &'static str {
    GRPC_STATUSES.get(usize::from(number)).unwrap_or(&"UNKNOWN")
}

/// The short name of a response flag by its number; nothing where no flag has it.
pub fn flag_name(number: u8) -> Option<&'static str> {
    FLAGS.get(usize::from(number)).copied().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_counted_by_numbers_that_can_be_read_again() {
        let outcome = Outcome {
            http_status: 503,
            grpc_status: grpc_status("UNAVAILABLE"),
            flags: ResponseFlags::parse("UF, URX,-,Custom"),
        };
        let numbers: Vec<i16> = outcome.stats().map(|stat| stat.0).collect();
        assert_eq!(numbers, [10_503, 13_014, 14_006, 14_016]);
        assert_eq!((flag_name(6), flag_name(0), flag_name(31)), (Some("UF"), None, None));
        assert_eq!(grpc_status_name(14), "UNAVAILABLE");
        assert_eq!((grpc_status("4"), grpc_status("17"), grpc_status("x")), (Some(4), None, None));
        assert!(ResponseFlags::parse("-").is_empty());
        assert_eq!(Outcome::default().stats().count(), 0);
    }
}
