import { config, options } from './config.js';
import { extensionStore } from './tokenway/extension.js';
import { Client } from './tokenway/index.js';

globalThis.client = new Client(config, { store: extensionStore(options.area) });
