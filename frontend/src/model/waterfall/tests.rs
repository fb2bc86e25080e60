use proptest::prelude::*;

use super::*;
use crate::model::trace::samples::{RETRIED, trace};

fn drawn(model: &TraceModel, folding: &Folding) -> Vec<String> {
    let rows = Rows::of(model, folding);
    let line = |row: &Row| {
        let span = model.span(row.span).unwrap();
        let attempt =
            row.attempt.map_or(String::new(), |attempt| format!(" {}/{}", attempt.number, attempt.of));
        let proxies = row.proxies.map_or(String::new(), |proxies| {
            format!(" {}{}", if proxies.open { '+' } else { '-' }, proxies.count)
        });
        let failed = if row.proxy_failed { " !" } else { "" };
        format!("{}{}{attempt}{proxies}{failed}", " ".repeat(row.depth as usize), span.name)
    };
    rows.all.iter().map(line).collect()
}

#[test]
fn proxies_disappear_into_their_hop_and_tries_stay() {
    let model = trace(RETRIED);
    assert_eq!(
        drawn(&model, &Folding::default()),
        [
            "web server -1",
            " web client",
            "  web client 1/2",
            "   orders server -1",
            "  web client 2/2",
            "   orders server -1",
        ]
    );
}

#[test]
fn the_proxies_of_one_hop_or_of_all_can_be_opened() {
    let model = trace(RETRIED);
    let mut folding = Folding::default();
    folding.toggle_hop(5);
    let rows = drawn(&model, &folding);
    assert_eq!(rows[3..5], ["   orders server +1", "    orders server"]);
    folding.toggle_proxies();
    assert_eq!(drawn(&model, &folding).len(), model.order.len());
    folding.toggle_hop(5);
    assert_eq!(drawn(&model, &folding).len(), model.order.len() - 1);
}

#[test]
fn a_try_that_lands_on_a_folded_proxy_is_the_try_of_what_is_behind_it() {
    let model = trace(
        "
        web CLIENT 0+9
         web CLIENT 0+9 proxy err
          orders SERVER 0+2 proxy hop=3
           orders SERVER 0+1 hop=3
          orders SERVER 3+5 proxy hop=4
           orders SERVER 3+4 hop=4
        ",
    );
    let rows = drawn(&model, &Folding::default());
    assert_eq!(rows, ["web client -1 !", " orders server 1/2 -1", " orders server 2/2 -1"]);
}

#[test]
fn a_closed_span_hides_what_is_below_it_and_says_how_much() {
    let model = trace(RETRIED);
    let mut folding = Folding::default();
    folding.set_open(&model.span(1).unwrap().span_id, false);
    let rows = Rows::of(&model, &folding);
    assert_eq!(rows.all.len(), 2);
    assert_eq!((rows.all[1].below, rows.all[1].errors_below, rows.all[1].open), (7, 2, Some(false)));
    assert_eq!(rows.row_of(8), Some(1), "what is hidden is seen there");
    folding.reveal(&model, 7);
    let rows = Rows::of(&model, &folding);
    assert_eq!(rows.all[rows.row_of(7).unwrap()].span, 7, "a proxy that was hidden twice");
}

#[test]
fn a_row_knows_what_is_folded_into_it_and_where_it_hangs() {
    let model = trace(RETRIED);
    let rows = Rows::of(&model, &Folding::default());
    assert_eq!(rows.folded_into(1), [2]);
    assert_eq!(rows.folded_into(3), [4], "what receives a call belongs to what is behind it");
    assert_eq!(rows.parent_row(4), Some(1));
    assert_eq!(rows.parent_row(0), None);
}

#[test]
fn only_rows_near_the_window_are_drawn() {
    let long: String = (0..10_000).map(|_| "a SERVER 0+1\n").collect();
    let rows = Rows::of(&trace(&long), &Folding::default());
    assert_eq!(rows.all.len(), 10_000);
    let window = rows.window(28_000.0, 600.0, 28.0);
    assert_eq!(window, 994..1029);
    assert_eq!(rows.window(1e9, 600.0, 28.0).len(), 0);
    assert_eq!(rows.window(0.0, 0.0, 28.0).start, 0);
    assert_eq!(Rows::default().window(0.0, 600.0, 28.0), 0..0);
}

/// Trees of any shape: the parent of each span, and whether a proxy made it.
fn shapes() -> impl Strategy<Value = TraceModel> {
    proptest::collection::vec((any::<u32>(), any::<bool>(), 0..4_u32), 1..60).prop_map(|spans| {
        let mut text = trace(&"a SERVER 0+1\n".repeat(spans.len())).trace;
        for (at, (parent, is_proxy, hop)) in spans.into_iter().enumerate() {
            text.spans[at].parent = (at > 0 && parent % 5 > 0).then(|| parent % at.max(1) as u32);
            text.spans[at].is_proxy = is_proxy;
            text.spans[at].hop = hop;
        }
        TraceModel::new(text)
    })
}

proptest! {
    #[test]
    fn every_span_is_seen_somewhere_and_none_twice(model in shapes(), closed in 0..60_u32, open in any::<bool>()) {
        let mut folding = Folding { proxies: open, ..Folding::default() };
        if let Some(span) = model.span(closed) {
            folding.set_open(&span.span_id.clone(), false);
        }
        let rows = Rows::of(&model, &folding);
        let own: BTreeSet<u32> = rows.all.iter().map(|row| row.span).collect();
        prop_assert_eq!(own.len(), rows.all.len());
        for span in &model.order {
            prop_assert!(rows.row_of(*span).is_some());
            folding.reveal(&model, *span);
            let rows = Rows::of(&model, &folding);
            let row = rows.row_of(*span).unwrap();
            prop_assert_eq!(rows.all[row].span, *span);
        }
    }
}
