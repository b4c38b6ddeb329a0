//! Snapshots of every view at two sizes, on a walk over the credit sample. What differs between machines and moments
//! (durations, names, dates, digests) is frozen before drawing.

use std::sync::mpsc::channel;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Place};
use super::draw::draw;
use super::glyphs::{Glyphs, PLAIN, UNICODE};
use super::keys::{Action, Key, Keymap};
use super::theme::{Depth, Theme};
use crate::flow::{Flow, Step, Workshop};
use crate::team::Identity;

fn app(folder: &std::path::Path, glyphs: Glyphs) -> App {
    let place = Place {
        workspace: folder.join(".pilothouse"),
        folder: folder.to_owned(),
        home: Some(folder.to_owned()),
        who: "ana@box7".into(),
    };
    let theme = Theme::named("dark", Depth::None).unwrap();
    let mut app = App::new(place, theme, glyphs, Keymap::default(), || {});
    app.read_walks();
    settle(&mut app);
    app
}

/// Lets all jobs end.
fn settle(app: &mut App) {
    while app.is_busy() {
        app.take_in();
        std::thread::sleep(Duration::from_millis(2));
    }
    app.take_in();
}

fn keys(app: &mut App, typed: &str) {
    for c in typed.chars() {
        let text = if c == '\n' {
            "enter".to_owned()
        } else if c == ' ' {
            "space".into()
        } else {
            c.to_string()
        };
        app.key_pressed(text.parse::<Key>().unwrap());
        settle(app);
    }
}

/// Puts fixed values in place of what differs from machine to machine and from day to day.
fn freeze(app: &mut App) {
    app.now_ms = 0;
    for walk in app.start.walks.iter_mut().flatten() {
        walk.updated_ms = -7_200_000;
    }
    for version in app.catalog.entries.iter_mut().flatten().flat_map(|e| &mut e.versions) {
        (version.first_seen_ms, version.last_seen_ms) = (-7_200_000, -3_600_000);
    }
    let here = app.place.folder.display().to_string();
    for line in app.catalog.lineage.iter_mut().flat_map(|(_, lines)| lines) {
        *line = line.replace(&here, "~");
    }
    let Some(walk) = &mut app.walk else { return };
    let ana = Identity { user: "ana".into(), host: "box7".into() };
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    for run in walk.desk.runs.iter_mut().chain(&mut walk.live) {
        run.fit_seconds = 0.32;
        run.by = ana.clone();
    }
    if let Some(report) = &mut walk.desk.gates {
        report.digest.clone_from(&digest);
        for gate in report.gates.iter_mut().filter(|g| g.name == "row_time" || g.name == "package_size") {
            gate.value = 0.01;
            gate.message = "0.01, at most 1 allowed".into();
        }
    }
    if let Some(decision) = &mut walk.desk.decision {
        decision.digest.clone_from(&digest);
        decision.by = ana.clone();
        decision.at_ms = 0;
    }
    if let Some(push) = &mut walk.desk.push {
        push.digest.clone_from(&digest);
        push.registry = "folder models".into();
        push.uri = "oci:~/models/credit@sha256:0123".into();
        push.registry = "folder ~/models".into();
    }
    if let Ok(log) = &mut walk.desk.audit {
        for entry in log {
            entry.at_ms = 0;
            entry.who = ana.to_string();
            entry.subject.clone_from(&digest);
        }
    }
}

/// The screen as text, with dates masked.
fn screen(app: &App, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(app, &mut buffer);
    let mut out = String::new();
    for y in 0..height {
        let mut line = String::new();
        for x in 0..width {
            line.push_str(buffer[(x, y)].symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    mask(&out)
}

/// Dates and running seconds.
fn mask(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let shape = "dddd-dd-dd dd:dd";
    let mut out = letters.clone();
    for start in 0..letters.len() {
        let fits = shape
            .chars()
            .enumerate()
            .all(|(i, s)| letters.get(start + i).is_some_and(|c| if s == 'd' { c.is_ascii_digit() } else { *c == s }));
        if fits {
            for (i, s) in shape.chars().enumerate() {
                if s == 'd' {
                    out[start + i] = '#';
                }
            }
        }
    }
    out.into_iter().collect::<String>().replace(" 1 s ", " 0 s ").replace(" 2 s ", " 0 s ")
}

fn shoot(app: &mut App, name: &str) {
    freeze(app);
    for (width, height) in [(80, 24), (120, 36)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(app, width, height));
    }
}

/// A walk over the credit sample with three quick candidates.
fn begin(folder: &std::path::Path) {
    let shop = Workshop::open(&folder.join(".pilothouse")).unwrap();
    let sample = crate::flow::sample_flow("credit").unwrap();
    let mut flow = Flow::parse(sample.toml).unwrap();
    flow.train.models = vec!["logistic_regression".into(), "decision_tree".into()];
    shop.begin(&flow).unwrap();
}

#[test]
fn the_walk_view_by_view() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let mut app = app(folder.path(), UNICODE);
    shoot(&mut app, "start_with_a_walk");
    keys(&mut app, "\n");
    shoot(&mut app, "load");
    keys(&mut app, "m");
    shoot(&mut app, "load_meaning");
    app.act(Action::Back);
    keys(&mut app, "/date");
    shoot(&mut app, "load_filter_empty");
    app.act(Action::Back);
    keys(&mut app, "n");
    shoot(&mut app, "inspect");
    app.act(Action::NextPane);
    keys(&mut app, "jj");
    shoot(&mut app, "inspect_column");
    keys(&mut app, "v");
    shoot(&mut app, "inspect_column_against");
    rows_in_pictures(&mut app);
    keys(&mut app, "n");
    shoot(&mut app, "prepare");
    keys(&mut app, "d");
    keys(&mut app, "r = nonsense +");
    shoot(&mut app, "prepare_derive_error");
    app.act(Action::Back);
    training_in_pictures(&mut app);
    keys(&mut app, "n");
    shoot(&mut app, "train_done");
    keys(&mut app, "n");
    shoot(&mut app, "compare");
    keys(&mut app, "gg  c");
    shoot(&mut app, "compare_side_by_side");
    keys(&mut app, "c]]");
    shoot(&mut app, "compare_confusion");
    keys(&mut app, "n");
    shoot(&mut app, "test");
    keys(&mut app, "n");
    shoot(&mut app, "approve");
    keys(&mut app, "a");
    shoot(&mut app, "approve_asks");
    keys(&mut app, "good enough\n");
    if app.overlay.is_some() {
        keys(&mut app, "known\n");
    }
    shoot(&mut app, "approved");
    keys(&mut app, "n");
    shoot(&mut app, "push");
    let models = folder.path().join("models").display().to_string();
    app.walk.as_mut().unwrap().push.to = models.clone();
    keys(&mut app, "Pcredit-risk\n");
    let walk = app.walk.as_mut().unwrap();
    assert!(walk.desk.push.is_some(), "{:?}", walk.problem);
    walk.push.to = "models".into();
    shoot(&mut app, "pushed");
    keys(&mut app, "n");
    let walk = app.walk.as_mut().unwrap();
    walk.watch.source = "sample:credit".into();
    shoot(&mut app, "watch_asks");
    keys(&mut app, "r");
    shoot(&mut app, "watch");
    let rules = serde_json::json!({
        "contract": "loans", "version": "1.0.0", "digest": "d", "source": "sample:credit", "fingerprint": "f", "rows": 4454,
        "now": "2026-01-01T00:00:00Z", "verdict": "fail",
        "rules": [
            { "rule": "Age.range", "kind": "range", "column": "Age", "severity": "serious", "verdict": "fail", "checked": 4454,
              "failing": 3, "share": 0.00067, "threshold": 0.0, "message": "Age is outside of 18 to 100 in 3 rows" },
            { "rule": "Job.values", "kind": "values", "column": "Job", "severity": "note", "verdict": "pass", "checked": 4454,
              "failing": 0, "share": 0.0, "threshold": 0.0, "message": "all values of Job are known" },
        ],
    });
    app.walk.as_mut().unwrap().desk.watch.as_mut().unwrap().rules = serde_json::from_value(rules).unwrap();
    shoot(&mut app, "watch_contract");
    app.walk.as_mut().unwrap().desk.watch.as_mut().unwrap().rules = None;
    keys(&mut app, "gd");
    settle(&mut app);
    shoot(&mut app, "catalog");
    keys(&mut app, "d");
    assert!(app.toast.as_ref().is_some_and(|t| t.text.contains("one version only")), "{:?}", app.toast);
    keys(&mut app, "eloans of a bank\n");
    assert_eq!(app.catalog.current().unwrap().description, "loans of a bank");
    app.screen = super::app::Screen::Walk;
    keys(&mut app, "?");
    shoot(&mut app, "help");
    app.act(Action::Back);
    keys(&mut app, ":train");
    shoot(&mut app, "palette");
    app.act(Action::Back);
    // Small terminals: nothing panics, and too small is said.
    for width in [1, 10, 20, 39, 40, 60, 79, 300] {
        for height in [1, 5, 11, 12, 19, 60] {
            for step in Step::ALL {
                app.walk.as_mut().unwrap().step = step;
                screen(&app, width, height);
            }
        }
    }
    assert!(screen(&app, 20, 5).contains("too small"));
}

/// The rows of the table, in the order asked for, and the verdict beside them.
fn rows_in_pictures(app: &mut App) {
    app.act(Action::NextPane);
    settle(app);
    shoot(app, "inspect_rows");
    keys(app, "llzlls");
    keys(app, "s/Age < 20\n");
    keys(app, "j");
    shoot(app, "inspect_rows_sorted_and_filtered");
    let grid = |app: &App| {
        let grid = &app.walk.as_ref().unwrap().views.inspect.grid;
        (grid.list.cursor, grid.order.as_ref().map(|o| o.len()), grid.problem.clone())
    };
    let young = grid(app).1.unwrap();
    assert!(young > 0 && young < 200, "{young}");
    keys(app, "/ <\n");
    assert!(grid(app).2.is_some(), "a condition that cannot be one is told");
    shoot(app, "inspect_rows_wrong_filter");
    app.act(Action::Back);
    settle(app);
    keys(app, "s");
    assert_eq!(grid(app), (0, None, None), "as in the file again");
    keys(app, "#4454\n");
    assert_eq!(grid(app).0, 4453);
    keys(app, "#4455\n");
    assert!(app.overlay.is_some(), "there is no such row");
    app.act(Action::Back);
    keys(app, "fowner\n");
    let found = grid(app).0;
    keys(app, ";");
    assert!(grid(app).0 > found);
    keys(app, ",");
    assert_eq!(grid(app).0, found);
    keys(app, "y");
    assert!(app.clipboard.take().is_some_and(|text| !text.is_empty()));
    keys(app, "Y");
    assert_eq!(app.clipboard.take().map(|text| text.matches('\t').count() + 1), Some(14));
    for name in ["inspect_related", "inspect_gaps", "inspect_verdict"] {
        app.act(Action::NextPane);
        settle(app);
        app.toast = None;
        shoot(app, name);
    }
    // A second look that fits models, then from a finding to its rows and back.
    keys(app, "d");
    settle(app);
    assert!(app.walk.as_ref().unwrap().desk.profile.as_ref().unwrap().feasibility.reasons.len() > 6);
    shoot(app, "inspect_verdict_deep");
    app.act(Action::NextPane);
    let with_rows = |app: &App| app.walk.as_ref().unwrap().finding_at_cursor().is_some_and(|f| !f.rows.is_empty());
    keys(app, "gg");
    for _ in 0..40 {
        if with_rows(app) {
            break;
        }
        keys(app, "j");
    }
    if with_rows(app) {
        keys(app, "o");
        shoot(app, "inspect_rows_of_a_finding");
        assert!(grid(app).1.is_some());
        app.act(Action::Back);
        settle(app);
        assert_eq!(grid(app).1, None, "all rows again");
        app.act(Action::Back);
    }
}

/// A finding is mended by a suggested step, and the step taken back.
#[test]
fn a_finding_is_mended_and_the_step_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = String::from("a,city,same\n");
    for i in 0..400 {
        let city = [" Rome", "Rome", "Oslo ", "Oslo", "Bonn"][i % 5];
        csv.push_str(&format!("{i},{city},7\n"));
    }
    std::fs::write(folder.path().join("t.csv"), csv).unwrap();
    let mut app = app(folder.path(), UNICODE);
    app.open_source(folder.path().join("t.csv").display().to_string());
    settle(&mut app);
    keys(&mut app, "n");
    let findings = |app: &App| app.walk.as_ref().unwrap().desk.profile.as_ref().unwrap().findings.clone();
    let blanks = findings(&app).iter().position(|f| f.check == "stray-blanks").expect("blanks are found");
    app.walk.as_mut().unwrap().views.inspect.findings.cursor = blanks;
    keys(&mut app, "a");
    assert!(screen(&app, 120, 36).contains("160 cells"), "{}", screen(&app, 120, 36));
    shoot(&mut app, "inspect_mend");
    keys(&mut app, "y");
    assert!(findings(&app).iter().all(|f| f.check != "stray-blanks"), "they are gone");
    keys(&mut app, "u");
    assert!(findings(&app).iter().any(|f| f.check == "stray-blanks"), "and back");
    keys(&mut app, "u");
    assert!(app.toast.as_ref().is_some_and(|t| t.text.contains("no step")), "{:?}", app.toast);
    keys(&mut app, "D");
    assert!(folder.path().join("t.rules.toml").is_file());
    keys(&mut app, "D");
    assert!(app.toast.as_ref().is_some_and(|t| t.text.contains("overwritten")), "{:?}", app.toast);
}

/// A new version of a table says what is new, and one key shows it in the catalog and comes back.
#[test]
fn a_new_version_says_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    let write = |rows: usize, head: &str, last: &str| {
        let lines: String = (0..rows).map(|i| format!("{i},{},{last}{}\n", i * 7 % 31, i % 3)).collect();
        std::fs::write(&path, format!("{head}\n{lines}")).unwrap();
    };
    let look = || {
        let mut app = app(folder.path(), UNICODE);
        app.open_source(path.display().to_string());
        settle(&mut app);
        keys(&mut app, "2");
        app
    };
    write(400, "id,amount,shop", "s");
    let mut first = look();
    assert!(first.walk.as_ref().unwrap().desk.since.is_none());
    keys(&mut first, "c");
    assert!(first.toast.as_ref().is_some_and(|t| t.text.contains("no version")), "{:?}", first.toast);
    write(450, "id,amount,store", "t");
    let mut app = look();
    let shown = screen(&app, 120, 36);
    let words = "version 2 of sales; since version 1: 1 column new, 1 column gone, 50 more rows";
    assert!(shown.contains(words), "{shown}");
    keys(&mut app, "c");
    let shown = screen(&app, 120, 36);
    assert!(shown.contains("sales 1 to 2") && shown.contains("new: string"), "{shown}");
    app.act(Action::Back);
    assert!(screen(&app, 120, 36).contains(words), "back in the walk");
}

/// Training while it runs and when it was stopped, from a job that waits.
fn training_in_pictures(app: &mut App) {
    let (release, hold) = channel::<()>();
    let id = app
        .jobs
        .start("train of credit", move |control| {
            control.report("dummy", Some(1.0), "done");
            control.report("logistic_regression", Some(0.3), "fold 2 of 5");
            let _ = hold.recv();
            Err(crate::error::Error::cancelled())
        })
        .unwrap();
    app.step_jobs.insert(id);
    let walk = app.walk.as_mut().unwrap();
    walk.step = Step::Train;
    walk.job = Some(super::app::WalkJob { id, step: Step::Train, replaceable: false, before: None });
    while app.jobs.get(id).is_some_and(|j| j.progress.len() < 2) {
        app.take_in();
        std::thread::sleep(Duration::from_millis(2));
    }
    shoot(app, "train_running");
    // A step that cannot be entered says why; a change of the choices is refused.
    app.act(Action::GoCompare);
    assert!(app.toast.as_ref().unwrap().text.contains("train first"));
    app.act(Action::GoPrepare);
    app.act(Action::ToggleColumn);
    assert!(app.toast.as_ref().unwrap().text.contains("train runs"), "{:?}", app.toast);
    app.act(Action::Quit);
    assert!(app.overlay.is_some() && !app.quit, "leaving asks while work runs");
    app.act(Action::Back);
    app.act(Action::GoTrain);
    app.act(Action::CancelJob);
    shoot(app, "train_stopped");
    drop(release);
    settle(app);
    app.walk.as_mut().unwrap().problem = None;
    app.act(Action::GoPrepare);
    settle(app);
}

#[test]
fn a_fresh_start_and_the_file_picker() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("a.csv"), "name,value\nx\u{1b}[31m,1\ny,2\n").unwrap();
    std::fs::write(folder.path().join("empty.csv"), "").unwrap();
    let mut app = app(folder.path(), UNICODE);
    shoot(&mut app, "start");
    keys(&mut app, "o");
    shoot(&mut app, "picker_folder");
    keys(&mut app, "j");
    shoot(&mut app, "picker_file");
    keys(&mut app, "j");
    shoot(&mut app, "picker_bad_file");
    keys(&mut app, "\n");
    assert!(app.walk.as_ref().unwrap().problem(Step::Load).is_some());
    let text = screen(&app, 80, 24);
    assert!(text.contains("empty.csv") && text.contains("tries again"), "{text}");
}

#[test]
fn ascii_terminals_get_ascii() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let mut app = app(folder.path(), PLAIN);
    keys(&mut app, "\nn");
    for text in [screen(&app, 80, 24), screen(&app, 140, 42)] {
        // Only the program's own words: what stands in the data is shown as it is.
        let strange: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
        assert!(strange.is_empty(), "{strange:?}\n{text}");
    }
}

#[test]
fn keys_without_meaning_and_steps_without_ground_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path(), UNICODE);
    keys(&mut app, "z");
    assert!(app.toast.as_ref().unwrap().text.contains("`z` does nothing here"));
    keys(&mut app, "/");
    assert!(app.toast.as_ref().unwrap().text.contains("no list to filter"));
    keys(&mut app, "q");
    assert!(app.quit);
}
