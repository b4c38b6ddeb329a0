//! The table of bindings. Nothing else in the console knows which key does what.

use super::action::Action;
use super::keymap::Context;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// The keys, the first of which is shown in the footer. Two keys in sequence are parted by a blank.
    pub keys: &'static [&'static str],
    /// What they ask for.
    pub action: Action,
    /// One or two words for the footer; empty keeps it out of there.
    pub label: &'static str,
    /// A sentence for help, palette and the printed list.
    pub help: &'static str,
}

const fn bind(
    context: Context,
    keys: &'static [&'static str],
    action: Action,
    label: &'static str,
    help: &'static str,
) -> Binding {
    Binding { context, keys, action, label, help }
}

/// All bindings, in the order in which help and footer show them.
pub static TABLE: &[Binding] = &[
    // Views.
    bind(Context::Start, &["enter", "l", "right"], Action::Open, "begin", "Begin or take up the walk under the cursor"),
    bind(Context::Start, &["o"], Action::OpenFile, "open a file", "Look for a file of your own"),
    bind(Context::Start, &["c"], Action::GoCatalog, "datasets", "The catalog of all datasets seen here"),
    bind(Context::Catalog, &["enter", "l", "right"], Action::Open, "walk", "Begin or take up a walk with the dataset"),
    bind(Context::Catalog, &["d"], Action::CompareVersions, "what changed", "Compare its last two versions"),
    bind(Context::Catalog, &["e"], Action::Describe, "describe", "Say what the dataset is"),
    bind(Context::Catalog, &["O"], Action::NameOwner, "owner", "Say who answers for it"),
    bind(
        Context::Picker,
        &["enter", "l", "right"],
        Action::Open,
        "open",
        "Open the folder or begin a walk with the file",
    ),
    bind(
        Context::Picker,
        &["h", "left", "backspace", "-"],
        Action::ParentFolder,
        "up a folder",
        "Go to the folder above",
    ),
    bind(Context::Load, &["m"], Action::CorrectMeaning, "meaning", "Correct what the column means"),
    bind(Context::Load, &["enter"], Action::Open, "", "Correct what the column means"),
    bind(Context::Inspect, &["enter"], Action::Open, "", "From a finding to its column"),
    bind(Context::Inspect, &["o"], Action::ShowRows, "rows", "The rows behind the finding"),
    bind(
        Context::Inspect,
        &["a"],
        Action::MendFinding,
        "mend",
        "Suggest a step of cleaning for the finding, and do it",
    ),
    bind(Context::Inspect, &["u"], Action::UndoStep, "undo", "Take the last step of cleaning back"),
    bind(
        Context::Inspect,
        &["d"],
        Action::LookDeeper,
        "look deeper",
        "Fit models: would more rows help, are labels wrong?",
    ),
    bind(
        Context::Inspect,
        &["c"],
        Action::CompareVersions,
        "",
        "What changed since the version of the table before, as the catalog knows it",
    ),
    bind(Context::Inspect, &["D"], Action::DraftRules, "", "Draft a contract of the table into a file"),
    bind(Context::Inspect, &["v", "]"], Action::NextChart, "chart", "The next chart of the column"),
    bind(Context::Inspect, &["V", "["], Action::PreviousChart, "", "The previous chart of the column"),
    bind(
        Context::Rows,
        &["s"],
        Action::SortRows,
        "sort",
        "Sort by the column under the cursor: upwards, downwards, as in the file",
    ),
    bind(
        Context::Rows,
        &["/"],
        Action::Filter,
        "filter",
        "Show only rows that fit an SQL condition or contain words, type to say which",
    ),
    bind(Context::Rows, &["f"], Action::FindText, "find", "Find a row that contains a text"),
    bind(Context::Rows, &[";"], Action::FindNext, "", "The next row that contains the text"),
    bind(Context::Rows, &[","], Action::FindPrevious, "", "The row before that contains the text"),
    bind(Context::Rows, &["#"], Action::GoToRow, "go to", "Go to a row by its number"),
    bind(
        Context::Rows,
        &["z"],
        Action::FreezeColumns,
        "freeze",
        "Keep the columns up to the cursor in sight, or let them go",
    ),
    bind(
        Context::Rows,
        &["y"],
        Action::CopyCell,
        "copy",
        "Copy the cell to the clipboard of your terminal, also over SSH and tmux",
    ),
    bind(Context::Rows, &["Y"], Action::CopyRow, "", "Copy the row, its cells parted by tabs"),
    bind(Context::Rows, &["0", "^"], Action::FirstColumn, "", "To the first column"),
    bind(Context::Rows, &["$"], Action::LastColumn, "", "To the last column"),
    bind(Context::Rows, &["enter"], Action::Open, "", "From a cell to its column"),
    bind(Context::Prepare, &["t"], Action::ChooseTarget, "target", "Choose the column to predict"),
    bind(Context::Prepare, &["space"], Action::ToggleColumn, "in/out", "Leave the column out, or take it in again"),
    bind(Context::Prepare, &["s"], Action::ChooseSplit, "split", "Choose how rows are kept apart for judging"),
    bind(
        Context::Prepare,
        &["d"],
        Action::DeriveColumn,
        "derive",
        "Compute a column (name = expression), or change the one under the cursor",
    ),
    bind(Context::Compare, &["space"], Action::Mark, "mark", "Mark the run for charts and for side by side"),
    bind(Context::Compare, &["c"], Action::SideBySide, "side by side", "What differs between the marked runs"),
    bind(Context::Compare, &["v", "]"], Action::NextChart, "chart", "The next chart"),
    bind(Context::Compare, &["V", "["], Action::PreviousChart, "", "The previous chart"),
    bind(Context::Compare, &["enter"], Action::Open, "choose", "Go on with the run under the cursor"),
    bind(Context::Approve, &["a"], Action::Approve, "approve", "Approve exactly this package, with a reason"),
    bind(Context::Approve, &["R"], Action::Reject, "reject", "Reject it, with a reason"),
    bind(Context::Push, &["enter"], Action::Open, "edit", "Change the field under the cursor"),
    bind(Context::Push, &["P"], Action::Push, "push", "Push the approved package; asks for the model's name"),
    bind(Context::Watch, &["enter"], Action::Open, "edit", "Change the field, or look at the column under the cursor"),
    bind(Context::Watch, &["v", "]"], Action::NextChart, "chart", "The next chart"),
    bind(Context::Watch, &["V", "["], Action::PreviousChart, "", "The previous chart"),
    // The walk.
    bind(Context::Walk, &["x"], Action::CancelJob, "cancel", "Stop the work that runs"),
    bind(Context::Walk, &["n"], Action::NextStep, "next step", "To the next step of the walk"),
    bind(Context::Walk, &["tab"], Action::NextPane, "pane", "To the next pane"),
    bind(Context::Walk, &["shift+tab"], Action::PreviousPane, "", "To the pane before"),
    bind(Context::Walk, &["N", "p"], Action::PreviousStep, "back a step", "To the previous step of the walk"),
    bind(Context::Walk, &["r"], Action::Repeat, "again", "Do this step again"),
    bind(Context::Walk, &["1", "g l"], Action::GoLoad, "", "To the step load"),
    bind(Context::Walk, &["2", "g i"], Action::GoInspect, "", "To the step inspect"),
    bind(Context::Walk, &["3", "g p"], Action::GoPrepare, "", "To the step prepare"),
    bind(Context::Walk, &["4", "g t"], Action::GoTrain, "", "To the step train"),
    bind(Context::Walk, &["5", "g c"], Action::GoCompare, "", "To the step compare"),
    bind(Context::Walk, &["6", "g e"], Action::GoTest, "", "To the step test"),
    bind(Context::Walk, &["7", "g a"], Action::GoApprove, "", "To the step approve"),
    bind(Context::Walk, &["8", "g u"], Action::GoPush, "", "To the step push"),
    bind(Context::Walk, &["9", "g w"], Action::GoWatch, "", "To the step watch"),
    bind(Context::Walk, &["g d"], Action::GoCatalog, "", "To the catalog of datasets; the walk stays as it is"),
    bind(Context::Walk, &["g s"], Action::GoStart, "", "To the start screen; the walk stays as it is"),
    // Moving.
    bind(Context::List, &["/"], Action::Filter, "filter", "Type to filter the list"),
    bind(Context::List, &["j", "down"], Action::Down, "", "One down"),
    bind(Context::List, &["k", "up"], Action::Up, "", "One up"),
    bind(Context::List, &["g g", "home"], Action::Top, "", "To the first"),
    bind(Context::List, &["G", "end"], Action::Bottom, "", "To the last"),
    bind(Context::List, &["ctrl+d"], Action::HalfDown, "", "Half a page down"),
    bind(Context::List, &["ctrl+u"], Action::HalfUp, "", "Half a page up"),
    bind(Context::List, &["pgdn", "ctrl+f"], Action::PageDown, "", "A page down"),
    bind(Context::List, &["pgup", "ctrl+b"], Action::PageUp, "", "A page up"),
    bind(Context::Walk, &["left", "h"], Action::ScrollLeft, "", "Scroll a wide table to the left"),
    bind(Context::Walk, &["right", "l"], Action::ScrollRight, "", "Scroll a wide table to the right"),
    // Everywhere.
    bind(Context::Global, &["esc"], Action::Back, "", "Clear the filter, close what is open, or go back"),
    bind(Context::Global, &[":", "ctrl+p"], Action::Palette, "commands", "Find any command, step or column by name"),
    bind(Context::Global, &["?", "f1"], Action::Help, "help", "The keys of this view"),
    bind(Context::Global, &["ctrl+l"], Action::Redraw, "", "Draw the screen anew"),
    bind(
        Context::Global,
        &["q", "ctrl+c"],
        Action::Quit,
        "quit",
        "Leave; the walk is kept and offered at the next start",
    ),
    // Help.
    bind(Context::Help, &["esc", "q", "?", "enter"], Action::Back, "close", "Close the help"),
    bind(Context::Help, &["j", "down"], Action::Down, "", "One down"),
    bind(Context::Help, &["k", "up"], Action::Up, "", "One up"),
    bind(Context::Help, &["pgdn", "ctrl+d", "space"], Action::PageDown, "", "A page down"),
    bind(Context::Help, &["pgup", "ctrl+u"], Action::PageUp, "", "A page up"),
    // Choosers: the palette and the menus. Typing filters.
    bind(Context::Chooser, &["enter"], Action::Accept, "choose", "Take what the cursor is on"),
    bind(Context::Chooser, &["esc", "ctrl+c"], Action::Back, "close", "Close without a choice"),
    bind(Context::Chooser, &["down", "ctrl+n", "tab"], Action::Down, "", "One down"),
    bind(Context::Chooser, &["up", "ctrl+p", "shift+tab"], Action::Up, "", "One up"),
    bind(Context::Chooser, &["pgdn", "ctrl+d"], Action::PageDown, "", "A page down"),
    bind(Context::Chooser, &["pgup"], Action::PageUp, "", "A page up"),
    // Text fields.
    bind(Context::Input, &["enter"], Action::Accept, "accept", "Accept what was typed"),
    bind(Context::Input, &["esc", "ctrl+c"], Action::Back, "leave", "Leave without a change"),
    bind(Context::Input, &["backspace", "ctrl+h"], Action::DeleteBack, "", "Delete the character before the cursor"),
    bind(Context::Input, &["delete"], Action::DeleteForward, "", "Delete the character under the cursor"),
    bind(Context::Input, &["ctrl+w"], Action::DeleteWord, "", "Delete the word before the cursor"),
    bind(Context::Input, &["ctrl+u"], Action::DeleteLine, "", "Delete everything before the cursor"),
    bind(Context::Input, &["left", "ctrl+b"], Action::CursorLeft, "", "One to the left"),
    bind(Context::Input, &["right", "ctrl+f"], Action::CursorRight, "", "One to the right"),
    bind(Context::Input, &["home", "ctrl+a"], Action::CursorStart, "", "To the start"),
    bind(Context::Input, &["end", "ctrl+e"], Action::CursorEnd, "", "To the end"),
    // Questions.
    bind(Context::Confirm, &["y"], Action::Yes, "yes", "Yes"),
    bind(Context::Confirm, &["n", "esc", "q", "ctrl+c"], Action::Back, "no", "No"),
];
