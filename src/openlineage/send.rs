//! The thread that sends events, one after the other.

use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Url, redirect};

use super::event::RunEvent;
use super::settings::{Settings, Transport};
use crate::net::{install_ring, is_loopback};

/// Events that wait at most; when the receiver cannot keep up, later ones are dropped.
const WAITING: usize = 1_000;

/// How long one event may take, as the Python client allows by default.
const TIMEOUT: Duration = Duration::from_secs(5);

/// After a failure nothing is tried for this long: a receiver that is away must not be waited for again and again.
const PAUSE: Duration = Duration::from_secs(30);

enum Order {
    Send(String),
    Say(SyncSender<()>),
}

/// An open line to the receiver.
#[derive(Debug)]
pub struct Line {
    orders: SyncSender<Order>,
    namespace: String,
    warning: Arc<Mutex<Option<String>>>,
}

/// Keeps the first thing that went wrong.
fn warn(slot: &Mutex<Option<String>>, text: impl FnOnce() -> String) {
    if let Ok(mut slot) = slot.lock() {
        slot.get_or_insert_with(text);
    }
}

impl Line {
    /// Opens a line as the settings say; `None` when no events are wanted.
    #[must_use]
    pub fn open(settings: Settings) -> Option<Self> {
        let transport = settings.transport?;
        let (orders, inbox) = sync_channel(WAITING);
        let warning = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&warning);
        let spawned =
            std::thread::Builder::new().name("openlineage".into()).spawn(move || work(&transport, &inbox, &slot));
        if let Err(error) = spawned {
            warn(&warning, || format!("no thread could be started: {error}"));
        }
        Some(Self { orders, namespace: settings.namespace, warning })
    }

    /// Hands an event over. Returns at once; when too many wait, the event is dropped.
    pub fn emit(&self, event: &RunEvent) {
        match self.orders.try_send(Order::Send(event.json(&self.namespace).to_string())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                warn(&self.warning, || "the receiver is too slow, some events were dropped".into());
            }
        }
    }

    /// Waits until all events are sent, but no longer than `patience`, and says what went wrong.
    pub fn close(&self, patience: Duration) -> Option<String> {
        let (done, heard) = sync_channel(1);
        let begun = Instant::now();
        let mut order = Order::Say(done);
        let sent = loop {
            match self.orders.try_send(order) {
                Ok(()) => break heard.recv_timeout(patience.saturating_sub(begun.elapsed())).is_ok(),
                Err(TrySendError::Full(back)) if begun.elapsed() < patience => order = back,
                Err(_) => break false,
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if !sent {
            warn(&self.warning, || "the receiver did not answer in time".into());
        }
        self.warning.lock().ok()?.take()
    }
}

fn work(transport: &Transport, inbox: &Receiver<Order>, warning: &Mutex<Option<String>>) {
    let mut client = None;
    let mut resting: Option<Instant> = None;
    for order in inbox {
        let event = match order {
            Order::Send(event) => event,
            Order::Say(done) => {
                let _ = done.try_send(());
                continue;
            }
        };
        if resting.is_some_and(|since| since.elapsed() < PAUSE) {
            continue;
        }
        let sent = match transport {
            Transport::Unusable(why) => Err(why.clone()),
            Transport::File(path) => append(path, &event),
            Transport::Http { url, token } => {
                let made = match client.take() {
                    Some(client) => Ok(client),
                    None => connect(url),
                };
                made.and_then(|made| post(client.insert(made), url, token.as_deref(), event))
            }
        };
        resting = sent.is_err().then(Instant::now);
        if let Err(why) = sent {
            warn(warning, || why);
        }
    }
}

/// One write of one line: lines of several processes do not mix.
fn append(path: &Path, event: &str) -> Result<(), String> {
    let mut options = std::fs::OpenOptions::new();
    options
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{event}\n").as_bytes()))
        .map_err(|e| format!("{}: {e}", path.display()))
}

fn connect(url: &Url) -> Result<Client, String> {
    install_ring();
    let mut builder = Client::builder()
        .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(TIMEOUT / 2)
        .timeout(TIMEOUT)
        // A redirect could carry the token to a stranger.
        .redirect(redirect::Policy::none());
    if url.scheme() == "http" {
        builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
    }
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| format!("the HTTP client cannot start: {e}"))
}

fn post(client: &Client, url: &Url, token: Option<&str>, event: String) -> Result<(), String> {
    // The address without what may be secret in it.
    let shown = crate::data::redact(url.as_str());
    let mut request = client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(event);
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| "OPENLINEAGE_API_KEY holds characters that cannot be sent".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    match request.send() {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{shown} answered {}", answer.status())),
        Err(error) if error.is_timeout() => Err(format!("{shown} did not answer within {} s", TIMEOUT.as_secs())),
        Err(error) if error.is_connect() => Err(format!("{shown} cannot be reached")),
        Err(error) => Err(format!("{shown}: {}", error.without_url())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Job, State, run_id};
    use super::*;

    fn event(state: State) -> RunEvent {
        RunEvent {
            state,
            run: run_id(),
            job: Job { name: "walk.load".into(), about: String::new() },
            inputs: Vec::new(),
            outputs: Vec::new(),
            error: None,
        }
    }

    fn line(transport: Transport) -> Line {
        Line::open(Settings { transport: Some(transport), namespace: "n".into() }).unwrap()
    }

    #[test]
    fn events_are_appended_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        std::fs::write(&path, "{}\n").unwrap();
        let line = line(Transport::File(path.clone()));
        line.emit(&event(State::Start));
        line.emit(&event(State::Complete));
        assert_eq!(line.close(Duration::from_secs(10)), None);
        let text = std::fs::read_to_string(&path).unwrap();
        let types: Vec<String> = text
            .lines()
            .skip(1)
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["eventType"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(types, ["START", "COMPLETE"]);
    }

    #[test]
    fn a_receiver_that_is_away_is_said_once_and_nothing_waits() {
        // A port that was free a moment ago: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/x")).unwrap();
        let line = line(Transport::Http { url, token: Some("secret".into()) });
        for _ in 0..WAITING * 2 {
            line.emit(&event(State::Start));
        }
        let said = line.close(Duration::from_secs(10)).unwrap();
        assert!(!said.contains("secret"), "{said}");
        assert_eq!(line.close(Duration::from_secs(10)), None);
    }

    #[test]
    fn a_receiver_that_never_answers_is_not_waited_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
        let line = line(Transport::Http { url, token: None });
        line.emit(&event(State::Start));
        assert!(line.close(Duration::from_millis(50)).unwrap().contains("in time"));
        drop(listener);
    }
}
