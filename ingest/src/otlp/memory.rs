//! The memory that bodies may take while they are received, unpacked and decoded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of bytes that all requests share. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    kibibytes: Arc<Semaphore>,
}

impl MemoryBudget {
    /// A budget of this many bytes, rounded down to KiB.
    pub fn new(bytes: usize) -> Self {
        Self { kibibytes: Arc::new(Semaphore::new((bytes >> 10).min(Semaphore::MAX_PERMITS))) }
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> usize {
        self.kibibytes.available_permits() << 10
    }

    /// A reservation of nothing yet.
    pub fn reservation(&self) -> Reservation {
        Reservation { budget: self.clone(), held: None, held_bytes: 0, used_bytes: 0 }
    }
}

/// What one request holds of the budget; given back when it is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    held: Option<OwnedSemaphorePermit>,
    held_bytes: usize,
    used_bytes: usize,
}

impl Reservation {
    /// Holds this many bytes more, or says no and holds what it held.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let used_bytes = self.used_bytes.saturating_add(bytes);
        let missing_kibibytes = used_bytes.saturating_sub(self.held_bytes).div_ceil(1 << 10);
        if missing_kibibytes > 0 {
            let Ok(count) = u32::try_from(missing_kibibytes) else { return false };
            let Ok(permit) = Arc::clone(&self.budget.kibibytes).try_acquire_many_owned(count) else {
                return false;
            };
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
            self.held_bytes += missing_kibibytes << 10;
        }
        self.used_bytes = used_bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = MemoryBudget::new(10 << 10);
        let mut first = budget.reservation();
        assert!(first.grow(1));
        assert!(first.grow(1023));
        assert_eq!(budget.free_bytes(), 9 << 10);
        let mut second = budget.reservation();
        assert!(!second.grow(10 << 10));
        assert!(second.grow(9 << 10));
        assert!(!first.grow(1));
        drop(second);
        assert!(first.grow(1));
        drop(first);
        assert_eq!(budget.free_bytes(), 10 << 10);
    }
}
