#!/usr/bin/env python3
"""Stands in for a person with a browser: logs in, consents, and follows the redirect back to the client.

    BROWSER="python3 open_url.py %s"     as the command that opens a URL

It submits the forms of each page with a cookie jar until the server redirects to another origin, the client's
redirect URI, which it gets as a browser would, following the client's own redirect once. Exit 0: delivered.
"""
import argparse
import http.cookiejar
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

MAX_STEPS = 20  # a login and a consent take eight
TIMEOUT = 20  # seconds, for each request
REDIRECTS = (301, 302, 303, 307, 308)
REFUSALS = ("abort", "cancel", "deny", "refuse")


def main():
    options = parse_arguments()
    callback = walk(options.url, options)
    if options.print:
        print(callback)
        return
    client = Browser()
    status, location, _ = client.get(callback)
    if status in REDIRECTS and location:
        client.get(urllib.parse.urljoin(callback, location))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--user", default="alice", help="the name to log in with")
    parser.add_argument("--deny", action="store_true", help="refuse instead of consenting")
    parser.add_argument("--print", action="store_true", help="print the callback URL instead of delivering it")
    return parser.parse_args()


def walk(url, options):
    """From the authorization request to the URL that the server redirects the browser to."""
    browser, home, form = Browser(), origin(url), None
    for _ in range(MAX_STEPS):
        status, location, page = browser.post(url, form) if form else browser.get(url)
        form = None
        if status in REDIRECTS and location:
            url = urllib.parse.urljoin(url, location)
            if origin(url) != home:
                return url
            continue
        if status >= 400:
            sys.exit(f"open_url: {origin(url)} answered {status}: {page.text()}")
        action, form = page.refusal(options.user) if options.deny else page.consent(options.user)
        url = urllib.parse.urljoin(url, action)
    sys.exit(f"open_url: no redirect to the client after {MAX_STEPS} pages")


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Browser:
    """One jar of cookies, no proxy, redirects left to the caller."""

    def __init__(self):
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), KeepRedirects, cookies)

    def get(self, url):
        return self.send(url, None)

    def post(self, url, form):
        return self.send(url, urllib.parse.urlencode(form).encode())

    def send(self, url, body):
        request = urllib.request.Request(url, data=body, headers={"Accept": "text/html", "User-Agent": "open_url.py"})
        try:
            answer = self.opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:  # every status from 300 on
            answer = error
        except OSError as error:
            sys.exit(f"open_url: {origin(url)}: {error}")
        with answer:
            return answer.status, answer.headers.get("Location"), Page(answer.read().decode("utf-8", "replace"))


class KeepRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Page(HTMLParser):
    """The first form of a page, its buttons, and the page's links."""

    def __init__(self, html):
        super().__init__()
        self.action, self.inputs, self.buttons, self.links, self.words = None, [], [], [], []
        self.in_style = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.in_style = tag == "style"
        if tag == "form" and self.action is None:
            self.action = given.get("action") or ""
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "button" or (tag == "input" and given.get("type") == "submit"):
            self.buttons.append((given.get("name"), given.get("value") or ""))
        elif tag == "input" and given.get("name"):
            self.inputs.append((given["name"], given.get("type") or "text", given.get("value") or ""))

    def handle_data(self, data):
        if not self.in_style:
            self.words += data.split()

    def text(self):
        return " ".join(self.words)[:200]

    def consent(self, user):
        return self.submit(user, next((b for b in self.buttons if not refuses(b[1])), None))

    def refusal(self, user):
        button = next((b for b in self.buttons if refuses(b[1])), None)
        link = next((link for link in self.links if refuses(link)), None)
        if button is None and link is not None:
            return link, None
        return self.submit(user, button)

    def submit(self, user, button):
        if self.action is None:
            sys.exit(f"open_url: a page without a form: {self.text()}")
        form = [(name, filled(kind, value, user)) for name, kind, value in self.inputs]
        if button and button[0]:
            form.append(button)
        return self.action, form


def filled(kind, value, user):
    if kind == "password":
        return "any password"
    return value or (user if kind == "text" else "")


def refuses(words):
    return any(word in words.lower() for word in REFUSALS)


main()
