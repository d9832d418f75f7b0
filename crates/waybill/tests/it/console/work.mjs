// From nothing to a run that arrives: cluster, upload, task with its preview, a run watched live, language, tokens.
import { base, check, logIn, open, picture, play, sound } from './browser.mjs';

await play(async () => {
  const { browser, page } = await open();
  await page.goto(base + '/tasks');
  check(new URL(page.url()).pathname === '/login', 'who is not logged in is led to the login');
  await page.fill('#user', 'admin');
  await page.fill('#password', 'not the password');
  page.expectsErrors = true;
  await page.press('#password', 'Enter');
  await page.getByText('do not go together').waitFor();
  page.expectsErrors = false;
  await sound(page, 'login');
  await logIn(page);

  await page.goto(base + '/clusters/new');
  await page.fill('#name', 'edge');
  await page.fill('#url', process.env.EDGE);
  await page.fill('#user', 'admin');
  await page.fill('#password', process.env.PASSWORD);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'edge', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Check now' }).click();
  await page.getByText('Healthy').first().waitFor();
  await sound(page, 'cluster');

  await page.goto(base + '/repositories/demo/files/releases');
  await page.setInputFiles('input[type=file]', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') });
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByRole('link', { name: 'notes.txt' }).click();
  await page.getByText('SHA-256').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
  check((await download.suggestedFilename()) === 'notes.txt', 'a file is saved under its name');
  await page.fill('#name', 'stage');
  await page.fill('#value', 'test');
  await page.getByRole('button', { name: 'Add' }).click();
  await page.getByLabel('stage', { exact: true }).fill('live');
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Save stage' }).click()]);
  check((await page.getByLabel('stage', { exact: true }).inputValue()) === 'live', 'a property is changed where it stands');
  await sound(page, 'properties');
  await page.getByRole('button', { name: 'Remove stage' }).click();
  await page.getByText('It has no properties').waitFor();

  await page.goto(base + '/tasks/new?repository=demo%2Ffiles');
  await page.fill('#cron', 'every night');
  await page.locator('#firings .wrong').waitFor();
  await page.fill('#cron', '0 30 2 * * ?');
  await page.waitForFunction(() => document.querySelectorAll('#firings li').length === 5);
  await picture(page, 'task-form');
  await page.fill('#name', 'nightly');
  page.expectsErrors = true;
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('#targets-says').getByText('This is needed').waitFor();
  check((await page.inputValue('#name')) === 'nightly', 'what was typed is kept');
  await page.getByRole('button', { name: 'Add a repository' }).click();
  // Where a repository was added somebody goes on.
  await page.locator('#repository-1:focus').waitFor();
  check((await page.inputValue('#name')) === 'nightly', 'what was typed stays');
  await page.fill('#repository-1', 'demo/none');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('#repository-1-says').getByText('There is no repository demo/none').waitFor();
  await sound(page, 'several repositories');
  await page.getByRole('button', { name: 'Remove Repository 2' }).click();
  await page.locator('#repository-1').waitFor({ state: 'detached' });
  await page.getByLabel('edge').check();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('heading', { name: 'What it would do now' }).waitFor();
  page.expectsErrors = false;
  await page.locator('#preview').getByText('41', { exact: true }).waitFor();
  await sound(page, 'preview');
  await picture(page, 'preview');
  await page.getByRole('button', { name: 'Create task' }).click();
  await page.getByRole('heading', { name: 'nightly' }).waitFor();

  // A second window looks on: what happens appears there without anybody asking.
  const watching = await page.context().newPage();
  await watching.goto(base + '/');
  await watching.getByText('Nothing has run yet').waitFor();
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.waitForURL(/\/records\//);
  await page.locator('.pill.ok', { hasText: 'Succeeded' }).first().waitFor();
  await watching.locator('.pill.ok', { hasText: 'Succeeded' }).first().waitFor();
  await watching.close();
  const names = page.locator('#rows tbody tr td:first-child a');
  await page.getByRole('link', { name: 'Artifact', exact: true }).click();
  await page.locator('#rows th[aria-sort=ascending]').waitFor();
  check((await names.first().textContent()) === '/releases/1.0.0/app-0.bin', 'artifacts come by name');
  await page.getByRole('link', { name: 'Artifact', exact: true }).click();
  await page.locator('#rows th[aria-sort=descending]').waitFor();
  check((await names.first().textContent()) === '/releases/notes.txt', 'and the other way round');

  // Somebody is to be told; nobody listens there, and the log says so.
  await page.getByRole('link', { name: 'Webhooks' }).click();
  await page.getByRole('link', { name: 'New webhook' }).click();
  await page.fill('#name', 'ops');
  await page.fill('#url', base + '/nobody-listens-here');
  await sound(page, 'webhook form');
  await page.getByRole('button', { name: 'Save' }).click();
  check((await page.locator('#made').textContent()).length >= 16, 'the secret is shown once');
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.locator('.pill.bad', { hasText: 'Given up' }).waitFor();
  check((await page.locator('#made').count()) === 0, 'and never again');
  await sound(page, 'webhook');

  await page.selectOption('select[name=language]', 'zh-CN');
  await page.getByRole('link', { name: '首页' }).waitFor();
  await page.selectOption('select[name=theme]', 'dark');
  await page.locator('html[data-theme=dark]').waitFor({ state: 'attached' });
  await page.selectOption('select[name=language]', 'en');
  await page.getByRole('link', { name: 'Account' }).click();
  await page.fill('#token', 'ci');
  await page.getByRole('button', { name: 'Create token' }).click();
  check((await page.locator('#made').textContent()).length > 20, 'a token is shown once');
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.locator('#made').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('#password').waitFor();
  await browser.close();
});
