//! Faults at each system call with which a renewal touches its store (F01, F04 to F09, F11), injected by strace; and
//! power cuts there: a disk image as it stands, without what only the page cache has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::credential::{Credential, End, each};
use crate::peer::{Home, Peer, Waiting, finish};

/// The system calls that a store may make.
const CALLS: &str = "openat,read,write,pwrite64,ftruncate,fsync,fdatasync,flock,rename,renameat,renameat2,link,linkat,unlink,\
                     unlinkat,fchmod,mkdir";

const ERRORS: [&str; 5] = ["error=EIO", "error=ENOSPC", "error=EINTR", "error=EDQUOT", "error=EROFS"];

/// How a file system answers to `flock`: as it does, a moment later.
const LOCKS: &str = "delay_enter=1";

/// One without locks: with an error, or with a lock for everybody.
const NO_LOCKS: [&str; 4] = ["error=ENOLCK", "error=EOPNOTSUPP", "error=ENOSYS", "retval=0"];

/// Longer than any that does not hang.
const LONGEST_RENEWAL: Duration = Duration::from_secs(20);

/// One system call of a renewal: its name, and which of its thread it is.
type Point = (String, usize);

#[test]
fn f01_f04_to_f07_a_process_killed_at_any_system_call_of_a_renewal_loses_nothing_by_strace() {
    for folder in file_systems() {
        let (peer, home) = (Peer::with_token_life(600), Home::within(&folder));
        let cases = cases(&peer, &home, &["signal=SIGKILL"], LOCKS);
        let ends = each(&cases, |case| case.run(&home, &peer));
        let died = ends.iter().filter(|ending| ending.code.is_none()).count();
        let honest = ends.iter().filter(|ending| ending.end == End::HonestSentence).count();
        eprintln!(
            "syscalls: kill at {} calls in {}: {died} died; {} ended with a valid token, {honest} with the honest sentence",
            cases.len(),
            folder.display(),
            ends.len() - honest,
        );
        assert!(died * 2 > cases.len(), "most points are reached");
        assert_eq!(peer.count("reuses"), honest as u64, "a reuse is told, each and every one");
    }
}

#[test]
fn f09_f11_an_error_of_any_system_call_of_a_renewal_loses_nothing_by_strace() {
    for folder in file_systems() {
        let (peer, home) = (Peer::with_token_life(600), Home::within(&folder));
        let faults: &[&str] = if crate::all_faults() { &ERRORS } else { &ERRORS[..1] };
        let cases = cases(&peer, &home, faults, LOCKS);
        let ends = each(&cases, |case| case.run(&home, &peer));
        let at_once = ends.iter().filter(|ending| ending.code == Some(0)).count();
        eprintln!(
            "syscalls: {} at {} calls in {}: {at_once} gave a token at once, {} the next time",
            faults.join(", "),
            cases.len(),
            folder.display(),
            ends.len() - at_once,
        );
        assert!(ends.iter().all(|ending| ending.end == End::ValidToken), "nobody has to log in again");
        assert_eq!(peer.count("reuses"), 0);
    }
}

#[test]
fn f08_a_power_cut_at_any_system_call_of_a_renewal_leaves_the_old_record_or_the_new_by_loop_device() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let (peer, home) = (Peer::with_token_life(600), Home::within(&disk.mounted));
    let cases = cases(&peer, &home, &["signal=SIGKILL"], LOCKS);
    finish(command("sync", &[])).succeeds();
    let (mut old, mut new) = (0, 0);
    for case in &cases {
        let before = case.credential.stored_token(&home);
        case.injected(&home, &before);
        let after = disk.after_a_power_cut(|mounted| {
            let inside = mounted.join(home.path().strip_prefix(&disk.mounted).unwrap());
            case.credential.stored_token(&Home::at(&inside))
        });
        let stored = case.credential.stored_token(&home);
        assert!(after == before || after == stored, "{case:?}: neither the old record nor the new one");
        if after == before {
            old += 1
        } else {
            new += 1
        }
        case.credential.ask_again(&home, &peer, &before);
        let returned = case.credential.stored_token(&home);
        if returned != stored {
            let kept = disk.after_a_power_cut(|mounted| {
                let inside = mounted.join(home.path().strip_prefix(&disk.mounted).unwrap());
                case.credential.stored_token(&Home::at(&inside))
            });
            assert_eq!(kept, returned, "{case:?}: a save that returned was lost");
        }
    }
    eprintln!("powercut: at {} calls: the old record {old} times, the new one {new} times, nothing else", cases.len());
}

#[test]
fn f10_a_disk_that_became_read_only_costs_no_token_and_is_named_by_loop_device() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let (peer, home) = (Peer::with_token_life(600), Home::within(&disk.mounted));
    let credential = credential(&peer, "first".to_owned());
    credential.login(&home);
    let rejected = credential.stored_token(&home);
    disk.remount("ro");
    let mut process = Waiting::start(credential.asking(&home));
    process.give(&rejected);
    process.end().exits(5).prints_nothing().says("Read-only file system").says(home.path().to_str().unwrap());
    assert_eq!(peer.count("token_requests"), 1, "the exchange of the login, and nothing else");
    assert_eq!(credential.token(&home), rejected, "whoever has not rejected it gets it still");
    disk.remount("rw");
    assert_eq!(credential.ask_again(&home, &peer, &rejected), End::ValidToken);
}

#[test]
fn f20_where_flock_is_missing_processes_take_turns_and_cost_one_refresh_a_round_by_strace() {
    const PROCESSES: usize = 8;
    let rounds = if crate::all_faults() { 20 } else { 2 };
    let peer = Peer::with_token_life(600);
    for (number, answer) in NO_LOCKS.iter().enumerate() {
        peer.reset();
        let home = Home::new();
        let credential = credential(&peer, format!("account-{number}"));
        login(&credential, &home, answer);
        let mut token = credential.stored_token(&home);
        for round in 1..=rounds {
            let start = |_| Waiting::start(without_locks(&credential.asking_within(&home, "30"), answer, &[]));
            let mut crowd: Vec<Waiting> = (0..PROCESSES).map(start).collect();
            crowd.iter_mut().for_each(|process| process.give(&token));
            let mut tokens: Vec<String> = crowd.into_iter().map(|process| process.end().token()).collect();
            tokens.dedup();
            assert!(tokens.len() == 1 && tokens[0] != token, "everybody has the same new token: {tokens:?}");
            token = tokens.remove(0);
            assert_eq!((peer.count("refreshes"), peer.count("reuses")), (round, 0), "{answer}");
        }
        assert_eq!(peer.whose(&token), "alice");
        credential.status(&home).succeeds().prints("programs take turns there, because that file system had no locks");
        eprintln!("syscalls: flock: {answer}: {PROCESSES} processes x {rounds}: {rounds} refreshes, 0 reuses");
    }
}

#[test]
fn f20_a_process_killed_at_any_system_call_where_flock_is_missing_loses_nothing_by_strace() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let mut cases = cases(&peer, &home, &["signal=SIGKILL"], NO_LOCKS[0]);
    if !crate::all_faults() {
        let mut number = 0;
        cases.retain(|_| {
            number += 1;
            number % 8 == 0
        });
    }
    let ends = each(&cases, |case| case.run(&home, &peer));
    let honest = ends.iter().filter(|ending| ending.end == End::HonestSentence).count();
    eprintln!(
        "syscalls: kill at {} calls where flock is missing: {} died; {} ended with a valid token, {honest} with the honest \
         sentence",
        cases.len(),
        ends.iter().filter(|ending| ending.code.is_none()).count(),
        ends.len() - honest,
    );
    assert_eq!(peer.count("reuses"), honest as u64, "a reuse is told, each and every one");
}

#[test]
fn f20_the_turn_of_a_process_that_was_killed_ends_by_its_age_by_strace() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let credential = credential(&peer, "first".to_owned());
    login(&credential, &home, NO_LOCKS[0]);
    let rejected = credential.stored_token(&home);
    let kill = ["-e", "inject=connect:signal=SIGKILL:when=1"];
    let mut process = Waiting::start(without_locks(&credential.asking(&home), NO_LOCKS[0], &kill));
    process.give(&rejected);
    assert_eq!(process.end().code, None, "killed");
    let mut next = Waiting::start(without_locks(&credential.asking(&home), NO_LOCKS[0], &[]));
    next.give(&rejected);
    next.end().exits(4).says("another process is renewing");
    assert_eq!(credential.ask_again(&home, &peer, &rejected), End::ValidToken);
    assert_eq!((peer.count("refreshes"), peer.count("reuses")), (1, 0));
}

/// A fault at one call of one credential's renewal.
#[derive(Debug)]
struct Case {
    fault: &'static str,
    point: Point,
    credential: Credential,
    /// How `flock` answers.
    flock: &'static str,
}

/// How a renewal with a fault ended, and what came of its credential.
struct Ending {
    code: Option<i32>,
    end: End,
}

impl Case {
    fn run(&self, home: &Home, peer: &Peer) -> Ending {
        let rejected = self.credential.stored_token(home);
        let code = self.injected(home, &rejected);
        Ending { code, end: self.credential.ask_again(home, peer, &rejected) }
    }

    fn injected(&self, home: &Home, rejected: &str) -> Option<i32> {
        let (call, when) = &self.point;
        let inject = format!("inject={call}:{}:when={when}", self.fault);
        let log = tempfile::NamedTempFile::new().unwrap();
        let options = ["-y", "-e", call, "-e", &inject_flock(self.flock), "-e", &inject];
        let mut process = Waiting::start(traced(&self.credential.asking(home), &options, log.path().to_str().unwrap()));
        process.give(rejected);
        while !process.has_ended_within(LONGEST_RENEWAL) {
            let calls = fs::read_to_string(log.path()).unwrap();
            let wakes = calls.lines().any(|line| line.contains("(INJECTED)") && line.contains("[eventfd]"));
            // To strace, the write that was meant is that of any thread: this one wakes the runtime, which sleeps on now.
            // No kernel refuses it.
            assert!(wakes, "{self:?} hangs: {calls}");
            let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", process.pid())).unwrap();
            finish(command("kill", &["-KILL".as_ref(), children.trim().as_ref()])).succeeds();
        }
        process.end().code
    }
}

/// Each fault at each call, with a logged in credential for each.
fn cases(peer: &Peer, home: &Home, faults: &[&'static str], flock: &'static str) -> Vec<Case> {
    let first = credential(peer, "first".to_owned());
    login(&first, home, flock);
    let points = points(&first, home, flock);
    assert!(points.len() > 10, "a renewal makes more calls than these: {points:?}");
    // That write of another thread wakes its runtime through an eventfd, which no kernel interrupts: it would sleep on.
    let is_possible = |fault: &str, point: &Point| match point.0.as_str() {
        "write" => fault != "error=EINTR",
        "flock" => flock == LOCKS,
        _ => true,
    };
    let all = faults.iter().flat_map(|fault| points.iter().map(move |point| (*fault, point.clone())));
    let all = all.filter(|(fault, point)| is_possible(fault, point));
    let cases: Vec<Case> = all
        .enumerate()
        .map(|(number, (fault, point))| Case {
            fault,
            point,
            credential: credential(peer, format!("account-{number}")),
            flock,
        })
        .collect();
    each(&cases, |case| login(&case.credential, home, flock));
    cases
}

fn login(credential: &Credential, home: &Home, flock: &str) {
    if flock == LOCKS {
        return credential.login(home);
    }
    finish(without_locks(&credential.logging_in(home), flock, &[])).succeeds();
}

/// The calls of a renewal that touch its home, as strace counts them: each thread for itself.
fn points(credential: &Credential, home: &Home, flock: &str) -> BTreeSet<Point> {
    let log = home.path().join("calls.log");
    let mut process = Waiting::start(traced(
        // Traced, each call takes its time, and nothing goes wrong here.
        &credential.asking_within(home, "30"),
        &["-y", "-e", &format!("trace={CALLS}"), "-e", &inject_flock(flock)],
        log.to_str().unwrap(),
    ));
    process.give(&credential.stored_token(home));
    process.end().succeeds();
    let mut counts: BTreeMap<Point, usize> = BTreeMap::new();
    let mut points = BTreeSet::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        let count = counts.entry((format!("{thread} {name}"), 0)).or_default();
        *count += 1;
        if call.contains(home.path().to_str().unwrap()) {
            points.insert((name.to_owned(), *count));
        }
    }
    points
}

fn credential(peer: &Peer, account: String) -> Credential {
    Credential::at(peer.issuer(), "native", account)
}

/// The command where `flock` answers so.
fn without_locks(command: &Command, answer: &str, options: &[&str]) -> Command {
    traced(command, &[&["-e", "trace=flock,connect", "-e", &inject_flock(answer)], options].concat(), "/dev/null")
}

fn inject_flock(answer: &str) -> String {
    format!("inject=flock:{answer}")
}

/// The command under strace, all threads.
fn traced(command: &Command, options: &[&str], log: &str) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", log]).args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.stdin(std::process::Stdio::piped());
    traced
}

/// The disk that the tests run on, and one in memory; the latter only when all faults are asked for.
fn file_systems() -> Vec<PathBuf> {
    let memory = Path::new("/dev/shm");
    let mut folders = vec![std::env::temp_dir()];
    if crate::all_faults() && memory.is_dir() {
        folders.push(memory.to_owned());
    }
    folders
}

/// A file system of its own, in a file.
struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    fn new(folder: &Path) -> Self {
        let disk = Disk { image: folder.join("image"), mounted: folder.join("mounted") };
        fs::create_dir(&disk.mounted).unwrap();
        fs::File::create(&disk.image).unwrap().set_len(16 << 20).unwrap();
        finish(command("mkfs.ext4", &["-q".as_ref(), disk.image.as_ref()])).succeeds();
        finish(command("mount", &["-o".as_ref(), "loop".as_ref(), disk.image.as_ref(), disk.mounted.as_ref()]))
            .succeeds();
        disk
    }

    fn remount(&self, mode: &str) {
        let options = format!("remount,{mode}");
        finish(command("mount", &["-o".as_ref(), options.as_ref(), self.mounted.as_ref()])).succeeds();
    }

    /// What somebody finds who starts the machine again.
    fn after_a_power_cut<T>(&self, look: impl FnOnce(&Path) -> T) -> T {
        let copy = Disk { image: self.image.with_extension("copy"), mounted: self.mounted.with_extension("copy") };
        fs::copy(&self.image, &copy.image).unwrap();
        fs::create_dir_all(&copy.mounted).unwrap();
        finish(command("mount", &["-o".as_ref(), "loop".as_ref(), copy.image.as_ref(), copy.mounted.as_ref()]))
            .succeeds();
        look(&copy.mounted)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        finish(command("umount", &[self.mounted.as_ref()]));
    }
}

fn command(program: &str, args: &[&std::ffi::OsStr]) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(std::process::Stdio::null());
    command
}
