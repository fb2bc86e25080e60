"""Sends log records and metrics of every kind through OpenTelemetry's SDK for Python.

Arguments: protocol (grpc or http), endpoint (of http: without the signal's path), service, log records. Ends with 0 where
everything was delivered.
"""

import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

protocol, endpoint, service, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def options(path):
    return {"endpoint": endpoint, "insecure": True} if protocol == "grpc" else {"endpoint": f"{endpoint}{path}"}


resource = Resource.create({"service.name": service, "service.version": "1.0"})
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(**options("/v1/logs"))))
logger = logging.getLogger("shop")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.setLevel(logging.INFO)
for number in range(count):
    logger.warning("order %d is late", number, extra={"order": number})

delta = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
for temporality in ({}, delta):
    exporter = OTLPMetricExporter(**options("/v1/metrics"), preferred_temporality=temporality)
    metrics = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        views=[View(instrument_name="fine", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = metrics.get_meter("shop")
    meter.create_counter("orders").add(3, {"kind": "new"})
    meter.create_up_down_counter("open").add(-2)
    meter.create_histogram("coarse").record(7)
    meter.create_histogram("fine").record(7.5)
    if not metrics.force_flush():
        sys.exit("the metrics were not delivered")
    metrics.shutdown()
if not logs.force_flush():
    sys.exit("the logs were not delivered")
logs.shutdown()
