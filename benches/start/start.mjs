// Split's own SDK for Node in the start-up bench. Usage: NODE_PATH=... node start.mjs URL KEY FLAG
//
// Prints what start.c prints: milliseconds to ready, CPU milliseconds of that, peak memory in KiB.

import { createRequire } from 'node:module';
import path from 'node:path';

// An import would not look into NODE_PATH.
const { SplitFactory } = createRequire(path.join(process.env.NODE_PATH, 'x.js'))('@splitsoftware/splitio');
const [url, key, flag] = process.argv.slice(2);

const begun = performance.now();
const before = process.cpuUsage();
const factory = SplitFactory({
  core: { authorizationKey: 'bench-key' },
  urls: { sdk: `${url}/api`, events: `${url}/api`, auth: `${url}/api`, telemetry: `${url}/api`, streaming: url },
  startup: { readyTimeout: 300, requestTimeoutBeforeReady: 120 },
  sync: { impressionsMode: 'NONE' },
  streamingEnabled: false,
});
const client = factory.client();
await client.ready();
const took = performance.now() - begun;
const used = process.cpuUsage(before);
const treatment = await client.getTreatment(key, flag);
if (treatment !== 'on') throw new Error(`${flag} is ${treatment}`);
console.log(`${took.toFixed(0)} ${((used.user + used.system) / 1000).toFixed(0)} ${process.resourceUsage().maxRSS}`);
// Nothing is left to be sent.
process.exit(0);
