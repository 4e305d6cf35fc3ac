"""The report `docs/assurance.md`: what the long runs have found stands between two lines for each of them."""
import time

from running import ROOT

REPORT = ROOT / "docs/assurance.md"
END = "<!-- end -->"


def write(command, lines):
    """Replaces what this command has found before."""
    begin = f"<!-- made by {command}: begin -->"
    before, rest = REPORT.read_text().split(begin)
    _, after = rest.split(END, 1)
    REPORT.write_text("\n".join([before + begin, f"Written {time.strftime('%Y-%m-%d')}.", "", *lines, END + after]))
