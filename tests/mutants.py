"""Small changes to the code that some test must notice, by cargo-mutants; `.cargo/mutants.toml` says which are left out, and
why.

A mutant is first shown to the unit tests beside it, which costs seconds; those that survive are shown to the tests of the
whole, which costs a minute. So most of them are cheap.
"""
import json
import shutil

from running import TARGET, run

CORE_TESTS = "-p tokenway-core --all-features --lib"
WHOLE = (
    "-p tokenway-core --all-features --lib -p tokenway-tests --lib --test clock --test foreign --test login_flow --test logout_flow"
    " --test misuse --test quirks --test refresh --test secrets --test snapshots --test transcripts --test two_processes --test crash"
)
STORE_TESTS = "-p tokenway --features encrypted --lib store::"
REDIS_TESTS = "-p tokenway --features redis --lib --test redis"
KEYRING_TESTS = "-p tokenway --features keyring --lib --test keyring"

# Of each part: the package, its files, and what a mutant is shown; each stage sees what the one before has let pass.
PARTS = {
    "callback": ("tokenway-core", ["core/src/wire/callback*.rs"], [CORE_TESTS, WHOLE]),
    "get_token": ("tokenway-core", ["core/src/lifecycle/get_token/**"], [WHOLE]),
    "lifecycle": ("tokenway-core", ["core/src/lifecycle/*.rs"], [CORE_TESTS, WHOLE]),
    "secrets": ("tokenway-core", ["core/src/secret.rs", "core/src/wire/pkce.rs"], [CORE_TESTS, WHOLE]),
    "session": ("tokenway-core", ["core/src/session.rs"], [CORE_TESTS, WHOLE]),
    "encrypted files": ("tokenway", ["native/src/store/encrypted/**"], [STORE_TESTS]),
    "files and locks": ("tokenway", ["native/src/store/file/**"], [STORE_TESTS]),
    "keyring": ("tokenway", ["native/src/store/keyring/**"], [KEYRING_TESTS]),
    "redis": ("tokenway", ["native/src/store/redis/**"], [REDIS_TESTS]),
    "stores": ("tokenway", ["native/src/store/*.rs"], [STORE_TESTS]),
}
LIMIT = "0 missed but those listed"
HOURS = 3600


def find(name):
    package, files, stages = PARTS[name]
    folder = TARGET / "deep/mutants" / name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for at, tests in enumerate(stages):
        words = ["cargo", "mutants", "--package", package, "--output", str(folder), "--no-shuffle", "--colors", "never"]
        words += [word for file in files for word in ("--file", file)] + (["--iterate"] if at else [])
        code, log = run(f"mutants of {name}", [*words, "--", *tests.split()], limit=8 * HOURS, CARGO_TARGET_DIR=str(TARGET / "mutants"))
        if code not in (0, 2, 3):  # 2: some were missed, 3: some hung
            return False, "it broke off"
    return figures(folder / "mutants.out")


def figures(folder):
    """What the last stage has missed was missed by all."""
    outcomes = json.loads((folder / "outcomes.json").read_text())
    before = (folder / "previously_caught.txt")
    caught = outcomes["caught"] + outcomes["timeout"] + (len(before.read_text().splitlines()) if before.exists() else 0)
    missed = outcomes["missed"]
    return missed == 0, f"{caught} caught, {missed} missed"
