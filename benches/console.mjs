// What `console.py` measures in a browser. Usage: console.mjs BASE pages ASKS PATH... | BASE live RECORD
import { createRequire } from 'node:module';

const require = createRequire(process.env.NPM_PACKAGES + '/');
const { chromium } = require('playwright-core');
const [, , base, script, ...facts] = process.argv;

/** Milliseconds until each page was loaded, its styles and scripts included; one line of times for each path. */
async function pages(page, [asks, ...paths]) {
  for (const path of paths) {
    const times = [];
    for (let n = 0; n < Number(asks); n++) {
      await page.goto(base + path, { waitUntil: 'load' });
      times.push(await page.evaluate(() => performance.getEntriesByType('navigation')[0].loadEventEnd));
    }
    console.log(JSON.stringify(times));
  }
}

/** Watches the page of a record that is running until it says that it is not. */
async function live(page, [record]) {
  await page.goto(`${base}/records/${record}`);
  await page.evaluate(() => {
    const seen = (window.seen = { updates: 0, longTasks: 0, longestMs: 0, frames: 0, slowestFrameMs: 0 });
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) {
        seen.longTasks += 1;
        seen.longestMs = Math.max(seen.longestMs, task.duration);
      }
    }).observe({ type: 'longtask' });
    document.body.addEventListener('htmx:afterSwap', () => (seen.updates += 1));
    const begun = performance.now();
    let last = begun;
    (function frame(now) {
      seen.frames += 1;
      seen.slowestFrameMs = Math.max(seen.slowestFrameMs, now - last);
      last = now;
      seen.framesPerS = (seen.frames * 1000) / (now - begun);
      requestAnimationFrame(frame);
    })(begun);
  });
  const begun = Date.now();
  const login = 'Basic ' + Buffer.from('admin:' + process.env.PASSWORD).toString('base64');
  for (;;) {
    const answer = await fetch(`${base}/api/v1/records/${record}`, { headers: { authorization: login } });
    const { status } = await answer.json();
    if (!['waiting', 'running', 'stopping'].includes(status.toLowerCase())) break;
    await page.waitForTimeout(250);
  }
  console.log(JSON.stringify({ runS: (Date.now() - begun) / 1000, ...(await page.evaluate(() => window.seen)) }));
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-US' });
  await page.goto(base + '/login');
  await page.fill('#user', 'admin');
  await page.fill('#password', process.env.PASSWORD);
  await page.press('#password', 'Enter');
  await page.waitForURL((url) => url.pathname !== '/login');
  await { pages, live }[script](page, facts);
} finally {
  await browser.close();
}
