"""What the steps of `tests/run` are made of: counting, running commands, installing."""
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

BESIDE = "nice -n 19"  # for what is done beside a step that is timed

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Tally:
    """What passed, failed and was skipped so far."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.remarks = []
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

    def remark(self, what):
        """What a report has to say besides."""
        print(what, flush=True)
        self.remarks.append(what)

    def finish(self):
        say(f"{time.monotonic() - self.started:.0f} s in all")
        for name in self.failures:
            say(f"FAILED: {name}")
        names = f" ({', '.join(self.skips)})" if self.skips else ""
        print(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped{names}", flush=True)
        return 1 if self.failures else 0


# Installing


def install_node():
    if not shutil.which("npm"):
        apt_install("nodejs", "npm")
    if not has_node():  # the distribution's may be too old
        run("install node", f"npm install --no-audit --no-fund --no-save --prefix {TOOLS} node@22")
    return has_node()


def install_peer():
    return has_node() and run("install oidc-provider", f"npm ci --no-audit --no-fund --prefix {PEER}")[0] == 0


def cargo_install(name, options=""):
    """Without debug information: nobody debugs a tool. A tool's own lock may name what a mirror of the registry lacks;
    then its dependencies are chosen anew."""
    command = f"{BESIDE} cargo install {name} --debug --config profile.dev.debug=false {options} --root {TOOLS}"
    if run(f"install {name}", f"{command} --locked")[0] != 0:
        run(f"install {name}, unlocked", command)


def install_nextest():
    if not works("cargo nextest --version"):
        cargo_install("cargo-nextest", "--no-default-features --features default-no-update")


def has_node():
    version = output("node --version")  # v22.1.0
    return version.startswith("v") and int(version[1:].split(".")[0]) >= MIN_NODE and works("npm --version")


def has_target(target):
    return (pathlib.Path(output("rustc --print sysroot")) / "lib/rustlib" / target / "lib").is_dir()


def apt_install(*packages):
    if os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get update", "apt-get update -qq")
        run("apt-get install", ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])


# Running


def run(name, command, limit=STEP_LIMIT, **environment):
    """Shows the step and its output on stderr. Returns its exit code, and the output without colours. A step that takes longer
    than `limit` seconds is ended."""
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
    timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    try:
        for line in process.stdout:
            sys.stderr.write(line)
            lines.append(ANSI.sub("", line))
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        timer.cancel()
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
