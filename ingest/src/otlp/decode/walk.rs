//! The walk that is the same for all signals: a request has resources, a resource has scopes, a scope has records.

use std::borrow::Cow;

use super::origin::Origin;
use super::{DecodeError, DecodeLimits};
use crate::otlp::attributes::Attributes;
use crate::otlp::value::text_within;
use crate::wire::{Fields, Malformed};

/// Where a record stands in its request.
pub(super) struct Place<'w, 'a> {
    /// Who made it.
    pub(super) origin: &'w Origin<'a>,
    /// The attributes of its resource.
    pub(super) resource: &'w [(Cow<'a, str>, Cow<'a, str>)],
    /// Which resource of the request that is, counted from zero.
    pub(super) resource_number: usize,
    /// Name of its scope.
    pub(super) scope: &'w str,
}

/// Hands every record of a request to `each`.
pub(super) fn walk<'a>(
    payload: &'a [u8],
    limits: &DecodeLimits,
    mut each: impl FnMut(&Place<'_, 'a>, &'a [u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut resource = Attributes::default();
    let mut resource_number = 0;
    let mut request = Fields::of(payload);
    while let Some((number, value)) = request.next()? {
        if number != 1 {
            continue;
        }
        let message = value.bytes()?;
        read_resource(message, &mut resource, limits)?;
        let origin = Origin::of(&resource, limits.max_name_bytes);
        let mut scopes = Fields::of(message);
        while let Some((number, value)) = scopes.next()? {
            if number != 2 {
                continue;
            }
            let message = value.bytes()?;
            let scope = text_within(scope_name(message)?, limits.max_name_bytes);
            let place =
                Place { origin: &origin, resource: &resource.entries, resource_number, scope: &scope };
            let mut records = Fields::of(message);
            while let Some((number, value)) = records.next()? {
                if number == 2 {
                    each(&place, value.bytes()?)?;
                }
            }
        }
        resource_number += 1;
    }
    Ok(())
}

/// Adds up what `each` says of every record of a request.
pub(super) fn count(payload: &[u8], each: impl Fn(&[u8]) -> usize) -> Result<usize, Malformed> {
    let mut count = 0_usize;
    let mut request = Fields::of(payload);
    while let Some((number, value)) = request.next()? {
        if number != 1 {
            continue;
        }
        let mut scopes = Fields::of(value.bytes()?);
        while let Some((number, value)) = scopes.next()? {
            if number != 2 {
                continue;
            }
            let mut records = Fields::of(value.bytes()?);
            while let Some((number, value)) = records.next()? {
                if number == 2 {
                    count = count.saturating_add(each(value.bytes()?));
                }
            }
        }
    }
    Ok(count)
}

/// The attributes of the OTLP `Resource` in field 1, wherever in the message it stands.
fn read_resource<'a>(
    message: &'a [u8],
    resource: &mut Attributes<'a>,
    limits: &DecodeLimits,
) -> Result<(), DecodeError> {
    resource.clear();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let mut fields = Fields::of(value.bytes()?);
        while let Some((number, value)) = fields.next()? {
            if number == 1 && resource.add(value.bytes()?, limits).is_err() {
                return Err(DecodeError::Malformed);
            }
        }
    }
    Ok(())
}

/// The name of the OTLP `InstrumentationScope` in field 1, wherever in the message it stands.
fn scope_name(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut name = &[][..];
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        if number != 1 {
            continue;
        }
        let mut fields = Fields::of(value.bytes()?);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                name = value.bytes()?;
            }
        }
    }
    Ok(name)
}
