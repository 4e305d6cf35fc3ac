// Stands in for a person with a browser: submits the forms of each page with a jar of cookies until the server redirects to
// another origin, as ../../tests/peers/open_url.py does.

const MAX_STEPS = 20; // a login and a consent take eight
const REFUSALS = /abort|cancel|deny|refuse/i;

/** From the authorization request to the URL that the server redirects the browser to. */
export async function walk(url, { user = 'alice', deny = false } = {}) {
  const cookies = new Map();
  const { origin } = new URL(url);
  let form;
  for (let step = 0; step < MAX_STEPS; step++) {
    const headers = { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    const answer = await fetch(url, { headers, redirect: 'manual', ...(form && { method: 'POST', body: new URLSearchParams(form) }) });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(';', 1)[0].split('=');
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    form = undefined;
    const location = answer.headers.get('location');
    if (location) {
      url = new URL(location, url).href;
      if (new URL(url).origin !== origin) return url;
      continue;
    }
    const page = await answer.text();
    if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${page.replace(/<[^>]*>/g, ' ').slice(0, 200)}`);
    [url, form] = next(page, url, user, deny);
  }
  throw new Error('no redirect to the client');
}

/** Logs in, and follows the redirect as a browser would. What the last page says. */
export async function logIn(url, options) {
  const answer = await fetch(await walk(url, options));
  return { status: answer.status, url: answer.url, page: await answer.text(), headers: answer.headers };
}

function next(page, url, user, deny) {
  const refusal = [...page.matchAll(/<a[^>]*href="([^"]*)"/g)].map(([, href]) => href).find((href) => REFUSALS.test(href));
  if (deny && refusal) return [new URL(unescaped(refusal), url).href];
  const [, action] = /<form[^>]*action="([^"]*)"/.exec(page);
  const form = [...page.matchAll(/<input[^>]*>/g)].map(([input]) => {
    const attribute = (name) => new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1];
    const value = attribute('type') === 'password' ? 'any password' : (attribute('value') ?? user);
    return [attribute('name'), unescaped(value)];
  });
  return [new URL(unescaped(action), url).href, form.filter(([name]) => name)];
}

function unescaped(text) {
  return text.replaceAll('&amp;', '&');
}
