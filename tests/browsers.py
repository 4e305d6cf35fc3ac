"""The steps of `wasm/`: core as WebAssembly, the npm package, Node, and real browsers."""
import pathlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import targets
from running import BESIDE, PEER, ROOT, TARGET, apt_install, has_node, has_target, install_peer, output, run, works

WASM = ROOT / "wasm"
MANIFEST = "--manifest-path wasm/Cargo.toml --target wasm32-unknown-unknown"
WASI = "wasm32-wasip1"
CORE_AS_WASM = f"cargo test -p tokenway-core --lib --target {WASI} --target-dir {TARGET}/wasi --no-run"
BROWSERS = {"chromium": "chromium", "firefox": "firefox-esr"}
# The file of the figures that a busy machine would spoil.
MEASURED = "ready.test.mjs"
# A panic ends a WebAssembly module, so that nothing can be seen after it.
NEEDS_UNWINDING = "a_machine_that_panicked"
# What tests print for people: tables, and figures with a name.
SHOWN = r"^ *# (\|.*\||ready: .*)$"


def steps(tally, quick, ready):
    with ThreadPoolExecutor() as pool:
        beside = [pool.submit(core_as_wasm, tally)]
        if ready:
            code, log = run("wasm sizes", "node wasm/sizes.mjs")
            tally.count("wasm sizes", code == 0)
            print(*re.findall(r"^sizes: .*", log, re.M), sep="\n", flush=True)
            files = sorted(WASM.glob("tests/node/*.test.mjs")) + sorted(WASM.glob("tests/types/*.test.mjs"))
            beside.append(pool.submit(node_tests, tally, "node", files))
            if quick:
                tally.skip("browsers: --quick")
            else:
                all_browser_tests(tally)
        for running in beside:
            running.result()


def sources():
    """All tests in JavaScript, as they are written."""
    return "".join(file.read_text() for file in WASM.glob("tests/*/*.test.mjs"))


def all_browser_tests(tally):
    present = [name for name, command in BROWSERS.items() if shutil.which(command)]
    for name in BROWSERS:
        if name not in present:
            tally.skip(f"{name}: could not be installed")
    if "chromium" in present:
        browser_tests(tally, sorted(WASM.glob("tests/browser/*.test.mjs")), present)


def faults(tally, scenarios):
    """Runs the scenarios that need a browser. Returns a row for each: how many tests, how many violations."""
    present = [name for name, command in BROWSERS.items() if shutil.which(command)]
    results = {}
    for file in sorted({file for _, files, _ in scenarios.values() for file in files}):
        results[file] = browser_tests(tally, [ROOT / file], present)
    rows = []
    for scenario, (what, files, named) in scenarios.items():
        its = [passed for file in files for test, passed in results[file] if re.search(named, test)]
        rows.append((scenario, what, len(its), its.count(False)))
        if not its:
            tally.failures.append(f"{scenario} has no test")
    return rows


def core_as_wasm(tally):
    """Core's unit tests on 32 bits, run by Node."""
    if not has_target(WASI) or not has_node():
        tally.skip(f"core as WebAssembly: no target {WASI}, or no node")
        return
    code, log = run("core as WebAssembly", CORE_AS_WASM)
    module = re.search(r"\((\S+\.wasm)\)", log)
    if code != 0 or not module:
        tally.failures.append("core as WebAssembly: it did not compile")
        return
    path = ROOT / module.group(1)
    code, log = run("core as WebAssembly", f"node --no-warnings wasm/tests/wasi.mjs {path} --skip {NEEDS_UNWINDING}")
    tally.passed += len(re.findall(r"^test .* \.\.\. ok$", log, re.M))
    if code != 0:
        tally.failures.append("core as WebAssembly: " + ", ".join(re.findall(r"^test (\S+) \.\.\. (?!ok)", log, re.M)))
    tally.skip(f"core as WebAssembly: {NEEDS_UNWINDING}, which unwinds")


def install(tally):
    """The tools of the npm package. False: without them nothing more can run."""
    targets.install(WASI)
    if not has_node():
        tally.skip("npm package: no node")
        return False
    if not has_target("wasm32-unknown-unknown"):
        tally.skip("npm package: no target wasm32-unknown-unknown")
        return False
    if not has_source():
        run("install rust-src", "rustup component add rust-src")
    if not has_source():
        tally.skip("npm package: no rust-src, with which the standard library is built small")
        return False
    missing = [package for command, package in (("chromium", "chromium"), ("firefox-esr", "firefox-esr")) if not shutil.which(command)]
    if missing:
        apt_install(*missing)
    if run("install node packages", f"npm ci --no-audit --no-fund --prefix {WASM}")[0] != 0:
        tally.skip("npm package: its tools could not be installed")
        return False
    return (PEER / "node_modules").is_dir() or install_peer()


def build(tally):
    """The npm package. False: nothing more can run."""
    tally.step("wasm fmt", "cargo fmt --check --manifest-path wasm/Cargo.toml")
    tally.step("wasm clippy", f"{BESIDE} cargo clippy {MANIFEST} --target-dir {TARGET}/wasm -- -D warnings")
    code, _ = run("npm package", f"{BESIDE} node wasm/build.mjs")
    tally.count("npm package", code == 0)
    return code == 0


def has_source():
    return (pathlib.Path(output("rustc --print sysroot")) / "lib/rustlib/src/rust/library").is_dir()


def node_tests(tally, name, files):
    for file in files:
        count(tally, name, file, node_test(file))


def browser_tests(tally, files, browsers):
    """Each browser goes through its files beside the other: they wait most of the time. What is measured has the machine
    for itself, at the end. Returns each test with whether it passed."""
    beside = [file for file in files if file.name != MEASURED]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda browser: one_browser(tally, beside, browser), browsers))
    for browser in browsers:
        results.append(one_browser(tally, [file for file in files if file.name == MEASURED], browser))
    return [result for its in results for result in its]


def one_browser(tally, files, browser):
    """A file that failed is tried once more, and that is told: a browser on a busy machine can lose what its test waits for."""
    results = []
    for file in files:
        if browser != "chromium" and "BROWSERS" not in file.read_text():
            continue
        code, log = node_test(file, TOKENWAY_BROWSERS=browser)
        if code != 0:
            tally.remark(f"tried again: {relative(file)} in {browser}: {'; '.join(not_ok(log))}")
            code, log = node_test(file, TOKENWAY_BROWSERS=browser)
        count(tally, browser, file, (code, log))
        results += [(test, word == "ok") for word, test in re.findall(r"^ *(ok|not ok) \d+ - (?!.* # SKIP)(.*)$", log, re.M)]
    return results


def node_test(file, **environment):
    title = " ".join([relative(file), *environment.values()])
    return run(title, ["node", "--test", "--test-reporter=tap", relative(file)], **environment)


def count(tally, name, file, result):
    code, log = result
    failed = not_ok(log)
    passed = re.findall(r"^# pass (\d+)$", log, re.M)
    tally.passed += int(passed[-1]) if passed else 0
    tally.failures += [f"{name}: {test}" for test in failed]
    if code != 0 and not failed or not passed:
        tally.failures.append(f"{relative(file)}: it did not start, or broke off")
    for test, why in re.findall(r"^ *ok \d+ - (.*) # SKIP ?(.*)$", log, re.M):
        tally.skip(f"{test}: {why}")
    for line in re.findall(SHOWN, log, re.M):
        print(line, flush=True)


def not_ok(log):
    return re.findall(r"^ *not ok \d+ - (.*)$", log, re.M)


def relative(file):
    return str(file.relative_to(ROOT))
