//! Reading the body of a request: whole, within its limit, within the memory that is left, and not for ever.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use bytes::BytesMut;
use http_body_util::BodyExt as _;

use super::memory::{MemoryBudget, NoMemory, Reservation};
use super::status::Refusal;

/// How long a sender may be silent in the middle of a body.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// How long, and for how many times its limit, a body that is refused is still read, so that its sender gets to read the
/// answer instead of a reset connection.
const DRAIN_TIME: Duration = Duration::from_secs(5);
const DRAIN_LIMITS: usize = 4;

/// The body and the memory it holds.
///
/// # Errors
/// If the body is longer than `limit`, stops coming, breaks off, or finds no memory.
pub(super) async fn read_body(
    mut body: Body,
    limit: usize,
    budget: &MemoryBudget,
) -> Result<(Bytes, Reservation), Refusal> {
    let mut reservation = budget.reservation();
    let result = collect(&mut body, limit, &mut reservation).await;
    if matches!(result, Err(Refusal::TooLarge(_) | Refusal::Busy { .. })) {
        // Whether the rest came or not, the answer is the same.
        let _ = tokio::time::timeout(DRAIN_TIME, drain(&mut body, limit.saturating_mul(DRAIN_LIMITS))).await;
    }
    result.map(|bytes| (bytes, reservation))
}

async fn collect(body: &mut Body, limit: usize, reservation: &mut Reservation) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_large(limit));
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = next_data(body).await? {
        let length = first.len() + all.len() + data.len();
        if length > limit {
            return Err(too_large(limit));
        }
        reservation.grow(data.len())?;
        if all.is_empty() && first.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve((announced as usize).max(length));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The next part of a body; nothing at its end.
///
/// # Errors
/// If it breaks off, or the sender is silent for too long.
pub(super) async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    tokio::time::timeout(MAX_SILENCE, next_data_whenever(body)).await.unwrap_or_else(|_| {
        Err(Refusal::Late(format!("nothing more of the body came for {} s", MAX_SILENCE.as_secs())))
    })
}

/// The same, whenever it comes.
pub(super) async fn next_data_whenever(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(error)) => return Err(Refusal::Invalid(format!("the body broke off: {error}"))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn drain(body: &mut Body, limit: usize) {
    let mut length = 0;
    while let Ok(Some(data)) = next_data(body).await {
        length += data.len();
        if length > limit {
            break;
        }
    }
}

pub(super) fn too_large(limit: usize) -> Refusal {
    Refusal::TooLarge(format!("the body is longer than {limit} bytes; send smaller batches"))
}

impl From<NoMemory> for Refusal {
    fn from(no_memory: NoMemory) -> Self {
        match no_memory {
            NoMemory::Now => Self::Busy {
                reason: "the memory for requests on their way is used up".to_owned(),
                retry_after: Duration::from_secs(1),
            },
            NoMemory::Ever { capacity_bytes } => Self::TooLarge(format!(
                "the request takes more memory than all {capacity_bytes} bytes there are for requests; send smaller \
                 batches"
            )),
        }
    }
}
