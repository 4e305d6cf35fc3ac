// Writes dist/chromium and dist/firefox, or the one that is named: the same files, the package's modules, and a manifest.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const pkg = join(here, '../pkg');

const FILES = [
  'api.js', 'background.js', 'journal.js', 'place.js', 'popup.css', 'popup.html', 'popup.js', 'settings.js', 'words.js',
  'icons/16.png', 'icons/32.png', 'icons/48.png', 'icons/128.png', 'icons/icon.svg',
];

/** The public half of a key pair: it makes the id of the unpacked extension, and so its redirect URI, the same everywhere. */
const CHROMIUM_KEY = 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyB/RBdhHHBQpZtXmsEbAME346S4JsQmVZ++SR/spL/cq7Y0bKxzlkfDE4c4+vf4GqS/um7BdbSy88vJW+xXw5jcdAZta2Z22Hq1yw3rDsfHhfOkc5sPKj3dbEiAj/P6T3MWeHmRMcKbiKjrZA1Ca0tP0CGUXCMPFBRI+Q5DuIjCWDG0ieoeuvHA5vKqPRcGkGGID6nm+K6uoxNdC9QKSMCu4J4KMmNdrhX4xv5NR9tE09Wpo3NZYtmYIHFq9D7Z3m5fyZ5navPf1x1L3XZZp+IrQHA+Ca70Rfcj5osDKdg3Ih0UbdqvYSFdnNEbxVymdrI4/9xQIcZYgDw9vGTHflQIDAQAB';

const { version } = JSON.parse(readFileSync(join(here, '../package.json'), 'utf8'));
const common = { ...JSON.parse(readFileSync(join(here, 'manifest.json'), 'utf8')), version };

const MANIFESTS = {
  chromium: {
    ...common,
    key: CHROMIUM_KEY,
    minimum_chrome_version: '120',
    background: { service_worker: 'background.js', type: 'module' },
  },
  firefox: {
    ...common,
    background: { scripts: ['background.js'], type: 'module' },
    browser_specific_settings: {
      gecko: {
        id: 'extension@tokenway.example',
        strict_min_version: '142.0',
        data_collection_permissions: { required: ['none'] },
      },
    },
  },
};

const wanted = process.argv[2];
if (wanted !== undefined && !(wanted in MANIFESTS)) {
  console.error(`build: there is no extension for ${wanted}, only for ${Object.keys(MANIFESTS).join(' and ')}`);
  process.exit(2);
}
for (const [browser, manifest] of Object.entries(MANIFESTS)) {
  if (wanted !== undefined && browser !== wanted) continue;
  const to = join(here, 'dist', browser);
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const file of FILES) cpSync(join(here, file), join(to, file));
  for (const file of [...imported('extension.js', imported('index.js')), 'wasm/tokenway_bg.wasm']) cpSync(join(pkg, file), join(to, 'tokenway', file));
  writeFileSync(join(to, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** That module of the package and all that it imports: what is for other places than extensions stays out. */
function imported(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const source = readFileSync(join(pkg, file), 'utf8');
  for (const [, other] of source.matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";/gms)) imported(normalize(join(dirname(file), other)), found);
  return found;
}
