//! How severe a line says that it is.

use serde_json::Value;

/// Names of severities, and OTLP's numbers for them.
const NAMES: [(&str, i32); 13] = [
    ("TRACE", 1),
    ("DEBUG", 5),
    ("INFO", 9),
    ("INFORMATION", 9),
    ("NOTICE", 10),
    ("WARN", 13),
    ("WARNING", 13),
    ("ERROR", 17),
    ("ERR", 17),
    ("SEVERE", 17),
    ("CRITICAL", 18),
    ("ALERT", 19),
    ("FATAL", 21),
];

/// Words of a line among which its severity is looked for.
const WORDS: usize = 6;

/// Number and text of a severity in JSON: a name, or a number as pino and bunyan have them, 10 for traces to 60.
pub(super) fn severity_of(value: &Value) -> Option<(i32, String)> {
    match value {
        Value::String(name) => {
            let number = number_of(&name.to_ascii_uppercase());
            Some((number.unwrap_or_default(), name.clone()))
        }
        Value::Number(number) => {
            let severity = match number.as_u64()? {
                10 => 1,
                20 => 5,
                30 => 9,
                40 => 13,
                50 => 17,
                60 => 21,
                _ => return None,
            };
            Some((severity, number.to_string()))
        }
        _ => None,
    }
}

/// The severity among the first words of a line of text, in capital letters or behind `level=`.
pub(super) fn named_in(line: &str) -> Option<(i32, &str)> {
    let is_mark = |character: char| !character.is_ascii_alphanumeric() && character != '=';
    let words = line.split(|character: char| character.is_whitespace() || character == '|');
    words.map(|word| word.trim_matches(is_mark)).filter(|word| !word.is_empty()).take(WORDS).find_map(
        |word| {
            let named = word.strip_prefix("level=").or_else(|| word.strip_prefix("severity="));
            match named {
                Some(name) => {
                    number_of(&name.trim_matches(is_mark).to_ascii_uppercase()).map(|number| (number, name))
                }
                None => number_of(word).map(|number| (number, word)),
            }
        },
    )
}

fn number_of(upper: &str) -> Option<i32> {
    NAMES.iter().find(|(name, _)| *name == upper).map(|&(_, number)| number)
}
