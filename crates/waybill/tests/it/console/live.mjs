// A page that stays open: it follows what happens, does not grow, asks no oftener than it has to, and after a restart
// of its node is right again.
import { ask, base, check, facts, logIn, open, play } from './browser.mjs';

const [often, later, cluster] = facts;
const login = 'Basic ' + Buffer.from('admin:' + process.env.PASSWORD).toString('base64');

async function tell(method, path, body) {
  const headers = { authorization: login, ...(body && { 'content-type': 'application/json' }) };
  return fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
}

async function call(method, path, body) {
  const answer = await tell(method, path, body);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** Runs a task to its end. */
async function run(task) {
  const { recordId: id } = await call('POST', `/api/v1/tasks/${task}/run`);
  for (;;) {
    const { status } = await call('GET', `/api/v1/records/${id}`);
    if (!['waiting', 'running', 'stopping'].includes(status.toLowerCase())) return id;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the page shows a run as the latest. */
async function shows(page, record) {
  await page.locator(`section[aria-labelledby=recent] tbody tr:first-child a[href="/records/${record}"]`).waitFor();
}

/** Counts what the page consists of, what it forgot left out. */
async function size(page, debug) {
  await debug.send('HeapProfiler.collectGarbage');
  const { metrics } = await debug.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return { shown: await page.evaluate(() => document.querySelectorAll('*').length), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

await play(async () => {
  const { browser, context, page } = await open();
  const debug = await context.newCDPSession(page);
  await debug.send('Performance.enable');
  let parts = 0;
  page.on('request', (request) => (parts += request.headers()['hx-request'] ? 1 : 0));
  await logIn(page);

  // As many runs as the page names, so that from here on it only changes.
  let latest;
  for (let runs = 0; runs < 9; runs++) latest = await run(often);
  await shows(page, latest);
  const before = await size(page, debug);
  const [begun, asked] = [Date.now(), parts];
  for (let runs = 0; runs < 40; runs++) latest = await run(often);
  await shows(page, latest);
  const seconds = (Date.now() - begun) / 1000;
  const after = await size(page, debug);
  check(parts - asked <= 2 * seconds + 3, `${parts - asked} requests in ${seconds} s: more than two a second`);
  check(after.shown <= before.shown * 1.02, `the page grew: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
  check(after.nodes <= before.nodes * 1.5 + 500, `it holds what it no longer shows: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
  check(after.listeners <= before.listeners * 1.5 + 50, `it listens to what is gone: ${JSON.stringify(before)} to ${JSON.stringify(after)}`);

  // Looks at a cluster and calls of a webhook appear where they are shown, without anybody asking.
  const made = await call('POST', '/api/v1/webhooks', { name: 'ops', url: base + '/nobody', events: ['run.failed'] });
  const [health, hook] = [await context.newPage(), await context.newPage()];
  await health.goto(`${base}/clusters/${cluster}`);
  await hook.goto(`${base}/webhooks/${made.id}`);
  await hook.getByText('It was not told anything yet').waitFor();
  await ask('kill edge');
  await tell('POST', '/api/v1/clusters/edge/check');
  await health.locator('h1 + p .pill.bad', { hasText: 'Unhealthy' }).waitFor();
  await ask('start edge');
  await tell('POST', '/api/v1/clusters/edge/check');
  await health.locator('h1 + p .pill.ok', { hasText: 'Healthy' }).waitFor();
  for (let calls = 1; calls <= 3; calls++) {
    await call('POST', `/api/v1/webhooks/${made.id}/test`);
    await hook.locator(`section[aria-labelledby=log] tbody tr:nth-child(${calls})`).waitFor();
  }
  await health.close();
  await hook.close();

  // Its node is gone for a while, and what happened meanwhile was told to nobody.
  page.expectsErrors = true;
  await ask('kill centre');
  await ask('start centre');
  const meanwhile = await run(later);
  await shows(page, meanwhile);
  page.expectsErrors = false;
  const then = await run(often);
  await shows(page, then);
  await browser.close();
});
