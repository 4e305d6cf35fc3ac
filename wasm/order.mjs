// The order of the functions of a module, for gzip: it finds what is alike only when it stands close by.

/** The module with a name for each function, `f00000` for the one that is to stand first: a tool that sorts by name does the rest. */
export function namedByLikeness(module) {
  const { imported, bodies } = functions(module);
  const names = [];
  for (let index = 0; index < imported; index++) names.push([index, `i${padded(index)}`]);
  byLikeness(bodies).forEach((body, rank) => names.push([imported + body, `f${padded(rank)}`]));
  names.sort(([a], [b]) => a - b);
  const map = [...leb(names.length), ...names.flatMap(([index, name]) => [...leb(index), ...text(name)])];
  const section = [...text('name'), 1, ...leb(map.length), ...map];
  return Buffer.concat([module, Buffer.from([0, ...leb(section.length), ...section])]);
}

/** Each function after those that share most of its byte sequences; the largest one begins. */
function byLikeness(bodies) {
  const sequences = bodies.map(sequencesOf);
  const holders = new Map();
  sequences.forEach((its, at) => {
    for (const sequence of its) holders.get(sequence)?.push(at) ?? holders.set(sequence, [at]);
  });
  const left = new Set(bodies.keys());
  const order = [];
  let next = bodies.reduce((largest, body, at) => (body.length > bodies[largest].length ? at : largest), 0);
  while (next !== undefined) {
    order.push(next);
    left.delete(next);
    const shared = new Uint32Array(bodies.length);
    const nearby = new Set(order.slice(-3).flatMap((at) => [...sequences[at]]));
    for (const sequence of nearby) for (const at of holders.get(sequence)) shared[at] += 1;
    const share = (at) => shared[at] / (4 + sequences[at].size);
    next = undefined;
    for (const at of left) if (next === undefined || share(at) > share(next)) next = at;
  }
  return order;
}

function sequencesOf(body) {
  const found = new Set();
  for (let at = 0; at + 4 <= body.length; at++) found.add(body.readUInt32LE(at));
  return found;
}

/** How many functions are imported, and the bodies of the others (WebAssembly Core Specification 2.0, section 5.5). */
function functions(module) {
  let at = 8;
  let imported = 0;
  const bodies = [];
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skip = () => {
    const length = number();
    at += length;
  };
  const limits = () => {
    const hasMost = number() & 1;
    number();
    if (hasMost) number();
  };
  const typesOfImports = [
    () => { number(); imported += 1; },
    () => { at += 1; limits(); },
    limits,
    () => { at += 2; },
    () => { at += 1; number(); },
  ];
  while (at < module.length) {
    const id = module[at++];
    const end = number() + at;
    if (id === 2) {
      for (let left = number(); left > 0; left--) {
        skip();
        skip();
        typesOfImports[module[at++]]();
      }
    }
    if (id === 10) {
      for (let left = number(); left > 0; left--) {
        const length = number();
        bodies.push(module.subarray(at, at + length));
        at += length;
      }
    }
    at = end;
  }
  return { imported, bodies };
}

function leb(number) {
  const bytes = [];
  for (let left = number; ; left >>>= 7) {
    if (left < 0x80) return [...bytes, left];
    bytes.push((left & 0x7f) | 0x80);
  }
}

const text = (name) => [...leb(name.length), ...Buffer.from(name)];

const padded = (number) => String(number).padStart(5, '0');
