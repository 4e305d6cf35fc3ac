// The pages that a person sees: plain HTML, no script, nothing from elsewhere, nothing of the request in them.

import type { ServerResponse } from "node:http";

/** The most characters of a sentence that a page shows. */
const MAX_SENTENCE = 600;

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  connection: "close",
};

/** Answers with a page. */
export function answer(response: ServerResponse, status: number, title: string, sentence: string): void {
  response.writeHead(status, HEADERS).end(page(title, sentence));
}

/** Answers with the way to another page here: the code leaves the address bar, and the history. */
export function seeOther(response: ServerResponse, path: string): void {
  response.writeHead(303, { ...HEADERS, location: path }).end();
}

function page(title: string, sentence: string): string {
  const shown = escaped(title);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${shown}</title></head>`
    + `<body><h1>${shown}</h1><p>${escaped(sentence)}</p></body></html>\n`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;" };
  const bounded = [...text].slice(0, MAX_SENTENCE).join("");
  return bounded.replace(/[&<>"']/g, (character) => names[character] ?? "").replace(/\p{Cc}/gu, " ");
}
