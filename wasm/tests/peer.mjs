// The real authorization server of the tests, ../../tests/peers/oidc-provider, in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../../tests/peers/oidc-provider/server.mjs', import.meta.url));

/** Starts it; it ends with this process, or by `stop`. */
export async function startPeer(environment = {}) {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, PORT: '0', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const [, issuer, control] = /^READY (\S+) (\S+)$/.exec(line);
  const steer = async (path, body) => (await fetch(control + path, body && { method: 'POST', body: JSON.stringify(body) })).json();
  return {
    issuer,
    log: () => steer('/log'),
    counts: () => steer('/counts'),
    reset: () => steer('/reset', {}),
    errorOnce: (fault) => steer('/error-once', fault),
    dropAnswerOnce: (fault) => steer('/drop-answer-once', fault),
    delay: (fault) => steer('/delay', fault),
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
