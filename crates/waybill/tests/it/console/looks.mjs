// Every page: sound for axe-core and no wider than the window, in both languages, light and dark, wide and narrow.
import { base, facts, fits, logIn, open, picture, play, sound } from './browser.mjs';

const [task, record, failed, cluster, webhook, several] = facts;
const pages = {
  home: '/',
  tasks: '/tasks',
  'task-new': '/tasks/new?repository=app%2Fbuilds',
  task: `/tasks/${task}`,
  'task-edit': `/tasks/${several}/edit`,
  'task-copy': `/tasks/${task}/copy`,
  'task-delete': `/tasks/${task}/delete`,
  'record-well': `/records/${record}`,
  record: `/records/${failed}`,
  'record-sorted': `/records/${failed}?status=failed&sort=size&order=desc`,
  artifact: '/artifact?repository=tools%2Finstallers&name=%2Fsetup%2F1.0.3%2Fsetup-3.bin',
  clusters: '/clusters',
  'cluster-new': '/clusters/new',
  'cluster-edit': `/clusters/${cluster}/edit`,
  cluster: `/clusters/${cluster}`,
  repositories: '/repositories',
  'repository-new': '/repositories/new',
  repository: '/repositories/app/builds',
  folder: '/repositories/tools/installers/setup',
  file: '/repositories/tools/installers/setup/1.0.3/setup-3.bin',
  webhooks: '/webhooks',
  'webhook-new': '/webhooks/new',
  webhook: `/webhooks/${webhook}`,
  account: '/account',
  users: '/account/users',
  user: '/account/users/admin',
  'not-there': '/tasks/nobody',
};

await play(async () => {
  const looks = [
    { name: 'light', locale: 'en-US', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
    { name: 'dark', locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
    { name: 'narrow', locale: 'en-US', colorScheme: 'light', viewport: { width: 390, height: 844 } },
    { name: 'narrow-dark', locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  ];
  for (const { name, ...look } of looks) {
    // What axe-core looks at differs by colours and by width: two of the four looks have seen both of each.
    const looked = ['light', 'narrow-dark'].includes(name) ? sound : fits;
    const { browser, page } = await open(look);
    await page.goto(base + '/login');
    await looked(page, 'login ' + name);
    await logIn(page);
    for (const [title, path] of Object.entries(pages)) {
      page.expectsErrors = title === 'not-there';
      await page.goto(base + path);
      await looked(page, `${title} ${name}`);
      await picture(page, name === 'light' ? title : `${title}-${name}`);
    }
    await browser.close();
  }
});
