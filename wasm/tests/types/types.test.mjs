// The types, as a user's strict compiler sees them: each action, event and end of the transcripts has its type, so that
// these and Rust cannot drift apart, and the README's programs compile.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TRANSCRIPTS = at('../../../tests/transcripts/');
const AMBIENT = '// As much of an extension\'s API as the README uses.\ndeclare const chrome: any;\n';
const OPTIONS = {
  strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], skipLibCheck: false, verbatimModuleSyntax: true,
  noUncheckedIndexedAccess: true,
};

let project;
before(() => {
  project = mkdtempSync(join(tmpdir(), 'tokenway-types-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(at('../../pkg'), join(project, 'node_modules/tokenway'), 'dir');
  for (const name of ['@types', 'undici-types']) symlinkSync(at(`../../node_modules/${name}`), join(project, 'node_modules', name), 'dir');
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n');
});
after(() => rmSync(project, { recursive: true, force: true }));

function compile(files, options = {}) {
  const compilerOptions = { ...OPTIONS, types: [], module: 'nodenext', ...options };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  try {
    execFileSync(at('../../node_modules/.bin/tsc'), ['-p', project, '--preserveSymlinks'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return '';
  } catch ({ stdout }) {
    return stdout;
  }
}

/** One constant for each line: an object literal may have no member that its type does not know. */
function generated() {
  const lines = readdirSync(TRANSCRIPTS).filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(TRANSCRIPTS, name), 'utf8').trim().split('\n').map((line) => JSON.parse(line)));
  const typed = new Set(lines.flatMap((line) => {
    if (line.action !== undefined) return [`Action = ${JSON.stringify(line)}`];
    if (line.event !== undefined) return [`Outcome = ${JSON.stringify(line.event)}`, `Moment = ${JSON.stringify(line.moment)}`];
    if (line.end !== undefined && line.end !== 'unfinished') return [`End = ${JSON.stringify(line.end)}`];
    return [];
  }));
  const constants = [...typed].map((text, index) => `export const value${index}: ${text};\n`);
  return { count: constants.length, text: `import type { Action, End, Moment, Outcome } from "tokenway";\n${constants.join('')}` };
}

test('each action, event and end of the transcripts has its type', () => {
  const { count, text } = generated();
  assert.ok(count > 100, String(count));
  writeFileSync(join(project, 'generated.ts'), text);
  assert.equal(compile(['generated.ts']), '');
});

test('a member that the types do not know is found', () => {
  const { text } = generated();
  writeFileSync(join(project, 'drifted.ts'), text.replace('"outcome":"locked","with":{', '"outcome":"locked","with":{"drifted":1,'));
  assert.match(compile(['drifted.ts']), /'"?drifted"?' does not exist/);
});

test('a switch over all that the machine says is exhaustive', () => {
  copyFileSync(at('exhaustive.ts'), join(project, 'exhaustive.ts'));
  assert.equal(compile(['exhaustive.ts']), '');
});

test('the programs of the README compile', () => {
  const readme = readFileSync(at('../../README.md'), 'utf8');
  const programs = [...readme.matchAll(/^```ts\n(\/\/ (\S+\.ts)\b[^]*?)^```$/gm)];
  assert.ok(programs.length >= 6, String(programs.length));
  for (const [, text, name] of programs) writeFileSync(join(project, name), text);
  writeFileSync(join(project, 'ambient.d.ts'), AMBIENT);
  const files = [...programs.map(([, , name]) => name), 'ambient.d.ts'];
  assert.equal(compile(files, { types: ['node'] }), '');
});
