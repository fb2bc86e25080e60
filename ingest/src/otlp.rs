//! OTLP receiver.
