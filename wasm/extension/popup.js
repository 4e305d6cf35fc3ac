// What the background and the storage say, shown. Nothing lives here: a popup may be closed at any moment.

import { JOURNAL } from './journal.js';
import { configOf, serverName } from './settings.js';
import { hostPermissions } from './tokenway/extension.js';
import {
  actionWords, clock, explained, flowWords, initials, lifeWords, outcomeWords, person, sentence,
} from './words.js';

const at = (id) => document.getElementById(id);
const form = at('form');

/** The origins that the server needs and this extension may not ask yet. */
let missing = [];
let rendering = false;
let again = false;
let filled = false;

for (const command of ['login', 'call', 'reopen', 'cancel', 'logout']) at(command).addEventListener('click', () => press(command));
at('clear').addEventListener('click', () => send({ do: 'clear' }));
at('allow').addEventListener('click', () => void chrome.permissions.request({ origins: missing }).then(render));
form.elements.server.addEventListener('change', showFields);
form.addEventListener('input', () => at('form-said').textContent = '');
form.addEventListener('submit', save);
chrome.storage.onChanged.addListener(() => void render());
void render();

async function send(message) {
  try {
    return await chrome.runtime.sendMessage(message);
  } catch (error) {
    return { error: { code: 'other', message: `The background of this extension did not answer: ${error.message}`, advice: 'Open this popup again.' } };
  }
}

/** One press at a time; what comes of it is seen in the storage. */
async function press(command) {
  const button = at(command);
  if (button.ariaDisabled === 'true') return;
  button.ariaDisabled = 'true';
  await send({ do: command });
  button.ariaDisabled = null;
  await render();
}

/** Shows what is so now. Changes that come meanwhile are shown by one more round. */
async function render() {
  again = true;
  if (rendering) return;
  rendering = true;
  try {
    while (again) {
      again = false;
      const [answer, { [JOURNAL]: entries = [] }] = await Promise.all([send({ do: 'status' }), chrome.storage.session.get(JOURNAL)]);
      await show(answer.value ?? { broken: answer.error });
      showJournal(entries);
    }
  } finally {
    rendering = false;
  }
}

async function show({ settings, status, broken, problem, call, ownRedirect }) {
  const login = status?.login;
  const state = status?.underWay ? 'waiting' : login ? 'in' : status ? 'out' : 'broken';
  const focused = document.activeElement;
  fillForm(settings);
  document.body.dataset.state = state;
  if (settings) at('server').textContent = serverName(settings);
  showAccount(state, settings, login);
  const error = broken ?? problem ?? status?.lastError;
  await showProblem(state === 'waiting' ? undefined : error, status, settings);
  at('login').textContent = error && error.code !== 'cancelled' ? 'Log in again' : 'Log in';
  showResult(state === 'in' ? call : undefined);
  at('fields').disabled = state === 'waiting';
  at('form-locked').hidden = state !== 'waiting';
  at('own-redirect').textContent = ownRedirect ?? '';
  at('store').textContent = status ? sentence(`Kept in ${status.store}`) : '';
  if (focused instanceof HTMLButtonElement && focused.hidden) document.querySelector('.buttons > :not([hidden])')?.focus();
}

function showAccount(state, settings, login) {
  const who = login && person(login.claims);
  const [headline, detail] = {
    broken: ['This cannot work yet', ''],
    in: [who?.name, who?.detail],
    out: ['You are not logged in', settings?.server === 'codex' ? '' : `Client ${settings?.clientId}`],
    waiting: ['Waiting for the browser', 'Log in on the page that has opened. This popup may be closed.'],
  }[state];
  setText('headline', headline);
  setText('detail', detail);
  setText('initials', who && state === 'in' ? initials(who.name) : '');
  at('life').hidden = state !== 'in';
  at('life').textContent = login ? lifeWords(login) : '';
  at('login').hidden = !(state === 'out' || (state === 'in' && login.standing === 'dead' && !login.renewable));
  at('call').hidden = state !== 'in' || !at('login').hidden;
  at('logout').hidden = state !== 'in';
  at('reopen').hidden = at('cancel').hidden = state !== 'waiting';
}

async function showProblem(error, status, settings) {
  at('problem').hidden = !error;
  if (!error) return;
  const { title, seen, advice } = explained(error);
  // A person who changed their mind needs neither a heading nor advice.
  const calm = error.code === 'cancelled';
  at('problem').classList.toggle('calm', calm);
  at('problem-title').hidden = calm;
  at('problem-advice').hidden = calm || advice === '';
  setText('problem-title', title);
  setText('problem-seen', seen);
  setText('problem-advice', advice);
  missing = await missingOrigins(status ? { provider: status.provider } : settings && configOf(settings));
  at('allow').hidden = missing.length === 0;
  at('allow').textContent = `Allow ${missing.map((origin) => new URL(origin.replace('*', '')).host).join(', ')}`;
}

async function missingOrigins(config) {
  try {
    const needed = config ? hostPermissions(config) : [];
    const allowed = await Promise.all(needed.map((origin) => chrome.permissions.contains({ origins: [origin] })));
    return needed.filter((_, index) => !allowed[index]);
  } catch {
    return [];
  }
}

function showResult(call) {
  at('result').hidden = !call;
  if (!call) return;
  const good = call.status >= 200 && call.status < 300;
  setText('result-title', good ? 'The API answered' : call.status < 500 ? 'The API refused' : 'The API failed');
  setText('result-status', `${call.status} · ${clock(call.at)}`);
  at('result-status').className = `chip ${good ? 'good' : 'bad'}`;
  setText('result-url', `GET ${call.url}`);
  setText('result-body', call.body);
}

function showJournal(entries) {
  at('journal-count').textContent = entries.length === 0 ? '' : entries.length === 1 ? '1 step' : `${entries.length} steps`;
  at('journal-empty').hidden = entries.length > 0;
  at('entries').hidden = entries.length === 0;
  at('journal-end').hidden = entries.length === 0;
  at('entries').replaceChildren(...entries.toReversed().map(row));
}

function row(entry) {
  const time = element('time', new Date(entry.at).toLocaleTimeString([], { hour12: false }));
  const names = element('div', undefined, 'names mono');
  names.append(element('span', flowWords(entry.flow), 'flow'), ` ${entry.action} → ${outcomeWords(entry)}`);
  const what = element('div');
  what.append(element('div', actionWords(entry.action)), names);
  const trouble = ['already begun', 'busy', 'conflict', 'failed', 'lost', 'timed out'].includes(entry.outcome);
  const item = element('li', undefined, entry.outcome === null ? 'open' : trouble ? 'trouble' : '');
  item.append(time, what);
  return item;
}

/** Once: from then on the form is the person's. */
function fillForm(settings) {
  if (filled || !settings) return;
  filled = true;
  for (const [name, value] of Object.entries(settings)) form.elements[name].value = value;
  showFields();
}

function showFields() {
  at('own').hidden = form.elements.server.value !== 'issuer';
}

async function save(event) {
  event.preventDefault();
  const settings = Object.fromEntries(new FormData(form));
  // Asked before anything is awaited: a browser asks the person only in the click itself.
  const allowed = askFor(settings);
  const { error } = await send({ do: 'settings', settings });
  at('form-problem').hidden = !error;
  at('form-problem').textContent = error ? sentence(error.message) : '';
  at('form-said').textContent = error ? '' : 'Saved';
  await allowed;
  await render();
}

async function askFor(settings) {
  try {
    const origins = hostPermissions(configOf(settings));
    if (origins.length > 0) await chrome.permissions.request({ origins });
  } catch {
    // What was refused is said by the first call that needs it, with the button that asks again.
  }
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Without a change nothing is written: a live region would say it again. */
function setText(id, text = '') {
  if (at(id).textContent !== text) at(id).textContent = text;
}
