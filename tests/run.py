"""Installs what the tests need, runs every step even when one before it failed, and counts.

Each test, each doctest and each step that is not made of tests counts one. What could not be installed is skipped by name;
whatever else could not run has failed. The last line is `N passed, N failed, N skipped`, and then the names of the skipped.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import assurance
import browsers
import deep
import faults
import keyring
import targets
from running import (
    BESIDE, MIN_NODE, ROOT, TOOLS, Tally, apt_install, install_nextest, install_node, install_peer, last, number, output, run, say, works,
)

MIN_CORPUS = 300  # the cases of kind token, refresh and callback

WASM = "wasm32-unknown-unknown"
# The tests that need what may be missing, as nextest filters.
END_TO_END_TESTS = "binary(/^e2e/)"
WASM_TESTS = "test(/wasm_probe/)"
NODE_TESTS = "test(/by_node/)"
STRACE_TESTS = "test(/by_strace/)"
DISK_TESTS = "test(/by_loop_device/)"
REDIS_TESTS = "binary(redis) | (binary(/^e2e/) & test(/^redis::|on_one_redis/))"
KEYRING_TESTS = "binary(keyring) | test(/secret_service/)"

# What tests measure, each on a line of its own.
FIGURES = r"^ *((?:dropped|kills|network|powercut|receiver|redis [a-z]+|storm|suspended|syscalls|time): .*)$"


def main():
    parser = argparse.ArgumentParser(prog="tests/run", description="Passes all tests.")
    parser.add_argument("--quick", action="store_true", help="without the real authorization servers")
    parser.add_argument("--faults", action="store_true", help="only the scenarios of faults, in their whole size, with a table")
    deep.arguments(parser)
    args = parser.parse_args()
    quick = args.quick
    os.chdir(ROOT)
    # What makes the next build quicker makes this one slower.
    os.environ.setdefault("CARGO_INCREMENTAL", "0")
    tally = Tally()
    if args.deep:
        add_tools_to_path()
        deep.steps(tally, args)
        sys.exit(tally.finish())
    left_out = prepare(tally, quick)
    if args.faults:
        all_faults(tally, left_out)
        sys.exit(tally.finish())
    with ThreadPoolExecutor() as pool:
        later_ready = pool.submit(prepare_later_steps, tally)
        tally.step("fmt", "cargo fmt --all --check")
        tally.step("clippy", "cargo clippy --workspace --all-targets --all-features -- -D warnings")
        nextest(tally, left_out)
        doctests(tally)
        corpus(tally)
        wasm_ready = later_ready.result()
        # Browsers wait most of the time.
        modelled = pool.submit(model, tally)
        browsers.steps(tally, quick, wasm_ready)
        modelled.result()
    sys.exit(tally.finish())


# Installing


def prepare(tally, quick):
    """Installs what is missing. Returns the filters of the tests that cannot run."""
    add_tools_to_path()
    left_out = []

    def leave_out(tests, why):
        tally.skip(why)
        left_out.append(tests)

    if not shutil.which("cc"):
        apt_install("gcc", "libc6-dev")
    install_nextest()
    if not targets.install(WASM):
        leave_out(WASM_TESTS, f"wasm probe: no target {WASM}")
    if not install_node():
        leave_out(NODE_TESTS, f"wasm probe run by node: no node {MIN_NODE}")
    if not works("strace -V"):
        apt_install("strace")
    if not works("strace -o /dev/null echo works"):
        leave_out(f"({STRACE_TESTS} | {DISK_TESTS})", "faults at system calls: no strace, or it may not trace")
    elif not can_mount():
        leave_out(DISK_TESTS, "power cuts: no right to mount a disk image")
    if not keyring.install():
        leave_out(KEYRING_TESTS, "keyring tests: dbus, gnome-keyring or secret-tool could not be installed")
    if not (shutil.which("redis-server") and shutil.which("redis-cli")):
        apt_install("redis-server")
    if not (shutil.which("redis-server") and shutil.which("redis-cli")):
        leave_out(REDIS_TESTS, "Redis tests: redis-server could not be installed")
    if quick:
        leave_out(END_TO_END_TESTS, "end-to-end tests: --quick")
    elif not install_peer():
        leave_out(END_TO_END_TESTS, "end-to-end tests: oidc-provider could not be installed")
    return left_out


def add_tools_to_path():
    os.environ["PATH"] = os.pathsep.join([str(TOOLS / "bin"), str(TOOLS / "node_modules/node/bin"), os.environ["PATH"]])


def can_mount():
    """Whether a file can be mounted as a disk: root may, in most places."""
    with tempfile.TemporaryDirectory() as folder:
        image, mounted = f"{folder}/image", f"{folder}/mounted"
        os.mkdir(mounted)
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        commands = ["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, mounted], ["umount", mounted]
        return all(shutil.which(command[0]) and run("power cuts", command)[0] == 0 for command in commands)


def prepare_later_steps(tally):
    """Installs and compiles what the later steps need, with what the earlier ones leave of the processors: their tests wait
    a lot. Returns whether the steps of `wasm/` can run."""
    ready = browsers.install(tally) and browsers.build(tally)
    run("compile core as WebAssembly", f"{BESIDE} {browsers.CORE_AS_WASM}")
    run("compile the model", f"{BESIDE} cargo build --release -p tokenway-model")
    return ready


# Steps


def nextest(tally, left_out):
    """Unit, integration and end-to-end tests, each in a process of its own."""
    if not works("cargo nextest --version"):
        tally.failures.append("tests: cargo-nextest is missing")
        return
    # Two for each processor: many of them wait for servers, timers and other processes.
    threads = 2 * (os.cpu_count() or 1)
    command = f"cargo nextest run --workspace --all-features --no-fail-fast --status-level skip --test-threads {threads}".split()
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
    skip_themselves(tally, log)
    print(*figures(log), sep="\n", flush=True)
    names = output("cargo nextest list --workspace --all-features")
    tally.failures += [f"{scenario} has no test" for scenario in faults.without_tests(names)]
    tests, titles = faults.promised()
    unknown = [test for test in tests if test not in names] + [title for title in titles if title not in browsers.sources()]
    tally.failures += [f"SECURITY.md names {name}, which is no test" for name in unknown]


def all_faults(tally, left_out):
    """Each scenario of faults, in its whole size, and the table."""
    rows, log = faults.run_natively(tally, left_out)
    skip_themselves(tally, log)
    if prepare_later_steps(tally):
        rows += browsers.faults(tally, faults.IN_JAVASCRIPT)
    else:
        tally.skip(f"faults in browsers: {', '.join(faults.IN_JAVASCRIPT)}")
    told = [*figures(log), *tally.remarks, *(f"skipped: {name}" for name in tally.skips)]
    lines = [*faults.table(rows), "", *faults.waits(log), "", "```text", *told, "```"]
    print(*lines, sep="\n", flush=True)
    assurance.write("tests/run --faults", lines)


def skip_themselves(tally, log):
    """Some find out only when they run that they cannot: nextest has counted them."""
    for what in sorted(set(re.findall(r"^ *SKIPPED: (.*)$", log, re.M))):
        tally.passed -= 1
        tally.skip(what)


def figures(log):
    return [figure.strip() for figure in re.findall(FIGURES, log, re.M)]


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


def model(tally):
    """Shows each configuration with its states, seconds and violations."""
    code, log = run("model", "cargo run --release -p tokenway-model")
    for line in re.findall(r"^model: .*", log, re.M):
        print(line, flush=True)
    tally.count("model: core's sessions in every order of processes, faults and people", code == 0)


main()
