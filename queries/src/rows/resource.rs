//! Who made a record: what its OTLP resource says, and how resources are stored once however many records share them.

use std::borrow::Cow;
use std::collections::HashSet;

/// The attributes of a resource, stored once however many records share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Hash of the attributes, the same in every process.
    pub id: u64,
    /// All attributes as text, sorted by key.
    pub attributes: Vec<(String, String)>,
}

/// The identity that a resource states, each part empty where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// `service.name`; `unknown_service` where there is none.
    pub service: &'a str,
    /// `service.namespace`.
    pub namespace: &'a str,
    /// `service.version`.
    pub version: &'a str,
    /// `service.instance.id`.
    pub instance: &'a str,
    /// `deployment.environment.name`.
    pub environment: &'a str,
}

impl<'a> Origin<'a> {
    /// The parts in the order of the columns.
    pub(super) fn texts(self) -> [&'a str; 5] {
        [self.service, self.namespace, self.version, self.instance, self.environment]
    }
}

/// Collects the resources of a batch, each once.
#[derive(Debug, Default)]
pub(super) struct ResourcesBuilder {
    current: u64,
    ids: HashSet<u64>,
    resources: Vec<Resource>,
}

impl ResourcesBuilder {
    /// Sets the resource of the records that follow; returns the bytes that it takes, roughly, where it is new.
    pub(super) fn set(&mut self, attributes: &[(Cow<'_, str>, Cow<'_, str>)]) -> usize {
        let mut attributes: Vec<(&str, &str)> =
            attributes.iter().map(|(key, value)| (&**key, &**value)).collect();
        attributes.sort_unstable();
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for (key, value) in &attributes {
            for text in [key, value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        self.current = hasher.digest();
        if !self.ids.insert(self.current) {
            return 0;
        }
        let texts: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
        let bytes = size_of::<Resource>() + attributes.len() * size_of::<(String, String)>() + texts;
        let attributes = attributes.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.resources.push(Resource { id: self.current, attributes });
        bytes
    }

    /// The id of the resource set last; zero where none was set.
    pub(super) fn current(&self) -> u64 {
        self.current
    }

    /// All of them.
    pub(super) fn finish(self) -> Vec<Resource> {
        self.resources
    }
}
