"""Small changes to the code that some test must notice, by cargo-mutants; `.cargo/mutants.toml` says which are left out, and
why.

A mutant is first shown to the tests that are near it, which takes seconds; those that survive are shown to the others. So
most of them are cheap.
"""
import hashlib
import json
import os
import shutil

from running import ROOT, TARGET, run

# What cargo is told when it builds and when it tests, and what the tests are told. Mutants of core are shown to what needs no
# other crate.
CORE = "-p tokenway-core --lib -p tokenway-tests --no-default-features --features tokenway-core/oauth2"
SLOW = "--skip long_texts_are_searched_in_part --skip a_hundred_thousand_verifiers --skip properties"
NEAR = f"{CORE} --test refresh", f"-- {SLOW}"
FLOWS = f"{CORE} --test clock --test login_flow --test logout_flow --test transcripts", f"-- {SLOW}"
FAR = f"{CORE} --test crash --test foreign --test misuse --test secrets --test snapshots", ""
STORES = "-p tokenway --features keyring --lib"
STORE_NEAR = STORES, "-- store:: --skip f12_ --skip a_record_too_large --skip f20_the_contract"
STORE_FAR = STORES, "store::"
KEYRING_TESTS = "-p tokenway --features keyring --test keyring", ""
REDIS = "-p tokenway --features redis --lib --test redis"
REDIS_NEAR = REDIS, "-- store::redis connections:: contract:: leases::"
REDIS_FAR = REDIS, "-- trouble:: suspended:: replicas::"

# What the tests of core in other crates are made of, and read.
TESTS_OF_CORE = [
    "tests/Cargo.toml", "tests/src", "tests/tests", "tests/corpus", "tests/fixtures", "tests/transcripts", "fuzz/seeds", "fuzz/fuzz_targets",
]
DRIVER = ["native/Cargo.toml", "native/src"]

# Of each part: its files, what a mutant is shown (each stage sees what the one before has let pass), and what of the tree
# that is made of, beside core.
PARTS = {
    "wire and secrets": (
        ["core/src/wire/callback*.rs", "core/src/wire/pkce.rs", "core/src/secret.rs", "core/src/session.rs"], [NEAR, FLOWS, FAR], TESTS_OF_CORE,
    ),
    "lifecycle": (["core/src/lifecycle/**"], [NEAR, FLOWS, FAR], TESTS_OF_CORE),
    "files and locks": (
        ["native/src/store/*.rs", "native/src/store/encrypted/**", "native/src/store/file/**"], [STORE_NEAR, STORE_FAR], DRIVER,
    ),
    "keyring": (["native/src/store/keyring/**"], [KEYRING_TESTS], [*DRIVER, "native/tests/keyring"]),
    "redis": (["native/src/store/redis/**"], [REDIS_NEAR, REDIS_FAR], [*DRIVER, "native/tests/redis", "native/tests/client"]),
}
LIMIT = "0 missed but those listed"
HOURS = 3600

# Of each part: the code of each file that was tried to the end, and what was missed of it. It is in the tree, so any machine
# goes on from it.
KEPT = ROOT / "docs/mutants.json"


def finder(part, missed_ones):
    """What tries all mutants of a part, or those of changed files and those that were missed last time."""
    files, stages, _ = PARTS[part]
    return lambda: find(part, files, stages, missed_ones)


def find(part, files, stages, missed_ones):
    folder = TARGET / "deep/mutants" / part.replace(" ", "-")
    code, tried, out = codes_of(files), folder / "code", folder / "mutants.out"
    files = [f"--file={file}" for file in files]
    # A run that was broken off on this very code goes on; of others, what the tree knows of files that are the same counts.
    goes_on = missed_ones and tried.is_file() and json.loads(tried.read_text()) == code
    if not goes_on:
        shutil.rmtree(folder, ignore_errors=True)
        out.mkdir(parents=True)
        known = caught_before(part, files, code) if missed_ones else []
        (out / "caught.txt").write_text("".join(f"{change}\n" for change in known))
        tried.write_text(json.dumps(code))
    # Each run of the tool has lists of its own, and one of what it took from the run before.
    lists = [out / f"{name}.txt" for name in ("caught", "previously_caught", "unviable")]
    before = {change for path in lists if path.is_file() for change in path.read_text().splitlines()}
    missed = []
    for at, (options, tests) in enumerate(stages):
        words = ["cargo", "mutants", *files, "--output", str(folder), "--no-shuffle", "--colors", "never"]
        words += ["--jobs", str(os.cpu_count() or 1), *(f"--cargo-arg={option}" for option in options.split())]
        words += ["--iterate"] if at or before else []
        end, _ = run(f"mutants of {part}", [*words, "--", *tests.split()], limit=8 * HOURS, CARGO_INCREMENTAL="1")
        if end not in (0, 2, 3):  # 2: some were missed, 3: some hung
            return False, "it broke off"
        with open(out / "caught.txt", "a") as caught:  # a mutant that hangs is not tried again
            caught.write((out / "timeout.txt").read_text())
        missed = (out / "missed.txt").read_text().splitlines()
        if not missed:
            break
    KEPT.write_text(json.dumps(kept() | {part: {"code": code, "missed": missed}}, indent=1, sort_keys=True) + "\n")
    anew = f"; {len(before):,} caught before, in files whose code is the same, were not tried anew" if before else ""
    return not missed, f"{len(every(files)):,} changes, {len(missed)} missed{anew}"


def caught_before(part, files, code):
    """What was caught is told by its line alone, so it counts for this very code of its file; only tests may have changed."""
    last, changes = kept().get(part, {"code": {}, "missed": []}), every(files)
    # The line of a change that was missed may have moved in a file whose code is the same: then all of it is tried.
    moved = {file_of(change) for change in last["missed"] if change not in changes}
    same = {file for file in code if last["code"].get(file) == code[file]} - moved
    return [change for change in changes if file_of(change) in same and change not in last["missed"]]


def file_of(change):
    return change.split(":")[0]


def kept():
    return json.loads(KEPT.read_text()) if KEPT.is_file() else {}


def codes_of(files):
    """A name for each of these files without the tests in it, and without comments and empty lines."""
    codes = {}
    patterns = [f"{file}/*" if file.endswith("**") else file for file in files]  # `**` alone means folders to glob
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()):
        name = str(path.relative_to(ROOT))
        if "tests" in name or "conformance" in name:
            continue
        code, _, _ = path.read_text().partition("#[cfg(test)]\nmod tests {")
        lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("//")]
        codes[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return codes


def every(files):
    _, log = run("all mutants", ["cargo", "mutants", "--list", "--colors", "never", *files])
    return log.splitlines()
