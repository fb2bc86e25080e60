//! The memory that bodies may take while they are received, unpacked and decoded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget of bytes that all requests share. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    kibibytes: Arc<Semaphore>,
    capacity_bytes: usize,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMemory {
    /// Other requests have it; later there will be room.
    Now,
    /// The request alone needs more than the whole budget of so many bytes.
    Ever {
        /// The budget.
        capacity_bytes: usize,
    },
}

impl MemoryBudget {
    /// A budget of this many bytes, rounded down to KiB.
    pub fn new(bytes: usize) -> Self {
        let kibibytes = (bytes >> 10).min(Semaphore::MAX_PERMITS);
        Self { kibibytes: Arc::new(Semaphore::new(kibibytes)), capacity_bytes: kibibytes << 10 }
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
    /// Holds this many bytes more.
    ///
    /// # Errors
    /// Where there is no room; what was held is held still.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let used_bytes = self.used_bytes.saturating_add(bytes);
        let capacity_bytes = self.budget.capacity_bytes;
        if used_bytes > capacity_bytes {
            return Err(NoMemory::Ever { capacity_bytes });
        }
        let missing_kibibytes = used_bytes.saturating_sub(self.held_bytes).div_ceil(1 << 10);
        if missing_kibibytes > 0 {
            let count = u32::try_from(missing_kibibytes).map_err(|_| NoMemory::Now)?;
            let permit = Arc::clone(&self.budget.kibibytes)
                .try_acquire_many_owned(count)
                .map_err(|_| NoMemory::Now)?;
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
            self.held_bytes += missing_kibibytes << 10;
        }
        self.used_bytes = used_bytes;
        Ok(())
    }
}

/// Memory for something that grows, asked for in steps.
pub(super) struct Meter<'r> {
    granted_bytes: usize,
    reserve: &'r mut dyn FnMut(usize) -> Result<(), NoMemory>,
}

impl<'r> Meter<'r> {
    /// What is asked for at once.
    const STEP_BYTES: usize = 64 << 10;

    /// `granted_bytes` are there already; for more, `reserve` is asked.
    pub(super) fn new(
        granted_bytes: usize,
        reserve: &'r mut dyn FnMut(usize) -> Result<(), NoMemory>,
    ) -> Self {
        Self { granted_bytes, reserve }
    }

    /// Sees to it that there are this many bytes in all.
    pub(super) fn reach(&mut self, bytes: usize) -> Result<(), NoMemory> {
        if bytes > self.granted_bytes {
            let missing = (bytes - self.granted_bytes).max(Self::STEP_BYTES);
            (self.reserve)(missing)?;
            self.granted_bytes += missing;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = MemoryBudget::new(10 << 10);
        let mut first = budget.reservation();
        first.grow(1).unwrap();
        first.grow(1023).unwrap();
        assert_eq!(budget.free_bytes(), 9 << 10);
        let mut second = budget.reservation();
        assert_eq!(second.grow(10 << 10), Err(NoMemory::Now));
        assert_eq!(second.grow(11 << 10), Err(NoMemory::Ever { capacity_bytes: 10 << 10 }));
        second.grow(9 << 10).unwrap();
        assert_eq!(first.grow(1), Err(NoMemory::Now));
        drop(second);
        first.grow(1).unwrap();
        drop(first);
        assert_eq!(budget.free_bytes(), 10 << 10);
    }

    #[test]
    fn what_grows_asks_in_steps() {
        let mut asked = Vec::new();
        let mut reserve = |bytes: usize| {
            asked.push(bytes);
            if bytes > 100_000 { Err(NoMemory::Now) } else { Ok(()) }
        };
        let mut meter = Meter::new(10, &mut reserve);
        for bytes in [1, 10, 11, 60_000] {
            meter.reach(bytes).unwrap();
        }
        meter.reach(80_000).unwrap();
        assert_eq!(meter.reach(1_000_000), Err(NoMemory::Now));
        assert_eq!(asked, [Meter::STEP_BYTES, Meter::STEP_BYTES, 1_000_000 - 10 - 2 * Meter::STEP_BYTES]);
    }
}
