"""Sends a known trace with the X-Ray SDK for Python, which asks the daemon what to sample.

Usage: python_xray.py DAEMON PREFIX COUNT

COUNT times a service PREFIX-shop calls PREFIX-stock, which asks the database PREFIX-db. Exits with 1 unless every request
was sampled by a rule that the daemon told.
"""

import sys
import time

from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.sampling.sampler import DefaultSampler


def load_rules(sampler):
    """Fetches the rules now, which the SDK does in a thread of its own some time."""
    rules = sampler._connector.fetch_sampling_rules()
    sampler._cache.load_rules(rules)
    sampler._cache.last_updated = int(time.time())
    return [rule.name for rule in rules]


def main():
    daemon, prefix, count = sys.argv[1:]
    sampler = DefaultSampler()
    xray_recorder.configure(service=f"{prefix}-shop", daemon_address=daemon, sampler=sampler, context_missing="RUNTIME_ERROR")
    host, port = daemon.split(":")
    sampler._connector.setup_xray_client(host, port, None)
    names = load_rules(sampler)
    if names != ["everything", "Default"]:
        sys.exit(f"rules: {names}")
    for _ in range(int(count)):
        decision = sampler.should_trace({"service": f"{prefix}-shop", "host": "shop", "method": "GET", "path": "/x"})
        if decision != "everything":
            sys.exit(f"not sampled by the rule: {decision}")
        shop = xray_recorder.begin_segment(f"{prefix}-shop", sampling=1)
        shop.put_http_meta("method", "GET")
        shop.put_http_meta("status", 200)
        call = xray_recorder.begin_subsegment(f"{prefix}-stock", namespace="remote")
        call.put_http_meta("method", "GET")
        call.put_http_meta("url", f"http://{prefix}-stock/x")
        trace_id, call_id = shop.trace_id, call.id
        xray_recorder.end_subsegment()
        xray_recorder.end_segment()
        stock = xray_recorder.begin_segment(f"{prefix}-stock", traceid=trace_id, parent_id=call_id, sampling=1)
        stock.set_service({"version": "1.0"})
        stock.put_annotation("tenant", "acme")
        query = xray_recorder.begin_subsegment(f"{prefix}-db@db.example", namespace="remote")
        query.set_sql({"database_type": "PostgreSQL", "sanitized_query": "SELECT 1"})
        xray_recorder.end_subsegment()
        xray_recorder.end_segment()
    targets, _ = sampler._connector.fetch_sampling_target(sampler._cache.rules)
    if targets["everything"]["rate"] != 1.0 or not targets["everything"]["quota"]:
        sys.exit(f"targets: {targets}")


main()
