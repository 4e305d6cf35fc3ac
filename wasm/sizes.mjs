// The size of the whole module, glue included, against the last one: `node wasm/sizes.mjs`, or `--write` to keep it.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** What it shall be one day, in bytes after gzip -9. */
const AIM = 90_000;

/** How much larger than the last one is still the same: a compiler is never quite even. */
const SLACK = 1.01;

const at = (path) => new URL(path, import.meta.url);
const gzipped = (path) => gzipSync(readFileSync(at(path)), { level: 9 }).length;

const sizes = { wasm: gzipped('pkg/wasm/tokenway_bg.wasm'), glue: gzipped('pkg/wasm/tokenway.js') };
const total = sizes.wasm + sizes.glue;
const last = JSON.parse(readFileSync(at('sizes.json'), 'utf8'));
const before = last.wasm + last.glue;
console.log(`sizes: wasm ${sizes.wasm} + glue ${sizes.glue} = ${total} bytes gzip; last ${before}, aim ${AIM}`);
if (process.argv.includes('--write')) writeFileSync(at('sizes.json'), `${JSON.stringify(sizes, undefined, 2)}\n`);
else if (total > before * SLACK) {
  console.error('larger than the last one: make it smaller, or say why and run with --write');
  process.exitCode = 1;
}
