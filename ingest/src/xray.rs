//! AWS X-Ray: segment documents become spans of OpenTelemetry, whichever way they come.
