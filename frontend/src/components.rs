//! What several pages draw with.

pub(crate) mod chart;
pub(crate) mod copy_button;
pub(crate) mod copyable;
pub(crate) mod find;
pub(crate) mod icon;
pub(crate) mod measures;
pub(crate) mod notice;
pub(crate) mod palette;
pub(crate) mod popover;
pub(crate) mod proxies;
pub(crate) mod query_box;
pub(crate) mod sidebar;
pub(crate) mod sign;
pub(crate) mod sort_head;
pub(crate) mod statistics;
pub(crate) mod time_picker;
pub(crate) mod topbar;
pub(crate) mod versions;
