//! What charts are drawn with, so that all look and behave alike.

pub(crate) mod axes;
pub(crate) mod brushing;
pub(crate) mod card;
pub(crate) mod legend;
pub(crate) mod patterns;
pub(crate) mod plot;
pub(crate) mod spark;
pub(crate) mod time_chart;
