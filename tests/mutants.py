"""Small changes to the code that some test must notice, by cargo-mutants; `.cargo/mutants.toml` says which are left out, and
why.

A mutant is first shown to the unit tests beside it, which costs seconds; those that survive are shown to the tests of the
whole, which costs a minute. So most of them are cheap.
"""
import json
import os
import shutil

from running import TARGET, run

# What cargo is told when it builds and when it tests, and what the tests are told.
# Without the one test of core that takes longer than all others together.
CORE_TESTS = "-p tokenway-core --all-features --lib", "-- --skip long_texts_are_searched_in_part"
WHOLE = (
    "-p tokenway-core --all-features --lib -p tokenway-tests --test clock --test foreign --test login_flow --test logout_flow"
    " --test misuse --test quirks --test refresh --test secrets --test snapshots --test transcripts --test two_processes --test crash"
), ""
STORE_TESTS = "-p tokenway --features encrypted --lib", "store::"
REDIS_TESTS = "-p tokenway --features redis --lib --test redis", ""
KEYRING_TESTS = "-p tokenway --features keyring --lib --test keyring", ""

# Of each part: its files, what a mutant is shown (each stage sees what the one before has let pass), and into how many shards
# it is cut, each an hour or so of work. Two stages are not cut: the second must know what the whole first one has caught.
PARTS = {
    "callback": ("core/src/wire/callback*.rs", [CORE_TESTS, WHOLE], 1),
    "get_token": ("core/src/lifecycle/get_token/**", [WHOLE], 2),
    "lifecycle": ("core/src/lifecycle/*.rs", [CORE_TESTS, WHOLE], 1),
    "pkce": ("core/src/wire/pkce.rs", [CORE_TESTS, WHOLE], 1),
    "secret": ("core/src/secret.rs", [CORE_TESTS, WHOLE], 1),
    "session": ("core/src/session.rs", [CORE_TESTS, WHOLE], 1),
    "encrypted files": ("native/src/store/encrypted/**", [STORE_TESTS], 2),
    "files and locks": ("native/src/store/file/**", [STORE_TESTS], 10),
    "keyring": ("native/src/store/keyring/**", [KEYRING_TESTS], 4),
    "redis": ("native/src/store/redis/**", [REDIS_TESTS], 8),
    "stores": ("native/src/store/*.rs", [STORE_TESTS], 5),
}
LIMIT = "0 missed but those listed"
HOURS = 3600


def shards():
    """The name of each shard, its files, and what runs it."""
    for name, (files, stages, of) in PARTS.items():
        for at in range(of):
            part = name if of == 1 else f"{name} {at + 1}/{of}"
            yield part, files, lambda part=part, files=files, stages=stages, at=at, of=of: find(part, files, stages, f"{at}/{of}")


def find(part, files, stages, shard):
    folder = TARGET / "deep/mutants" / part.replace(" ", "-").replace("/", "-of-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    caught = missed = 0
    for at, (options, tests) in enumerate(stages):
        words = ["cargo", "mutants", "--file", files, "--output", str(folder), "--no-shuffle", "--colors", "never"]
        words += ["--jobs", str(os.cpu_count() or 1), *(f"--cargo-arg={option}" for option in options.split())]
        words += ["--iterate"] if at else [] if shard == "0/1" else ["--shard", shard]
        code, _ = run(f"mutants of {part}", [*words, "--", *tests.split()], limit=8 * HOURS)
        if code not in (0, 2, 3):  # 2: some were missed, 3: some hung
            return False, "it broke off"
        outcomes = json.loads((folder / "mutants.out/outcomes.json").read_text())
        caught += outcomes["caught"] + outcomes["timeout"]
        missed = outcomes["missed"]
        if missed == 0:
            break
    return missed == 0, f"{caught} caught, {missed} missed"
