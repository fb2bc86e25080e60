//! The map as a file: SVG, PNG or JSON, made in the browser.

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use sidecarta_queries::api::graph::GraphResponse;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlCanvasElement, HtmlImageElement, Url};

use super::canvas::DRAWING;
use super::context::MapContext;
use crate::components::icon::{DOWNLOAD, Icon};
use crate::components::popover::Popover;
use crate::model::stylesheet::resolved;
use crate::preferences::Preferences;
use crate::state::Presentation;

/// A picture has twice the pixels of the map, so that it stays sharp on paper.
const PNG_SCALE: f64 = 2.0;
/// The largest side of a picture that browsers draw, px.
const PNG_LIMIT: f64 = 8192.0;

/// A file format of the menu.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Svg,
    Png,
    Json,
}

/// The button and its menu.
#[component]
pub(super) fn ExportMenu() -> impl IntoView {
    view! {
        <Popover
            label=|| view! { <Icon path=DOWNLOAD /> }.into_any()
            button="btn btn-icon"
            test_id="export"
            about="Export"
            role="menu"
            class="export-menu"
            draw=|_| formats()
        />
    }
    .into_any()
}

fn formats() -> AnyView {
    let map = expect_context::<MapContext>();
    let preferences = expect_context::<Preferences>();
    let is_graph = move || map.page.state.with(|state| state.view == Presentation::Graph);
    let item = move |format: Format, name: &'static str, test_id: &'static str| {
        view! {
            <button
                class="menu-item"
                role="menuitem"
                data-testid=test_id
                data-closes
                disabled=move || format != Format::Json && !is_graph()
                on:click=move |_| {
                    let dark = preferences.is_dark();
                    leptos::task::spawn_local(async move {
                        // A browser that refuses to make the file has said so itself.
                        let _ = export(map, format, dark).await;
                    });
                }
            >
                {name}
            </button>
        }
    };
    view! {
        {item(Format::Svg, "Picture as SVG", "export-svg")}
        {item(Format::Png, "Picture as PNG", "export-png")}
        {item(Format::Json, "Numbers as JSON", "export-json")}
    }
    .into_any()
}

async fn export(map: MapContext, format: Format, dark: bool) -> Result<(), JsValue> {
    match format {
        Format::Json => {
            let graph = map.snapshot.with_untracked(|snapshot| snapshot.to_graph());
            let text = serde_json::to_string_pretty(&GraphResponse { graph })
                .map_err(|error| JsValue::from_str(&error.to_string()))?;
            save("sidecarta.json", &text, "application/json")
        }
        Format::Svg => save("sidecarta.svg", &standalone(map, dark).await?, "image/svg+xml"),
        Format::Png => {
            let picture = standalone(map, dark).await?;
            save_url("sidecarta.png", &rasterised(map, &picture).await?)
        }
    }
}

/// The whole drawing as a document that needs no page around it.
async fn standalone(map: MapContext, dark: bool) -> Result<String, JsValue> {
    let (width, height) = size(map);
    let drawing = document().get_element_by_id(DRAWING).ok_or(JsValue::NULL)?;
    let copy: web_sys::Element = drawing.clone_node_with_deep(true)?.dyn_into()?;
    copy.set_attribute("xmlns", "http://www.w3.org/2000/svg")?;
    copy.set_attribute("viewBox", &format!("0 0 {width:.0} {height:.0}"))?;
    copy.set_attribute("width", &format!("{width:.0}"))?;
    copy.set_attribute("height", &format!("{height:.0}"))?;
    copy.set_attribute("class", "drawing is-exported")?;
    if let Some(content) = copy.query_selector(":scope > g")? {
        content.remove_attribute("transform")?;
    }
    let style = document().create_element_ns(Some("http://www.w3.org/2000/svg"), "style")?;
    style.set_text_content(Some(&style_of_map(dark).await?));
    copy.insert_before(&style, copy.first_child().as_ref())?;
    web_sys::XmlSerializer::new()?.serialize_to_string(&copy)
}

/// The style sheet of the map with every token in its place.
async fn style_of_map(dark: bool) -> Result<String, JsValue> {
    let request = gloo_net::http::Request::get("/map.css");
    let failed = |error: gloo_net::Error| JsValue::from_str(&error.to_string());
    let css = request.send().await.map_err(failed)?.text().await.map_err(failed)?;
    let root = document().document_element().ok_or(JsValue::NULL)?;
    let style = window().get_computed_style(&root)?.ok_or(JsValue::NULL)?;
    Ok(resolved(&css, dark, |name| style.get_property_value(name).ok().filter(|value| !value.is_empty())))
}

/// Draws a document and returns it as the address of a PNG.
async fn rasterised(map: MapContext, picture: &str) -> Result<String, JsValue> {
    let (width, height) = size(map);
    let scale = PNG_SCALE.min(PNG_LIMIT / width.max(height));
    let image = HtmlImageElement::new()?;
    image.set_src(&format!("data:image/svg+xml,{}", js_sys::encode_uri_component(picture)));
    wasm_bindgen_futures::JsFuture::from(image.decode()).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width((width * scale) as u32);
    canvas.set_height((height * scale) as u32);
    let context: web_sys::CanvasRenderingContext2d =
        canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    context.draw_image_with_html_image_element_and_dw_and_dh(
        &image,
        0.0,
        0.0,
        width * scale,
        height * scale,
    )?;
    canvas.to_data_url()
}

fn size(map: MapContext) -> (f64, f64) {
    let (width, height) = map.placement.with_untracked(|placement| placement.size());
    (width.max(1.0), height.max(1.0))
}

fn save(name: &str, text: &str, kind: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    save_url(name, &url)?;
    Url::revoke_object_url(&url)
}

fn save_url(name: &str, url: &str) -> Result<(), JsValue> {
    let link: HtmlAnchorElement = document().create_element("a")?.dyn_into()?;
    link.set_href(url);
    link.set_download(name);
    link.click();
    Ok(())
}
