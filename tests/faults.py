"""The scenarios of faults in the life of a token, and the tests that show what comes of each: `tests/run --faults` runs them
all, in their whole size, and prints a table. The default run has the same tests; of the largest it does a part."""
import re

from running import ROOT, run

# The tests of many processes at once.
STORM = "storm::f30_"

# Scenario: what happens, and its tests as nextest names them (a part of the name is enough).
SCENARIOS = {
    "F01": ("killed before the request leaves", ["f01_f04_to_f07_", "kills::processes_killed"]),
    "F02": ("killed while the answer is on its way", ["kills::processes_killed", "a_request_for_a_token_may_die_anywhere"]),
    "F03": ("killed between the answer and the first write", ["kills::processes_killed", "a_renewal_for_a_rejected_token_may_die_anywhere"]),
    "F04": ("killed while the new record is written", ["f01_f04_to_f07_", "f04_"]),
    "F05": ("killed between fsync and rename", ["f01_f04_to_f07_", "f05_"]),
    "F06": ("killed between rename and the folder's fsync", ["f01_f04_to_f07_"]),
    "F07": ("killed between save and unlock", ["f01_f04_to_f07_", "f07_a_holder_that_ends"]),
    "F08": ("power cut at any system call", ["f08_a_power_cut"]),
    "F09": ("the disk is full (one of 64 KiB: 16 hold no renewal)", ["f09_f11_", "f09_a_full_disk", "a_renewal_that_meets_a_full_disk_may_die_anywhere"]),
    "F09b": ("the spare file makes room", ["f09b_"]),
    "F10": ("the store cannot be written", ["f10_", "a_store_that_cannot_be_written_is_found_out"]),
    "F11": ("fsync fails", ["f09_f11_"]),
    "F12": ("the file is cut or changed anywhere", ["f12_a_file_cut_or_changed", "many_readers_of_a_damaged_file"]),
    "F13": ("left-over files", ["f13_a_delete_leaves_no_secret", "f04_a_save_sweeps"]),
    "F14": ("links, and files of others", ["f14_"]),
    "F15": ("an old backup lies there", ["f15_", "a_refused_hash_is_not_sent_again", "a_renewal_of_the_same_login_with_another_token_is_adopted"]),
    "F16": ("keyring or Redis in trouble", ["f16_"]),
    "F17": ("the holder of the lock is killed", ["f17_the_lease_of_a_killed_process"]),
    "F18": ("the holder of the lock is stopped", ["a_holder_that_was_stopped_too_long_sends_nothing", "f18_", "a_stopped_holder_costs_a_due_token"]),
    "F19": ("the lock's file is removed", ["f19_"]),
    "F20": ("no flock on this file system", ["f20_"]),
    "F21": ("a child inherits the lock", ["f21_a_child_process_inherits_no_lease"]),
    "F22": ("the clock jumps", ["a_jump_", "a_cool_down_is_over_one_day", "a_clock_that_went_back_passes_no_time", "a_clock_that_jumped_on", "f22_a_lease_and_a_ledger"]),
    "F23": ("suspended during the request", ["f23_", "a_guard_counts_by_the_monotonic_clock", "a_holder_that_was_stopped_while_it_noted"]),
    "F24": ("all timers at once", ["f24_", "a_hundred_callers_at_once_are_no_storm"]),
    "F25": ("no network, no names, a captive portal", ["f25_", "without_a_route_nothing_is_sent", "in_a_hole_at_most", "a_server_that_cannot_be_reached_ends_no_login"]),
    "F26": ("the server acted, the answer is lost", ["f26_", "a_lost_answer", "two_lost_answers_leave_the_outcome_unknown"]),
    "F27": ("request or answer are cut at any byte", ["f27_", "an_answer_cut_at_any_byte_is_incomplete", "a_chunked_answer_without_its_end"]),
    "F28": ("429 and 5xx", ["f28_", "a_server_in_trouble", "a_server_that_wants_to_be_left_alone", "a_cool_down_lasts_an_hour_at_most"]),
    "F29": ("an HTTP library that sends again by itself", ["a_connection_closed_after_the_request_is_maybe_sent_and_never_repeated", "no_connection_serves_two_requests"]),
    "F30": ("many processes refresh at once", [STORM, "a_hundred_callers_with_an_expired_token", "eight_clients_on_one_folder"]),
    "F31": ("logout during a refresh", ["f31_", "a_logout_during_a_refresh_wins", "a_logout_may_die_anywhere"]),
    "F32": ("a second login during a refresh", ["f32_", "a_login_during_a_refresh_wins", "a_second_login_during_a_refresh_wins"]),
    "F37": ("the caller, or the driver, is dropped at any await", ["cancelling::", "dropped::"]),
    "F38": ("a callback panics", ["panics::"]),
    "F39": ("the runtime ends during the save", ["f39_", "a_runtime_that_is_taken_down_during_the_request", "a_client_that_is_dropped_during_the_request"]),
    "I6": ("a million renewals in virtual time", ["a_million_renewals"]),
}

# Scenarios of the npm package have tests of their own, which are run by Node: files, and how their tests are named.
BROWSER, NODE = "wasm/tests/browser", "wasm/tests/node"
IN_JAVASCRIPT = {
    "F33": ("a worker dies in a login", [f"{BROWSER}/death.test.mjs"], r'worker dies (before|after) "[^"]+"$'),
    "F34": ("a worker dies in a renewal", [f"{BROWSER}/death.test.mjs"], r'worker dies (before|after) "[^"]+" \('),
    "F35": (
        "tabs, worker and popup refresh at once",
        [f"{BROWSER}/extension.test.mjs", f"{BROWSER}/page_world.test.mjs"],
        "contexts share one renewal|two tabs that renew at once",
    ),
    "F36": (
        "storage is full or cleared, the extension is updated",
        [f"{BROWSER}/extension.test.mjs", f"{BROWSER}/extension_popup.test.mjs", f"{BROWSER}/page_world.test.mjs"],
        "storage is cleared|storage that is cleared|full storage|an update interrupted",
    ),
    "F37, JavaScript": ("a context dies before or after any action", [f"{NODE}/death.test.mjs"], "its context dies"),
    "F37, signals": ("a login is cancelled before or after any action", [f"{NODE}/cancelling.test.mjs"], "login that is cancelled"),
}

# How long the waiters of a storm may wait longer than the one request takes, with up to so many processes.
LIMIT = 50.0  # milliseconds
MOST_PROCESSES = 16
STORMS = r"^ *storm: (\w+) (\d+) processes x (\d+): .* p99 ([\d.]+) ms over their POST$"

# Storms of 64 processes, a million renewals, cuts at each byte.
TIME_LIMIT = 60 * 60  # seconds

COMMAND = "cargo nextest run --profile faults --all-features --no-fail-fast --status-level pass".split()


def run_natively(tally, left_out):
    """Runs them in their whole size, without what cannot run here. Returns the rows of the table, and what the tests said."""
    tests = " | ".join(sorted(f"test(/{part}/)" for part in parts()))
    besides = " | ".join([*left_out, f"(test(/{STORM}/) & package(tokenway-cli))"])
    every = run("faults", [*COMMAND, "--workspace", "-E", f"({tests}) - ({besides})"], limit=TIME_LIMIT, TOKENWAY_FAULTS="all")
    # Their figures have a limit: they are those of what people run, and nothing else runs meanwhile.
    only = f"test(/{STORM}/) - ({' | '.join(left_out) or 'none()'})"
    alone = ["-p", "tokenway-cli", "--cargo-profile", "release", "--test-threads", "1", "-E", only]
    storms = run("storms", [*COMMAND, *alone], limit=TIME_LIMIT, TOKENWAY_FAULTS="all")
    code, log = every[0] or storms[0], every[1] + storms[1]
    results = {}
    for status, name in re.findall(r"^ *(PASS|SLOW|FAIL|ABORT|TIMEOUT|SIG[A-Z0-9]+) \[[^]]*\](?: \([^)]*\))? *(\S+ \S+)", log, re.M):
        if status != "SLOW":
            results[name] = results.get(name, True) and status == "PASS"
    tally.passed += sum(results.values())
    tally.failures += sorted(name for name, passed in results.items() if not passed)
    for scenario in without_tests("\n".join(results)):
        if left_out:
            tally.skip(f"{scenario}: what it needs is missing")
        else:
            tally.failures.append(f"{scenario} has no test")
    if code != 0 and all(results.values()):
        tally.failures.append("faults: they did not compile, or broke off")
    rows = []
    for scenario, (what, tests) in SCENARIOS.items():
        its = [passed for name, passed in results.items() if any(test in name for test in tests)]
        rows.append((scenario, what, len(its), its.count(False)))
    return rows, log


def without_tests(names):
    """The scenarios of which no test is among these names."""
    return [scenario for scenario, (_, tests) in SCENARIOS.items() if not any(test in names for test in tests)]


def promised():
    """The tests that SECURITY.md names: those in Rust, and those in JavaScript by their titles."""
    quoted = re.findall(r"`([^`\n]+)`", (ROOT / "SECURITY.md").read_text())
    return [name for name in quoted if re.fullmatch(r"\w{20,}", name)], [title for title in quoted if title.count(" ") >= 4]


def parts():
    return {test for _, tests in SCENARIOS.values() for test in tests}


def table(rows):
    yield "| scenario | what happens | tests | violations |"
    yield "|---|---|---|---|"
    for row in sorted(rows):
        yield f"| {' | '.join(map(str, row))} |"


def waits(log):
    """The figures of the storms that have a limit. They say how a machine fares, and fail nothing."""
    yield "| storm | rounds | p99 of the waiters over their POST | limit | |"
    yield "|---|---|---|---|---|"
    for store, processes, rounds, over in re.findall(STORMS, log, re.M):
        is_limited = int(processes) <= MOST_PROCESSES
        verdict = ("reached" if float(over) <= LIMIT else "not reached") if is_limited else "reported"
        yield f"| {store}, {processes} processes | {rounds} | {over} ms | {f'{LIMIT:.0f} ms' if is_limited else ''} | {verdict} |"
