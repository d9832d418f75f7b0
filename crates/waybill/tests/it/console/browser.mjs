// What every script needs: a browser that notes everything that should not be.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.env.NPM_PACKAGES + '/');
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8') + ';0';

export const [, , base, ...facts] = process.argv;
const faults = [];
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do what only it can. */
export async function ask(what) {
  console.log('do ' + what);
  const { value } = await answers.next();
  if (value !== 'ok') throw new Error(`${what}: ${value}`);
}

/** Notes that something is not as it should be; the script goes on. */
export function fault(words) {
  faults.push(words);
}

export function check(holds, words) {
  if (!holds) fault(words);
}

export async function open(options = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on('pageerror', (error) => fault('error of a script: ' + error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !page.expectsErrors) fault('console: ' + message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith('data:')) fault('another host: ' + request.url());
  });
  page.on('dialog', (dialog) => {
    if (dialog.type() !== 'confirm') fault('a dialog: ' + dialog.message());
    dialog.accept();
  });
  return { browser, context, page };
}

export async function logIn(page) {
  await page.goto(base + '/login');
  await page.fill('#user', 'admin');
  await page.fill('#password', process.env.PASSWORD);
  await page.press('#password', 'Enter');
  await page.waitForURL((url) => url.pathname !== '/login');
}

/** Checks what axe-core calls serious or critical, and that nothing is wider than the window. */
export async function sound(page, name) {
  await fits(page, name);
  // The content policy allows no script from elsewhere; the debugger is not bound by it.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => window.axe?.run(document, { resultTypes: ['violations'] }));
  if (!found) return fault(name + ': axe did not run');
  for (const violation of found.violations) {
    if (!['serious', 'critical'].includes(violation.impact)) continue;
    const where = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ');
    fault(`${name}: ${violation.id}: ${violation.help}: ${where}`);
  }
}

/** Checks that nothing is wider than the window. */
export async function fits(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(wide <= 0, `${name}: ${wide} px wider than the window`);
}

/** Keeps a picture in the folder `WAYBILL_PICTURES` names, when somebody wants new ones. */
export async function picture(page, name) {
  if (process.env.WAYBILL_PICTURES) await page.screenshot({ path: `${process.env.WAYBILL_PICTURES}/${name}.png` });
}

/** Runs a script to its end and says what was wrong. */
export async function play(script) {
  try {
    await script();
  } catch (error) {
    fault(error.stack ?? String(error));
  }
  for (const words of faults) console.log('- ' + words);
  process.exit(faults.length ? 1 : 0);
}
