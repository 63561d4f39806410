//! How a pyrasp agent of a release before 0.9.4 takes answers, modelled on the golden transcripts:
//! what breaks one breaks this. Later ones take configurations from beacons too; genuine ones run
//! in the suite of the Python package.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::support::Answer;

/// The checks whose levels an agent looks up without a default.
const CHECKS: [&str; 16] = [
    "path", "headers", "flood", "spoofing", "decoy", "format", "sqli", "xss", "hpp", "command", "method", "dlp",
    "brute", "ztaa", "prompt", "upload",
];

/// A running agent.
#[derive(Debug)]
pub(crate) struct Pyrasp {
    /// Address and when it was banned, by the agent's clock.
    pub(crate) blacklist: BTreeMap<String, f64>,
    pub(crate) config: Map<String, Value>,
}

/// What became of a beacon.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beaconed {
    /// What it carried is dropped at the agent.
    Delivered,
    /// What it carried is sent again.
    Kept,
}

impl Pyrasp {
    /// Starts as an agent does with this answer to its registration; the reason if the application does not come up, or comes
    /// up broken.
    pub(crate) fn start(answer: &Answer) -> Result<Self, String> {
        let nothing = || Self {
            blacklist: BTreeMap::new(),
            config: Map::new(),
        };
        match answer.status.as_u16() {
            403 | 404 => return Ok(nothing()),
            500 => return Err("500: the application fails to start".to_owned()),
            _ => {}
        }
        let body = envelope(answer)?;
        if body["status"] != true {
            return Err("status false: the application fails to start".to_owned());
        }
        let welcome = body["data"]
            .as_object()
            .ok_or("data is no object: the application fails to start")?;
        let config = match welcome.get("config") {
            None => Map::new(),
            Some(config) => config
                .as_object()
                .ok_or("config is no object: the application fails to start")?
                .clone(),
        };
        let blacklist = match welcome.get("blacklist") {
            None => BTreeMap::new(),
            Some(list) => read_list(list.as_object().ok_or("blacklist is no object: every request fails")?)?,
        };
        check_config(&config)?;
        Ok(Self { blacklist, config })
    }

    /// Takes the answer to a beacon at this time; the reason if it can make nothing of it.
    pub(crate) fn take(&mut self, answer: &Answer, now: f64) -> Result<Beaconed, String> {
        if matches!(answer.status.as_u16(), 403 | 404 | 500) {
            return Ok(Beaconed::Kept);
        }
        let body = envelope(answer)?;
        if body["status"] != true {
            return Ok(Beaconed::Kept);
        }
        if answer.status != 200 {
            return Err(format!(
                "{} with status true: what was refused counts as delivered",
                answer.status
            ));
        }
        let reply = body["data"]
            .as_object()
            .ok_or("data is no object: cleared, and then an exception")?;
        if reply.contains_key("config") {
            return Err(
                "config in a beacon's reply: this release cannot apply it, and loses what comes with it".to_owned(),
            );
        }
        let Some(update) = reply.get("blacklist") else {
            return Ok(Beaconed::Delivered);
        };
        let update = update.as_object().ok_or("blacklist is no object")?;
        for address in strings(update, "new")? {
            self.blacklist.entry(address).or_insert(now);
        }
        for address in strings(update, "remove")? {
            self.blacklist.remove(&address);
        }
        Ok(Beaconed::Delivered)
    }

    /// Whether a request from this address is refused.
    pub(crate) fn refuses(&mut self, address: &str, now: f64) -> bool {
        let delay = self
            .config
            .get("BLACKLIST_DELAY")
            .and_then(Value::as_f64)
            .unwrap_or(3_600.0);
        match self.blacklist.get(address) {
            Some(since) if now > since + delay => {
                self.blacklist.remove(address);
                false
            }
            Some(_) => true,
            None => false,
        }
    }
}

fn envelope(answer: &Answer) -> Result<Value, String> {
    let body: Value = serde_json::from_str(&answer.text).map_err(|error| format!("corrupted: {error}"))?;
    for key in ["status", "message", "data"] {
        if body.get(key).is_none() {
            return Err(format!("corrupted: no {key}"));
        }
    }
    if answer.status != 200 && body["status"] != false {
        return Err(format!("{} with status true is taken for a success", answer.status));
    }
    Ok(body)
}

fn read_list(list: &Map<String, Value>) -> Result<BTreeMap<String, f64>, String> {
    let read = |(address, since): (&String, &Value)| {
        let _: std::net::IpAddr = address
            .parse()
            .map_err(|_| format!("{address:?} is compared with addresses as text: it never matches"))?;
        let since = since
            .as_f64()
            .ok_or_else(|| format!("{address}: {since} is no number: its requests fail"))?;
        Ok((address.clone(), since))
    };
    list.iter().map(read).collect()
}

fn check_config(config: &Map<String, Value>) -> Result<(), String> {
    if let Some(checks) = config.get("SECURITY_CHECKS") {
        let checks = checks.as_object().ok_or("SECURITY_CHECKS is no object")?;
        if let Some(missing) = CHECKS
            .iter()
            .find(|check| !checks.get(**check).is_some_and(Value::is_u64))
        {
            return Err(format!("SECURITY_CHECKS without {missing}: it is switched off"));
        }
    }
    if config.get("BEACON") == Some(&Value::Bool(true)) && !config.get("BEACON_URL").is_some_and(Value::is_string) {
        return Err("BEACON without BEACON_URL: no beacon ever comes".to_owned());
    }
    if let Some(lower) = config.keys().find(|key| key.chars().any(char::is_lowercase)) {
        return Err(format!("{lower} would replace a method of the agent"));
    }
    Ok(())
}

fn strings(update: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let list = match update.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => list.as_array().ok_or_else(|| format!("{key} is no list"))?,
    };
    let read = |item: &Value| {
        item.as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("{key} holds {item}: unhashable"))
    };
    list.iter().map(read).collect()
}
