//! The messages of a metric request. Exemplars, descriptions and metadata are passed over, as nothing reads them.

use super::{KEY_VALUE, Kind, RESOURCE, SCOPE, Schema, many, one};

/// `ExportMetricsServiceRequest`.
pub(super) static METRICS: Schema = Schema {
    name: "an export request",
    fields: &[many("resourceMetrics", 1, Kind::Message(&RESOURCE_METRICS))],
};

static RESOURCE_METRICS: Schema = Schema {
    name: "resource metrics",
    fields: &[
        one("resource", 1, Kind::Message(&RESOURCE)),
        many("scopeMetrics", 2, Kind::Message(&SCOPE_METRICS)),
        one("schemaUrl", 3, Kind::Text),
    ],
};

static SCOPE_METRICS: Schema = Schema {
    name: "scope metrics",
    fields: &[
        one("scope", 1, Kind::Message(&SCOPE)),
        many("metrics", 2, Kind::Message(&METRIC)),
        one("schemaUrl", 3, Kind::Text),
    ],
};

static METRIC: Schema = Schema {
    name: "a metric",
    fields: &[
        one("name", 1, Kind::Text),
        one("unit", 3, Kind::Text),
        one("gauge", 5, Kind::Message(&GAUGE)),
        one("sum", 7, Kind::Message(&SUM)),
        one("histogram", 9, Kind::Message(&HISTOGRAM)),
        one("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one("summary", 11, Kind::Message(&SUMMARY)),
    ],
};

const TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

static GAUGE: Schema =
    Schema { name: "a gauge", fields: &[many("dataPoints", 1, Kind::Message(&NUMBER_POINT))] };

static SUM: Schema = Schema {
    name: "a sum",
    fields: &[
        many("dataPoints", 1, Kind::Message(&NUMBER_POINT)),
        one("aggregationTemporality", 2, Kind::Enum(&TEMPORALITIES)),
        one("isMonotonic", 3, Kind::Bool),
    ],
};

static HISTOGRAM: Schema = Schema {
    name: "a histogram",
    fields: &[
        many("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT)),
        one("aggregationTemporality", 2, Kind::Enum(&TEMPORALITIES)),
    ],
};

static EXPONENTIAL_HISTOGRAM: Schema = Schema {
    name: "an exponential histogram",
    fields: &[
        many("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT)),
        one("aggregationTemporality", 2, Kind::Enum(&TEMPORALITIES)),
    ],
};

static SUMMARY: Schema =
    Schema { name: "a summary", fields: &[many("dataPoints", 1, Kind::Message(&SUMMARY_POINT))] };

static NUMBER_POINT: Schema = Schema {
    name: "a data point",
    fields: &[
        one("startTimeUnixNano", 2, Kind::Fixed64),
        one("timeUnixNano", 3, Kind::Fixed64),
        one("asDouble", 4, Kind::Double),
        one("asInt", 6, Kind::Sfixed64),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Kind::Uint),
    ],
};

static HISTOGRAM_POINT: Schema = Schema {
    name: "a data point of a histogram",
    fields: &[
        one("startTimeUnixNano", 2, Kind::Fixed64),
        one("timeUnixNano", 3, Kind::Fixed64),
        one("count", 4, Kind::Fixed64),
        one("sum", 5, Kind::Double),
        many("bucketCounts", 6, Kind::Fixed64),
        many("explicitBounds", 7, Kind::Double),
        many("attributes", 9, Kind::Message(&KEY_VALUE)),
        one("flags", 10, Kind::Uint),
        one("min", 11, Kind::Double),
        one("max", 12, Kind::Double),
    ],
};

static EXPONENTIAL_POINT: Schema = Schema {
    name: "a data point of an exponential histogram",
    fields: &[
        many("attributes", 1, Kind::Message(&KEY_VALUE)),
        one("startTimeUnixNano", 2, Kind::Fixed64),
        one("timeUnixNano", 3, Kind::Fixed64),
        one("count", 4, Kind::Fixed64),
        one("sum", 5, Kind::Double),
        one("scale", 6, Kind::Sint32),
        one("zeroCount", 7, Kind::Fixed64),
        one("positive", 8, Kind::Message(&BUCKETS)),
        one("negative", 9, Kind::Message(&BUCKETS)),
        one("flags", 10, Kind::Uint),
        one("min", 12, Kind::Double),
        one("max", 13, Kind::Double),
        one("zeroThreshold", 14, Kind::Double),
    ],
};

static BUCKETS: Schema = Schema {
    name: "buckets",
    fields: &[one("offset", 1, Kind::Sint32), many("bucketCounts", 2, Kind::Uint)],
};

static SUMMARY_POINT: Schema = Schema {
    name: "a data point of a summary",
    fields: &[
        one("startTimeUnixNano", 2, Kind::Fixed64),
        one("timeUnixNano", 3, Kind::Fixed64),
        one("count", 4, Kind::Fixed64),
        one("sum", 5, Kind::Double),
        many("quantileValues", 6, Kind::Message(&VALUE_AT_QUANTILE)),
        many("attributes", 7, Kind::Message(&KEY_VALUE)),
        one("flags", 8, Kind::Uint),
    ],
};

static VALUE_AT_QUANTILE: Schema =
    Schema { name: "a quantile", fields: &[one("quantile", 1, Kind::Double), one("value", 2, Kind::Double)] };
