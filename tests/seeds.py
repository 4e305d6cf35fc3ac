"""The seeds of the fuzz targets: `fuzz/seeds/TARGET.jsonl`, one a line, as a JSON text of which each character is a byte."""
import json
import shutil

from running import ROOT, say

MAX_SEED = 2_500  # bytes
MAX_FILE = 45_000  # bytes of one target, so that all stay under 500 kB


def packed(target):
    return ROOT / f"fuzz/seeds/{target}.jsonl"


def unpacked(target, folder):
    """One file for each seed, as libFuzzer wants it. Returns the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for at, line in enumerate(packed(target).read_text().splitlines()):
        (folder / f"{at:04}").write_bytes(json.loads(line).encode("latin-1"))
    return folder


def pack(target, folder):
    """The files of a folder become the seeds, the shortest first. What is too long, or too much, is left out, and said."""
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda seed: (len(seed), seed))
    lines, size = [], 0
    for seed in inputs:
        line = json.dumps(seed.decode("latin-1")) + "\n"
        if len(seed) > MAX_SEED or size + len(line) > MAX_FILE:
            continue
        size += len(line)
        lines.append(line)
    say(f"{target}: {len(lines)} of {len(inputs)} inputs kept, {size} bytes")
    packed(target).write_text("".join(lines))
    return bool(lines)
