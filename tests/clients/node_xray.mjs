// Sends a known trace with the X-Ray SDK for Node, which asks the daemon what to sample.
//
// Usage: node node_xray.mjs DAEMON PREFIX COUNT
//
// COUNT times a service PREFIX-shop calls PREFIX-stock, which asks the database PREFIX-db. Exits with 1 unless the daemon
// told its rules. SIDECARTA_NODE_MODULES is the folder with the packages.

import { createRequire } from 'node:module';

const require = createRequire(`${process.env.SIDECARTA_NODE_MODULES}/`);
const xray = require('aws-xray-sdk-core');
const connector = require('aws-xray-sdk-core/dist/lib/middleware/sampling/service_connector');
const SqlData = require('aws-xray-sdk-core/dist/lib/database/sql_data');

const [daemon, prefix, count] = process.argv.slice(2);
xray.setDaemonAddress(daemon);
xray.enableManualMode();

/** What a function gives to its callback, as a promise. */
const asked = (ask) => new Promise((resolve, reject) => ask((error, answer) => (error ? reject(error) : resolve(answer))));

const rules = await asked((done) => connector.fetchSamplingRules(done));
const names = rules.map((rule) => rule.getName());
if (names.join() !== 'everything,Default') throw new Error(`rules: ${names}`);
const targets = await asked((done) => connector.fetchTargets(rules, done));
if (targets.everything.rate !== 1) throw new Error(`targets: ${JSON.stringify(targets)}`);

for (let call = 0; call < Number(count); call += 1) {
    const shop = new xray.Segment(`${prefix}-shop`);
    shop.http = { request: { method: 'GET', url: '/x' }, response: { status: 200 } };
    const request = shop.addNewSubsegment(`${prefix}-stock`);
    request.namespace = 'remote';
    request.http = { request: { method: 'GET', url: `http://${prefix}-stock/x` }, response: { status: 200 } };
    request.close();
    const stock = new xray.Segment(`${prefix}-stock`, shop.trace_id, request.id);
    stock.setServiceData({ version: '1.0' });
    stock.addAnnotation('tenant', 'acme');
    const query = stock.addNewSubsegment(`${prefix}-db@db.example`);
    query.addSqlData(new SqlData('16', '1', 'app', `postgres://db.example/${prefix}-db`, 'statement'));
    query.namespace = 'remote';
    query.close();
    stock.close();
    shop.close();
}
// The process ends once the socket has nothing left to send.
