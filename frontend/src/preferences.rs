//! What a viewer has chosen for this browser: theme, clock and motion.

use leptos::prelude::*;
use web_sys::Storage;

use crate::page::Page;
use crate::state::Zone;

const THEME_KEY: &str = "sidecarta.theme";
const ZONE_KEY: &str = "sidecarta.zone";
const MOTION_KEY: &str = "sidecarta.motion";

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system says.
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The theme after this one on the toggle.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// The word for it, also the value of `data-theme`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The choices as signals. Each is kept in the browser's storage.
#[derive(Clone, Copy)]
pub(crate) struct Preferences {
    /// Light or dark.
    pub(crate) theme: RwSignal<Theme>,
    /// Whether dots move along the edges.
    pub(crate) motion: RwSignal<bool>,
    /// The clock, as the URL or else the storage says.
    pub(crate) zone: Memo<Zone>,
    stored_zone: RwSignal<Zone>,
}

impl Preferences {
    /// Reads the stored choices and makes the page follow them.
    pub(crate) fn provide(page: Page) -> Self {
        let theme = RwSignal::new(match stored(THEME_KEY).as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        });
        let motion = RwSignal::new(match stored(MOTION_KEY).as_deref() {
            Some(choice) => choice == "on",
            None => !prefers("(prefers-reduced-motion: reduce)"),
        });
        let stored_zone =
            RwSignal::new(if stored(ZONE_KEY).as_deref() == Some("utc") { Zone::Utc } else { Zone::Local });
        let zone = Memo::new(move |_| page.state.with(|state| state.tz).unwrap_or_else(|| stored_zone.get()));
        Effect::new(move || {
            let theme = theme.get();
            if let Some(root) = document().document_element() {
                let _ = root.set_attribute("data-theme", theme.word());
            }
            store(THEME_KEY, theme.word());
        });
        Effect::new(move || store(MOTION_KEY, if motion.get() { "on" } else { "off" }));
        let preferences = Self { theme, motion, zone, stored_zone };
        provide_context(preferences);
        preferences
    }

    /// Chooses the clock, here and in the URL, so that a link shows the same times.
    pub(crate) fn choose_zone(self, zone: Zone, page: Page) {
        self.stored_zone.set(zone);
        store(ZONE_KEY, if zone == Zone::Utc { "utc" } else { "local" });
        page.replace(|state| state.tz = Some(zone));
    }

    /// Whether the page is dark now.
    pub(crate) fn is_dark(self) -> bool {
        match self.theme.get_untracked() {
            Theme::Light => false,
            Theme::Dark => true,
            Theme::System => prefers("(prefers-color-scheme: dark)"),
        }
    }
}

fn prefers(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Storage may be switched off in the browser: the choices then last as long as the page.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok().flatten()
}

fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}
