// What the provider remembers, in memory. The package's own memory store forgets after 1000 entries, which a test with
// hundreds of logins would read as revoked tokens.

const entries = new Map(); // "Model:id" -> { payload, expiresAt }

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
    return live(`${this.model}:${id}`);
  }

  async findByUid(uid) {
    return firstOf(this.model, (payload) => payload.uid === uid);
  }

  async findByUserCode(code) {
    return firstOf(this.model, (payload) => payload.userCode === code);
  }

  async consume(id) {
    const payload = live(`${this.model}:${id}`);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
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
