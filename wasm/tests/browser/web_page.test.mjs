// The page in web/, in headless Chromium: every transcript through the real binding, and what people do with it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const transcripts = new URL('../../../tests/transcripts/', import.meta.url);
const names = readdirSync(transcripts).filter((file) => file.endsWith('.jsonl')).map((file) => basename(file, '.jsonl'));
const read = (name) => readFileSync(new URL(`${name}.jsonl`, transcripts), 'utf8');
const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };

let server, origin, browser, page, folder;
const complaints = [];

before(async () => {
  execFileSync(process.execPath, [`${web}build.mjs`]);
  server = createServer(serve).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${server.address().port}/`;
  folder = mkdtempSync(join(tmpdir(), 'tokenway-web-'));
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await page?.close();
  complaints.length = 0;
  page = await browser.newPage();
  page.on('console', (message) => ['error', 'warn'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
});

test('every transcript plays to its end with no difference', async () => {
  await open();
  const offered = await page.$$eval('#picker option', (options) => options.map(({ value }) => value));
  assert.deepEqual([...offered].sort(), [...names].sort());
  for (const name of offered) {
    await page.select('#picker', name);
    await page.waitForFunction((name) => document.querySelector('#dialogue .number')?.hash.includes(`transcript=${name}&`), {}, name);
    const steps = Number(await page.$eval('#scrubber', ({ max }) => max));
    assert.equal(steps, read(name).split('\n').filter((line) => line.startsWith('{"action":')).length + 1, name);
    for (let step = 1; step < steps; step += 1) {
      assert.deepEqual(await standing(), { step, lit: 1 }, name);
      await page.keyboard.press('ArrowRight');
    }
    assert.deepEqual(await standing(), { step: steps, lit: 1 }, name);
    assert.match(await text('#verdict'), /^Replayed exactly/, name);
    assert.equal(await page.$('.difference'), null, name);
    assert.doesNotMatch(await text('#player'), /undefined|NaN|\[object/, name);
  }
  assert.deepEqual(complaints, []);
});

test('every step is taken along an edge that its diagram has', async () => {
  await open();
  const missing = await page.evaluate(async (names) => {
    const { DIAGRAMS, FAILED, statesOf } = await import('./page/flows.js');
    const { Player } = await import('./pkg/index.js');
    const missing = [];
    for (const name of names) {
      const player = await Player.load(await (await fetch(`transcripts/${name}.jsonl`)).text());
      player.finish();
      const { edges } = DIAGRAMS[player.header.flow.name];
      statesOf(player.header.flow.name, player.played, player.steps).reduce((from, to) => {
        const standsStill = player.end === 'unfinished' && from === to;
        if (to !== FAILED && !standsStill && !edges.some((edge) => edge.from === from && edge.to === to)) missing.push(`${name}: ${from} to ${to}`);
        return to;
      });
    }
    return missing;
  }, names);
  assert.deepEqual(missing, []);
});

test('every transcript has a title for people', () => {
  const titles = JSON.parse(readFileSync(`${web}titles.json`, 'utf8'));
  assert.deepEqual(Object.keys(titles).sort(), [...names].sort());
});

test('the keyboard goes through the steps, and plays and pauses', async () => {
  await open('#transcript=login');
  const press = async (key) => {
    await page.keyboard.press(key);
    return (await standing()).step;
  };
  assert.equal(await press('ArrowRight'), 2);
  assert.equal(await press('ArrowLeft'), 1);
  assert.equal(await press('ArrowLeft'), 1);
  assert.equal(await press('End'), 7);
  assert.equal(await press('ArrowRight'), 7);
  assert.equal(await press('Home'), 1);
  await page.select('#speed', '4');
  await page.evaluate(() => document.activeElement.blur());
  assert.equal(await press('Space'), 2);
  assert.equal(await page.$eval('#play', (play) => play.getAttribute('aria-label')), 'Pause');
  await page.waitForFunction(() => Number(document.querySelector('#scrubber').value) >= 3);
  const stopped = await press('Space');
  assert.equal(await page.$eval('#play', (play) => play.getAttribute('aria-label')), 'Play');
  assert.equal((await standing()).step, stopped);
  await page.focus('#next');
  assert.equal(await press('Space'), stopped + 1, 'a button that has the focus is pressed');
  await page.focus('#scrubber');
  assert.equal(await press('Home'), 1, 'the scrubber listens itself');
  assert.equal(await press('ArrowRight'), 2);
  assert.deepEqual(complaints, []);
});

test('a step is announced, has an address, and is found by it', async () => {
  await open('#transcript=login_state_forged&step=4');
  assert.equal((await standing()).step, 4);
  assert.match(await text('#announcer'), /^Step 4 of 9\. The machine asks: Wait until .* It is ignored: /);
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => location.hash === '#transcript=login_state_forged&step=5');
  await page.evaluate(() => { location.hash = '#transcript=logout&step=3'; });
  await page.waitForFunction(() => document.querySelector('#picker').value === 'logout');
  assert.equal((await standing()).step, 3);
  await page.$eval('#dialogue .number', (link) => link.click());
  await page.waitForFunction(() => document.querySelector('#scrubber').value === '1');
  await open('#transcript=no_such_thing');
  assert.match(await text('#trouble'), /no transcript "no_such_thing"/);
});

test('a stray redirect is shown as ignored, and the same state stands', async () => {
  await open('#transcript=login_state_forged&step=4');
  assert.match(await text('.current .stray'), /Ignored, told 400/);
  assert.match(await text('#caption'), /Awaiting → Awaiting/);
});

test('a failure says what was seen and what comes next', async () => {
  await open('#transcript=get_token_cool_down&step=5');
  assert.match(await text('.ending'), /Not now.*left alone for a while.*What comes next.*Try again, in 24\.96 s/s);
});

test('a file that is picked, or dropped, is played', async () => {
  await open();
  await (await page.$('#file')).uploadFile(written('picked.jsonl', read('logout_local')));
  await page.waitForFunction(() => document.querySelector('#picker').selectedOptions[0].text === 'picked.jsonl');
  assert.match(await text('#verdict'), /^Replayed exactly/);
  await drop('dropped.jsonl', read('get_token_busy'));
  await page.waitForFunction(() => document.querySelector('#picker').selectedOptions[0].text === 'dropped.jsonl');
  assert.equal(await page.$eval('#scrubber', ({ max }) => max), '6');
  assert.deepEqual(complaints, []);
});

test('a file that is no transcript is refused by line and reason, and what was shown stays', async () => {
  await open('#transcript=login&step=3');
  await drop('notes.jsonl', read('login').replace('"browser":true', '"browser":"yes"'));
  await page.waitForSelector('#trouble:not([hidden])');
  assert.match(await text('#trouble'), /Line 5: .*not true or false/);
  assert.equal((await standing()).step, 3);
  assert.equal(await page.$eval('#picker', ({ value }) => value), 'login');
});

test('a tampered transcript shows both lines with the place that differs', async () => {
  await open();
  await drop('tampered.jsonl', read('login').replaceAll('code_challenge_method=S256', 'code_challenge_method=plain'));
  await page.waitForFunction(() => document.querySelector('#verdict').textContent.startsWith('Differs in line 4'));
  await page.keyboard.press('End');
  assert.equal((await standing()).step, 2);
  assert.deepEqual(await page.$$eval('.difference mark', (marks) => marks.map((mark) => mark.textContent)), ['plain', 'S256']);
});

test('texts of a hostile transcript stay texts', async () => {
  const html = '<img src=x onerror=window.injected=1><script>window.injected=1</script>';
  await open();
  await drop(`${html.replaceAll('/', '')}.jsonl`, read('get_token_fresh').replaceAll('email-1', html));
  await page.waitForFunction(() => document.querySelector('#picker').selectedOptions[0].text.startsWith('<img'));
  await page.keyboard.press('End');
  assert.match(await text('#verdict'), /^Replayed exactly/);
  assert.ok((await text('.ending')).includes(html));
  await drop('detail.jsonl', read('get_token_not_sent').replaceAll('could not open', html));
  await page.waitForFunction(() => document.querySelector('#picker').selectedOptions[0].text === 'detail.jsonl');
  await page.keyboard.press('End');
  await drop('broken.jsonl', html);
  await page.waitForSelector('#trouble:not([hidden])');
  assert.deepEqual(await page.$$eval('main img, main script', (found) => found.length), 0);
  assert.equal(await page.evaluate(() => window.injected), undefined);
  assert.deepEqual(complaints, []);
});

test('a narrow screen has nothing to scroll sideways', async () => {
  await page.setViewport({ width: 390, height: 844 });
  for (const name of ['login_by_discovery', 'get_token_unknown_twice']) {
    await open(`#transcript=${name}&step=1`);
    await page.keyboard.press('End');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name);
  }
});

async function open(hash = '') {
  await page.goto('about:blank');
  await page.goto(origin + hash);
  await page.waitForSelector('#player[aria-busy="false"]');
}

async function standing() {
  return page.evaluate(() => ({
    step: Number(document.querySelector('[aria-current="step"]').dataset.step),
    lit: document.querySelectorAll('.node.current').length,
  }));
}

async function text(selector) {
  return page.$eval(selector, (element) => element.textContent.replaceAll(/\s+/g, ' ').trim());
}

function written(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function drop(name, content) {
  await page.evaluate((name, content) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([content], name));
    for (const type of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
  }, name, content);
}

function serve(request, response) {
  const path = new URL(request.url, origin).pathname.replace(/\/$/, '/index.html');
  try {
    const body = readFileSync(join(web, 'dist', path));
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}
