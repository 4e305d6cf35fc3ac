// The browser of this machine, started without a shell and never waited for.

import { spawn } from "node:child_process";

/** How long a program has to fail, in milliseconds: one that still runs, or ended well, is taken to have opened the URL. */
const LAUNCH_TIME = 2_000;

/** Opens the URL with the first program that does not fail. False: none did, or there is no screen. */
export async function openBrowser(url: string): Promise<boolean> {
  if (!isForBrowsers(url)) return false;
  for (const [program, ...args] of commands(url, process.platform, process.env)) {
    if (program !== undefined && (await start(program, args))) return true;
  }
  return false;
}

/** The programs that could open the URL, best first. `$BROWSER` is what the person wants: nothing else is tried then. */
export function commands(url: string, platform: string, environment: Record<string, string | undefined>): string[][] {
  const { BROWSER: browser, DISPLAY: display, WAYLAND_DISPLAY: wayland } = environment;
  if (browser?.trim()) return (platform === "win32" ? [browser] : browser.split(":")).flatMap((command) => filled(command, url));
  switch (platform) {
    case "darwin":
      return [["open", url]];
    case "win32":
      // Not `cmd /c start`: it would end the URL at the first `&` and run the rest.
      return [["rundll32", "url.dll,FileProtocolHandler", url]];
    default:
      return display || wayland ? [["xdg-open", url], ["gio", "open", url], ["x-www-browser", url]] : [];
  }
}

/** The words of a command with the URL put in for `%s`, or appended; quotes keep blanks in a word. */
function filled(command: string, url: string): string[][] {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? "");
  if (words.at(-1) === "&") words.pop();
  if (words.length === 0) return [];
  if (!words.some((word) => word.includes("%s"))) words.push("%s");
  return [words.map((word) => word.replaceAll("%s", () => url))];
}

/** `https`, or `http` on loopback, in characters that no program takes for anything but a URL's. */
function isForBrowsers(url: string): boolean {
  if (!/^[!-~]+$/.test(url) || /["'`<>\\^{|}]/.test(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

function start(program: string, args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    // Not in our process group: an interrupt at our terminal does not close the browser.
    const child = spawn(program, args, { stdio: "ignore", detached: true });
    const timer = setTimeout(() => resolve(true), LAUNCH_TIME);
    const done = (opened: boolean) => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0));
    child.unref();
  });
}
