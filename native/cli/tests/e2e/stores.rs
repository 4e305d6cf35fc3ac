//! Where logins lie: named, chosen, remembered, moved.

use std::fs;
use std::process::{Command, Stdio};
#[cfg(unix)]
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::peer::{Home, Peer, Run, Waiting, finish, person};

#[path = "../../../tests/keyring/service.rs"]
#[allow(dead_code, reason = "what the tests of the library need besides")]
pub(crate) mod service;

use service::on_a_private_bus;

/// A home in which no store is named, and no keyring can be reached unless it is given one.
pub(crate) struct Unnamed(pub(crate) Home);

impl Unnamed {
    pub(crate) fn new() -> Self {
        Unnamed(Home::new())
    }

    fn command(&self, args: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = self.0.command(args);
        command.env_remove("TOKENWAY_STORE").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        command.envs(environment.iter().copied());
        command
    }

    pub(crate) fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        finish(self.command(args, environment))
    }

    /// Logs in while somebody removes the file of one lock, again and again.
    #[cfg(unix)]
    fn login_without(&self, lock: &str, peer: &Peer, store: &str, environment: &[(&str, &str)]) -> Run {
        let lock = self.0.path().join(lock);
        let login = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", store];
        let process = Waiting::start(self.command(&login, environment));
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Acquire) {
                    let _ = fs::remove_file(&lock);
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let run = process.end();
            ended.store(true, Ordering::Release);
            run
        })
    }

    fn login(&self, peer: &Peer, more: &[&str], environment: &[(&str, &str)]) -> Run {
        self.run(&[&["login", "--issuer", peer.issuer(), "--client-id", "native"], more].concat(), environment)
    }

    /// Types an answer to each question that the command asks.
    fn on_a_terminal(&self, args: &[&str], answers: &[(&str, &str)]) -> Run {
        let mut command = self.0.command_on_a_terminal(args);
        command.env_remove("TOKENWAY_STORE").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        command.stdin(Stdio::piped());
        let mut waiting = Waiting::start(command);
        for (question, answer) in answers {
            waiting.waits_for(question);
            waiting.type_line(answer);
        }
        waiting.end()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.0.path().join(folder)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

const PASSPHRASE: (&str, &str) = ("TOKENWAY_PASSPHRASE", "correct horse");

#[test]
fn f16_without_a_keyring_and_a_passphrase_a_login_says_so_before_the_browser_opens() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    let stopped = home.login(&peer, &[], &[]).exits(5).prints_nothing();
    stopped.says("no place to keep a login").says("TOKENWAY_PASSPHRASE").says("--store file");
    assert!(home.names("credentials").is_empty(), "plain files are never chosen unasked");
    home.run(&["list"], &[]).succeeds();
}

#[test]
fn a_login_in_encrypted_files_is_found_there_without_naming_them() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    home.login(&peer, &[], &[PASSPHRASE]).succeeds();
    assert!(home.names("credentials").is_empty());
    assert!(home.names("encrypted").iter().any(|name| name == "key.age"));
    assert_eq!(peer.whose(&home.run(&["token"], &[PASSPHRASE]).token()), "alice");
    home.run(&["status"], &[PASSPHRASE]).succeeds().prints("encrypted files in").prints("(encrypted)");
    home.run(&["list"], &[PASSPHRASE]).succeeds().prints("alice");
    home.run(&["token", "--issuer", peer.issuer(), "--client-id", "native"], &[])
        .exits(5)
        .prints_nothing()
        .says("needs a passphrase");
    let wrong = [("TOKENWAY_PASSPHRASE", "wrong")];
    let stopped = home.run(&["token", "--issuer", peer.issuer(), "--client-id", "native"], &wrong);
    stopped.exits(5).prints_nothing().says("passphrase does not open");
    home.run(&["logout"], &[PASSPHRASE]).succeeds();
    assert!(home.names("stores").is_empty(), "a logout forgets where the login lay");
}

#[cfg(unix)]
#[test]
fn f19_the_key_of_encrypted_files_is_not_kept_when_its_lock_is_lost() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    let stopped = home.login_without("encrypted/key.save", &peer, "encrypted", &[PASSPHRASE]);
    stopped.exits(5).prints_nothing().says("its lock was lost");
    assert!(!home.names("encrypted").iter().any(|name| name.contains("key.age")), "{:?}", home.names("encrypted"));
    home.login(&peer, &[], &[PASSPHRASE]).succeeds();
}

#[cfg(unix)]
#[test]
fn f19_which_keyring_a_home_has_is_not_kept_when_its_lock_is_lost() {
    const TEST: &str = "stores::f19_which_keyring_a_home_has_is_not_kept_when_its_lock_is_lost";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
        let here = [("DBUS_SESSION_BUS_ADDRESS", address.as_str())];
        let (peer, home) = (Peer::start(), Unnamed::new());
        let stopped = home.login_without("keyring/place.save", &peer, "keyring", &here);
        stopped.exits(5).prints_nothing().says("its lock was lost");
        assert!(!home.names("keyring").iter().any(|name| name.contains("place.json")), "{:?}", home.names("keyring"));
        home.login(&peer, &[], &here).succeeds();
    });
}

#[test]
fn a_login_moves_from_store_to_store_and_works_on() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    home.login(&peer, &["--store", "file"], &[]).succeeds();
    home.run(&["status"], &[]).succeeds().prints("plain files in");
    let moved = home.run(&["store", "migrate", "file", "encrypted"], &[PASSPHRASE]).succeeds();
    moved.prints("moved from the store \"file\" to \"encrypted\"");
    assert!(!home.names("credentials").iter().any(|name| name.ends_with(".json")), "{:?}", home.names("credentials"));
    let old = home.run(&["token"], &[PASSPHRASE]).token();
    assert_eq!(peer.whose(&old), "alice");
    home.run(&["store", "migrate", "encrypted", "file", "--json"], &[PASSPHRASE]).succeeds().prints("\"moved\":[{");
    assert_eq!(home.run(&["token"], &[]).token(), old);
    home.run(&["store", "migrate", "file", "file"], &[]).exits(2).says("already");
}

#[test]
fn a_login_that_fails_in_another_store_hides_no_login_in_plain_files() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    home.login(&peer, &["--store", "file"], &[]).succeeds();
    // As programs leave it that use the library.
    fs::remove_dir_all(home.0.path().join("stores")).unwrap();
    home.login(&peer, &["--store", "keyring"], &[]).exits(5).prints_nothing();
    assert_eq!(peer.whose(&home.run(&["token"], &[]).token()), "alice");
    let login = home.login(&peer, &["--store", "encrypted"], &[PASSPHRASE]).succeeds();
    login.says("An earlier login may still lie in the store \"file\"");
    home.run(&["status"], &[PASSPHRASE]).succeeds().prints("(encrypted)");
}

#[test]
fn a_login_that_comes_to_nothing_leaves_no_choice_of_a_store_behind() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    let deny = person("--deny");
    home.login(&peer, &["--store", "encrypted"], &[PASSPHRASE, ("BROWSER", &deny)]).exits(1).says("access_denied");
    assert!(home.names("stores").is_empty());
    let nowhere = home.login(&peer, &["--store", "encrypted", "--record", "/nonexistent/file"], &[PASSPHRASE]);
    nowhere.exits(5).says("the transcript");
    assert!(home.names("stores").is_empty());
    home.login(&peer, &["--store", "encrypted"], &[PASSPHRASE]).succeeds();
    let again = ["--store", "encrypted", "--force"];
    home.login(&peer, &again, &[PASSPHRASE, ("BROWSER", &deny)]).exits(1);
    assert_eq!(peer.whose(&home.run(&["token"], &[PASSPHRASE]).token()), "alice", "the earlier one is found still");
}

#[test]
fn what_is_left_of_a_login_that_moved_does_not_bring_it_back() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    home.login(&peer, &["--store", "file"], &[]).succeeds();
    let spare = home.names("credentials").into_iter().find(|name| name.ends_with(".spare")).unwrap();
    let spare = home.0.path().join("credentials").join(spare);
    fs::remove_file(&spare).unwrap();
    fs::create_dir(&spare).unwrap();
    let migrate = ["store", "migrate", "file", "encrypted"];
    let stopped = home.run(&migrate, &[PASSPHRASE]).exits(5).prints_nothing();
    stopped.says("is used from the store \"encrypted\" now").says("Try the same command again");
    assert_eq!(peer.whose(&home.run(&["token"], &[PASSPHRASE]).token()), "alice");
    fs::remove_dir(&spare).unwrap();
    home.run(&migrate, &[PASSPHRASE]).succeeds().says("There is no login in the store \"file\"");
}

#[test]
fn an_older_login_does_not_move_over_the_one_that_is_used() {
    const TEST: &str = "stores::an_older_login_does_not_move_over_the_one_that_is_used";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
        let here = [("DBUS_SESSION_BUS_ADDRESS", address.as_str()), PASSPHRASE];
        let (peer, home) = (Peer::start(), Unnamed::new());
        home.login(&peer, &["--store", "file"], &here).succeeds();
        home.login(&peer, &["--store", "keyring"], &here).succeeds().says("tokenway logout --store file");
        let token = home.run(&["token"], &here).token();
        let stopped = home.run(&["store", "migrate", "file", "encrypted"], &here).exits(5).prints_nothing();
        stopped.says("that is used lies in the store \"keyring\"").says("To remove it: tokenway logout --store file");
        assert_eq!(home.run(&["token"], &here).token(), token);
        // As programs leave it that use the library: the one in plain files is used.
        fs::remove_dir_all(home.0.path().join("stores")).unwrap();
        let token = home.run(&["token"], &here).token();
        let stopped = home.run(&["store", "migrate", "keyring", "encrypted"], &here).exits(5).prints_nothing();
        stopped.says("that is used lies in the store \"file\"").says("To remove it: tokenway logout --store keyring");
        assert_eq!(home.run(&["token"], &here).token(), token);
    });
}

#[test]
fn with_a_secret_service_a_login_goes_to_the_keyring_and_leaves_no_token_in_files() {
    const TEST: &str = "stores::with_a_secret_service_a_login_goes_to_the_keyring_and_leaves_no_token_in_files";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
        let here: [(&str, &str); 1] = [("DBUS_SESSION_BUS_ADDRESS", &address)];
        let (peer, home) = (Peer::start(), Unnamed::new());
        home.login(&peer, &[], &here).succeeds();
        assert_eq!(bus.items().unwrap().len(), 1);
        let token = home.run(&["token"], &here).token();
        assert_eq!(peer.whose(&token), "alice");
        home.run(&["status"], &here).succeeds().prints("the Secret Service").prints("(keyring)");
        for folder in ["keyring", "stores"] {
            let bytes = service::all_bytes(&home.0.path().join(folder));
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
        }
        assert!(home.names("credentials").is_empty());
        let away = home.run(&["token", "--issuer", peer.issuer(), "--client-id", "native"], &[]).prints_nothing();
        away.exits(5).says("cannot be used");
        home.run(&["store", "migrate", "keyring", "file"], &here).succeeds();
        assert!(bus.items().unwrap().is_empty());
        assert_eq!(home.run(&["token"], &[]).token(), token);
    });
}

#[test]
fn a_passphrase_is_typed_unseen_twice_when_it_is_new_and_once_from_then_on() {
    let (peer, home) = (Peer::start(), Unnamed::new());
    let login = ["login", "--issuer", peer.issuer(), "--client-id", "native", "--store", "encrypted"];
    let run = home.on_a_terminal(&login, &[("A new passphrase", "correct horse"), ("Once more", "incorrect horse")]);
    run.exits(2).prints_nothing().says("the two passphrases differ");
    let run = home.on_a_terminal(&login, &[("A new passphrase", "correct horse"), ("Once more", "correct horse")]);
    let run = run.succeeds();
    assert!(!run.stderr.contains("horse"), "what is typed is not shown: {}", run.stderr);
    let token = ["token", "--issuer", peer.issuer(), "--client-id", "native"];
    let run = home.on_a_terminal(&token, &[("Passphrase of the encrypted store", "correct horse")]);
    assert!(!run.stderr.contains("Once more"), "{}", run.stderr);
    assert_eq!(peer.whose(&run.token()), "alice");
    let run = home.on_a_terminal(&token, &[("Passphrase of the encrypted store", "wrong")]);
    run.exits(5).prints_nothing().says("passphrase does not open");
    let run = home.on_a_terminal(&token, &[("Passphrase of the encrypted store", "\u{3}")]);
    assert_ne!(run.code, Some(0), "Ctrl-C ends it: {run:?}");
    assert_eq!(home.run(&token, &[PASSPHRASE]).token(), home.run(&token, &[PASSPHRASE]).token());
}
