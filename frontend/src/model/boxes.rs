//! Sizes of boxes and labels. They depend on names and versions only, never on numbers that move: a layout made of
//! them holds while the numbers change.

use sidecarta_queries::api::graph::{Node, NodeKind};

use crate::model::snapshot::node_label;

/// Height of a box without its versions, px.
pub(crate) const BOX_HEIGHT: f64 = 82.0;
/// Height of the round box of a client, px.
pub(crate) const CLIENT_HEIGHT: f64 = 48.0;
/// Height of one version's row inside an opened box, px.
pub(crate) const VERSION_ROW: f64 = 26.0;
/// What an opened box has above and below its rows, px.
pub(crate) const VERSION_PADDING: f64 = 12.0;
/// Room that the layout keeps for the label of an edge, px.
pub(crate) const LABEL_SIZE: (f64, f64) = (68.0, 50.0);
/// The longest name that is written out, px.
const NAME_LIMIT: f64 = 180.0;
const MIN_WIDTH: f64 = 162.0;
const OPEN_MIN_WIDTH: f64 = 236.0;
/// What stands beside the name: the tile of the kind and the mark of the health, px.
const BESIDE_NAME: f64 = 80.0;

/// Width and height of a node's box, px.
pub(crate) fn box_size(node: &Node, opened: bool) -> (f64, f64) {
    let name = text_width(&node_label(node), NAME_SIZE).min(NAME_LIMIT);
    if node.kind == NodeKind::Client {
        return ((name + 64.0).max(116.0), CLIENT_HEIGHT);
    }
    let least = if opened { OPEN_MIN_WIDTH } else { MIN_WIDTH };
    let width = (name + BESIDE_NAME).max(least).ceil();
    if !opened {
        return (width, BOX_HEIGHT);
    }
    (width, BOX_HEIGHT + VERSION_PADDING + VERSION_ROW * node.versions.len() as f64)
}

/// The only version of a node, where it is known.
pub(crate) fn only_version(node: &Node) -> Option<&str> {
    match node.versions.as_slice() {
        [only] => Some(only.version.as_str()).filter(|name| !name.is_empty()),
        _ => None,
    }
}

/// Size of the letters of a node's name, px.
pub(crate) const NAME_SIZE: f64 = 14.0;

/// The name as far as it fits into its box.
pub(crate) fn fitted_label(node: &Node) -> String {
    fit(&node_label(node), NAME_SIZE, NAME_LIMIT)
}

/// Shortens a text to a width, px, and says so with an ellipsis.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = text_width("…", size);
    for letter in text.chars() {
        used += letter_width(letter) * size;
        if used > width {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

/// About how wide a text is in the dashboard's font, px. Rather too wide than too narrow.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(letter_width).sum::<f64>() * size
}

/// The width of a letter as a share of the font's size.
fn letter_width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | '!' | '\u{202f}' => 0.29,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '/' | '-' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.92,
        letter if letter.is_ascii_uppercase() => 0.7,
        letter if letter.is_ascii_digit() => 0.64,
        letter if letter.is_ascii() => 0.61,
        _ => 0.9,
    }
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::graph::VersionShare;

    use super::*;
    use crate::model::snapshot::samples::node;

    #[test]
    fn a_box_is_as_large_whatever_its_numbers() {
        assert_eq!(box_size(&node("orders", 1, 0), false), box_size(&node("orders", 9_999_999, 99), false));
    }

    #[test]
    fn an_opened_box_has_a_row_for_every_version() {
        let mut orders = node("orders", 10, 0);
        orders.versions = vec![VersionShare::default(), VersionShare::default()];
        let (_, closed) = box_size(&orders, false);
        let (_, open) = box_size(&orders, true);
        assert!((open - closed - VERSION_PADDING - 2.0 * VERSION_ROW).abs() < f64::EPSILON);
    }

    #[test]
    fn a_long_name_is_cut_and_the_box_stays_bounded() {
        let long = node("a-service-with-a-name-that-nobody-could-want-to-read-to-its-end", 1, 0);
        assert!(fitted_label(&long).ends_with('…'));
        assert!(box_size(&long, false).0 <= NAME_LIMIT + BESIDE_NAME);
        assert_eq!(fitted_label(&node("web", 1, 0)), "web");
    }
}
