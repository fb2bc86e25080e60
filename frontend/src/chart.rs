//! The maths of the charts: pure, without a browser, the same for all of them.
//!
//! Values are laid onto pixels by a [`scale`], marked by [`ticks`] and [`time`], and become a [`path`], a [`stack`] of
//! bars or a [`grid`] of cells with a [`shade`] each. A [`brush`] leads back from pixels to values.

pub(crate) mod brush;
pub(crate) mod grid;
pub(crate) mod path;
pub(crate) mod scale;
pub(crate) mod shade;
pub(crate) mod stack;
pub(crate) mod ticks;
pub(crate) mod time;
