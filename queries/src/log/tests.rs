use super::*;

fn frame(text: &str) -> Frame {
    Frame {
        kind: FrameKind::OtlpTraces,
        received_at_ns: 42,
        payload: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn contents(dir: &Path, position: u64) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    replay::<LogError>(dir, position, |sequence, frame| {
        all.push((sequence, String::from_utf8(frame.payload.to_vec()).unwrap()));
        Ok(())
    })
    .unwrap();
    all
}

fn numbered(items: &[(u64, &str)]) -> Vec<(u64, String)> {
    items.iter().map(|&(sequence, text)| (sequence, text.to_owned())).collect()
}

#[test]
fn what_was_appended_is_replayed_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), 0).unwrap();
    assert_eq!(log.append(&[frame("a"), frame("b")]).unwrap(), 1);
    drop(log);
    let mut log = Log::open(dir.path(), 0).unwrap();
    assert_eq!(log.append(&[frame("c")]).unwrap(), 3);
    assert_eq!(contents(dir.path(), 0), numbered(&[(1, "a"), (2, "b"), (3, "c")]));
    assert_eq!(contents(dir.path(), 2), numbered(&[(3, "c")]));
}

#[test]
fn a_frame_cut_off_at_any_byte_is_dropped_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), 0).unwrap();
    log.append(&[frame("kept")]).unwrap();
    let kept_bytes = size(dir.path());
    log.append(&[frame("torn")]).unwrap();
    let path = segment_path(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for length in kept_bytes as usize..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let mut log = Log::open(dir.path(), 0).unwrap();
        assert_eq!(log.append(&[frame("next")]).unwrap(), 2, "cut at {length}");
        assert_eq!(contents(dir.path(), 0), numbered(&[(1, "kept"), (2, "next")]), "cut at {length}");
    }
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_frame() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), 0).unwrap();
    log.append(&[frame("first"), frame("second")]).unwrap();
    let path = segment_path(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        for (sequence, text) in contents(dir.path(), 0) {
            assert_eq!(
                text,
                if sequence == 1 { "first" } else { "second" },
                "bit flipped in byte {position}"
            );
        }
    }
}

#[test]
fn only_segments_that_are_wholly_in_the_database_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), 0).unwrap();
    for text in ["a", "b", "c"] {
        log.append(&[frame(text), frame(text)]).unwrap();
        log.rotate().unwrap();
    }
    clear(dir.path(), 5).unwrap();
    assert_eq!(contents(dir.path(), 0).len(), 6, "one is not in the database");
    release(dir.path(), 3).unwrap();
    assert_eq!(contents(dir.path(), 0).len(), 4);
    release(dir.path(), 4).unwrap();
    assert_eq!(contents(dir.path(), 0), numbered(&[(5, "c"), (6, "c")]));
    release(dir.path(), 6).unwrap();
    assert_eq!(contents(dir.path(), 0), []);
    drop(log);
    clear(dir.path(), 6).unwrap();
    assert_eq!(Log::open(dir.path(), 6).unwrap().append(&[frame("d")]).unwrap(), 7);
}
