//! What stands behind the numbers of the selected node or edge. The live graph comes without it, so it is asked for with
//! each new graph, for the selected part alone.

use std::sync::Arc;

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Edge, GraphResponse, Node};

use super::super::context::MapContext;
use crate::model::snapshot::Snapshot;
use crate::remote::get;

/// The selected part of the graph, with its evidence.
#[derive(Clone, Copy)]
pub(super) struct Details {
    map: MapContext,
    part: RwSignal<Option<Arc<Snapshot>>>,
}

impl Details {
    /// Asks for what is selected, now and whenever the graph has changed.
    pub(super) fn provide(map: MapContext) -> Self {
        let part = RwSignal::new(None);
        let path = Memo::new(move |_| {
            let selected = map.page.state.with(|state| state.select.clone())?;
            let source =
                map.snapshot.with(|snapshot| snapshot.edges.get(&selected).map(|edge| edge.source.clone()));
            let focus = source.unwrap_or(selected);
            Some(map.page.state.with(|state| format!("/graph?{}", state.detail_parameters(&focus))))
        });
        let asked = StoredValue::new(None::<String>);
        Effect::new(move || {
            map.snapshot.track();
            let Some(path) = path.get() else { return };
            // One question at a time: the next graph comes soon.
            if asked.with_value(|asked| asked.as_ref() == Some(&path)) {
                return;
            }
            asked.set_value(Some(path.clone()));
            leptos::task::spawn_local(async move {
                let answer = get::<GraphResponse>(&path).await;
                // Another selection, or a panel that was closed, wants no old answer.
                if asked.try_get_value().flatten().as_ref() != Some(&path) {
                    return;
                }
                asked.set_value(None);
                if let Ok(GraphResponse { graph }) = answer {
                    part.set(Some(Arc::new(Snapshot::from(graph))));
                }
            });
        });
        let details = Self { map, part };
        provide_context(details);
        details
    }

    /// A node with its evidence, or what the map knows of it until that has come.
    pub(super) fn node(self, id: String) -> Memo<Arc<Node>> {
        let of_map = self.map.node(id.clone());
        Memo::new(move |_| self.find(|part| part.nodes.get(&id).cloned()).unwrap_or_else(|| of_map.get()))
    }

    /// An edge with its evidence, or what the map knows of it until that has come.
    pub(super) fn edge(self, id: String) -> Memo<Arc<Edge>> {
        let of_map = self.map.edge(id.clone());
        Memo::new(move |_| self.find(|part| part.edges.get(&id).cloned()).unwrap_or_else(|| of_map.get()))
    }

    /// Whether nothing has come yet.
    pub(super) fn is_awaited(self) -> bool {
        self.part.with(Option::is_none)
    }

    fn find<T>(self, find: impl FnOnce(&Snapshot) -> Option<T>) -> Option<T> {
        self.part.with(|part| part.as_ref().and_then(|part| find(part)))
    }
}
