//! Everything that a key can ask for.

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Something that a person can ask for. Its name is the one used in `keys.toml`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)+
        }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in `keys.toml`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The action by its name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|a| a.name() == name)
            }
        }
    };
}

actions! {
    /// Leave the program.
    Quit = "quit",
    /// Close what is open, clear the filter, or go back.
    Back = "back",
    /// Open the palette.
    Palette = "palette",
    /// Show the keys of this view.
    Help = "help",
    /// Draw the whole screen anew.
    Redraw = "redraw",
    /// Stop the job that runs.
    CancelJob = "cancel_job",
    /// One up.
    Up = "up",
    /// One down.
    Down = "down",
    /// The first.
    Top = "top",
    /// The last.
    Bottom = "bottom",
    /// Half a page up.
    HalfUp = "half_page_up",
    /// Half a page down.
    HalfDown = "half_page_down",
    /// A page up.
    PageUp = "page_up",
    /// A page down.
    PageDown = "page_down",
    /// Open, choose or edit what the cursor is on.
    Open = "open",
    /// Type to filter the list.
    Filter = "filter",
    /// The next pane.
    NextPane = "next_pane",
    /// The pane before.
    PreviousPane = "previous_pane",
    /// Scroll to the left.
    ScrollLeft = "scroll_left",
    /// Scroll to the right.
    ScrollRight = "scroll_right",
    /// The next step of the walk.
    NextStep = "next_step",
    /// The previous step of the walk.
    PreviousStep = "previous_step",
    /// To the step load.
    GoLoad = "go_load",
    /// To the step inspect.
    GoInspect = "go_inspect",
    /// To the step prepare.
    GoPrepare = "go_prepare",
    /// To the step train.
    GoTrain = "go_train",
    /// To the step compare.
    GoCompare = "go_compare",
    /// To the step test.
    GoTest = "go_test",
    /// To the step approve.
    GoApprove = "go_approve",
    /// To the step push.
    GoPush = "go_push",
    /// To the step watch.
    GoWatch = "go_watch",
    /// To the start screen.
    GoStart = "go_start",
    /// Do this step again.
    Repeat = "repeat",
    /// Open the catalog.
    GoCatalog = "go_catalog",
    /// Compare versions of a dataset.
    CompareVersions = "compare_versions",
    /// Say what a dataset is.
    Describe = "describe",
    /// Say who answers for a dataset.
    NameOwner = "name_owner",
    /// Open a file.
    OpenFile = "open_file",
    /// To the folder above.
    ParentFolder = "parent_folder",
    /// Correct what a column means.
    CorrectMeaning = "correct_meaning",
    /// Choose the column to predict.
    ChooseTarget = "choose_target",
    /// Leave a column out, or take it in again.
    ToggleColumn = "toggle_column",
    /// Choose how rows are kept apart.
    ChooseSplit = "choose_split",
    /// Compute a new column.
    DeriveColumn = "derive_column",
    /// Mark a run.
    Mark = "mark",
    /// Show marked runs side by side.
    SideBySide = "side_by_side",
    /// The next chart.
    NextChart = "next_chart",
    /// The previous chart.
    PreviousChart = "previous_chart",
    /// Show the rows behind a finding.
    ShowRows = "show_rows",
    /// Mend what a finding is about.
    MendFinding = "mend",
    /// Take the last step of cleaning back.
    UndoStep = "undo",
    /// Draft a contract from the profile.
    DraftRules = "draft_rules",
    /// Fit models to say whether the table can carry one.
    LookDeeper = "look_deeper",
    /// Sort the rows by a column.
    SortRows = "sort_rows",
    /// Keep columns in sight.
    FreezeColumns = "freeze_columns",
    /// Find a row that contains a text.
    FindText = "find_text",
    /// The next row that contains it.
    FindNext = "find_next",
    /// The row before that contains it.
    FindPrevious = "find_previous",
    /// Go to a row by its number.
    GoToRow = "go_to_row",
    /// The first column.
    FirstColumn = "first_column",
    /// The last column.
    LastColumn = "last_column",
    /// Copy the cell.
    CopyCell = "copy_cell",
    /// Copy the row.
    CopyRow = "copy_row",
    /// Approve the model.
    Approve = "approve",
    /// Reject the model.
    Reject = "reject",
    /// Push the model.
    Push = "push",
    /// Accept what was typed or chosen.
    Accept = "accept",
    /// Answer yes.
    Yes = "yes",
    /// The character before the cursor away.
    DeleteBack = "delete_back",
    /// The character under the cursor away.
    DeleteForward = "delete_forward",
    /// The word before the cursor away.
    DeleteWord = "delete_word",
    /// Everything before the cursor away.
    DeleteLine = "delete_line",
    /// The cursor one left.
    CursorLeft = "cursor_left",
    /// The cursor one right.
    CursorRight = "cursor_right",
    /// The cursor to the start.
    CursorStart = "cursor_start",
    /// The cursor to the end.
    CursorEnd = "cursor_end",
}
