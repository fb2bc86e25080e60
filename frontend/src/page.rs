//! The URL as a signal, and the way to change it.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::state::PageState;

type Go = Box<dyn Fn(&str, NavigateOptions)>;

/// The state of the page that is open.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// What the query of the URL says.
    pub(crate) state: Memo<PageState>,
    /// The path of the URL.
    pub(crate) path: Memo<String>,
    go: StoredValue<Go, LocalStorage>,
}

impl Page {
    /// Follows the URL. Call it inside the router.
    pub(crate) fn provide() -> Self {
        let location = use_location();
        let search = location.search;
        let navigate = use_navigate();
        let page = Self {
            state: Memo::new(move |_| search.with(|search| PageState::parse(search))),
            path: location.pathname,
            go: StoredValue::new_local(Box::new(navigate)),
        };
        provide_context(page);
        page
    }

    /// Changes the state as a step that the back button undoes.
    pub(crate) fn change(self, change: impl FnOnce(&mut PageState)) {
        self.write(change, false);
    }

    /// Changes the state without a step of its own: for what changes with every letter typed.
    pub(crate) fn replace(self, change: impl FnOnce(&mut PageState)) {
        self.write(change, true);
    }

    /// Goes to a path with its query.
    pub(crate) fn go(self, to: &str) {
        self.navigate(to, false);
    }

    fn write(self, change: impl FnOnce(&mut PageState), replace: bool) {
        let mut state = self.state.get_untracked();
        change(&mut state);
        if state != self.state.get_untracked() {
            self.navigate(&format!("{}{}", self.path.get_untracked(), state.query()), replace);
        }
    }

    fn navigate(self, to: &str, replace: bool) {
        let options =
            NavigateOptions { resolve: false, replace, scroll: false, ..NavigateOptions::default() };
        self.go.with_value(|go| go(to, options));
    }
}
