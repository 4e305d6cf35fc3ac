//! An old backup is laid over what is stored (F15): the server is asked once, and what it says is said.

use std::fs;
use std::path::{Path, PathBuf};

use crate::peer::{Home, Peer};

/// Of the record alone, and of the whole folder.
#[test]
fn f15_an_old_backup_costs_one_question_and_a_new_login_mends_it() {
    let peer = Peer::with_token_life(600);
    for is_in_it in [is_record, |_: &Path| true] {
        restored(&peer, is_in_it);
        peer.reset();
    }
}

#[test]
fn f15_an_old_backup_costs_nothing_where_the_server_has_a_grace_window() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    peer.grace(600);
    let first = logged_in(&peer, &home);
    let backup = Backup::of(&home, is_record);
    home.rejecting(&first, &[]).token();
    backup.restore();
    let third = home.rejecting(&first, &[]).token();
    assert_eq!(peer.whose(&third), "alice");
    assert_eq!(peer.count("reuses"), 0);
}

fn restored(peer: &Peer, is_in_it: fn(&Path) -> bool) {
    let home = Home::new();
    let first = logged_in(peer, &home);
    let backup = Backup::of(&home, is_in_it);
    let second = home.rejecting(&first, &[]).token();
    backup.restore();
    assert_eq!(home.token(&[]), first, "what is stored counts, and its token lives");
    assert_eq!(peer.whose(&second), "alice");

    let requests = peer.count("token_requests");
    for _ in 0..2 {
        home.rejecting(&first, &[]).exits(3).prints_nothing().says("Log in: tokenway login");
        assert_eq!(peer.count("token_requests"), requests + 1, "it is asked once");
    }
    assert_eq!(peer.count("reuses"), 1);

    home.login(peer.issuer(), "native", &["--force"]);
    let mended = home.token(&[]);
    assert_eq!(peer.whose(&home.rejecting(&mended, &[]).token()), "alice");
}

fn logged_in(peer: &Peer, home: &Home) -> String {
    home.login(peer.issuer(), "native", &[]);
    home.token(&[])
}

/// Files of a home as they were.
struct Backup {
    folder: PathBuf,
    is_in_it: fn(&Path) -> bool,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Backup {
    fn of(home: &Home, is_in_it: fn(&Path) -> bool) -> Self {
        let mut backup = Backup { folder: home.path().join("credentials"), is_in_it, files: Vec::new() };
        backup.files = backup.concerned().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        assert!(!backup.files.is_empty());
        backup
    }

    /// What came later is gone.
    fn restore(&self) {
        self.concerned().iter().for_each(|path| fs::remove_file(path).unwrap());
        self.files.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }

    fn concerned(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| (self.is_in_it)(path)).collect()
    }
}

fn is_record(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.ends_with(".json") && !name.ends_with(".ledger.json")
}
