// What the provider remembers, in memory. The package's own memory store forgets after 1000 entries, which a test with
// hundreds of logins would read as revoked tokens.

const entries = new Map(); // "Model:id" -> { payload, expiresAt }
let grace = 0; // milliseconds

/** For how many seconds after its rotation a refresh token is taken once more, and again, as if it had not been spent. */
export const allowReuseFor = (seconds) => {
  grace = seconds * 1000;
};

/** Within the grace window nobody remembers that it was spent. */
const forgiven = (payload) => (Date.now() < payload.consumedAt + grace ? { ...payload, consumed: undefined } : payload);

const live = (key) => {
  const entry = entries.get(key);
  return entry && entry.expiresAt > Date.now() ? entry.payload : undefined;
};

const firstOf = (model, matches) => {
  for (const key of entries.keys()) {
    if (!key.startsWith(`${model}:`)) continue;
    const payload = live(key);
    if (payload && matches(payload)) return payload;
  }
  return undefined;
};

export class Store {
  constructor(model) {
    this.model = model;
  }

  async upsert(id, payload, expiresIn) {
    entries.set(`${this.model}:${id}`, { payload, expiresAt: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
  }

  async find(id) {
    const payload = live(`${this.model}:${id}`);
    return payload?.consumed && this.model === 'RefreshToken' ? forgiven(payload) : payload;
  }

  async findByUid(uid) {
    return firstOf(this.model, (payload) => payload.uid === uid);
  }

  async findByUserCode(code) {
    return firstOf(this.model, (payload) => payload.userCode === code);
  }

  async consume(id) {
    const payload = live(`${this.model}:${id}`);
    if (!payload) return;
    payload.consumedAt ??= Date.now();
    payload.consumed = Math.floor(payload.consumedAt / 1000);
  }

  async destroy(id) {
    entries.delete(`${this.model}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of entries) {
      if (key.startsWith(`${this.model}:`) && payload.grantId === grantId) entries.delete(key);
    }
  }
}
