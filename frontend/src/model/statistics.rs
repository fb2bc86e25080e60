//! Statistics of an Envoy as a person reads them: what each means, its value in its own unit, the bad ones first.

use sidecarta_queries::api::proxies::Statistic;

/// A value in the unit that its meaning names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Events, or things that there are.
    Count(i64),
    /// A size.
    Bytes(u64),
    /// A time that has passed.
    Seconds(u64),
    /// Whether something holds; added up over clusters, for how many of them.
    Holds(i64),
    /// A time, seconds since 1970.
    Date(i64),
}

/// A statistic in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What it means, without the part that says how the number is to be read.
    pub(crate) meaning: String,
    /// The number, read so.
    pub(crate) value: Value,
}

/// Reads a statistic by what its meaning says of the number.
pub(crate) fn reading(statistic: &Statistic) -> Reading {
    let (meaning, value) = (statistic.meaning.as_str(), statistic.value);
    if !statistic.is_gauge {
        let value = match u64::try_from(value) {
            Ok(size) if meaning.starts_with("Bytes ") => Value::Bytes(size),
            _ => Value::Count(value),
        };
        return Reading { meaning: meaning.to_owned(), value };
    }
    if let Some(holds) = meaning.strip_prefix("1 while ") {
        let holds = holds.split_once(", 0 while ").map_or(holds, |(holds, _)| holds);
        return Reading { meaning: capitalised(holds), value: Value::Holds(value) };
    }
    if let Some(when) = meaning.strip_suffix(", seconds since 1970") {
        return Reading { meaning: when.to_owned(), value: Value::Date(value) };
    }
    let value = match u64::try_from(value) {
        Ok(size) if meaning.starts_with("Bytes ") => Value::Bytes(size),
        Ok(seconds) if meaning.starts_with("Seconds ") => Value::Seconds(seconds),
        _ => Value::Count(value),
    };
    Reading { meaning: meaning.to_owned(), value }
}

/// The headings, those with something bad under them first, else in the order of the answer.
pub(crate) fn topics(statistics: &[Statistic]) -> Vec<String> {
    let mut topics: Vec<(&str, bool)> = Vec::new();
    for statistic in statistics {
        match topics.iter_mut().find(|(topic, _)| *topic == statistic.topic) {
            Some((_, bad)) => *bad |= statistic.is_bad,
            None => topics.push((&statistic.topic, statistic.is_bad)),
        }
    }
    topics.sort_by_key(|(_, bad)| !bad);
    topics.into_iter().map(|(topic, _)| topic.to_owned()).collect()
}

/// The names of a topic's statistics, the bad ones first.
pub(crate) fn of_topic(statistics: &[Statistic], topic: &str) -> Vec<String> {
    let mut names: Vec<&Statistic> = statistics.iter().filter(|one| one.topic == topic).collect();
    names.sort_by_key(|one| !one.is_bad);
    names.into_iter().map(|one| one.name.clone()).collect()
}

/// How many are something to look at.
pub(crate) fn bad_count(statistics: &[Statistic]) -> u64 {
    statistics.iter().filter(|one| one.is_bad).count() as u64
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A statistic of the topic that its name begins with.
    pub(crate) fn statistic(name: &str, is_bad: bool) -> Statistic {
        let topic = name.split('.').next().unwrap_or_default().to_owned();
        Statistic { name: name.to_owned(), topic, is_bad, value: 1, ..Statistic::default() }
    }

    fn read(meaning: &str, is_gauge: bool, value: i64) -> (String, Value) {
        let statistic = Statistic { meaning: meaning.to_owned(), is_gauge, value, ..Statistic::default() };
        let reading = reading(&statistic);
        (reading.meaning, reading.value)
    }

    #[test]
    fn the_meaning_says_how_the_number_is_read() {
        let cases = [
            ("Retries sent", false, 7, "Retries sent", Value::Count(7)),
            ("Bytes received from the cluster", false, 7, "Bytes received from the cluster", Value::Bytes(7)),
            ("Bytes of memory in use", true, 9, "Bytes of memory in use", Value::Bytes(9)),
            ("Seconds since the start", true, 60, "Seconds since the start", Value::Seconds(60)),
            ("1 while the breaker is open", true, 1, "The breaker is open", Value::Holds(1)),
            ("1 while it takes traffic, 0 while it drains", true, 0, "It takes traffic", Value::Holds(0)),
            (
                "When it expires, seconds since 1970",
                true,
                1_800_000_000,
                "When it expires",
                Value::Date(1_800_000_000),
            ),
            ("Bytes of memory in use", true, -1, "Bytes of memory in use", Value::Count(-1)),
            // What happened is counted whatever the words.
            ("1 while it rained", false, 3, "1 while it rained", Value::Count(3)),
            ("", true, 3, "", Value::Count(3)),
            ("1 while ", true, 1, "", Value::Holds(1)),
        ];
        for (meaning, is_gauge, value, words, wanted) in cases {
            assert_eq!(read(meaning, is_gauge, value), (words.to_owned(), wanted), "{meaning}");
        }
    }

    #[test]
    fn bad_ones_come_first_and_the_others_keep_their_order() {
        let all = [
            statistic("a.1", false),
            statistic("a.2", false),
            statistic("b.1", false),
            statistic("b.2", true),
            statistic("b.3", false),
            statistic("c.1", false),
        ];
        assert_eq!(topics(&all), ["b", "a", "c"]);
        assert_eq!(of_topic(&all, "b"), ["b.2", "b.1", "b.3"]);
        assert_eq!(bad_count(&all), 1);
        assert!(topics(&[]).is_empty());
    }
}
