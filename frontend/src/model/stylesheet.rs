//! A style sheet that stands alone: an exported picture has no page around it that knows the tokens.

/// Puts the value of every `var(--token)` in its place. `lookup` gives a token's value, which may hold
/// `light-dark(…)`: the half of the present theme is taken. An unknown token becomes `currentColor`.
pub(crate) fn resolved(css: &str, dark: bool, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("var(") {
        text.push_str(before);
        let Some((name, after)) = after.split_once(')') else { break };
        let value = lookup(name.trim()).unwrap_or_else(|| "currentColor".to_owned());
        text.push_str(&themed(value.trim(), dark));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// One half of every `light-dark(light, dark)`.
fn themed(value: &str, dark: bool) -> String {
    let Some((before, after)) = value.split_once("light-dark(") else { return value.to_owned() };
    let Some((halves, end)) = closing(after) else { return value.to_owned() };
    let (light, night) = top_level_comma(halves);
    let half = if dark { night } else { light };
    format!("{before}{}{}", half.trim(), themed(end, dark))
}

/// What stands before the parenthesis that closes the one already open, and what stands after it.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some((&text[..index], &text[index + 1..])),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn top_level_comma(text: &str) -> (&str, &str) {
    let mut depth = 0_u32;
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return (&text[..index], &text[index + 1..]),
            _ => {}
        }
    }
    (text, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "--bg" => Some("light-dark(#fff, #000)".to_owned()),
            "--shadow" => Some("0 1px 2px light-dark(rgb(1 2 3 / 6%), rgb(0, 0, 0))".to_owned()),
            "--gap" => Some(" 4px".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn tokens_become_the_values_of_the_theme() {
        let css = ".a { fill: var(--bg); margin: var( --gap ) } .b { box-shadow: var(--shadow) }";
        assert_eq!(
            resolved(css, false, lookup),
            ".a { fill: #fff; margin: 4px } .b { box-shadow: 0 1px 2px rgb(1 2 3 / 6%) }"
        );
        assert_eq!(
            resolved(css, true, lookup),
            ".a { fill: #000; margin: 4px } .b { box-shadow: 0 1px 2px rgb(0, 0, 0) }"
        );
    }

    #[test]
    fn an_unknown_token_does_not_break_the_sheet() {
        assert_eq!(resolved("a{color:var(--none)}", false, lookup), "a{color:currentColor}");
        assert_eq!(resolved("plain", false, lookup), "plain");
    }
}
