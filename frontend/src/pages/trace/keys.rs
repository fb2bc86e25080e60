//! The keyboard on the trace page.

use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

use super::context::TraceContext;
use super::waterfall::ROWS;
use crate::components::palette::is_typing;
use crate::state::TraceView;

/// Rows that a page key goes on.
const PAGE_ROWS: usize = 15;

/// Listens as long as the page is open. Letters work wherever the keyboard is not in a field; the keys that move, only
/// where it is on the rows or nowhere.
pub(super) fn listen(trace: TraceContext) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
        if has_modifier || event.default_prevented() || is_typing() || is_in_dialog(&event) {
            return;
        }
        if letter(trace, &event.key()) || (moves() && go(trace, &event.key())) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

fn is_in_dialog(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.and_then(|target| target.closest("[role='dialog']").ok().flatten()).is_some()
}

/// Whether the keyboard is on what draws the spans, or nowhere.
fn moves() -> bool {
    document().active_element().is_none_or(|element| element.id() == ROWS || element.tag_name() == "BODY")
}

fn letter(trace: TraceContext, key: &str) -> bool {
    match key {
        "n" | "N" => trace.hits.with_untracked(|hits| trace.step(hits, key == "N")),
        "e" | "E" => trace.step(&trace.model_now().failed(), key == "E"),
        "P" => trace.folding.update(crate::model::waterfall::Folding::toggle_proxies),
        "p" => toggle_hop(trace),
        "z" => {
            if let Some(span) = trace.cursor.get_untracked() {
                trace.zoom_to(span);
            }
        }
        "Z" | "0" => trace.zoom_out(),
        "Escape" if trace.selected.with_untracked(Option::is_some) => {
            trace.deselect();
            focus_rows();
        }
        _ => return false,
    }
    true
}

fn toggle_hop(trace: TraceContext) {
    let model = trace.model_now();
    if let Some(span) = trace.cursor.get_untracked().and_then(|at| model.span(at)) {
        trace.folding.update(|folding| folding.toggle_hop(span.hop));
    }
}

/// Gives the keyboard to the rows.
pub(super) fn focus_rows() {
    if let Some(rows) =
        document().get_element_by_id(ROWS).and_then(|rows| rows.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = rows.focus();
    }
}

fn go(trace: TraceContext, key: &str) -> bool {
    let next = match trace.page.state.with_untracked(|state| state.trace_view) {
        TraceView::Waterfall => in_rows(trace, key),
        TraceView::Flame => in_tree(trace, key),
        _ => return false,
    };
    if let Some(span) = next {
        trace.cursor.set(Some(span));
        trace.want(span);
        // Open details follow the keyboard.
        if trace.selected.with_untracked(Option::is_some) {
            trace.select(span);
        }
        return true;
    }
    if matches!(key, "Enter" | " ")
        && let Some(span) = trace.cursor.get_untracked()
    {
        trace.select(span);
        return true;
    }
    matches!(key, "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown")
}

/// The row that a key leads to. Left and right also close and open.
fn in_rows(trace: TraceContext, key: &str) -> Option<u32> {
    let (model, rows) = (trace.model_now(), trace.rows.get_untracked());
    let last = rows.all.len().checked_sub(1)?;
    let current = trace.cursor.get_untracked().and_then(|span| rows.row_of(span));
    let at = current.unwrap_or_default();
    let row = rows.all.get(at)?;
    let id = &model.span(row.span)?.span_id;
    let to = match key {
        "ArrowDown" => current.map_or(0, |at| (at + 1).min(last)),
        "ArrowUp" => at.saturating_sub(1),
        "PageDown" => (at + PAGE_ROWS).min(last),
        "PageUp" => at.saturating_sub(PAGE_ROWS),
        "Home" => 0,
        "End" => last,
        "ArrowRight" => match row.open {
            Some(false) => {
                trace.folding.update(|folding| folding.set_open(id, true));
                at
            }
            Some(true) => rows.all.get(at + 1).filter(|next| next.depth > row.depth).map_or(at, |_| at + 1),
            None => at,
        },
        "ArrowLeft" => {
            if row.open == Some(true) {
                trace.folding.update(|folding| folding.set_open(id, false));
                at
            } else {
                rows.parent_row(at).unwrap_or(at)
            }
        }
        _ => return None,
    };
    rows.all.get(to).map(|row| row.span)
}

/// The span that a key leads to in the flame graph: up to the parent, down to a child, sideways to its siblings.
fn in_tree(trace: TraceContext, key: &str) -> Option<u32> {
    let model = trace.model_now();
    let Some(at) = trace.cursor.get_untracked() else {
        return model.roots.first().copied().filter(|_| key.starts_with("Arrow"));
    };
    let siblings = model.parent(at).map_or(&model.roots, |parent| &model.children[parent as usize]);
    let place = siblings.iter().position(|sibling| *sibling == at)?;
    match key {
        "ArrowUp" => model.parent(at),
        "ArrowDown" => model.children[at as usize].first().copied(),
        "ArrowLeft" => place.checked_sub(1).and_then(|before| siblings.get(before)).copied(),
        "ArrowRight" => siblings.get(place + 1).copied(),
        _ => None,
    }
}
