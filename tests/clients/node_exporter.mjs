// Sends a known trace with the exporters of OpenTelemetry's SDK for Node.
//
// Usage: node node_exporter.mjs grpc|proto|http ENDPOINT none|gzip PREFIX COUNT
//
// COUNT times a service PREFIX-shop calls PREFIX-stock, which asks the database PREFIX-db. Exits with 1 unless every
// export was a success. SIDECARTA_NODE_MODULES is the folder with the packages.

import { createRequire } from 'node:module';

const require = createRequire(`${process.env.SIDECARTA_NODE_MODULES}/`);
const { SpanKind, trace, context, diag, DiagConsoleLogger, DiagLogLevel } = require('@opentelemetry/api');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const [protocol, url, compression, prefix, count] = process.argv.slice(2);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${protocol}`);
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

const SUCCESS = 0;
const results = [];

/** A provider of one service, whose exporter remembers what became of each export. */
function start(service) {
    const exporter = new OTLPTraceExporter({ url, compression });
    const remembering = {
        export: (spans, done) =>
            exporter.export(spans, (result) => {
                results.push(result);
                done(result);
            }),
        forceFlush: () => exporter.forceFlush(),
        shutdown: () => exporter.shutdown(),
    };
    return new NodeTracerProvider({
        resource: resourceFromAttributes({ 'service.name': `${prefix}-${service}`, 'service.version': '1.0' }),
        spanProcessors: [new BatchSpanProcessor(remembering)],
    });
}

const providers = { shop: start('shop'), stock: start('stock') };

/** A span below another, or a root. */
function span(service, name, kind, parent, attributes) {
    const above = parent ? trace.setSpan(context.active(), parent) : context.active();
    return providers[service].getTracer('clients').startSpan(name, { kind, attributes }, above);
}

for (let number = 0; number < Number(count); number++) {
    const call = span('shop', 'GET', SpanKind.CLIENT, undefined, { 'http.request.method': 'GET' });
    const route = { 'http.request.method': 'GET', 'http.route': '/things' };
    const answer = span('stock', 'GET /things', SpanKind.SERVER, call, route);
    const database = { 'db.system.name': 'postgresql', 'db.namespace': `${prefix}-db` };
    span('stock', 'SELECT', SpanKind.CLIENT, answer, database).end();
    answer.end();
    call.end();
}
await Promise.all(Object.values(providers).map((provider) => provider.shutdown()));

const failed = results.filter((result) => result.code !== SUCCESS);
for (const { error } of failed) {
    console.error(error);
}
process.exit(results.length > 0 && failed.length === 0 ? 0 : 1);
