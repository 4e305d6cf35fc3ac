"""The long runs: `tests/run --deep`. Fuzzing, Miri, the model's long run, schedules of the shared flight, mutants, coverage.

What each part found is kept in `docs/assurance.json`, in the tree, and it is not run anew while the files that it reads are
the same; so a run that was broken off goes on where it stopped, on any machine. The table of all parts is written into
`docs/assurance.md`.
"""
import hashlib
import json
import os
import re
import shutil
import time
from dataclasses import asdict, dataclass, field
from typing import Callable

import assurance
import coverage
import keyring
import mutants
import seeds
import targets
from running import ROOT, TARGET, apt_install, cargo_install, install_nextest, number, output, run, say, works

DEEP = TARGET / "deep"
FOUND = ROOT / "docs/assurance.json"
FUZZ_TARGETS = sorted(path.stem for path in (ROOT / "fuzz/fuzz_targets").glob("*.rs"))
HOURS = 3600  # seconds; the longest part takes hours

# What is not source: none of it changes what a part finds.
NOT_READ = {"artifacts", "target", "node_modules", "dist", "pkg", "__pycache__"}


@dataclass
class Part:
    """One thing to run. `find` returns whether all is well, and the figure; `told` is what else changes what it finds."""

    name: str
    what: str
    limit: str
    reads: list
    needs: Callable
    find: Callable
    told: str = ""


@dataclass
class Result:
    """What a part found in the tree of that content."""

    content: str
    ok: bool
    figure: str
    seconds: int
    date: str
    effort: float = field(default=0)


def arguments(parser):
    parser.add_argument("--deep", action="store_true", help="only the long runs, each as far as it has not run; with a table")
    parser.add_argument("--only", metavar="NAME", action="append", help="with --deep: the parts that have this in their name")
    parser.add_argument("--minutes", type=float, default=10, help="with --deep: how long each target is fuzzed (10)")
    parser.add_argument("--again", action="store_true", help="with --deep: also what has run on this very tree")
    parser.add_argument("--missed", action="store_true", help="with --deep: only mutants of files that changed since last time, and those missed then")
    parser.add_argument("--keep-seeds", action="store_true", help="with --deep: put what fuzzing found into fuzz/seeds")


def steps(tally, args):
    DEEP.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    every = list(parts(args.minutes, args.missed))
    meant = [part for part in every if not args.only or any(name in part.name for name in args.only)]
    for name in args.only or []:
        if not any(name in part.name for part in every):
            tally.failures.append(f"deep: there is no part {name}")
    for part in meant:
        step(tally, part, args)
    if args.keep_seeds:
        for part in meant:
            if part.name.startswith("fuzz "):
                keep_seeds(tally, part.name.removeprefix("fuzz "))
    lines = list(table(every))
    print(*lines, sep="\n", flush=True)
    assurance.write("tests/run --deep", lines)


def parts(minutes, missed_ones):
    def fuzzed(target):
        return lambda: fuzz(target, minutes)

    core = ["Cargo.toml", "Cargo.lock", "core"]
    driver, native = [*core, "native/Cargo.toml", "native/src"], [*core, "native"]
    fuzzed_code = ["Cargo.toml", "core", "native/Cargo.toml", "tests/Cargo.toml", "tests/src", "fuzz"]
    for target in FUZZ_TARGETS:
        what, code = f"invented bytes for `{target}`", [*fuzzed_code, "native/src"] if target == "http_request" else fuzzed_code
        yield Part(f"fuzz {target}", what, "0 crashes", code, has_fuzz, fuzzed(target))
    for shard in range(1, SHARDS_OF_MIRI + 1):
        name, what = f"miri {shard} of {SHARDS_OF_MIRI}", "a share of core's unit tests, in an interpreter that sees undefined behaviour"
        yield Part(name, what, "0 failed", core, has_miri, interpreted(shard), repr(NOT_IN_MIRI))
    yield Part("model", "the model's larger settings", "0 violations", [*core, "tests/model"], nothing, model)
    yield Part("flight", "orders of callers, logins, logouts and refusals around one renewal, by shuttle", "0 failed", driver, nothing, flight)
    for name, (files, stages, made_of) in mutants.PARTS.items():
        what = f"changes to {', '.join(f'`{file}`' for file in files)}"
        read, find = [*core, *made_of, ".cargo"], mutants.finder(name, missed_ones)
        yield Part(f"mutants {name}", what, mutants.LIMIT, read, has_mutants, find, repr(stages))
    manifests = [*native, "tests", "deny.toml"]
    yield Part("dependencies", "licences, bans and sources of all crates, by cargo-deny", "0 complaints", manifests, has_deny, dependencies)
    yield Part("documentation", "whether rustdoc has a complaint", "none", native, nothing, documentation)
    yield Part("no features", "whether core and the library compile without any", "they do", native, nothing, no_features)
    for system, target in targets.SYSTEMS.items():
        yield Part(system, f"whether library and command compile for {target}", "they do", native, has_target(target), compiles(target))
    all_tests = [*native, *mutants.TESTS_OF_CORE, "tests/probe", ".config"]
    yield Part("coverage", "lines that the tests reach, of core and of the native driver", coverage.LIMIT, all_tests, has_llvm_cov, coverage.find)


def step(tally, part, args):
    kept = load(part)
    content = content_of(part)
    fits = kept and kept.content == content and kept.effort >= effort(part, args)
    if fits and not args.again:
        say(f"{part.name}: {kept.figure} on this very tree, {kept.date}")
        tally.count(f"deep: {part.name}", kept.ok)
        return
    missing = part.needs()
    if missing:
        tally.skip(f"deep: {part.name}: {missing}")
        return
    began = time.monotonic()
    ok, figure = part.find()
    seconds = round(time.monotonic() - began)
    save(part, Result(content, ok, figure, seconds, time.strftime("%Y-%m-%d"), effort(part, args)))
    tally.count(f"deep: {part.name}", ok)


def effort(part, args):
    """Of a run whose length is chosen: a longer one stands for a shorter one."""
    return args.minutes if part.name.startswith("fuzz ") else 0


# What is kept


def load(part):
    kept = results().get(part.name)
    return Result(**kept) if kept else None


def save(part, result):
    FOUND.write_text(json.dumps(results() | {part.name: asdict(result)}, indent=1, sort_keys=True) + "\n")


def results():
    return json.loads(FOUND.read_text()) if FOUND.is_file() else {}


def content_of(part):
    """A name for what all files that it reads hold, and what it is told."""
    digest = hashlib.sha256(part.told.encode())
    for place in sorted(part.reads):
        for path in [ROOT / place] if (ROOT / place).is_file() else files_under(ROOT / place):
            digest.update(f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def files_under(folder):
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_READ]
        found += [ROOT / where / name for name in files]
    return sorted(found)


def table(every):
    yield "| part | what was run | figure | limit | | date | minutes |"
    yield "|---|---|---|---|---|---|---|"
    for part in every:
        kept = load(part)
        if not kept:
            yield f"| {part.name} | {part.what} | not run yet | {part.limit} | | | |"
            continue
        state = "ok" if kept.ok else "NOT OK"
        older = "" if kept.content == content_of(part) else ", on an earlier tree"
        yield f"| {part.name} | {part.what} | {kept.figure} | {part.limit} | {state}{older} | {kept.date} | {kept.seconds / 60:.0f} |"


# Tools


def nothing():
    return None


def has_nightly():
    if not works("cargo +nightly --version"):
        run("install nightly", "rustup toolchain install nightly --profile minimal")
    return None if works("cargo +nightly --version") else "no nightly toolchain"


def has_fuzz():
    if has_nightly():
        return has_nightly()
    if not works("cargo fuzz --version"):
        cargo_install("cargo-fuzz")
    return None if works("cargo fuzz --version") else "cargo-fuzz could not be installed"


def has_miri():
    if has_nightly():
        return has_nightly()
    install_nextest()
    if not works("cargo +nightly miri --version"):
        run("install miri", "rustup component add miri rust-src --toolchain nightly")
    return None if works("cargo +nightly miri --version") else "no Miri for this nightly"


def has_mutants():
    if not works("cargo mutants --version"):
        cargo_install("cargo-mutants")
    return None if works("cargo mutants --version") else "cargo-mutants could not be installed"


def has_deny():
    if not works("cargo deny --version"):
        cargo_install("cargo-deny")
    return None if works("cargo deny --version") else "cargo-deny could not be installed"


def has_target(target):
    return lambda: None if targets.install(target) else f"no target {target}"


def has_llvm_cov():
    install_nextest()
    for command, install in (("redis-server", lambda: apt_install("redis-server")), ("dbus-daemon", keyring.install)):
        if not shutil.which(command):
            install()
    if not works("cargo llvm-cov --version"):
        cargo_install("cargo-llvm-cov")
        run("install llvm-tools", "rustup component add llvm-tools")
    return None if works("cargo llvm-cov --version") else "cargo-llvm-cov could not be installed"


# Parts


SHARDS_OF_MIRI = 4  # a quarter of an hour each

# Their texts are as long as a body may be, or their cases many: hours in an interpreter.
NOT_IN_MIRI = (
    "a_body_without_known_members_is_shown_clean", "a_hundred_thousand_verifiers", "bytes_are_written_as_the_base64_crate",
    "errors_of_the_server_have_their_advice", "length_is_bounded_in_characters", "long_texts_are_searched_in_part",
    "nesting_ends_at_the_limit", "records_are_read_as_serde_reads_them", "sentences_and_words_are_found_beside",
    "texts_are_read_as_the_base64_crate", "what_is_no_token_is_said_to_be_none",
)

# Nothing of ours is unsafe, so no sanitizer: twice as many inputs.
FUZZ = f"cargo +nightly fuzz %s --sanitizer none --fuzz-dir fuzz --target-dir {TARGET}/fuzz"


def fuzz(target, minutes):
    known = seeds.unpacked(target, DEEP / "seeds" / target)
    found = DEEP / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    if run(f"build {target}", f"{FUZZ % 'build'} {target}")[0] != 0:
        return False, "it does not compile"
    options = f"-max_total_time={round(minutes * 60)} -max_len=4096 -timeout=25 -dict=fuzz/words.dict -print_final_stats=1"
    command = f"{FUZZ % 'run'} {target} {found} {known} -- {options}"
    began = time.monotonic()
    code, log = run(f"fuzz {target}", command, limit=minutes * 60 + HOURS)
    took = (time.monotonic() - began) / 60
    inputs = number(r"stat::number_of_executed_units: *(\d+)", log)
    crash = re.search(r"Test unit written to (\S+)", log)
    figure = f"{inputs:,} inputs in {took:.0f} minutes, {'0 crashes' if code == 0 else 'a crash'}"
    return code == 0 and inputs > 0, f"{figure}: {crash.group(1)}" if crash else figure


def keep_seeds(tally, target):
    """The fewest inputs that reach all that is reached today become the seeds."""
    kept = DEEP / "kept" / target
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    places = f"{kept} {DEEP}/seeds/{target} {DEEP}/corpus/{target}"
    code, _ = run(f"merge {target}", f"{FUZZ % 'run'} {target} {places} -- -merge=1 -max_len=4096", limit=HOURS)
    tally.count(f"deep: seeds of {target}", code == 0 and seeds.pack(target, kept))


def interpreted(shard):
    return lambda: miri(shard)


def miri(shard):
    """Under an interpreter a property is tried on fewer inputs."""
    few = {"PROPTEST_CASES": "4", "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "true", "MIRIFLAGS": "-Zmiri-disable-isolation"}
    left_out = f"not test(/{'|'.join(NOT_IN_MIRI)}/)"
    command = f"cargo +nightly miri nextest run -p tokenway-core --lib --no-fail-fast --target-dir {TARGET}/miri".split()
    words = [*command, "-E", left_out, "--partition", f"count:{shard}/{SHARDS_OF_MIRI}"]
    code, log = run(f"miri {shard}", words, limit=6 * HOURS, **few)
    passed, failed = (number(rf"(\d+) {word}", log) for word in ("passed", "failed"))
    return code == 0 and passed > 0, f"{passed} passed, {failed} failed"


def dependencies():
    code, log = run("deny", "cargo deny --log-level error check licenses bans sources")
    return code == 0, f"{len(re.findall(r'^error', log, re.M))} complaints"


def documentation():
    code, _ = run("doc", "cargo doc --workspace --all-features --no-deps", RUSTDOCFLAGS="-D warnings")
    return code == 0, "none" if code == 0 else "some"


def no_features():
    code, _ = run("no features", "cargo check -p tokenway-core -p tokenway --no-default-features")
    return code == 0, "they do" if code == 0 else "they do not"


def compiles(target):
    return lambda: (True, "they do") if targets.check(target) else (False, "they do not")


def model():
    code, log = run("model", "cargo run --release -p tokenway-model -- --long", limit=3 * HOURS)
    found = re.findall(r"^model: (\d+) unique states in (\S+) s, (\d+) violations", log, re.M)
    if not found:
        return False, "it broke off"
    states, seconds, violations = found[-1]
    return code == 0, f"{int(states):,} unique states in {float(seconds):.0f} s, {violations} violations"


def flight():
    """A build of its own: in it the locks of the client are those of a scheduler that tries their orders."""
    flags = f"{os.environ.get('RUSTFLAGS', '')} --cfg shuttle".strip()
    command = f"cargo test -p tokenway --no-default-features --lib --target-dir {TARGET}/shuttle shuttled -- --nocapture"
    code, log = run("flight", command, limit=HOURS, RUSTFLAGS=flags)
    schedules = sum(map(int, re.findall(r"flight: .*: (\d+) schedules$", log, re.M)))
    failed = number(r"(\d+) failed", log)
    return code == 0 and schedules > 0, f"{schedules:,} schedules, {failed} failed"
