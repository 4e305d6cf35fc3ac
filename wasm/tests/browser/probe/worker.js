import { ready } from './ready.js';

postMessage(await ready());
