//! Chromium, driven by `WebDriver`.
//!
//! The protocol is JSON over HTTP, and the tests need a dozen commands. fantoccini, the smallest client among crates, needs 31 crates that
//! nothing else here uses, hyper among them.

use std::{
    env, fs,
    io::Write as _,
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{driver::Driver, http};

/// The member that holds the ID of an element (W3C `WebDriver` 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with a profile of its own. Dropping it ends it.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    profile: PathBuf,
}

impl Browser {
    pub(crate) fn start() -> Self {
        static BROWSERS: AtomicUsize = AtomicUsize::new(0);

        let number = BROWSERS.fetch_add(1, Ordering::Relaxed);
        let profile = env::temp_dir().join(format!("cache_page-chromium-{}-{number}", process::id()));
        let mut browser = Self { driver: Driver::start(), session: String::new(), profile };
        let arguments = [
            "--headless",
            // The sandbox needs rights that containers lack. Only pages of the tests are opened.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", browser.profile.display()),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let session = browser.send("POST", "/session", &capabilities);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    /// Sends a command, and returns its value.
    fn send(&self, method: &str, target: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let (head, body) =
            http::send(self.driver.address, method, target, &[("content-type", "application/json")], &body);
        let mut response: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{head}\n{body}"));
        assert!(head.starts_with("http/1.1 200"), "{method} {target}: {}", response["value"]["message"]);
        response["value"].take()
    }

    fn command(&self, command: &str, body: &Value) -> Value {
        self.send("POST", &format!("{}/{command}", self.session), body)
    }

    fn read(&self, what: &str) -> String {
        let value = self.send("GET", &format!("{}/{what}", self.session), &Value::Null);
        value.as_str().unwrap().to_owned()
    }

    /// Opens a URL, and waits until the page is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    pub(crate) fn reload(&self) {
        self.command("refresh", &json!({}));
    }

    pub(crate) fn back(&self) {
        self.command("back", &json!({}));
    }

    /// Returns the path and the query of the current page.
    pub(crate) fn path(&self) -> String {
        self.read("url").splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default()
    }

    pub(crate) fn title(&self) -> String {
        self.read("title")
    }

    /// Returns the current document as HTML.
    pub(crate) fn source(&self) -> String {
        self.read("source")
    }

    /// Finds an element by a CSS selector, and returns its ID.
    fn find(&self, selector: &str) -> String {
        let element = self.command("element", &json!({ "using": "css selector", "value": selector }));
        element[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks on a link or a button, and waits until the page that this opens is loaded.
    pub(crate) fn click(&self, selector: &str) {
        self.run("window.wasLeft = false");
        self.command(&format!("element/{}/click", self.find(selector)), &json!({}));
        // A form is sent a moment after the click.
        self.wait_until("opened", |browser| {
            browser.run("return window.wasLeft === undefined && document.readyState == 'complete'") == true
        });
    }

    pub(crate) fn fill_in(&self, selector: &str, text: &str) {
        self.command(&format!("element/{}/value", self.find(selector)), &json!({ "text": text }));
    }

    /// Runs the body of a JavaScript function, and returns its result. A promise is awaited.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a function of the browser is true.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !condition(self) {
            assert!(Instant::now() < deadline, "not {what}:\n{}", self.source());
            sleep(Duration::from_millis(20));
        }
    }

    /// Takes the messages of the console since the last call: errors of scripts, failed requests, violations of policies.
    pub(crate) fn take_console(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().unwrap().iter().filter(|entry| entry["level"] != "DEBUG");
        let messages = entries.map(|entry| entry["message"].as_str().unwrap());
        // No page has an icon. The browser asks for one all the same.
        messages.filter(|message| !message.contains("/favicon.ico ")).map(str::to_owned).collect()
    }

    /// Runs a command of Chromium's own protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) {
        self.command("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Takes screenshots for people to look at, if the variable `CACHE_PAGE_SCREENSHOTS` names a folder.
    pub(crate) fn take_screenshots(&self, name: &str) {
        let Some(folder) = env::var_os("CACHE_PAGE_SCREENSHOTS").map(PathBuf::from) else { return };
        for (kind, width, scheme) in
            [("light", 1200, "light"), ("dark", 1200, "dark"), ("phone", 360, "light")]
        {
            let size =
                json!({ "width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": width < 500 });
            self.devtools("Emulation.setDeviceMetricsOverride", &size);
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
            let name: String =
                name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
            let file = fs::File::create(folder.join(format!("{name:.60}-{kind}.png"))).unwrap();
            let decoder = Command::new("base64").arg("--decode").stdin(Stdio::piped()).stdout(file).spawn();
            let mut decoder = decoder.unwrap();
            decoder.stdin.take().unwrap().write_all(self.read("screenshot").as_bytes()).unwrap();
            decoder.wait().unwrap();
        }
        self.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [] }));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without it, Chromium goes on when its driver has ended. A test that has failed must not panic again.
        if !self.session.is_empty() {
            let _ = http::try_send(self.driver.address, "DELETE", &self.session, &[], "");
        }
        self.driver.end();
        // The last processes of Chromium may still write into it.
        let deadline = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir_all(&self.profile).is_err() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
    }
}
