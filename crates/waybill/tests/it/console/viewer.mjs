// The page that shows both OpenAPI documents: under its own strict policy, without a request to anybody.
import { base, check, fits, open, play, sound } from './browser.mjs';

await play(async () => {
  const looks = [
    { colorScheme: 'light' },
    { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  ];
  for (const look of looks) {
    const { browser, page } = await open(look);
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    const answer = await page.goto(base + '/api/v1/docs');
    const policy = answer.headers()['content-security-policy'] ?? '';
    check(policy.startsWith("default-src 'none'") && !policy.includes('unsafe'), 'its policy: ' + policy);
    const coloured = await page.evaluate(() => getComputedStyle(document.querySelector('summary')).cursor);
    check(coloured === 'pointer', 'its own style does not count: ' + coloured);

    // Somebody looks for an operation, opens it and reads what it takes and answers.
    const operation = page.locator('details', { hasText: '/api/v1/records/{id}/retries' }).first();
    check(!(await operation.locator('pre').first().isVisible()), 'operations are open before anybody asks');
    await operation.locator('summary').focus();
    await page.keyboard.press('Enter');
    await operation.locator('pre', { hasText: 'records:' }).waitFor();
    const words = await operation.innerText();
    for (const word of ['limit', 'cursor', 'retryOf', 'next']) check(words.includes(word), `${word} is not told: ${words}`);

    // Links within the page, and to the documents themselves.
    await page.locator('nav a', { hasText: 'webhooks' }).first().click();
    check(new URL(page.url()).hash.endsWith('-webhooks'), 'the index leads nowhere: ' + page.url());
    for (const path of ['/api/v1/openapi.json', '/v3/api-docs']) {
      check((await page.locator(`a[href="${path}"]`).count()) === 1, 'no link to ' + path);
      const document = await (await fetch(base + path)).json();
      const shown = await page.locator('summary').allInnerTexts();
      for (const [at, item] of Object.entries(document.paths)) {
        for (const method of Object.keys(item)) {
          const named = shown.some((text) => text.toLowerCase().startsWith(method) && text.includes(at));
          check(named, `${method} ${at} is not shown`);
        }
      }
    }
    await sound(page, 'the viewer');
    await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
    await fits(page, 'the viewer, opened');
    check(asked.length === 1, 'it asks for more: ' + asked.join(' '));
    await browser.close();
  }
});
