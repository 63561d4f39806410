//! `bucklerctl sign`: configurations and changes of keys, signed where the server is not. No
//! command here asks a server.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    slice,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use buckler::{
    model::{
        policy::{config_hash, delivered},
        signing::{Keys, MOST_CHANGES, MOST_KEYS, PublicKey, all_are_of, all_have_signed, key_statement, statement},
    },
    private,
    protocol::{
        ConfigMap,
        v2::{KeyChange, Signature, Signed},
    },
};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use crate::{
    Answer, Failure,
    agents::unix_s,
    cli::{SignCommand, SignConfigArgs, SignKeysArgs},
    profiles,
    show::Screen,
};

pub(crate) fn run(command: &SignCommand, screen: &mut Screen) -> Result<Answer, Failure> {
    match command {
        SignCommand::Key { file } => make_key(file, screen),
        SignCommand::Config(args) => sign_config(args, screen),
        SignCommand::Keys(args) => sign_keys(args, screen),
    }
}

/// How a file of a private key begins and ends (RFC 7468).
const PEM: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];

/// Characters in a line of Base64 between them.
const PEM_LINE: usize = 64;

/// Makes a key, and prints its public half.
fn make_key(file: &Path, screen: &mut Screen) -> Result<Answer, Failure> {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|error| Failure::of_file(file, error))?;
    let base64 = STANDARD.encode(made.as_ref());
    let lines = base64
        .as_bytes()
        .chunks(PEM_LINE)
        .filter_map(|line| str::from_utf8(line).ok());
    let text: Vec<&str> = [PEM[0]].into_iter().chain(lines).chain([PEM[1], ""]).collect();
    let mut options = private::options();
    let mut out =
        private::open(options.write(true).create_new(true), file).map_err(|error| Failure::of_file(file, error))?;
    let written = out.write_all(text.join("\n").as_bytes()).and_then(|()| out.sync_all());
    written.map_err(|error| Failure::of_file(file, error))?;
    screen.line(&public(&read_key(file)?)?.to_string())?;
    screen.note(&format!(
        "{} signs: keep it where the server is not, and pin the key above in hosts' [agent.signing] keys",
        file.display()
    ))?;
    Ok(Answer::Yes)
}

/// A private key, as this program or OpenSSL writes it.
fn read_key(file: &Path) -> Result<Ed25519KeyPair, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::of_file(file, error))?;
    let inner = text.trim().strip_prefix(PEM[0]);
    let inner = inner.and_then(|text| text.strip_suffix(PEM[1]));
    let inner: Option<String> = inner.map(|text| text.split_whitespace().collect());
    let bytes = inner.and_then(|base64| STANDARD.decode(base64).ok());
    let bytes = bytes
        .ok_or_else(|| Failure::of_file(file, "no private key in PEM (PKCS #8): `bucklerctl sign key` makes one"))?;
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
        .map_err(|error| Failure::of_file(file, format!("no Ed25519 key: {error}")))
}

fn public(pair: &Ed25519KeyPair) -> Result<PublicKey, Failure> {
    let key = PublicKey::from_bytes(pair.public_key().as_ref());
    key.ok_or_else(|| Failure::Input("an Ed25519 key has 32 bytes".to_owned()))
}

/// Adds a signature by each key to those that are there.
fn add(message: &[u8], keys: &[PathBuf], signed: &mut Vec<Signed>) -> Result<(), Failure> {
    for file in keys {
        let pair = read_key(file)?;
        let key = public(&pair)?.to_string();
        signed.retain(|known| known.key != key);
        signed.push(Signed {
            key,
            signature: STANDARD.encode(pair.sign(message)),
        });
    }
    Ok(())
}

/// A configuration as it is signed, and who has.
pub(crate) struct SignedConfig {
    pub(crate) config: ConfigMap,
    pub(crate) signature: Signature,
}

impl SignedConfig {
    /// What a file holds, if it is signed.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, Failure> {
        let text = fs::read_to_string(file).map_err(|error| Failure::of_file(file, error))?;
        let Ok(Value::Object(mut members)) = serde_json::from_str(&text) else {
            return Ok(None);
        };
        match (members.len(), members.remove("config"), members.remove("signature")) {
            (2, Some(Value::Object(config)), Some(signature)) => {
                let signature = serde_json::from_value(signature).map_err(|error| Failure::of_file(file, error))?;
                Ok(Some(Self { config, signature }))
            }
            _ => Ok(None),
        }
    }

    /// Adds a signature by each key, as it is delivered over this template. Those that are there
    /// must be of the very same.
    fn sign(&mut self, template: &str, keys: &[PathBuf], file: &Path) -> Result<(), Failure> {
        let body = delivered(template, &self.config).map_err(|error| Failure::Input(error.to_string()))?;
        let hash = config_hash(&body);
        if !self.signature.signed.is_empty() && !all_have_signed(&self.signature, &hash) {
            return Err(Failure::of_file(
                file,
                format!(
                    "found signatures that are not of this configuration over the template {template:?}, allowed is what \
                     this command printed, with its --template: what was changed since is signed as a configuration of its own"
                ),
            ));
        }
        add(&statement(&self.signature, &hash), keys, &mut self.signature.signed)?;
        if !all_have_signed(&self.signature, &hash) {
            let found = self.signature.signed.len();
            return Err(Failure::Input(format!(
                "--key: found {found} keys, allowed are up to {MOST_KEYS}"
            )));
        }
        Ok(())
    }

    /// As a file holds it, and as the server takes it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"config": self.config, "signature": self.signature})
    }
}

/// For how long agents take a configuration, where nothing is said, in seconds: 90 days.
const EXPIRES_S: u64 = 90 * 24 * 3_600;

/// How far above the default a version may be, in seconds: a day, for clocks that differ.
const AHEAD_S: u64 = 24 * 3_600;

/// A version, if those that are signed without one can follow it.
fn judged(version: u64, force: bool) -> Result<u64, Failure> {
    let highest = unix_s().saturating_add(AHEAD_S);
    if version > highest && !force {
        return Err(Failure::Input(format!(
            "--version: found {version}, allowed are up to {highest} (the seconds since 1970, and a day): hosts take no lower \
             version until the keys are changed, --force if that is meant"
        )));
    }
    Ok(version)
}

fn sign_config(args: &SignConfigArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let SignConfigArgs {
        profile,
        file,
        keys,
        version,
        force,
        expires,
        template,
        changes,
    } = args;
    let profile = profiles::named(profile)?;
    let mut signed = match SignedConfig::read(file)? {
        Some(_) if version.is_some() || expires.is_some() || changes.is_some() => {
            return Err(Failure::of_file(
                file,
                "found a signed configuration, to which signatures are added, allowed is it without --version, \
                 --expires and --changes: for another version sign the configuration itself",
            ));
        }
        Some(known) if known.signature.profile == profile => known,
        Some(known) => {
            let found = known.signature.profile;
            return Err(Failure::of_file(
                file,
                format!("found a configuration that is signed for {found:?}, allowed is one for {profile:?}"),
            ));
        }
        None => SignedConfig {
            config: profiles::read(file)?,
            signature: Signature {
                profile: profile.to_owned(),
                version: version.map_or_else(|| Ok(unix_s()), |version| judged(version, *force))?,
                expires_s: unix_s().saturating_add(expires.unwrap_or(EXPIRES_S)),
                keys: changes.as_deref().map_or_else(|| Ok(Vec::new()), read_changes)?,
                signed: Vec::new(),
            },
        },
    };
    profiles::check(template, &signed.config, file)?;
    signed.sign(template, keys, file)?;
    screen.json(&signed.to_json())?;
    screen.note(&format!(
        "signed for {profile} as version {} by {} of its keys: `profiles set {profile} FILE` puts it in force",
        signed.signature.version,
        signed.signature.signed.len()
    ))?;
    Ok(Answer::Yes)
}

/// Changes of keys in a file, the oldest first.
fn read_changes(file: &Path) -> Result<Vec<KeyChange>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::of_file(file, error))?;
    serde_json::from_str(&text).map_err(|error| Failure::of_file(file, error))
}

/// Whether agents can follow a change, by the options that it is of.
fn is_sound(change: &KeyChange, [of_keys, of_threshold]: [&str; 2]) -> Result<(), Failure> {
    let keys = change.keys.iter().map(|key| {
        let parsed = PublicKey::parse(key);
        parsed.ok_or_else(|| Failure::Input(format!("{of_keys}: {key:?} is no key as `sign key` prints it")))
    });
    let keys = keys.collect::<Result<BTreeSet<_>, _>>()?;
    let (found, distinct, threshold) = (change.keys.len(), keys.len(), change.threshold);
    let wrong = if distinct < found {
        format!("{of_keys}: found {distinct} different keys of {found}, allowed is each once")
    } else if found > MOST_KEYS {
        format!("{of_keys}: found {found} keys, allowed are up to {MOST_KEYS}")
    } else if Keys::new(keys, threshold).is_none() {
        format!("{of_threshold}: found {threshold}, allowed are 1 to {found}, as many as there are keys")
    } else {
        return Ok(());
    };
    Err(Failure::Input(wrong))
}

fn sign_keys(args: &SignKeysArgs, screen: &mut Screen) -> Result<Answer, Failure> {
    let SignKeysArgs {
        changes,
        new,
        threshold,
        keys,
    } = args;
    let mut all = changes.as_deref().map_or_else(|| Ok(Vec::new()), read_changes)?;
    if !new.is_empty() {
        all.push(KeyChange {
            version: all.last().map_or(1, |last| last.version.saturating_add(1)),
            threshold: *threshold,
            keys: new.clone(),
            signed: Vec::new(),
        });
    }
    if all.len() > MOST_CHANGES {
        let found = all.len();
        return Err(Failure::Input(format!(
            "--changes: found {found} changes with the one to sign, allowed are up to {MOST_CHANGES}: pin the last keys in hosts' \
             [agent.signing] keys, and begin without --changes"
        )));
    }
    let Some(last) = all.last_mut() else {
        return Err(Failure::Input(
            "there is no change of keys to sign: name the new keys with --new, or a file with --changes".to_owned(),
        ));
    };
    is_sound(
        last,
        if new.is_empty() {
            ["--changes: keys", "--changes: threshold"]
        } else {
            ["--new", "--threshold"]
        },
    )?;
    let message = key_statement(last);
    // one by one: those before and the new ones together may be more than sign at once
    let is_of_it = |one: &Signed| all_are_of(&message, slice::from_ref(one));
    if !last.signed.iter().all(is_of_it) {
        return Err(Failure::Input(
            "--changes: found signatures that are not of the last change, allowed is what this command printed"
                .to_owned(),
        ));
    }
    add(&message, keys, &mut last.signed)?;
    screen.json(&json!(all))?;
    screen.note(
        "the keys before and the new ones must both have signed: give this file to `sign config --changes` from now on",
    )?;
    Ok(Answer::Yes)
}
