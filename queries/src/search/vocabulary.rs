//! The words that may be written in a query: the fields of the language, and the keys and values that spans had lately.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Store, StoreError, database};

/// Shapes that are looked at: the newest.
const SHAPES: u64 = 20_000;
/// Values of a key that are offered, and keys and values in all.
const VALUES_A_KEY: u64 = 200;
const ROWS: u64 = 50_000;
/// Longest value that is offered, bytes.
const MAX_VALUE_BYTES: usize = 300;
/// How long they are good for.
const RECENT: Duration = Duration::from_secs(5);

/// Values that a key had lately, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyValues {
    pub(super) values: Vec<String>,
    /// How many different ones there are.
    pub(super) count: u64,
}

/// What spans said lately.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Values of fields, by their words.
    pub(super) fields: BTreeMap<String, KeyValues>,
    /// Values of attributes, of spans and resources, by their keys. Of what varies from span to span there are none.
    pub(super) attributes: BTreeMap<String, KeyValues>,
}

impl Vocabulary {
    /// What the newest shapes in the store say.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        let connection = store.connection_for_search()?;
        let ask = || {
            let mut statement = connection.prepare(include_str!("../../sql/search/vocabulary.sql"))?;
            let mut rows = statement.query([SHAPES, VALUES_A_KEY, ROWS])?;
            let mut vocabulary = Self::default();
            while let Some(row) = rows.next()? {
                let key: String = row.get(1)?;
                let of = if row.get(0)? { &mut vocabulary.fields } else { &mut vocabulary.attributes };
                let values = of.entry(key).or_default();
                values.count = row.get(3)?;
                let value: Option<String> = row.get(2)?;
                values.values.extend(value.filter(|value| value.len() <= MAX_VALUE_BYTES));
            }
            Ok(vocabulary)
        };
        ask().map_err(database("list what spans say"))
    }
}

/// Keeps a vocabulary for a moment, for everybody who types.
#[derive(Debug, Default)]
pub struct RecentVocabulary(Mutex<Option<(Instant, Arc<Vocabulary>)>>);

impl RecentVocabulary {
    /// The vocabulary of this moment.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn get(&self, store: &Store) -> Result<Arc<Vocabulary>, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, vocabulary)) = &*kept
            && read_at.elapsed() < RECENT
        {
            return Ok(Arc::clone(vocabulary));
        }
        // Others who ask wait for this one instead of asking the store as well.
        let vocabulary = Arc::new(Vocabulary::read(store)?);
        *kept = Some((Instant::now(), Arc::clone(&vocabulary)));
        Ok(vocabulary)
    }
}
