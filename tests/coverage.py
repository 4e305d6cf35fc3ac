"""Which lines the tests reach, by cargo-llvm-cov. Lines of tests themselves do not count."""
import os
import re
from collections import defaultdict

from running import ROOT, TARGET, run

# Of each source folder: its name in the table, and the least that must be reached.
LIMITS = {"core/src": ("core", 95), "native/src": ("native driver", 85)}
LIMIT = ", ".join(f"{name} ≥ {least} %" for name, least in LIMITS.values())
MISSED = TARGET / "deep/coverage-missed.txt"

# The command `tokenway` is not a driver; what runs it as a process is left out here.
COMMAND = (
    "cargo llvm-cov nextest --workspace --all-features --exclude tokenway-cli --exclude tokenway-model --no-fail-fast"
    " --lcov --output-path {report} -E"
).split()
LEFT_OUT = "not (test(/by_strace|by_loop_device|wasm_probe|by_node/) | binary(file_sizes))"


def find():
    report = TARGET / "deep/coverage.lcov"
    target = {"CARGO_TARGET_DIR": str(TARGET / "coverage")}
    code, _ = run("coverage", [word.format(report=report) for word in COMMAND] + [LEFT_OUT], limit=2 * 3600, **target)
    if not report.is_file():
        return False, "no report was written"
    reached, missed = read(report)
    MISSED.write_text("".join(f"{place}\n" for place in missed))
    figures, ok = [], code == 0
    for folder, (name, least) in LIMITS.items():
        hit, all_lines = reached[folder]
        share = 100 * hit / max(all_lines, 1)
        ok = ok and share >= least
        figures.append(f"{name} {share:.1f} % of {all_lines} lines")
    return ok, ", ".join(figures)


def read(report):
    """By folder how many lines were reached, of how many; and the places of those that were not."""
    reached, missed = defaultdict(lambda: [0, 0]), []
    for entry in report.read_text().split("end_of_record\n"):
        path = re.search(r"^SF:(.*)$", entry, re.M)
        name = os.path.relpath(path.group(1), ROOT) if path else ""
        folder = next((folder for folder in LIMITS if name.startswith(folder + "/")), None)
        if not folder or is_test(name):
            continue
        last = last_line(name)
        for line, count in re.findall(r"^DA:(\d+),(\d+)", entry, re.M):
            if int(line) < last:
                reached[folder][0] += count != "0"
                reached[folder][1] += 1
                if count == "0":
                    missed.append(f"{name}:{line}")
    return reached, missed


def is_test(name):
    return bool(re.search(r"(^|/)(tests|conformance|strangers|shuttled)(/|\.rs$)|_tests\.rs$|/properties\.rs$", name))


def last_line(name):
    """Where the tests of a file begin."""
    lines = (ROOT / name).read_text().splitlines()
    starts = (at for at, line in enumerate(lines, 1) if line == "#[cfg(test)]" and lines[at : at + 1] == ["mod tests {"])
    return next(starts, len(lines) + 1)
