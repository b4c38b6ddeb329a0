//! Step push: where to, the progress, and the receipt with how to load the model elsewhere.

use ratatui::layout::Rect;

use super::{rows, status};
use crate::console::app::{App, WalkState};
use crate::console::format;
use crate::console::keys::Action;
use crate::console::theme::Role;
use crate::console::widgets::{List, Ui};
use crate::flow::{PushRecord, Step};

/// The view's cursor.
#[derive(Debug, Default)]
pub struct PushView {
    /// The fields.
    pub list: List,
}

/// The fields: name, value, help.
pub fn fields(walk: &WalkState) -> [(&'static str, String, &'static str); 3] {
    [
        ("to", walk.push.to.clone(), "a folder, mlflow, or the http(s) address of an MLflow server"),
        ("name", walk.push.name.clone(), "the registered model"),
        (
            "alias",
            walk.push.alias.clone().unwrap_or_default(),
            "moves to the new version, and only once it is there; may stay empty",
        ),
    ]
}

/// Draws editable fields with the cursor. Returns the rows used.
pub fn draw_fields(ui: &mut Ui<'_>, area: Rect, list: &List, fields: &[(&str, String, &str)], focused: bool) -> u16 {
    let cursor = list.at(fields.len());
    list.window(fields.len(), area.height);
    for (i, (y, (name, value, help))) in (area.top()..area.bottom()).zip(fields).enumerate() {
        ui.say(area.x + 2, y, 9, name, Role::Muted);
        let x = area.x + 12;
        let room = area.right().saturating_sub(x + 1);
        let used = if value.is_empty() {
            ui.say(x, y, room, "(empty)", Role::Faint)
        } else {
            ui.say(x, y, room, value, Role::Strong)
        };
        let at = x + used.max(26) + 2;
        ui.say(at, y, area.right().saturating_sub(at), help, Role::Muted);
        if i == cursor && focused {
            ui.say(area.x, y, 1, ui.glyphs.cursor, Role::Accent);
            ui.select(Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 });
        }
    }
    u16::try_from(fields.len()).unwrap_or(0).min(area.height)
}

/// Draws the view.
pub fn draw(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState) {
    let area = status::draw(ui, area, app, walk, Step::Push);
    let (upper, lower) = rows(area, 7.min(area.height));
    let inside = ui.pane(upper, "where to", "", true);
    let used = draw_fields(ui, inside, &walk.views.push.list, &fields(walk), true);
    let key = app.key(Action::Push);
    let y = inside.y + used + 1;
    if y < inside.bottom() {
        let verb = if walk.desk.push.is_some() {
            " pushes again; nothing is made twice"
        } else {
            " pushes the approved package"
        };
        ui.spans(inside.x + 2, y, inside.width, &[(&key, Role::Key), (verb, Role::Muted)]);
    }
    match &walk.desk.push {
        Some(receipt) => draw_receipt(ui, lower, app, walk, receipt),
        None => {
            let inside = ui.pane(lower, "what is sent", "", false);
            let text = "The ONNX with preprocessing inside, signature, input example, model card and MLmodel. Before it leaves, the \
                        ONNX is run on the rows kept back and must agree with the model that was tested. In a folder it becomes \
                        an OCI image layout.";
            let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
            ui.paragraph(inside, text, Role::Muted);
        }
    }
}

/// How to use the model elsewhere.
fn recipe(walk: &WalkState, receipt: &PushRecord) -> Vec<String> {
    if receipt.registry == "mlflow" || receipt.uri.starts_with("models:/") {
        let which = receipt.alias.as_ref().map_or_else(|| format!("/{}", receipt.version), |a| format!("@{a}"));
        vec![
            "import mlflow".into(),
            format!("model = mlflow.pyfunc.load_model(\"models:/{}{which}\")", receipt.name),
            "model.predict(rows)          # raw rows in, scores out".into(),
        ]
    } else {
        let id = walk.desk.chosen().map_or("RUN", |r| r.id.as_str());
        vec![
            format!("# pilothouse export {id} --format onnx -o model.onnx"),
            "import onnxruntime".into(),
            "session = onnxruntime.InferenceSession(\"model.onnx\")".into(),
        ]
    }
}

fn draw_receipt(ui: &mut Ui<'_>, area: Rect, app: &App, walk: &WalkState, r: &PushRecord) {
    let note = if r.already_there { "it was there already" } else { "read back and compared" };
    let inside = ui.pane(area, "receipt", note, false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let head = format!("{} {} version {} is in {}", ui.glyphs.done, r.name, r.version, r.registry);
    ui.say(inside.x, inside.y, inside.width, &head, Role::Good);
    let mut y = inside.y + 1 + u16::from(inside.height > 10);
    y = status::fact(ui, inside, y, "address", &r.uri, Role::Strong);
    if let Some(alias) = &r.alias {
        let before = match &r.previous_alias_version {
            Some(v) if *v != r.version => format!("{alias}, which stood on version {v} before"),
            _ => alias.clone(),
        };
        y = status::fact(ui, inside, y, "alias", &before, Role::Text);
    }
    y = status::fact(ui, inside, y, "digest", &format::digest(&r.digest), Role::Text);
    y += u16::from(inside.height > 10);
    if y < inside.bottom() {
        ui.say(inside.x, y, inside.width, "USE IT IN PYTHON", Role::Title);
        y += 1;
    }
    for line in recipe(walk, r) {
        if y >= inside.bottom() {
            return;
        }
        ui.say(inside.x + 2, y, inside.width.saturating_sub(2), &line, Role::Info);
        y += 1;
    }
    let next = app.key(Action::NextStep);
    if y + 1 < inside.bottom() {
        ui.spans(inside.x, y + 1, inside.width, &[(&next, Role::Key), (" goes on to watch", Role::Muted)]);
    }
}
