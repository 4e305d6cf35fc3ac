// Builds the page into dist/: `node web/build.mjs`, after the package. Any static file server shows it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = at('dist');
const transcripts = at('../../tests/transcripts');
const titles = JSON.parse(readFileSync(at('titles.json'), 'utf8'));

rmSync(dist, { recursive: true, force: true });
mkdirSync(`${dist}/transcripts`, { recursive: true });
execFileSync(at('../node_modules/.bin/tsc'), ['-p', at('tsconfig.json')], { stdio: 'inherit' });
for (const file of ['index.html', 'icon.svg', 'base.css', 'player.css']) cpSync(at(file), `${dist}/${file}`);
cpSync(at('../pkg'), `${dist}/pkg`, {
  recursive: true,
  filter: (source) => ['', '.js', '.wasm'].includes(extname(source)) && !basename(source).startsWith('LICENSE'),
});

const names = readdirSync(transcripts).filter((file) => file.endsWith('.jsonl')).map((file) => basename(file, '.jsonl'));
const inOrder = [...Object.keys(titles).filter((name) => names.includes(name)), ...names.filter((name) => !(name in titles))];
const index = inOrder.map((name) => {
  const text = readFileSync(`${transcripts}/${name}.jsonl`, 'utf8');
  writeFileSync(`${dist}/transcripts/${name}.jsonl`, text);
  const { flow } = JSON.parse(text.slice(0, text.indexOf('\n')));
  return { name, flow: flow.name, title: titles[name] ?? name.replaceAll('_', ' ') };
});
writeFileSync(`${dist}/transcripts/index.json`, `${JSON.stringify(index, undefined, 2)}\n`);
