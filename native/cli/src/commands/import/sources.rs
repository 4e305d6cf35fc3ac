//! Where other programs keep their logins.

use std::env;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokenway::store::{Answer, Keyring, SEED_SERVICE, read_foreign, seed_credentials};
use tokenway_core::lifecycle::{ForeignLogin, NotImported};
use tokenway_core::secret::Secret;

use crate::args::{ImportArgs, Source, Target};
use crate::exit::Stopped;

/// Where aether looks for its passphrase.
const AETHER_PASSWORD: &str = "AETHER_CREDENTIALS_PASSWORD";

/// The keyring service of Codex.
const CODEX_SERVICE: &str = "Codex Auth";

/// What was found, and where, for people.
pub(super) struct Found {
    pub(super) login: ForeignLogin,
    pub(super) place: String,
}

/// The provider that the program's logins are of.
pub(super) fn provider(from: Source) -> Option<&'static str> {
    match from {
        Source::Aether => None,
        Source::Codex => Some("codex"),
        Source::Gcloud => Some("google"),
    }
}

pub(super) fn find(args: &ImportArgs, target: &Target) -> Result<Found, Stopped> {
    if args.name.is_some() && args.from != Source::Aether {
        return Err(Stopped::usage("--name is for aether, which keeps several logins in one place"));
    }
    match args.from {
        Source::Aether => aether(args, target),
        Source::Codex => codex(args.file.as_deref()),
        Source::Gcloud => gcloud(args.file.as_deref()),
    }
}

fn aether(args: &ImportArgs, target: &Target) -> Result<Found, Stopped> {
    let name = args.name.as_ref().or(target.provider.as_ref()).or(target.issuer.as_ref());
    let Some(name) = name else {
        return Err(Stopped::usage("which of aether's logins? Give the provider's name"));
    };
    let (value, place) = match &args.file {
        Some(file) => {
            let passphrase = env::var(AETHER_PASSWORD).ok().filter(|text| !text.is_empty()).map(Secret::new);
            let Some(passphrase) = passphrase else {
                return Err(Stopped::configuration(format!("{} needs a passphrase", file.display()))
                    .with_next(format!("Set {AETHER_PASSWORD}.")));
            };
            let value = seed_credentials(file, &passphrase).map(|mut all| all.remove(name));
            (read(value)?, file.display().to_string())
        }
        None => (read(Keyring::of_the_system().read(SEED_SERVICE, name))?, "the keyring".to_owned()),
    };
    let Some(value) = value else {
        return Err(Stopped::usage(format!("there is no credential called {name:?} in {place}"))
            .with_next("Name it with --name, or its file with --file."));
    };
    found(ForeignLogin::of_aether, &value, format!("{name} in {place}"))
}

fn codex(file: Option<&Path>) -> Result<Found, Stopped> {
    if let Some(file) = file {
        return in_file(ForeignLogin::of_codex, file);
    }
    let home = named_folder("CODEX_HOME").or_else(|| Some(env::home_dir()?.join(".codex")));
    let Some(home) = home else { return Err(nowhere("Codex")) };
    let file = home.join("auth.json");
    if let Some(text) = read(read_foreign(&file))? {
        return found(ForeignLogin::of_codex, &text, file.display().to_string());
    }
    let item = codex_item(&home);
    match Keyring::of_the_system().read(CODEX_SERVICE, &item) {
        Ok(Some(text)) => found(ForeignLogin::of_codex, &text, format!("{CODEX_SERVICE} in the keyring")),
        Ok(None) => Err(absent(&file, "and nothing of Codex in the keyring")),
        Err(failure) => Err(absent(&file, &format!("and the keyring cannot be asked: {}", failure.detail))),
    }
}

/// The name of its item: a hash of its folder.
fn codex_item(home: &Path) -> String {
    let folder = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let hash = Sha256::digest(folder.to_string_lossy().as_bytes());
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("cli|{hex}")
}

/// In the order of Google's own libraries.
fn gcloud(file: Option<&Path>) -> Result<Found, Stopped> {
    if let Some(file) = file {
        return in_file(ForeignLogin::of_gcloud, file);
    }
    if let Some(file) = named_folder("GOOGLE_APPLICATION_CREDENTIALS") {
        return in_file(ForeignLogin::of_gcloud, &file);
    }
    let settings =
        if cfg!(windows) { named_folder("APPDATA") } else { env::home_dir().map(|home| home.join(".config")) };
    let folder = named_folder("CLOUDSDK_CONFIG").or_else(|| Some(settings?.join("gcloud")));
    let Some(folder) = folder else { return Err(nowhere("gcloud")) };
    in_file(ForeignLogin::of_gcloud, &folder.join("application_default_credentials.json"))
}

/// How a program's text becomes a login.
type Reader = fn(&str) -> Result<ForeignLogin, NotImported>;

fn in_file(reader: Reader, file: &Path) -> Result<Found, Stopped> {
    let Some(text) = read(read_foreign(file))? else { return Err(absent(file, "")) };
    found(reader, &text, file.display().to_string())
}

fn found(reader: Reader, text: &Secret, place: String) -> Result<Found, Stopped> {
    match reader(text.expose()) {
        Ok(login) => Ok(Found { login, place }),
        Err(error) => Err(Stopped::configuration(format!("{place}: {error}"))),
    }
}

fn absent(file: &Path, besides: &str) -> Stopped {
    let seen = format!("there is no {} {besides}", file.display());
    Stopped::usage(seen.trim_end()).with_next("Log in with that program first, or name its file with --file.")
}

fn nowhere(program: &str) -> Stopped {
    Stopped::usage(format!("this user has no home folder to look for {program} in"))
        .with_next("Name its file with --file.")
}

fn named_folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn read<T>(answer: Answer<T>) -> Result<T, Stopped> {
    answer.map_err(|failure| Stopped::configuration(failure.detail))
}
