//! Whatever comes between: late events, pages, repeated answers, ends of the process. Each event is stored exactly once.

use proptest::prelude::*;

use super::*;

const OVERLAP_MS: i64 = 5_000;

/// A log group, the store, and the memory of a process that reads the one into the other.
struct World {
    /// Time, and when it becomes visible.
    events: Vec<(i64, i64)>,
    /// How often each event is stored.
    stored: Vec<u32>,
    persisted: Live,
    memory: Live,
    width_ms: i64,
    lost_ms: i64,
    ids: usize,
}

/// One look at the group.
#[derive(Clone, Debug)]
struct Look {
    after_ms: i64,
    events_on_a_page: usize,
    /// Pages until the process ends; it may end later than the look.
    pages: usize,
    repeats: bool,
}

impl World {
    fn new(events: Vec<(i64, i64)>, ids: usize) -> Self {
        let live = Live::new(0);
        let stored = vec![0; events.len()];
        let width_ms = i64::MAX;
        Self { events, stored, persisted: live.clone(), memory: live, width_ms, lost_ms: 0, ids }
    }

    fn visible(&self, window: Window, now_ms: i64) -> Vec<Event> {
        let mut events: Vec<Event> = (0..)
            .zip(&self.events)
            .filter(|(_, (time, visible))| {
                (window.from_ms..=window.to_ms).contains(time) && *visible <= now_ms
            })
            .map(|(id, &(time_ms, _))| Event { time_ms, id, ..Event::default() })
            .collect();
        events.sort_by_key(|event| event.time_ms);
        events
    }

    fn look(&mut self, now_ms: i64, look: &Look) {
        if !self.try_look(now_ms, look) {
            self.memory = self.persisted.clone();
            self.width_ms = i64::MAX;
        }
    }

    /// Whether it came to its end.
    fn try_look(&mut self, now_ms: i64, look: &Look) -> bool {
        let mut pages_left = look.pages;
        let mut at_ms = self.memory.from_ms;
        while let Some(window) = Window::new(at_ms, self.width_ms, now_ms) {
            let events = self.visible(window, now_ms);
            let mut pages: Vec<Vec<Event>> =
                events.chunks(look.events_on_a_page).map(<[_]>::to_vec).collect();
            pages.push(Vec::new());
            if look.repeats {
                pages = pages.iter().flat_map(|page| [page.clone(), page.clone()]).collect();
            }
            let mut narrower_ms = None;
            let last = pages.len() - 1;
            for (number, page) in pages.into_iter().enumerate() {
                if pages_left == 0 {
                    return false;
                }
                pages_left -= 1;
                self.store(fresh(&self.memory, window, page, self.ids));
                narrower_ms = narrower(&self.memory, window, self.ids).filter(|_| number < last);
                if narrower_ms.is_some() {
                    break;
                }
            }
            if let Some(width_ms) = narrower_ms {
                self.width_ms = width_ms;
            } else {
                at_ms = window.to_ms + 1;
                self.lost_ms += self.memory.advance(at_ms, now_ms - OVERLAP_MS, self.ids);
                self.width_ms = wider(&self.memory, self.width_ms, self.ids);
            }
        }
        true
    }

    fn store(&mut self, fresh: Fresh) {
        assert_eq!(fresh.without_room, 0);
        for event in fresh.events {
            self.stored[usize::try_from(event.id).unwrap()] += 1;
            self.memory.seen.insert(event.time_ms, event.id);
        }
        let bytes = postcard::to_stdvec(&self.memory).unwrap();
        self.persisted = postcard::from_bytes(&bytes).unwrap();
    }
}

fn looks() -> impl Strategy<Value = Vec<Look>> {
    let look = (0..4_000_i64, 1..6_usize, 0..40_usize, any::<bool>()).prop_map(
        |(after_ms, events_on_a_page, pages, repeats)| Look { after_ms, events_on_a_page, pages, repeats },
    );
    prop::collection::vec(look, 1..20)
}

fn read(mut world: World, looks: &[Look]) -> World {
    let mut now_ms = 0;
    for look in looks {
        now_ms += look.after_ms;
        world.look(now_ms, look);
    }
    let to_the_end = Look { after_ms: 0, events_on_a_page: 3, pages: usize::MAX, repeats: false };
    for _ in 0..2 {
        world.look(now_ms.max(40_000), &to_the_end);
    }
    world
}

proptest! {
    #[test]
    fn each_event_is_stored_exactly_once(
        events in prop::collection::vec((0..30_000_i64, 0..OVERLAP_MS), 0..60),
        looks in looks(),
    ) {
        let events = events.into_iter().map(|(time, late)| (time, time + late)).collect();
        let world = read(World::new(events, IDS), &looks);
        prop_assert!(world.stored.iter().all(|&times| times == 1), "{:?}", world.stored);
        prop_assert_eq!(world.lost_ms, 0);
    }

    #[test]
    fn where_ids_are_too_many_late_events_are_lost_and_none_is_stored_twice(
        events in prop::collection::vec((0..10_000_i64, 0..OVERLAP_MS), 0..150),
        looks in looks(),
    ) {
        let is_in_time: Vec<bool> = events.iter().map(|&(_, late)| late == 0).collect();
        let events = events.into_iter().map(|(time, late)| (time, time + late)).collect();
        let world = read(World::new(events, 40), &looks);
        for (times, is_in_time) in world.stored.iter().zip(is_in_time) {
            let is_fine = *times == 1 || *times == 0 && !is_in_time && world.lost_ms > 0;
            prop_assert!(is_fine, "{:?}", world.stored);
        }
        prop_assert!(world.memory.seen.len() <= 40);
    }
}

#[test]
fn more_than_there_is_room_for_is_left_out_and_counted() {
    let mut live = Live::new(0);
    let window = Window::new(0, 1_000, 5_000).unwrap();
    let page = |ids: std::ops::Range<u64>| ids.map(|id| Event { id, ..Event::default() }).collect();
    let first = fresh(&live, window, page(0..10), 2);
    assert_eq!((first.events.len(), first.without_room), (8, 2));
    for event in first.events {
        live.seen_mut().insert(event.time_ms, event.id);
    }
    let again = fresh(&live, window, page(0..10), 2);
    assert_eq!((again.events.len(), again.without_room), (0, 2));
    assert_eq!(narrower(&live, window, 2), None, "a second is not made narrower");
}
