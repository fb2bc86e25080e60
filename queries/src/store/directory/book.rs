//! The series of one family, numbered in the order in which they were first seen.

use foldhash::HashMap;

use super::series::{SeriesKey, overflow};

/// Series by number and numbers by series.
#[derive(Debug)]
pub(super) struct SeriesBook {
    series: Vec<SeriesKey>,
    ids: HashMap<SeriesKey, u32>,
    /// As many of the last ones are not in the file.
    unsaved: usize,
    max_series: usize,
}

impl SeriesBook {
    /// A book for so many series; what is over counts under one more.
    pub(super) fn new(max_series: usize) -> Self {
        Self { series: Vec::new(), ids: HashMap::default(), unsaved: 0, max_series }
    }

    pub(super) fn get(&self, id: u32) -> Option<&SeriesKey> {
        self.series.get(id as usize)
    }

    /// All series with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &SeriesKey)> {
        (0..).zip(&self.series)
    }

    /// The number of a series, which is given one where it is new.
    pub(super) fn id(&mut self, key: SeriesKey) -> u32 {
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let key = if self.series.len() < self.max_series { key } else { overflow() };
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        self.unsaved += 1;
        self.push(key)
    }

    fn push(&mut self, key: SeriesKey) -> u32 {
        let id = self.series.len() as u32;
        self.series.push(key.clone());
        self.ids.insert(key, id);
        id
    }

    /// Takes the next series of the file.
    pub(super) fn load(&mut self, key: SeriesKey) {
        self.push(key);
    }

    /// Those that are not in the file.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = (u32, &SeriesKey)> {
        self.iter().skip(self.series.len() - self.unsaved)
    }

    pub(super) fn saved(&mut self) {
        self.unsaved = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::LoggedRoute;

    #[test]
    fn what_is_over_the_cap_is_one_series() {
        let mut book = SeriesBook::new(3);
        let key = |number: u32| {
            SeriesKey::Logged(Arc::new(LoggedRoute { route: number.to_string(), ..LoggedRoute::default() }))
        };
        let ids: Vec<u32> = (0..6).chain(0..2).map(|number| book.id(key(number))).collect();
        assert_eq!(ids, [0, 1, 2, 3, 3, 3, 0, 1]);
        assert_eq!((book.get(3), book.unsaved().count()), (Some(&overflow()), 4));
        book.saved();
        assert_eq!(book.unsaved().count(), 0);
    }
}
