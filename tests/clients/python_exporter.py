"""Sends a known trace with the exporters of OpenTelemetry's SDK for Python.

Usage: python_exporter.py grpc|http ENDPOINT none|gzip PREFIX COUNT

COUNT times a service PREFIX-shop calls PREFIX-stock, which asks the database PREFIX-db. Exits with 1 unless every
export was a success.
"""

import sys

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, set_span_in_context


def make_exporter(protocol, endpoint, compression):
    if protocol == "grpc":
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        algorithm = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=algorithm)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint, compression=Compression(compression))


class Remembering(SpanExporter):
    """The real exporter, and what became of each export."""

    def __init__(self, exporter):
        self.exporter = exporter
        self.results = []

    def export(self, spans):
        result = self.exporter.export(spans)
        self.results.append(result)
        return result

    def shutdown(self):
        self.exporter.shutdown()


def main():
    protocol, endpoint, compression, prefix, count = sys.argv[1:]
    exporters, providers = [], []
    tracers = {}
    for service in ("shop", "stock"):
        exporter = Remembering(make_exporter(protocol, endpoint, compression))
        resource = Resource.create({"service.name": f"{prefix}-{service}", "service.version": "1.0"})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracers[service] = provider.get_tracer("clients")
        exporters.append(exporter)
        providers.append(provider)
    for _ in range(int(count)):
        call = tracers["shop"].start_span("GET", kind=SpanKind.CLIENT, attributes={"http.request.method": "GET"})
        answer = tracers["stock"].start_span(
            "GET /things",
            context=set_span_in_context(call),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": "GET", "http.route": "/things"},
        )
        query = tracers["stock"].start_span(
            "SELECT",
            context=set_span_in_context(answer),
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.namespace": f"{prefix}-db"},
        )
        query.end()
        answer.end()
        call.end()
    for provider in providers:
        provider.shutdown()
    delivered = all(
        exporter.results and set(exporter.results) == {SpanExportResult.SUCCESS} for exporter in exporters
    )
    sys.exit(0 if delivered else 1)


main()
