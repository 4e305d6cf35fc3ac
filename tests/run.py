"""Installs what the tests need, runs every step even when one before it failed, and counts.

Each test, each doctest and each step that is not made of tests counts one. What could not be installed is skipped by name;
whatever else could not run has failed. The last line is `N passed, N failed, N skipped`, and then the names of the skipped.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
TOOLS = TARGET / "tools"
PEER = ROOT / "tests/peers/oidc-provider"
MIN_NODE = 20
STEP_LIMIT = 20 * 60  # seconds: a whole cold run takes less than 25 minutes, so what takes this long hangs
MIN_CORPUS = 300  # the cases of kind token, refresh and callback

WASM = "wasm32-unknown-unknown"
CHECKED_TARGETS = ("x86_64-pc-windows-gnu", "aarch64-apple-darwin")
# The tests that need what may be missing, as nextest filters.
END_TO_END_TESTS = "binary(/^e2e/)"
WASM_TESTS = "test(/wasm_probe/)"
NODE_TESTS = "test(/by_node/)"

# What tests measure, each on a line of its own.
FIGURES = r"^ *((?:kills|receiver|storm): .*)$"

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def main():
    parser = argparse.ArgumentParser(prog="tests/run", description="Passes all tests.")
    parser.add_argument("--quick", action="store_true", help="without the real authorization servers")
    quick = parser.parse_args().quick
    os.chdir(ROOT)
    tally = Tally()
    left_out = prepare(tally, quick)
    tally.step("fmt", "cargo fmt --all --check")
    tally.step("clippy", "cargo clippy --workspace --all-targets --all-features -- -D warnings")
    tally.step("no features", "cargo check -p tokenway-core -p tokenway --no-default-features")
    nextest(tally, left_out)
    doctests(tally)
    corpus(tally)
    for target in CHECKED_TARGETS:
        check_target(tally, target)
    tally.step("doc", "cargo doc --workspace --all-features --no-deps", RUSTDOCFLAGS="-D warnings")
    deny(tally)
    sys.exit(tally.finish())


class Tally:
    """What passed, failed and was skipped so far."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.started = time.monotonic()

    def step(self, name, command, **environment):
        """Runs a step that counts one."""
        code, _ = run(name, command, **environment)
        self.count(name, code == 0)

    def count(self, name, ok):
        if ok:
            self.passed += 1
        else:
            self.failures.append(name)

    def skip(self, name):
        say(f"skipped: {name}")
        self.skips.append(name)

    def finish(self):
        say(f"{time.monotonic() - self.started:.0f} s in all")
        for name in self.failures:
            say(f"FAILED: {name}")
        names = f" ({', '.join(self.skips)})" if self.skips else ""
        print(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped{names}", flush=True)
        return 1 if self.failures else 0


# Installing


def prepare(tally, quick):
    """Installs what is missing. Returns the filters of the tests that cannot run."""
    os.environ["PATH"] = os.pathsep.join([str(TOOLS / "bin"), str(TOOLS / "node_modules/node/bin"), os.environ["PATH"]])
    left_out = []

    def leave_out(tests, why):
        tally.skip(why)
        left_out.append(tests)

    if not shutil.which("cc"):
        apt_install("gcc", "libc6-dev")
    if not works("cargo nextest --version"):
        run("install cargo-nextest", f"cargo install cargo-nextest --locked --debug --root {TOOLS}")
    if not works("cargo deny --version"):
        run("install cargo-deny", f"cargo install cargo-deny --locked --debug --root {TOOLS}")
    for target in (WASM, *CHECKED_TARGETS):
        if not has_target(target):
            run(f"install {target}", f"rustup target add {target}")
    if not has_target(WASM):
        leave_out(WASM_TESTS, f"wasm probe: no target {WASM}")
    if not install_node():
        leave_out(NODE_TESTS, f"wasm probe run by node: no node {MIN_NODE}")
    if quick:
        leave_out(END_TO_END_TESTS, "end-to-end tests: --quick")
    elif not install_peer():
        leave_out(END_TO_END_TESTS, "end-to-end tests: oidc-provider could not be installed")
    return left_out


def install_node():
    if not shutil.which("npm"):
        apt_install("nodejs", "npm")
    if not has_node():  # the distribution's may be too old
        run("install node", f"npm install --no-audit --no-fund --no-save --prefix {TOOLS} node@22")
    return has_node()


def install_peer():
    return has_node() and run("install oidc-provider", f"npm ci --no-audit --no-fund --prefix {PEER}")[0] == 0


def has_node():
    version = output("node --version")  # v22.1.0
    return version.startswith("v") and int(version[1:].split(".")[0]) >= MIN_NODE and works("npm --version")


def has_target(target):
    return (pathlib.Path(output("rustc --print sysroot")) / "lib/rustlib" / target / "lib").is_dir()


def apt_install(*packages):
    if os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get update", "apt-get update -qq")
        run("apt-get install", ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


# Steps


def nextest(tally, left_out):
    """Unit, integration and end-to-end tests, each in a process of its own."""
    if not works("cargo nextest --version"):
        tally.failures.append("tests: cargo-nextest is missing")
        return
    command = "cargo nextest run --workspace --all-features --no-fail-fast --status-level skip".split()
    if left_out:
        command += ["-E", f"not ({' | '.join(left_out)})"]
    code, log = run("tests", command)
    summary = last(r"^ *Summary .*", log)
    ran = number(r"(\d+)(?:/\d+)? tests? run", summary)
    passed = number(r"(\d+) passed", summary)
    tally.passed += passed
    failed = statuses("FAIL|ABORT|SIG[A-Z0-9]+|TIMEOUT|LEAK-FAIL|XFAIL", log)
    tally.failures += failed
    if code != 0 and not failed:
        tally.failures.append("tests: they did not compile, or broke off")
    elif ran - passed != len(failed):
        tally.failures.append(f"tests: {ran} ran, {passed} passed, but {len(failed)} are known to have failed")
    if not left_out:
        for name in statuses("SKIP", log):
            tally.skip(name)
    for figure in re.findall(FIGURES, log, re.M):
        print(figure.strip(), flush=True)


def statuses(words, log):
    """The names in nextest's lines such as `FAIL [ 0.1s] (2/5) crate::binary name`, each once."""
    line = rf"^ *(?:{words}) \[[^]]*\](?: \([^)]*\))? *(\S.*)"
    return sorted(set(re.findall(line, log, re.M)))


def doctests(tally):
    code, log = run("doctests", "cargo test --doc --workspace --all-features --no-fail-fast")
    failed = re.findall(r"^test (.*) \.\.\. FAILED$", log, re.M)
    tally.passed += len(re.findall(r"^test .* \.\.\. ok$", log, re.M))
    tally.failures += failed
    if code != 0 and not failed:
        tally.failures.append("doctests: they did not compile, or broke off")
    for name in re.findall(r"^test (.*) \.\.\. ignored$", log, re.M):
        tally.skip(name)


def corpus(tally):
    """The tests themselves have been counted; this shows their figure, and counts that it is whole."""
    command = "cargo test --workspace --all-features --test quirks -- --nocapture"
    code, log = run("corpus", command)
    figures = re.findall(r"^corpus.*: (\d+) passed, \d+ failed, \d+ skipped", log, re.M)
    passed = sum(map(int, figures))
    for line in re.findall(r"^corpus.*: \d+ passed.*", log, re.M):
        print(line, flush=True)
    say(f"corpus: {passed} cases passed")
    whole = "TOKENWAY_CORPUS" in os.environ or passed >= MIN_CORPUS
    tally.count("corpus", code == 0 and passed > 0 and whole)


def check_target(tally, target):
    """`cargo check` builds no object of ours, so the C parts of dependencies need no cross compiler: true stands in."""
    if not has_target(target):
        tally.skip(f"check for {target}")
        return
    stand_in = {f"{tool}_{target.replace('-', '_')}": str(ROOT / "tests/stand-in-cc") for tool in ("CC", "CXX", "AR")}
    tally.step(f"check {target}", f"cargo check -p tokenway -p tokenway-cli --target {target}", **stand_in)


def deny(tally):
    if works("cargo deny --version"):
        tally.step("deny", "cargo deny --log-level error check licenses bans sources")
    else:
        tally.skip("cargo-deny: could not be installed")


# Running


def run(name, command, **environment):
    """Shows the step and its output on stderr. Returns its exit code, and the output without colours."""
    say(f"{name}: {command if isinstance(command, str) else ' '.join(command)}")
    began, lines = time.monotonic(), []
    try:
        process = subprocess.Popen(
            command.split() if isinstance(command, str) else command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        say(f"{name} could not start: {error}")
        return 127, ""
    limit = threading.Timer(STEP_LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    limit.start()
    try:
        for line in process.stdout:
            sys.stderr.write(line)
            lines.append(ANSI.sub("", line))
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        limit.cancel()
    say(f"{name} {'passed' if code == 0 else f'FAILED ({code})'} after {time.monotonic() - began:.0f} s")
    return code, "".join(lines)


def works(command):
    return bool(output(command))


def output(command):
    """What a command prints; nothing when it fails or does not exist."""
    try:
        return subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def last(pattern, text):
    found = re.findall(pattern, text, re.M)
    return found[-1] if found else ""


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def say(text):
    print(f"== {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


main()
