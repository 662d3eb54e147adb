//! A browser of a test's own.

use std::future::Future;
use std::process::Command;

use mini_pra_tests::{Data, Process, wait_for};
use serde_json::{Value, json};
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel, TypingData, WebDriver};
use tokio::runtime::{self, Runtime};

/// Chromium, without a window, and its driver.
pub(crate) struct Browser {
    runtime: Runtime,
    /// `None` once it has been ended.
    driver: Option<WebDriver>,
    _chromedriver: Process,
}

impl Browser {
    /// Starts a browser of the size of a laptop's window; the driver's log is beside the application's.
    pub(crate) fn start(data: &Data) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let mut chromedriver = Process::start(&mut command, &data.log("chromedriver"));
        let port = chromedriver.line("ChromeDriver was started successfully on port ");
        let mut capabilities = ChromeCapabilities::new();
        // The sandbox needs rights that a container does not give; no page but ours is opened.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--disable-gpu"];
        for argument in arguments {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let driver = runtime.block_on(async { WebDriver::new(url, capabilities).await }).expect("no browser");
        let browser = Self { runtime, driver: Some(driver), _chromedriver: chromedriver };
        browser.cdp("Emulation.setScrollbarsHidden", json!({"hidden": true}));
        browser.resize(1_100, 900);
        browser
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("the browser has been ended")
    }

    fn wait<T, E: std::fmt::Debug>(&self, what: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(what).expect("the browser refused")
    }

    pub(crate) fn open(&self, url: &str) {
        self.wait(self.driver().goto(url));
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.wait(self.driver().execute(script, vec![])).json().clone()
    }

    /// The text of the first element that the selector finds, as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let found = self.run(&format!("return document.querySelector({}).innerText", json!(selector)));
        found.as_str().unwrap_or_else(|| panic!("{selector} has no text")).to_owned()
    }

    /// Waits until the text of an element is one that `wanted` accepts.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, selector: &str, wanted: impl Fn(&str) -> bool) -> String {
        wait_for(selector, || Some(self.text(selector)).filter(|text| wanted(text)))
    }

    /// Types keys at whatever has the focus.
    pub(crate) fn press(&self, keys: impl Into<TypingData>) {
        self.wait(self.driver().action_chain().send_keys(keys).perform());
    }

    /// Gives the page itself this size, in CSS pixels, as a phone has it or a laptop.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the user prefers: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        self.cdp(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    fn cdp(&self, method: &str, parameters: Value) {
        self.wait(self.driver().cdp().send_raw(method, parameters));
    }

    /// What the console has said since it was last asked.
    pub(crate) fn console(&self) -> Vec<String> {
        self.wait(self.driver().browser_log()).into_iter().map(|entry| entry.message).collect()
    }

    /// The page as it is seen, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        self.wait(self.driver().screenshot_as_png())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Killed with its driver, the browser would live on.
        if let Some(driver) = self.driver.take() {
            drop(self.runtime.block_on(driver.quit()));
        }
    }
}
