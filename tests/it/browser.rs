//! A real browser: headless Chromium, driven over the WebDriver protocol by Debian's chromedriver.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use buckler_tests::http;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where distributions install the driver, and the browser that it starts.
const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";

/// How a session refers to an element (WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window, which runs for as long as it is held.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(DRIVER).exists() || !Path::new(BROWSER).exists() {
            return None;
        }
        Some(Self::installed())
    }

    fn installed() -> Self {
        let mut driver = Command::new(DRIVER)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = said.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("the driver says its port")));
        let profile = tempfile::tempdir().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &user_data,
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": BROWSER, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
            _profile: profile,
        };
        let made = browser.ask("POST", "/session", &capabilities);
        made["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    /// Sends a command; its value, or the error's name and message.
    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let (address, text) = (self.address, body.to_string());
        let length = if method == "POST" { text.len() } else { 0 };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        );
        let answer = http::ask(address, &head, text.get(..length).unwrap_or_default().as_bytes());
        let mut value: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        if answer.status == 200 {
            Ok(value["value"].take())
        } else {
            Err(format!("{}: {}", value["value"]["error"], value["value"]["message"]))
        }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_ask(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{path}", self.session), body)
    }

    /// Goes to an address and waits until it has loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Where it is.
    #[track_caller]
    pub(crate) fn url(&self) -> String {
        let url = self.ask("GET", &format!("/session/{}/url", self.session), &Value::Null);
        url.as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks on the first element that a selector finds.
    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        self.post(&format!("/element/{}/click", self.element(css)), &json!({}));
    }

    /// Types into it.
    #[track_caller]
    pub(crate) fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// What a script's expression comes to.
    #[track_caller]
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The text that a reader sees of an element; nothing where there is none.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText ?? ''", json!(css)));
        text.as_str().unwrap().to_owned()
    }

    /// Presses a key that stands for no character, by its code point of WebDriver's table.
    #[track_caller]
    pub(crate) fn press(&self, key: char) {
        let key = key.to_string();
        let actions = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]}),
        );
    }

    /// Sends a command of Chromium's own protocol.
    #[track_caller]
    fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Shows pages in a window of this width, as somebody sees them who prefers this theme.
    #[track_caller]
    pub(crate) fn show_as(&self, theme: &str, width: u32) {
        let is_mobile = width < 720;
        let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": is_mobile});
        self.chromium("Emulation.setDeviceMetricsOverride", &screen);
        let preference = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.chromium("Emulation.setEmulatedMedia", &preference);
    }

    /// Whether pages run scripts.
    #[track_caller]
    pub(crate) fn run_scripts(&self, may: bool) {
        self.chromium("Emulation.setScriptExecutionDisabled", &json!({ "value": !may }));
    }

    /// Keeps a picture of the page, down to where a reader of it stops.
    #[track_caller]
    pub(crate) fn keep_picture(&self, file: &Path) {
        // in pixels: Chromium takes no picture of more than 16,384
        let size = self.value("[innerWidth, Math.max(innerHeight, Math.min(document.body.scrollHeight, 2400))]");
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.chromium("Page.captureScreenshot", &wanted);
        let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, picture).unwrap();
    }

    /// Errors of scripts, and what the page's policy forbade, since this was asked last.
    #[track_caller]
    pub(crate) fn errors(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().unwrap().iter();
        entries
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // the browser ends with its session; where that fails, with the driver
        let _ended = self.try_ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        let _gone = self.driver.kill();
        let _status = self.driver.wait();
    }
}
