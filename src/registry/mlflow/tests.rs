//! Odd answers, from a server of a few lines; the real servers are in `tests/registry_mlflow.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::error::Kind;
use crate::registry::tests::{sample_files, sample_mlmodel, sample_run};

struct Asked {
    line: String,
    head: String,
    body: Vec<u8>,
}

type Log = Arc<Mutex<Vec<String>>>;

/// Answers each request with what `answer` makes of it and its number: a status line with headers, and a body;
/// `None` hangs up. Lives as long as the test's process.
fn serve(answer: impl Fn(usize, &Asked) -> Option<(String, Vec<u8>)> + Send + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let seen = Arc::clone(&log);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut asked = Asked { line: String::new(), head: String::new(), body: Vec::new() };
            stream.read_line(&mut asked.line).unwrap();
            let mut size = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    size = length.trim().parse().unwrap();
                }
                asked.head.push_str(&line);
            }
            asked.body.resize(size, 0);
            stream.read_exact(&mut asked.body).unwrap();
            seen.lock().unwrap().push(asked.line.trim().to_string());
            if let Some((head, body)) = answer(number, &asked) {
                let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let stream = stream.get_mut();
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&body);
            }
        }
    });
    (address, log)
}

fn json(body: &str) -> Option<(String, Vec<u8>)> {
    Some(("200 OK\r\nContent-Type: application/json".into(), body.into()))
}

fn html(status: &str) -> Option<(String, Vec<u8>)> {
    Some((format!("{status}\r\nContent-Type: text/html"), b"<!doctype html><h1>no</h1>".to_vec()))
}

fn refused(status: u16, code: &str) -> Option<(String, Vec<u8>)> {
    let body = format!(r#"{{"error_code":"{code}","message":"no"}}"#);
    Some((format!("{status} X\r\nContent-Type: application/json"), body.into()))
}

fn open(address: &str, attempts: u32) -> MlflowRegistry {
    let mut settings = Settings::new(address).unwrap();
    settings.retry = RetryPolicy { attempts, base: Duration::from_millis(1), cap: Duration::from_millis(5) };
    settings.timeout = Duration::from_secs(5);
    MlflowRegistry::new(settings).unwrap()
}

fn push(registry: &MlflowRegistry) -> Result<PushReceipt> {
    let (files, run) = (sample_files(), sample_run());
    let request = PushRequest {
        files: &files,
        digest: "abc123",
        name: "churn",
        alias: Some("champion"),
        run: &run,
        mlmodel: &sample_mlmodel,
    };
    registry.push(&request, &Control::default())
}

#[test]
fn html_refusals_become_clear_words_and_are_not_tried_again() {
    for (status, word) in [("401 X", "wants a login"), ("403 X", "right"), ("404 X", "nothing at")] {
        let (address, log) = serve(move |_, asked| {
            if asked.line.contains("/version") && status != "401 X" {
                return Some(("200 OK".into(), b"3.17.2".to_vec()));
            }
            html(status)
        });
        let error = open(&address, 4).check().unwrap_err();
        assert!(error.message.contains(word), "{error}");
        assert_eq!(error.exit_code(), 4);
        assert!(error.hint.is_some());
        assert!(log.lock().unwrap().len() <= 2);
    }
}

#[test]
fn passing_troubles_are_tried_again_and_the_login_is_sent_but_never_shown() {
    let (address, log) = serve(|number, asked| {
        assert!(asked.head.contains("Basic YW5hOmh1c2g="), "user and password in each request: {}", asked.head);
        assert!(asked.head.to_ascii_lowercase().contains("x-mlflow-workspace: team-a"));
        match number {
            0 => None,
            1 => Some(("503 X\r\nRetry-After: 0\r\nContent-Type: text/html".into(), Vec::new())),
            2 => html("429 X"),
            _ if asked.line.contains("/version") => Some(("200 OK".into(), b"3.17.2".to_vec())),
            _ => json("{}"),
        }
    });
    let mut settings = Settings::new(&address.replace("http://", "http://ana:hush@")).unwrap();
    settings.workspace = Some("team-a".into());
    settings.retry = RetryPolicy { attempts: 5, base: Duration::from_millis(1), cap: Duration::from_millis(5) };
    let registry = MlflowRegistry::new(settings).unwrap();
    let said = registry.check().unwrap();
    assert!(said.contains("MLflow 3.17.2") && said.contains("login accepted"), "{said}");
    assert_eq!(log.lock().unwrap().len(), 5);
    for shown in [said, registry.describe(), format!("{registry:?}")] {
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = open(&format!("http://ana:hush@{free}"), 2).check().unwrap_err();
    assert!(error.message.contains("no connection to") && error.message.contains("refused"), "{error}");
    assert!(!error.to_string().contains("hush"));
    assert_eq!(error.kind, Kind::Remote);
}

#[test]
fn redirects_are_named_and_not_followed() {
    let (address, log) =
        serve(|_, _| Some(("302 X\r\nLocation: https://sso.example/in?token=hush".into(), Vec::new())));
    let error = open(&address, 3).check().unwrap_err();
    assert!(error.message.contains("redirects to https://sso.example/in"), "{error}");
    assert!(!error.message.contains("hush"));
    // The version was asked in both ways.
    assert_eq!(log.lock().unwrap().len(), 2);
}

#[test]
fn other_servers_are_recognised() {
    let (address, _) = serve(|_, _| html("200 OK"));
    let error = open(&address, 1).check().unwrap_err();
    assert!(error.message.contains("is not an MLflow server"), "{error}");
    let (address, _) = serve(|_, asked| match asked.line.contains("/version") {
        true => Some(("200 OK".into(), b"3.17.2".to_vec())),
        false => html("200 OK"),
    });
    assert!(open(&address, 1).models().unwrap_err().message.contains("does not answer in JSON"));
}

#[test]
fn a_hidden_version_is_found_by_the_capability_probe() {
    for (found, expected) in [(true, "MLflow 3,"), (false, "MLflow 2,")] {
        let (address, _) = serve(move |_, asked| match asked.line.split(' ').nth(1).unwrap() {
            "/version" => html("403 X"),
            "/api/3.0/mlflow/server-info" if found => json(r#"{"store_type":"SqlStore"}"#),
            "/api/3.0/mlflow/server-info" => html("404 X"),
            _ => json("{}"),
        });
        let said = open(&address, 1).check().unwrap();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_flood_of_bytes_is_cut_off() {
    let (address, _) = serve(|_, _| Some(("200 OK".into(), vec![b'x'; (1 << 20) + 10])));
    assert!(open(&address, 1).check().unwrap_err().message.contains("more than 1048576 bytes"));
}

#[test]
fn a_cancelled_push_sends_nothing_more() {
    let (address, log) = serve(|_, _| None);
    let control = Control::default();
    control.cancel();
    let (files, run) = (sample_files(), sample_run());
    let request =
        PushRequest { files: &files, digest: "d", name: "m", alias: None, run: &run, mlmodel: &sample_mlmodel };
    assert_eq!(open(&address, 3).push(&request, &control).unwrap_err().kind, Kind::Cancelled);
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_deleted_experiment_is_explained() {
    let (address, _) = serve(|_, asked| match asked.line.split(' ').nth(1).unwrap() {
        "/version" => Some(("200 OK".into(), b"2.22.5".to_vec())),
        path if path.contains("get-by-name") => {
            json(r#"{"experiment":{"experiment_id":"7","lifecycle_stage":"deleted"}}"#)
        }
        _ => json("{}"),
    });
    let error = push(&open(&address, 1)).unwrap_err();
    assert!(error.message.contains("was deleted on the server"), "{error}");
    assert!(error.hint.unwrap().contains("restore -x 7"));
}

#[test]
fn ids_that_would_climb_are_refused() {
    let (address, log) = serve(|_, asked| match asked.line.split(' ').nth(1).unwrap() {
        "/version" => Some(("200 OK".into(), b"3.0".to_vec())),
        path if path.contains("get-by-name") => json(r#"{"experiment":{"experiment_id":"1"}}"#),
        path if path.contains("runs/create") => json(r#"{"run":{"info":{"run_id":"../../admin","artifact_uri":"x"}}}"#),
        _ => json("{}"),
    });
    assert!(push(&open(&address, 1)).unwrap_err().message.contains("no usable run"));
    assert!(log.lock().unwrap().iter().all(|line| !line.contains("admin")));
}

/// A version whose file was changed in the registry: the push says so and asks for no alias.
#[test]
fn a_changed_file_stops_the_push_before_the_alias() {
    let files = r#"{\"MLmodel\":\"00\"}"#;
    let found = format!(
        r#"{{"model_versions":[{{"name":"churn","version":"3","status":"READY","tags":[{{"key":"pilothouse.files","value":"{files}"}}]}}]}}"#
    );
    let (address, log) = serve(move |_, asked| match asked.line.split(' ').nth(1).unwrap() {
        "/version" => Some(("200 OK".into(), b"3.17.2".to_vec())),
        path if path.contains("model-versions/search") => json(&found),
        path if path.contains("get-download-uri") => json(r#"{"artifact_uri":"mlflow-artifacts:/1/m/artifacts"}"#),
        _ => json("changed"),
    });
    let error = push(&open(&address, 1)).unwrap_err();
    assert!(error.message.contains("version 3 of churn is there: MLmodel reads back with SHA-256"), "{error}");
    assert!(log.lock().unwrap().iter().all(|line| line.starts_with("GET")), "only looked, changed nothing");
}

/// The creation of a run whose answer is lost is looked up, and not sent twice.
#[test]
fn a_lost_creation_is_searched_before_it_is_repeated() {
    let searched = std::sync::atomic::AtomicUsize::new(0);
    let (address, log) = serve(move |_, asked| match asked.line.split(' ').nth(1).unwrap() {
        "/version" => Some(("200 OK".into(), b"3.17.2".to_vec())),
        path if path.contains("get-by-name") => json(r#"{"experiment":{"experiment_id":"1"}}"#),
        path if path.contains("runs/create") => None,
        path if path.contains("runs/search") => match searched.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => json("{}"),
            _ => json(r#"{"runs":[{"info":{"run_id":"r1","artifact_uri":"mlflow-artifacts:/1/r1/artifacts"}}]}"#),
        },
        path if path.ends_with("/logged-models") => {
            assert!(String::from_utf8_lossy(&asked.body).contains(r#""source_run_id":"r1""#));
            refused(403, "PERMISSION_DENIED")
        }
        _ => json("{}"),
    });
    let error = push(&open(&address, 3)).unwrap_err();
    assert!(error.message.contains("cannot create the logged model"), "{error}");
    let asked = log.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|line| line.contains("runs/create")).count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.contains("runs/search")).count(), 2, "{asked:?}");
}

/// A server that takes a whole push of MLflow 2 and keeps what is uploaded; `spoil` may change what is read back, and
/// `versions` is the answer to each search for versions in turn.
fn taking(spoil: bool, versions: [&'static str; 3]) -> (String, Log) {
    let kept: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::default();
    let searched = std::sync::atomic::AtomicUsize::new(0);
    serve(move |_, asked| {
        let (method, path) = asked.line.split_once(' ').unwrap();
        let path = path.split(' ').next().unwrap().to_string();
        match path.as_str() {
            "/version" => Some(("200 OK".into(), b"2.22.5".to_vec())),
            p if p.contains("/mlflow-artifacts/artifacts/") && method == "PUT" => {
                kept.lock().unwrap().insert(path, asked.body.clone());
                json("{}")
            }
            p if p.contains("/mlflow-artifacts/artifacts/") => {
                let mut bytes = kept.lock().unwrap()[&path].clone();
                if spoil && p.ends_with("model.onnx") {
                    bytes.push(0);
                }
                Some(("200 OK".into(), bytes))
            }
            p if p.contains("get-by-name") => json(r#"{"experiment":{"experiment_id":"1"}}"#),
            p if p.contains("runs/create") => {
                json(r#"{"run":{"info":{"run_id":"r1","artifact_uri":"mlflow-artifacts:/1/r1/artifacts"}}}"#)
            }
            p if p.contains("registered-models/get") => {
                json(r#"{"registered_model":{"name":"churn","aliases":[{"alias":"champion","version":"5"}]}}"#)
            }
            p if p.contains("model-versions/search") => {
                json(versions[searched.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(2)])
            }
            p if p.contains("model-versions/create") => json(r#"{"model_version":{"version":"5","status":"READY"}}"#),
            _ => json("{}"),
        }
    })
}

const FIVE: &str = r#"{"model_versions":[{"name":"churn","version":"5","status":"READY"}]}"#;

#[test]
fn a_push_goes_through_and_uploads_mlmodel_last() {
    let (address, log) = taking(false, ["{}", "{}", FIVE]);
    let receipt = push(&open(&address, 1)).unwrap();
    assert_eq!((receipt.version.as_str(), receipt.already_there), ("5", false));
    let uploads: Vec<String> = log.lock().unwrap().iter().filter(|line| line.starts_with("PUT")).cloned().collect();
    assert_eq!(uploads.len(), 4);
    assert!(uploads[3].contains("/model/MLmodel"));
    assert!(uploads.iter().any(|line| line.contains("/model/docs/card.md")));
}

#[test]
fn a_file_that_reads_back_differently_ends_the_push_before_there_is_a_version() {
    let (address, log) = taking(true, ["{}", "{}", FIVE]);
    let error = push(&open(&address, 1)).unwrap_err();
    assert!(error.message.contains("model.onnx reads back with SHA-256"), "{error}");
    for later in ["model-versions/create", "registered-models", "runs/update"] {
        assert!(log.lock().unwrap().iter().all(|line| !line.contains(later)), "{later}");
    }
}

/// Another push made version 4 in the moment between our last look and our creation of 5: 5 is taken back.
#[test]
fn of_two_versions_made_at_once_the_later_gives_way() {
    let both = r#"{"model_versions":[{"name":"churn","version":"5","status":"READY"},{"name":"churn","version":"4","status":"READY"}]}"#;
    let (address, log) = taking(false, ["{}", "{}", both]);
    let error = push(&open(&address, 1)).unwrap_err();
    // This server's version 4 has no list of files, so it is not trusted.
    assert!(error.message.contains("version 4 of churn is there"), "{error}");
    let asked = log.lock().unwrap();
    assert!(asked.iter().any(|line| line.starts_with("DELETE /api/2.0/mlflow/model-versions/delete")));
    assert!(!asked.iter().any(|line| line.starts_with("POST /api/2.0/mlflow/registered-models/alias")));
}
