// Every transcript of the repository, played in Node through the real binding.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Difference, Player, replay, UnreadableTranscript, wasmFrom } from '../../pkg/index.js';

const folder = new URL('../../../tests/transcripts/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
const read = (name) => readFileSync(new URL(name, folder), 'utf8');
const login = read('login.jsonl');
const lines = login.trimEnd().split('\n');

wasmFrom(() => readFileSync(new URL('../../pkg/wasm/tokenway_bg.wasm', import.meta.url)));

const differs = (text) => replay(text).then(() => assert.fail('it replayed'), (error) => {
  assert.ok(error instanceof Difference, String(error));
  return error;
});

const unreadable = (text) => replay(text).then(() => assert.fail('it replayed'), (error) => {
  assert.ok(error instanceof UnreadableTranscript, String(error));
  return error;
});

test('there are transcripts of every flow', () => {
  for (const flow of ['get_token', 'login', 'logout']) assert.ok(names.some((name) => name.startsWith(flow)), flow);
});

for (const name of names) {
  test(`${name} replays byte for byte`, async () => {
    const { flow, steps } = await replay(read(name));
    assert.ok(name.startsWith(flow));
    assert.equal(steps, read(name).split('\n').filter((line) => line.startsWith('{"event":')).length);
  });
}

test('a changed action is shown with both lines, around the place', async () => {
  const error = await differs(login.replace('code_challenge_method=S256', 'code_challenge_method=plain'));
  assert.equal(error.line, 4);
  assert.match(error.expected, /^….*code_challenge_method=plain/);
  assert.match(error.got, /^….*code_challenge_method=S256/);
  assert.ok([...error.expected].length < 250);
  assert.match(error.message, /line 4 differs\n {2}transcript: .*plain.*\n {2}replay: {5}.*S256/);
});

test('a changed event is noticed where the run takes another way', async () => {
  const forged = await differs(login.replace('code=code-1', 'kode=code-1'));
  assert.equal(forged.line, lines.findIndex((line) => line.includes('"outcome":"callback"')) + 2);
  const misplaced = await differs(login.replace('{"outcome":"begun"}', '{"outcome":"deleted"}'));
  assert.match(misplaced.got, /refused: .*"deleted" does not answer "begin"/);
});

test('a changed end is noticed, and so is an end that comes too early or too late', async () => {
  const end = await differs(login.replace('"generation":1,"token_type"', '"generation":2,"token_type"'));
  assert.equal(end.line, lines.length);
  const late = await differs([...lines.slice(0, -3), lines.at(-1)].join('\n'));
  assert.equal(late.line, lines.length - 2);
  const early = await differs([...lines.slice(0, -1), lines[11], lines[12], lines.at(-1)].join('\n'));
  assert.equal(early.line, lines.length);
});

test('what is no transcript is refused by line and reason', async () => {
  const cases = [
    ['', 1, /empty/],
    ['hello', 1, /JSON/],
    ['{"hello":1}\n', 1, /not the header/],
    [login.replace('"transcript":1', '"transcript":2'), 1, /format 2, this version reads 1/],
    [login.replace('{"name":"login"}', '{"name":"dance"}'), 1, /no flow "dance"/],
    [login.replace('https://as.example/token', 'http://as.example/token'), 1, /http/],
    [login.replace('"now":1764000000000,"entropy":"56', '"now":1764000000000,"entropy":"zz'), 1, /entropy/],
    [login.replace('{"event":', '{"evnt":'), 3, /not an event/],
    [login.replace('"browser":true', '"browser":"yes"'), 5, /true or false/],
    [lines.slice(0, -1).join('\n'), lines.length - 1, /end is missing/],
    [lines.filter((_, at) => at !== 2).join('\n'), 3, /not an event/],
    [lines.filter((_, at) => at !== lines.length - 2).join('\n'), lines.length - 2, /last action has no answer/],
    [[...lines.slice(0, -1), '{"end":"unfinished"}'].join('\n'), lines.length, /action that stood is missing/],
  ];
  for (const [text, line, reason] of cases) {
    const error = await unreadable(text);
    assert.equal(error.line, line, error.message);
    assert.match(error.reason, reason);
    assert.equal(error.code, 'unreadable');
  }
});

test('an id in an event of a transcript does not choose the action that it answers', async () => {
  await replay(login.replace('{"outcome":"begun"}', '{"outcome":"begun","id":{"life":9,"step":9}}'));
});

test('line ends of other systems do not matter', async () => {
  await replay(login.replaceAll('\n', '\r\n'));
  await replay(login.trimEnd());
});

test('a player goes step by step, says what was ignored, and stops at a difference', async () => {
  const player = await Player.load(read('login_state_forged.jsonl'));
  assert.equal(player.header.flow.name, 'login');
  const ignored = [];
  for (let played = player.next(); played; played = player.next()) {
    if (typeof played.progress === 'object') ignored.push(played.progress.ignored.status);
  }
  assert.deepEqual(ignored, [400, 400]);
  assert.equal(player.played.length, player.steps.length + 1);
  assert.ok('done' in player.played.at(-1).asked);
  assert.equal(player.finish().end, 'logged in');

  const tampered = await Player.load(login.replace('code_challenge_method=S256', 'code_challenge_method=plain'));
  assert.ok(!tampered.next().difference);
  assert.equal(tampered.next().difference.line, 4);
  assert.equal(tampered.next(), undefined);
  assert.equal(tampered.played.length, 2);
  assert.throws(() => tampered.finish(), Difference);
});

test('an unfinished recording ends with the action that stood', async () => {
  const player = await Player.load(read('login_unfinished.jsonl'));
  const { end, steps } = player.finish();
  assert.equal(end, 'unfinished');
  assert.equal(steps, player.steps.length - 1);
  assert.equal(player.steps.at(-1).answer, undefined);
  assert.ok('act' in player.played.at(-1).asked);
});
