//! What the page of canaries compares.

use std::borrow::Cow;

use form_urlencoded::Serializer;

use super::non_empty;

/// The part of the state that belongs to the comparison of versions. Every field has a default that the URL leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CanaryState {
    /// Name of the service.
    pub(crate) service: Option<String>,
    /// The version that is known.
    pub(crate) old: Option<String>,
    /// The version that is judged.
    pub(crate) new: Option<String>,
    /// How many more requests in a hundred may fail, where that is not the policy's default.
    pub(crate) margin: Option<String>,
    /// Id of a watch, which says itself what it compares.
    pub(crate) watch: Option<String>,
    /// Which of its verdicts is shown, by its time; the last where none is chosen.
    pub(crate) at: Option<String>,
}

impl CanaryState {
    /// One watch.
    pub(crate) fn of_watch(id: &str) -> Self {
        Self { watch: Some(id.to_owned()), ..Self::default() }
    }

    /// Takes a value of the query; one with another key is left alone.
    pub(super) fn set(&mut self, key: &str, value: Cow<'_, str>) {
        match key {
            "service" => self.service = non_empty(value),
            "old" => self.old = non_empty(value),
            "new" => self.new = non_empty(value),
            "watch" => {
                let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                self.watch = non_empty(value).filter(is_id);
            }
            "at" => self.at = non_empty(value),
            "margin" => {
                let is_margin =
                    |text: &String| text.parse().is_ok_and(|points: f64| (0.0..=100.0).contains(&points));
                self.margin = non_empty(value).filter(is_margin);
            }
            _ => {}
        }
    }

    /// Writes what is not the default.
    pub(super) fn append(&self, pairs: &mut Serializer<'_, String>) {
        let values = [
            ("service", &self.service),
            ("old", &self.old),
            ("new", &self.new),
            ("margin", &self.margin),
            ("watch", &self.watch),
            ("at", &self.at),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                pairs.append_pair(key, value);
            }
        }
    }

    /// The parameters of `GET /api/v1/canary` beside the range, once it is known what is compared.
    pub(crate) fn parameters(&self) -> Option<String> {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("service", self.service.as_ref()?);
        pairs.append_pair("baseline", self.old.as_ref()?).append_pair("candidate", self.new.as_ref()?);
        if let Some(points) = self.margin.as_ref().and_then(|points| points.parse::<f64>().ok()) {
            let policy = format!(r#"{{"errors":{{"margin":{{"absolute":{}}}}}}}"#, points / 100.0);
            pairs.append_pair("policy", &policy);
        }
        Some(pairs.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_part_of_the_address() {
        let mut state = CanaryState::default();
        state.set("watch", "18c2f".into());
        state.set("at", "2026-12-01T04:00:00Z".into());
        let mut pairs = Serializer::new(String::new());
        state.append(&mut pairs);
        assert_eq!(pairs.finish(), "watch=18c2f&at=2026-12-01T04%3A00%3A00Z");
        state.set("watch", "../status".into());
        assert_eq!(state.watch, None, "no other address of the API");
    }

    #[test]
    fn the_api_is_asked_once_it_is_known_what_for() {
        let mut state = CanaryState::default();
        for (key, value) in [("service", "orders"), ("old", "v1")] {
            state.set(key, value.into());
        }
        assert_eq!(state.parameters(), None);
        state.set("new", "v2".into());
        assert_eq!(state.parameters().unwrap(), "service=orders&baseline=v1&candidate=v2");
        state.set("margin", "200".into());
        assert_eq!(state.margin, None, "no more than all requests can fail");
        state.set("margin", "0.5".into());
        assert!(state.parameters().unwrap().contains("0.005"), "{:?}", state.parameters());
    }
}
