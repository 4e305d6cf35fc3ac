// The server on loopback to which the browser is redirected (RFC 8252 section 7.3).

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { IoTrouble } from "../errors.js";
import type { Callback, Reason } from "../machine.js";
import { MAX_REDIRECTS } from "../logins.js";
import type { Waiting } from "../world.js";
import { answer, seeOther } from "./node_page.js";

/** The most connections at once: a browser opens six; when all are taken, the one that was silent longest is closed. */
const MAX_CONNECTIONS = 64;
/** Bytes of a request's head, and of its body. */
const MAX_SIZE = 64 * 1024;
/** How long a request may take to arrive, in milliseconds. */
const REQUEST_TIME = 10_000;
/** How long a browser has to fetch the page about the login's end, in milliseconds. */
const PAGE_TIME = 2_000;
/** How often a port is looked for that is free in both families. */
const PAIR_TRIES = 32;
/** What of a request's head is handed out: what tells a redirect from something else. */
const HANDED_OUT = ["host", "content-type", "purpose", "sec-purpose", "x-purpose", "x-moz"];

/** A redirect that was handed out, and who waits for what becomes of it. */
interface Held {
  name: string;
  responses: ServerResponse[];
}

export class Receiver {
  /** In the order in which they were handed out, in which they are refused. */
  readonly #held: Held[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #path: string;
  readonly #authority: string;
  #servers: Server[] = [];
  #waiting: Waiting | undefined;
  #end: { ok: boolean; sentence: string } | undefined;
  /** Called when a browser has the page about the end. */
  #shown = (): void => undefined;

  private constructor(readonly uri: string) {
    const { pathname, host } = new URL(uri);
    this.#path = pathname;
    this.#authority = host;
  }

  /** Listens at the first candidate that is free. */
  static async bind(candidates: string[]): Promise<Receiver> {
    const troubles: string[] = [];
    for (const site of candidates.map(parsed)) {
      const servers = await listenAt(site).catch((error: unknown) => {
        troubles.push(`${site.uri}: ${error instanceof Error ? error.message : String(error)}`);
      });
      const [first] = servers ?? [];
      if (!servers || !first) continue;
      const { port } = first.address() as AddressInfo;
      const receiver = new Receiver(site.port === 0 ? site.uri.replace(":0", `:${port}`) : site.uri);
      receiver.#serve(servers);
      return receiver;
    }
    throw new IoTrouble("unable", `cannot listen for the redirect: ${troubles.join("; ")}; end what has the port first`);
  }

  /** Whom redirects are told from now on. */
  tell(waiting: Waiting): void {
    this.#waiting = waiting;
  }

  /** The oldest redirect did not count. */
  ignored({ status, sentence }: Reason): void {
    for (const response of this.#held.shift()?.responses ?? []) answer(response, status, "Nothing has changed", `${sentence}.`);
  }

  /** The login has ended: whoever waits is shown how, and then nobody listens here any more. */
  async finish(end: { ok: boolean; sentence: string }): Promise<void> {
    this.#end = end;
    const held = this.#held.splice(0).flatMap(({ responses }) => responses).filter(({ destroyed }) => !destroyed);
    if (held.length > 0) {
      let left = held.length;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PAGE_TIME);
        this.#shown = () => {
          if (--left > 0) return;
          clearTimeout(timer);
          resolve();
        };
        for (const response of held) seeOther(response, this.#endPath());
      });
    }
    this.close();
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroySoon();
  }

  #serve(servers: Server[]): void {
    this.#servers = servers;
    for (const server of servers) {
      server.on("connection", (socket) => this.#makeRoom(socket));
      server.on("request", (request, response) => void this.#answer(request, response).catch(() => request.destroy()));
    }
  }

  #makeRoom(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#sockets.size <= MAX_CONNECTIONS) return;
    const waiting = new Set(this.#held.flatMap(({ responses }) => responses.map((response) => response.socket)));
    const silent = [...this.#sockets].find((other) => !waiting.has(other)) ?? socket;
    this.#sockets.delete(silent);
    silent.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const path = url.split("?", 1)[0];
    // A web page whose name resolves to 127.0.0.1 sends its own name here (DNS rebinding).
    if (headers.host !== this.#authority) return answer(response, 400, "Bad request", "This request was meant for another address.");
    if (this.#end && path === this.#endPath() && method === "GET") {
      response.once("finish", () => this.#shown());
      return answer(response, 200, this.#end.ok ? "Login complete" : "The login failed", `${this.#end.sentence} You may close this window.`);
    }
    if (path !== this.#path) return answer(response, 404, "Not found", "There is nothing here.");
    if (method !== "GET" && method !== "POST") {
      response.setHeader("allow", "GET, POST");
      return answer(response, 405, "Method not allowed", "This address is opened by a browser.");
    }
    const body = await bodyOf(request);
    if (body === undefined) return answer(response, 413, "Content too large", "The request is too large.");
    this.#hold(response, { source: "listening", method, target: url, headers: handedOut(request), body });
  }

  #hold(response: ServerResponse, callback: Callback): void {
    if (this.#end) return seeOther(response, this.#endPath());
    const waiting = this.#waiting;
    if (!waiting) return answer(response, 404, "Not found", "There is no login under way.");
    const name = `${callback.target}\n${callback.body}`;
    const same = this.#held.find((held) => held.name === name);
    if (same) return void same.responses.push(response);
    if (this.#held.length >= MAX_REDIRECTS) return answer(response, 503, "Busy", "Other requests are looked at first. Load this page again.");
    this.#held.push({ name, responses: [response] });
    waiting.redirected(callback);
  }

  /** Never the redirect path itself. */
  #endPath(): string {
    const path = this.#end?.ok ? "/success" : "/failure";
    return path === this.#path ? `${path}/` : path;
  }
}

interface Site {
  uri: string;
  port: number;
  addresses: string[];
}

function parsed(uri: string): Site {
  const { protocol, hostname, port, username, password, hash } = URL.canParse(uri) ? new URL(uri) : new URL("about:blank");
  const loopback = /^127(\.\d+){3}$/.test(hostname) ? [hostname] : hostname === "[::1]" ? ["::1"] : [];
  const addresses = hostname === "localhost" ? ["127.0.0.1", "::1"] : loopback;
  const plain = uri.startsWith(`http://${hostname}${port === "" ? "" : `:${port}`}`);
  if (protocol !== "http:" || addresses.length === 0 || !plain || username || password || hash) {
    const advice = "configure one such as http://127.0.0.1:0/callback";
    throw new IoTrouble("unable", `the redirect URI ${uri} cannot be listened on, only plain http on loopback can; ${advice}`);
  }
  return { uri, port: port === "" ? 80 : Number(port), addresses };
}

/** A server at each address, all on one port. A family that this machine does not have is left out. */
async function listenAt(site: Site): Promise<Server[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await listenOnce(site);
    } catch (error) {
      if (site.port !== 0 || codeOf(error) !== "EADDRINUSE" || tries === PAIR_TRIES) throw error;
    }
  }
}

async function listenOnce({ port, addresses }: Site): Promise<Server[]> {
  const servers: Server[] = [];
  let absent: unknown;
  for (const address of addresses) {
    try {
      const server = await listening(address, port);
      ({ port } = server.address() as AddressInfo);
      servers.push(server);
    } catch (error) {
      absent = error;
      if (["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(codeOf(error))) continue;
      for (const server of servers) server.close();
      throw error;
    }
  }
  if (servers.length === 0) throw absent;
  return servers;
}

function listening(host: string, port: number): Promise<Server> {
  const limits = { maxHeaderSize: MAX_SIZE, headersTimeout: REQUEST_TIME, requestTimeout: REQUEST_TIME, connectionsCheckingInterval: 1_000 };
  const server = createServer(limits);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: true, exclusive: true }, () => resolve(server));
  });
}

/** Undefined: it is larger than any redirect. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_SIZE) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function handedOut({ rawHeaders }: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) pairs.push([rawHeaders[at]!.toLowerCase(), rawHeaders[at + 1]!]);
  return pairs.filter(([name]) => HANDED_OUT.includes(name));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code);
}
