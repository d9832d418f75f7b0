// At three in the morning: what failed, why, and again; a node that is down and comes back.
import { ask, base, check, facts, logIn, open, play, sound } from './browser.mjs';

const [task, record] = facts;

await play(async () => {
  const { browser, page } = await open();
  await logIn(page);
  await page.getByRole('heading', { name: '1 task needs attention' }).waitFor();
  // Two clicks: the task's state, then a cause.
  await page.locator('section', { hasText: 'Needs attention' }).locator('a', { hasText: 'Failing' }).click();
  await page.waitForURL(new RegExp('/records/' + record));
  const causes = page.locator('section', { hasText: 'Root causes' });
  await causes.getByText('Conflict', { exact: true }).waitFor();
  await sound(page, 'record');
  await causes.getByRole('link', { name: 'Show' }).first().click();
  await page.locator('#rows tbody tr').first().waitFor();
  check((await page.locator('#rows tbody tr').count()) === 2, 'a cause selects the artifacts it cost');
  check((await page.locator('#rows img').count()) === 0, 'names of others are text');
  await page.getByText('<img src=x onerror=alert(1)>.bin').first().waitFor();
  const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
  check((await csv.suggestedFilename()).endsWith('.csv'), 'the selection is exported');

  // Nothing was mended: exactly this set again, and it fails again.
  await page.getByRole('button', { name: 'Retry these' }).last().click();
  await page.waitForURL((url) => url.pathname.startsWith('/records/') && !url.pathname.includes(record));
  await page.getByRole('link', { name: 'Repeats a part of an earlier run' }).waitFor();
  await page.locator('.pill.bad', { hasText: 'Failed' }).first().waitFor();

  await page.goto(`${base}/records/${record}`);
  const repeated = page.locator('p', { hasText: 'Repeated in part' });
  check((await repeated.locator('.pill.bad').count()) === 1, 'a run says what became of what was repeated');

  // A dead target: the run says so, and the page follows it to its end.
  await ask('kill edge');
  await page.goto(`${base}/tasks/${task}`);
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.waitForURL(/\/records\//);
  await page.locator('.reasons li', { hasText: 'unreachable' }).first().waitFor();
  await ask('start edge');
  await page.getByRole('button', { name: 'Retry what failed' }).click();
  await page.getByRole('link', { name: 'Repeats a part of an earlier run' }).waitFor();
  // The node is reached again; what stands in the way there still does.
  await page.locator('.pill.bad', { hasText: 'Failed' }).first().waitFor();
  check((await page.locator('.reasons li', { hasText: 'unreachable' }).count()) === 0, 'a node that is up again is reached');

  // By keyboard alone.
  await page.goto(base + '/');
  await page.keyboard.press('Tab');
  check((await page.evaluate(() => document.activeElement.className)) === 'skip', 'the first stop leads past the navigation');
  await page.keyboard.press('Enter');
  check((await page.evaluate(() => location.hash)) === '#main', 'it leads to the content');
  await page.goto(base + '/tasks');
  await page.keyboard.press('/');
  check((await page.evaluate(() => document.activeElement.name)) === 'name', '"/" goes to the search');
  await page.keyboard.type('night');
  await page.keyboard.press('Enter');
  await page.waitForURL(/name=night/);
  for (let stops = 0; stops < 40; stops++) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement.textContent)) === 'nightly') break;
  }
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'nightly' }).waitFor();
  await browser.close();
});
