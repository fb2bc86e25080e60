//! Who made the records of one resource.

use std::borrow::Cow;

use sidecarta_queries::rows;

use crate::otlp::attributes::Attributes;
use crate::otlp::value::text_within;

/// The identity that a resource states, each part empty where it says nothing.
#[derive(Clone, Debug)]
pub(super) struct Origin<'a> {
    pub(super) service: Cow<'a, str>,
    pub(super) namespace: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    pub(super) instance: Cow<'a, str>,
    pub(super) environment: Cow<'a, str>,
    /// Whether an Envoy made them.
    pub(super) is_envoy: bool,
}

impl<'a> Origin<'a> {
    pub(super) fn of(resource: &Attributes<'a>, max_name_bytes: usize) -> Self {
        let text =
            |key: &str| resource.get(key).map_or(Cow::Borrowed(""), |text| short(text, max_name_bytes));
        let mut service = text("service.name");
        if service.is_empty() {
            service = Cow::Borrowed("unknown_service");
        }
        let mut environment = text("deployment.environment.name");
        if environment.is_empty() {
            environment = text("deployment.environment");
        }
        Self {
            service,
            namespace: text("service.namespace"),
            version: text("service.version"),
            instance: text("service.instance.id"),
            environment,
            is_envoy: resource.get("telemetry.sdk.name").is_some_and(|name| name == "envoy"),
        }
    }
}

impl Origin<'_> {
    /// As rows have it.
    pub(super) fn as_row(&self) -> rows::Origin<'_> {
        rows::Origin {
            service: &self.service,
            namespace: &self.namespace,
            version: &self.version,
            instance: &self.instance,
            environment: &self.environment,
        }
    }
}

fn short<'a>(text: &Cow<'a, str>, max_bytes: usize) -> Cow<'a, str> {
    if text.len() <= max_bytes {
        return text.clone();
    }
    Cow::Owned(text_within(text.as_bytes(), max_bytes).into_owned())
}
