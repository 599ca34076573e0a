// Split's own SDK for Node as a contestant of the bench. Usage: NODE_PATH=... node worker.mjs URL MODE
//
// See run.py for the lines that it reads and writes. There are no threads to share an SDK: asked for two it has no answer.

import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

// An import would not look into NODE_PATH.
const { SplitFactory } = createRequire(path.join(process.env.NODE_PATH, 'x.js'))('@splitsoftware/splitio');
const [url, mode] = process.argv.slice(2);

const KEYS = Array.from({ length: 1000 }, (_, number) => `user-${String(number).padStart(15, '0')}`);
const TWO = { age: 30, country: 'us' };
const FOUR = { age: 30, country: 'us', plan: 'pro', beta: true };
const TEAM = Array.from({ length: 20 }, (_, number) => `team_${number}`);
let unique = 0;
let heard = 0;

const begun = performance.now();
const factory = SplitFactory({
  core: { authorizationKey: 'bench-key' },
  urls: { sdk: `${url}/api`, events: `${url}/api`, auth: `${url}/api`, telemetry: `${url}/api`, streaming: url },
  startup: { readyTimeout: 300, requestTimeoutBeforeReady: 120 },
  sync: { impressionsMode: mode === 'none' ? 'NONE' : 'OPTIMIZED' },
  streamingEnabled: mode === 'streaming',
  ...(mode === 'listener' ? { impressionListener: { logImpression: () => { heard++; } } } : {}),
});
const client = factory.client();
await client.ready();

const ons = (answers) => {
  let on = 0;
  for (const flag in answers) if (answers[flag] === 'on') on++;
  return on;
};
const withConfig = ({ treatment, config }) => treatment === 'on' && config !== null;
// What is done with a key; how many answers are "on".
const scenarios = {
  attr: (key) => client.getTreatment(key, 'attr', TWO) === 'on',
  kept: (key) => client.getTreatment(key, 'four', FOUR) === 'on',
  fresh: (key) => client.getTreatment(key, 'four', { age: 30, country: 'us', plan: 'pro', beta: true }) === 'on',
  config: (key) => withConfig(client.getTreatmentWithConfig(key, 'configured')),
  twenty: (key) => ons(client.getTreatments(key, TEAM)),
  set: (key) => ons(client.getTreatmentsByFlagSet(key, 'team')),
};
for (const flag of ['5050', 'whitelist', 'segment', 'probe', 'member']) {
  scenarios[flag] = (key) => client.getTreatment(key, flag) === 'on';
}

// Nanoseconds of CPU, of the whole process: Node 20 does not tell it for a thread.
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};

function run(scenario, calls) {
  const call = scenarios[scenario === 'unique' || scenario === 'hundred' ? '5050' : scenario];
  let keys = scenario === 'hundred' ? KEYS.slice(0, 100) : KEYS;
  if (scenario === 'unique') {
    keys = Array.from({ length: calls }, () => `new-${String(unique++).padStart(16, '0')}`);
  }
  let on = 0;
  const before = used();
  const begun = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) on += Number(call(keys[i % keys.length]));
  const took = Number(process.hrtime.bigint() - begun);
  return `${((used() - before) / calls).toFixed(1)} ${(took / calls).toFixed(1)} ${on} -`;
}

// The time of the clock on the wall in nanoseconds when the answer is another one.
async function waitForAChange() {
  const before = scenarios.probe(KEYS[0]);
  console.log('waiting');
  while (scenarios.probe(KEYS[0]) === before) await new Promise(setImmediate);
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
}

console.log(`ready ${(performance.now() - begun).toFixed(3)}`);
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [scenario, threads, calls] = line.split(' ');
  if (scenario === 'await') console.log(`${await waitForAChange()}`);
  else console.log(threads !== '1' || scenario === 'json' ? '-' : run(scenario, Number(calls)));
}
// Nothing is left to be sent.
process.exit(0);
