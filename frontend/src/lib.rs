//! The dashboard: Leptos, rendered in the browser, fed by the HTTP API.
//!
//! Three rooms: [`model`], [`layout`] and [`chart`] work out what is drawn and are pure; [`live`], [`remote`] and [`page`] bring
//! data and the URL in as signals; [`pages`] and [`components`] draw.
#![cfg_attr(
    test,
    expect(clippy::float_cmp, reason = "what tests expect of places on axes are exact numbers")
)]
#![expect(unreachable_pub, reason = "the component macro makes the properties of every component public")]

mod app;
mod chart;
mod clock;
mod components;
mod format;
pub mod layout;
mod live;
mod model;
mod page;
mod pages;
mod preferences;
mod remote;
mod state;
mod timeline;

use wasm_bindgen::prelude::wasm_bindgen;

/// Puts the dashboard into the page's body. Called by the browser once the module is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    app::mount();
}
