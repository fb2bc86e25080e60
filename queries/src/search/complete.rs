//! What may be written next.

use crate::api::traces::{Completion, CompletionItem};

use super::ast::{key_text, value_text};
use super::field::{FIELDS, Field, NumberField, field};
use super::parser::{MAX_BYTES, Parser, Role, parse};
use super::vocabulary::{KeyValues, Vocabulary};

/// Offers that are made at most.
const MAX_ITEMS: usize = 50;

/// What may stand in a query where the cursor is, which is counted in characters.
pub fn complete(query: &str, cursor: usize, vocabulary: &Vocabulary) -> Completion {
    let letters: Vec<char> = query.chars().collect();
    let cursor = cursor.min(letters.len());
    let problem = parse(query).err();
    if query.len() > MAX_BYTES {
        return Completion { from: cursor as u32, to: cursor as u32, items: Vec::new(), problem };
    }
    let before: String = letters[..cursor].iter().collect();
    let mut parser = Parser::new(&before);
    // What is before the cursor is seldom a whole query; how far it was understood is what counts.
    drop(parser.query());
    let (from, role) = (parser.last.0.min(cursor), parser.last.1.clone());
    let typed: String = letters[from..cursor].iter().collect();
    let to = cursor + rest_of_word(&typed, &letters[cursor..]);
    let (from, items) = match role {
        Role::Key => match word_before_space(&typed) {
            Some(word) => (cursor, signs(word)),
            None => (from, keys(&typed, vocabulary)),
        },
        Role::Value { key, is_attribute } => (from, values(&key, is_attribute, &typed, vocabulary)),
        Role::Service => (from, offered_values(vocabulary.fields.get("service"), "service", &typed)),
    };
    let to = to.max(from);
    Completion { from: from as u32, to: to as u32, items, problem }
}

/// How many letters behind the cursor belong to the word in which it stands.
fn rest_of_word(typed: &str, behind: &[char]) -> usize {
    if typed.starts_with('"') {
        return behind.iter().position(|&letter| letter == '"').map_or(behind.len(), |end| end + 1);
    }
    let ends = |letter: &char| letter.is_whitespace() || "\"(),=!~<>".contains(*letter);
    behind.iter().position(ends).unwrap_or(behind.len())
}

/// A field that needs a sign, with nothing but white space behind it.
fn word_before_space(typed: &str) -> Option<&str> {
    let word = typed.trim_end();
    let needs_sign = matches!(field(word), Some(found) if !matches!(found, Field::Flag(_)));
    (word.len() < typed.len() && needs_sign).then_some(word)
}

/// The signs that may stand behind a field.
fn signs(word: &str) -> Vec<CompletionItem> {
    let signs: &[(&str, &str)] = match field(word) {
        Some(Field::Number(_)) => &[
            (">", "more than"),
            (">=", "at least"),
            ("<", "less than"),
            ("<=", "at most"),
            ("=", "equal"),
            ("!=", "not equal"),
        ],
        Some(Field::Text(text)) if text.choices().is_none() => {
            &[("=", "is"), ("!=", "is not"), ("~", "contains"), ("!~", "does not contain")]
        }
        _ => &[("=", "is"), ("!=", "is not")],
    };
    signs.iter().map(|&(sign, about)| item(sign, about)).collect()
}

fn keys(typed: &str, vocabulary: &Vocabulary) -> Vec<CompletionItem> {
    let wanted = typed.trim_start_matches('"').to_lowercase();
    let fields = FIELDS.iter().map(|&(word, field, about)| {
        let text = if matches!(field, Field::Flag(_)) {
            word.to_owned()
        } else {
            format!("{word}{}", first_sign(field))
        };
        (word.to_owned(), text, about.to_owned())
    });
    let grammar = [
        ("any(", "some span of the same trace is like this"),
        ("edge(", "a call from one service to another"),
        ("not", "not what follows"),
        ("or", "this or what follows"),
    ];
    let grammar =
        grammar.into_iter().map(|(word, about)| (word.to_owned(), word.to_owned(), about.to_owned()));
    let attributes = vocabulary.attributes.iter().map(|(key, values)| {
        let about = match values.count {
            0 => "attribute, many values".to_owned(),
            1 => "attribute, 1 value".to_owned(),
            count => format!("attribute, {count} values"),
        };
        (key.clone(), format!("{}=", key_text(key)), about)
    });
    let all = fields.chain(grammar).chain(attributes);
    ranked(all.filter(|(word, ..)| word.to_lowercase().contains(&wanted)), &wanted)
}

fn first_sign(field: Field) -> &'static str {
    if matches!(field, Field::Number(_)) { ">" } else { "=" }
}

fn values(key: &str, is_attribute: bool, typed: &str, vocabulary: &Vocabulary) -> Vec<CompletionItem> {
    if is_attribute {
        return offered_values(vocabulary.attributes.get(key), key, typed);
    }
    let choices = match field(key) {
        Some(Field::Text(text)) => text.choices(),
        Some(Field::Flag(_)) => Some(&["true", "false"][..]),
        Some(Field::Number(NumberField::Duration)) => Some(&["100ms", "250ms", "500ms", "1s", "5s"][..]),
        _ => None,
    };
    match choices {
        Some(choices) => {
            let values = choices.iter().map(|&choice| choice.to_owned()).collect();
            offered_values(Some(&KeyValues { values, count: choices.len() as u64 }), key, typed)
        }
        None => offered_values(vocabulary.fields.get(key), key, typed),
    }
}

fn offered_values(values: Option<&KeyValues>, about: &str, typed: &str) -> Vec<CompletionItem> {
    let wanted = typed.trim_start_matches('"').trim_end_matches('"').to_lowercase();
    let values = values.iter().flat_map(|values| &values.values);
    let fitting = values.filter(|value| value.to_lowercase().contains(&wanted));
    ranked(fitting.map(|value| (value.clone(), value_text(value), about.to_owned())), &wanted)
}

/// Offers, those first that begin with what is wanted.
fn ranked(offers: impl Iterator<Item = (String, String, String)>, wanted: &str) -> Vec<CompletionItem> {
    let mut offers: Vec<_> = offers.collect();
    offers.sort_by_key(|(word, ..)| !word.to_lowercase().starts_with(wanted));
    offers.truncate(MAX_ITEMS);
    offers.into_iter().map(|(_, text, about)| CompletionItem { text, about }).collect()
}

fn item(text: &str, about: &str) -> CompletionItem {
    CompletionItem { text: text.to_owned(), about: about.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let values = |values: &[&str]| KeyValues {
            values: values.iter().map(|&value| value.to_owned()).collect(),
            count: values.len() as u64,
        };
        Vocabulary {
            fields: [("service".to_owned(), values(&["orders", "reorders", "pay ments"]))].into(),
            attributes: [
                ("user.tier".to_owned(), values(&["gold", "free"])),
                ("error".to_owned(), values(&[])),
            ]
            .into(),
        }
    }

    /// Completes at `|`; the place that is replaced, and the texts that are offered.
    fn at(query: &str) -> (String, Vec<String>) {
        let cursor = query.chars().position(|letter| letter == '|').unwrap();
        let query = query.replace('|', "");
        let Completion { from, to, items, .. } = complete(&query, cursor, &vocabulary());
        let replaced = query.chars().skip(from as usize).take((to - from) as usize).collect();
        (replaced, items.into_iter().map(|item| item.text).collect())
    }

    #[test]
    fn what_fits_is_offered() {
        for (query, replaced, first) in [
            ("|", "", "service="),
            ("ser|", "ser", "service="),
            ("se|rv error", "serv", "service="),
            ("error us|", "us", "user.tier="),
            ("service=|", "", "orders"),
            ("service=ord|", "ord", "orders"),
            ("service=re|", "re", "reorders"),
            ("service=\"pay m|ents\"", "\"pay ments\"", "\"pay ments\""),
            ("service!=pay|", "pay", "\"pay ments\""),
            ("user.tier=g|", "g", "gold"),
            ("kind=se|", "se", "server"),
            ("duration |", "", ">"),
            ("duration>2|", "2", "250ms"),
            ("(error or dur|", "dur", "duration>"),
            ("any(serv|", "serv", "service="),
            ("edge(or|", "or", "orders"),
            ("edge(orders, re|)", "re", "reorders"),
            ("not ro|", "ro", "route="),
            ("error=t|", "t", "true"),
            ("service=orders |", "", "service="),
            ("\"err|", "\"err", "error"),
        ] {
            let (place, offers) = at(query);
            assert_eq!(
                (place.as_str(), offers.first().map(String::as_str)),
                (replaced, Some(first)),
                "{query}: {offers:?}"
            );
        }
        assert!(at("err|").1.contains(&"\"error\"=".to_owned()), "an attribute called as a field");
        assert_eq!(at("service=nothing|").1, Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_typed_is_completed_within_itself(query: String, cursor in 0_usize..50) {
            let completion = complete(&query, cursor, &vocabulary());
            proptest::prop_assert!(completion.from <= completion.to);
            proptest::prop_assert!(completion.to as usize <= query.chars().count());
            proptest::prop_assert_eq!(completion.problem.is_some(), parse(&query).is_err());
        }
    }
}
