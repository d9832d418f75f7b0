// Every page: sound for axe-core and no wider than the window, in both languages, light and dark, wide and narrow.
import { base, facts, logIn, open, picture, play, sound } from './browser.mjs';

const [task, record, cluster] = facts;
const pages = {
  home: '/',
  tasks: '/tasks',
  'task-new': '/tasks/new',
  task: `/tasks/${task}`,
  'task-delete': `/tasks/${task}/delete`,
  record: `/records/${record}`,
  clusters: '/clusters',
  'cluster-new': '/clusters/new',
  cluster: `/clusters/${cluster}`,
  repositories: '/repositories',
  folder: '/repositories/demo/files/releases',
  file: '/repositories/demo/files/releases/1.1.0/app-1.bin',
  'repository-new': '/repositories/new',
  webhooks: '/webhooks',
  'webhook-new': '/webhooks/new',
  account: '/account',
  users: '/account/users',
  user: '/account/users/admin',
};

await play(async () => {
  const looks = [
    { name: 'light', locale: 'en-US', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
    { name: 'dark', locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
    { name: 'narrow', locale: 'en-US', colorScheme: 'light', viewport: { width: 390, height: 844 } },
    { name: 'narrow-dark', locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  ];
  for (const { name, ...look } of looks) {
    const { browser, page } = await open(look);
    await page.goto(base + '/login');
    await sound(page, 'login ' + name);
    await logIn(page);
    for (const [title, path] of Object.entries(pages)) {
      await page.goto(base + path);
      await sound(page, `${title} ${name}`);
      const shown = name === 'light' ? title : `${title}-${name}`;
      if (name === 'light' || ['home', 'record'].includes(title)) await picture(page, shown);
    }
    await browser.close();
  }
});
