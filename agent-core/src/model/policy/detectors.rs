//! What the detectors are told that look into parameters, bodies, files and responses.

use buckler_waf::{
    characters::Characters,
    detect::leak::LeakOptions,
    pattern::{MatchType, PatternSet},
    places::SecretNames,
};
use serde_json::Value;

use super::{
    error::Fault,
    reader::Reader,
    value::{Parsed, line, list, probability, switch, typed_pattern},
};

/// How values are searched for injections.
#[derive(Debug, Clone)]
pub struct Injection {
    /// `DECODE_B64`: values are also looked into after base64 decoding.
    pub decode_base64: bool,
    /// `EXCEPTIONS`: values that are no injection.
    pub exceptions: PatternSet,
    /// `XSS_PROBA`, in hundredths: the score from which a finding is cross-site scripting.
    pub xss_threshold: u8,
    /// `SQLI_PROBA`, in hundredths: the score from which a finding is SQL injection.
    pub sqli_threshold: u8,
    /// `CHARS_…`: what the check `chars` looks for.
    pub characters: Characters,
}

impl Injection {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let exception = |value: &Value| typed_pattern(value, MatchType::Match);
        Self {
            decode_base64: reader.read("DECODE_B64", switch),
            exceptions: reader.patterns("EXCEPTIONS", |value| {
                // the objects are read by `exceptions.rs`
                let pattern = |item: &Value| (!item.is_object()).then(|| exception(item)).transpose();
                Ok(list(value, pattern)?.into_iter().flatten().collect())
            }),
            xss_threshold: hundredths(reader.read("XSS_PROBA", probability)),
            sqli_threshold: hundredths(reader.read("SQLI_PROBA", probability)),
            characters: characters(reader),
        }
    }
}

/// A probability in hundredths. At 0 everything would be an attack, and above 1 nothing: the lowest threshold is 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
fn hundredths(probability: f64) -> u8 {
    (probability * 100.0).round().clamp(1.0, 100.0) as u8
}

/// What counts as a leak in a response: the `DLP_…` keys.
pub(super) fn leaks(reader: &mut Reader) -> LeakOptions {
    LeakOptions {
        phone_numbers: reader.read("DLP_PHONE_NUMBERS", switch),
        card_numbers: reader.read("DLP_CC_NUMBERS", switch),
        private_keys: reader.read("DLP_PRIVATE_KEYS", switch),
        hashes: reader.read("DLP_HASHES", switch),
        windows_credentials: reader.read("DLP_WINDOWS_CREDS", switch),
        linux_credentials: reader.read("DLP_LINUX_CREDS", switch),
        api_keys: reader.read("DLP_API", switch),
        report_content: reader.read("DLP_LOG_LEAKED_DATA", switch),
    }
}

fn characters(reader: &mut Reader) -> Characters {
    Characters {
        cyrillic: reader.read("CHARS_CYRILLIC", switch),
        invisible: reader.read("CHARS_INVISIBLE", switch),
        controls: reader.read("CHARS_NONPRINTABLE", switch),
    }
}

/// `SENSITIVE_NAMES`: names whose values are never shown, besides those that are known.
pub(super) fn secret_names(reader: &mut Reader) -> SecretNames {
    /// More than an application has, and few enough to compare each with the names of a request that something was found in.
    const MOST: usize = 256;
    /// The longest name, in bytes.
    const LONGEST: usize = 128;
    let name = |value: &Value| {
        let fits = |name: &&str| name.len() <= LONGEST && name.contains(char::is_alphanumeric);
        let fault = || {
            Fault::new(
                value,
                format!("the name of a field, with a letter or digit and at most {LONGEST} bytes"),
            )
        };
        value.as_str().filter(fits).map(str::to_owned).ok_or_else(fault)
    };
    let names = reader.read("SENSITIVE_NAMES", |value| {
        let names = list(value, name)?;
        if names.len() > MOST {
            return Err(Fault::new(&Value::from(names.len()), format!("at most {MOST} names")));
        }
        Ok(names)
    });
    SecretNames::with(names.iter().map(String::as_str))
}

pub(super) fn extension(value: &Value) -> Parsed<Box<str>> {
    let text = line(value)?.to_lowercase();
    let bare = text.strip_prefix('.').unwrap_or(&text);
    if bare.is_empty() || bare.contains(['.', '/', '\\']) {
        return Err(Fault::new(value, "the extension of a file's name"));
    }
    Ok(bare.into())
}
