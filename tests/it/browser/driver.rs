//! A headless Chromium, driven over WebDriver by ChromeDriver.

use std::{
    fs,
    future::Future,
    net::{SocketAddr, TcpStream},
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use buckler_tests::wait::{free, until};
use fantoccini::{
    Client, ClientBuilder, Locator,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where distributions install them.
const PROGRAMS: [&str; 2] = ["/usr/bin/chromedriver", "/usr/bin/chromium"];

/// How long something on a page is waited for: only ever waited out by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One window, with a profile that is thrown away.
pub(super) struct Browser {
    client: Client,
}

/// ChromeDriver, which runs for as long as it is held.
struct Driver {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

/// How a reader likes the page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Runs a visit in a browser, and ends the browser however the visit ends. Where there is no
/// browser, that is said.
pub(super) fn visit<F: Future<Output = ()> + Send + 'static>(
    visit: impl FnOnce(std::sync::Arc<Browser>) -> F + Send + 'static,
) {
    let Some(driver) = Driver::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        let browser = std::sync::Arc::new(driver.browser().await);
        let ended = tokio::spawn(visit(std::sync::Arc::clone(&browser))).await;
        browser.client.clone().close().await.unwrap();
        ended
    });
    if let Err(failed) = ended {
        resume_unwind(failed.into_panic());
    }
}

impl Driver {
    #[expect(clippy::print_stderr, reason = "says that a test was skipped")]
    fn start() -> Option<Self> {
        if let Some(missing) = PROGRAMS.iter().find(|program| !Path::new(program).exists()) {
            eprintln!("skipped: there is no {missing}; Debian's chromium and chromium-driver have it");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let address = free();
        let child = Command::new(PROGRAMS[0])
            .arg(format!("--port={}", address.port()))
            .env("HOME", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("ChromeDriver listens", || TcpStream::connect(address).is_ok());
        Some(Self {
            child,
            address,
            directory,
        })
    }

    async fn browser(&self) -> Browser {
        let profile = self.directory.path().join("profile");
        let capabilities = json!({
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": PROGRAMS[1],
                "args": [
                    "--headless=new",
                    // the tests of a container run as root
                    "--no-sandbox",
                    "--disable-dev-shm-usage",
                    "--disable-gpu",
                    "--no-proxy-server",
                    "--disable-background-networking",
                    "--hide-scrollbars",
                    "--window-size=1280,900",
                    format!("--user-data-dir={}", profile.display()),
                ],
            },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is written as one")
        };
        let capabilities: Capabilities = capabilities;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{}", self.address))
            .await
            .unwrap();
        Browser { client }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // it may have ended by itself
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Browser {
    pub(super) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(super) async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url[url::Position::BeforePath..].to_owned()
    }

    /// Types into a field, in the place of what it held.
    pub(super) async fn fill(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Sets the whole text of an area, as pasting does.
    pub(super) async fn paste(&self, css: &str, text: &str) {
        let script = "const [css, text] = arguments; document.querySelector(css).value = text;";
        self.client
            .execute(script, vec![json!(css), json!(text)])
            .await
            .unwrap();
    }

    /// Presses the first button or link that is called this.
    pub(super) async fn press(&self, label: &str) {
        let xpath = format!("//*[self::button or self::a or self::summary][normalize-space()=\"{label}\"]");
        let wait = self.client.wait().at_most(PATIENCE);
        let control = wait.for_element(Locator::XPath(&xpath)).await;
        control
            .unwrap_or_else(|error| panic!("no control {label:?}: {error}"))
            .click()
            .await
            .unwrap();
    }

    /// Waits until the page has such an element.
    pub(super) async fn finds(&self, css: &str) {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Css(css)).await.unwrap();
    }

    /// Waits until the page shows a text.
    pub(super) async fn shows(&self, text: &str) {
        self.comes(text, |shown| shown.contains(text)).await;
    }

    /// Waits until the page's text is as wanted.
    pub(super) async fn comes(&self, what: &str, is_there: impl Fn(&str) -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let shown = self.text().await;
            if is_there(&shown) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "{what:?} never came: {shown}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a reader sees.
    pub(super) async fn text(&self) -> String {
        let text = self
            .client
            .execute("return document.body ? document.body.innerText : ''", Vec::new());
        // a page that is just being left has none
        text.await
            .ok()
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(super) async fn asked(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    pub(super) async fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub(super) async fn theme(&self, theme: Theme) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme.name()}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Presses a key, as `Input.dispatchKeyEvent` calls it.
    pub(super) async fn key(&self, key: &str) {
        let code = if key == "Tab" { 9 } else { 13 };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Keeps a picture of what is shown.
    pub(super) async fn picture(&self, name: &str) -> PathBuf {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("page")
            .join(format!("{name}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, self.client.screenshot().await.unwrap()).unwrap();
        path
    }

    /// What the browser has complained of since it was last asked: errors of scripts, what was not
    /// loaded, and what the page's policy forbade.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let command = Vendor {
            path: "se/log",
            body: json!({"type": "browser"}),
        };
        let said = self.client.issue_cmd(command).await.unwrap();
        let said = said.as_array().unwrap().iter();
        said.filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING")
            .map(|line| line["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    async fn devtools(&self, method: &str, parameters: Value) {
        let command = Vendor {
            path: "goog/cdp/execute",
            body: json!({"cmd": method, "params": parameters}),
        };
        self.client.issue_cmd(command).await.unwrap();
    }
}

/// A command of ChromeDriver's beyond the standard.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(self.body.to_string()))
    }
}
