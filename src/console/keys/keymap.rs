//! The bindings in force: the table, changed by the user's file.

use std::path::Path;

use super::action::Action;
use super::chord::{Chord, Key};
use super::table::TABLE;

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The start screen.
    Start,
    /// The file picker.
    Picker,
    /// The catalog.
    Catalog,
    /// Step load.
    Load,
    /// Step inspect.
    Inspect,
    /// The rows in step inspect.
    Rows,
    /// Step prepare.
    Prepare,
    /// Step train.
    Train,
    /// Step compare.
    Compare,
    /// Step test.
    Test,
    /// Step approve.
    Approve,
    /// Step push.
    Push,
    /// Step watch.
    Watch,
    /// Every step of a walk.
    Walk,
    /// Everything with a list.
    List,
    /// Everywhere but in text fields and questions.
    Global,
    /// The help.
    Help,
    /// Palette and menus.
    Chooser,
    /// Text fields.
    Input,
    /// Questions.
    Confirm,
}

impl Context {
    /// All contexts, in the order of the printed list.
    pub const ALL: [Self; 20] = [
        Self::Global,
        Self::List,
        Self::Walk,
        Self::Start,
        Self::Picker,
        Self::Catalog,
        Self::Load,
        Self::Inspect,
        Self::Rows,
        Self::Prepare,
        Self::Train,
        Self::Compare,
        Self::Test,
        Self::Approve,
        Self::Push,
        Self::Watch,
        Self::Help,
        Self::Chooser,
        Self::Input,
        Self::Confirm,
    ];

    /// The table's name in `keys.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Picker => "picker",
            Self::Catalog => "catalog",
            Self::Load => "load",
            Self::Inspect => "inspect",
            Self::Rows => "rows",
            Self::Prepare => "prepare",
            Self::Train => "train",
            Self::Compare => "compare",
            Self::Test => "test",
            Self::Approve => "approve",
            Self::Push => "push",
            Self::Watch => "watch",
            Self::Walk => "walk",
            Self::List => "list",
            Self::Global => "global",
            Self::Help => "help",
            Self::Chooser => "chooser",
            Self::Input => "input",
            Self::Confirm => "confirm",
        }
    }

    /// A heading for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Start => "Start screen",
            Self::Picker => "File picker",
            Self::Catalog => "Catalog of datasets",
            Self::Load => "Step load",
            Self::Inspect => "Step inspect",
            Self::Rows => "The rows in step inspect",
            Self::Prepare => "Step prepare",
            Self::Train => "Step train",
            Self::Compare => "Step compare",
            Self::Test => "Step test",
            Self::Approve => "Step approve",
            Self::Push => "Step push",
            Self::Watch => "Step watch",
            Self::Walk => "Every step of a walk",
            Self::List => "Lists",
            Self::Global => "Everywhere",
            Self::Help => "This help",
            Self::Chooser => "Palette and menus (typing filters)",
            Self::Input => "Text fields",
            Self::Confirm => "Questions",
        }
    }

    /// The contexts whose keys hold at the same time as this one's; it comes first.
    #[must_use]
    pub fn stack(self) -> Vec<Self> {
        match self {
            Self::Start | Self::Picker | Self::Catalog => vec![self, Self::List, Self::Global],
            Self::Load
            | Self::Inspect
            | Self::Rows
            | Self::Prepare
            | Self::Train
            | Self::Compare
            | Self::Test
            | Self::Approve
            | Self::Push
            | Self::Watch => vec![self, Self::Walk, Self::List, Self::Global],
            Self::Chooser => vec![self, Self::Input],
            other => vec![other],
        }
    }
}

/// A binding in force.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Where it holds.
    pub context: Context,
    /// Its keys.
    pub chords: Vec<Chord>,
    /// What they ask for.
    pub action: Action,
    /// A word for the footer.
    pub label: &'static str,
    /// A sentence.
    pub help: &'static str,
}

impl Resolved {
    /// Its keys as one text.
    #[must_use]
    pub fn keys(&self) -> String {
        self.chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Its first key.
    #[must_use]
    pub fn first(&self) -> String {
        self.chords.first().map(ToString::to_string).unwrap_or_default()
    }
}

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This.
    Action(Action),
    /// It is the first of two.
    Prefix,
    /// Nothing.
    Nothing,
}

/// All bindings in force.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Resolved>,
    /// What is wrong with the user's file, in words.
    pub problems: Vec<String>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = TABLE
            .iter()
            .map(|b| Resolved {
                context: b.context,
                chords: b.keys.iter().filter_map(|k| k.parse().ok()).collect(),
                action: b.action,
                label: b.label,
                help: b.help,
            })
            .collect();
        Self { bindings, problems: Vec::new() }
    }
}

impl Keymap {
    /// The table, changed by the file at `path` when it exists. What is wrong with the file is kept in
    /// [`Keymap::problems`]; the rest of it holds.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::with(&text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(e) => Self { problems: vec![format!("{} cannot be read: {e}", path.display())], ..Self::default() },
        }
    }

    /// The table, changed by the text of a `keys.toml`.
    #[must_use]
    pub fn with(text: &str) -> Self {
        let mut map = Self::default();
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(e) => {
                map.problems.push(format!("keys.toml: {}", e.message()));
                return map;
            }
        };
        for (section, entries) in &table {
            let Some(context) = Context::ALL.into_iter().find(|c| c.name() == section) else {
                map.problems.push(format!("keys.toml: there is no [{section}]"));
                continue;
            };
            for (name, value) in entries.as_table().into_iter().flatten() {
                map.change(context, name, value);
            }
        }
        map.find_conflicts();
        map
    }

    fn change(&mut self, context: Context, name: &str, value: &toml::Value) {
        let words: Vec<&str> = match value {
            toml::Value::String(one) => vec![one],
            toml::Value::Array(many) => many.iter().filter_map(toml::Value::as_str).collect(),
            _ => Vec::new(),
        };
        let chords: Vec<Chord> = match words.iter().map(|w| w.parse()).collect::<Result<_, String>>() {
            Ok(chords) => chords,
            Err(e) => {
                self.problems.push(format!("keys.toml: {}.{name}: {e}", context.name()));
                return;
            }
        };
        let action = Action::from_name(name);
        match self.bindings.iter_mut().find(|b| b.context == context && Some(b.action) == action) {
            Some(binding) => binding.chords = chords,
            None => self.problems.push(format!("keys.toml: [{}] has no `{name}`", context.name())),
        }
    }

    /// Keys that two bindings of one place claim, or that begin another binding's sequence.
    fn find_conflicts(&mut self) {
        let mut found = Vec::new();
        for context in Context::ALL {
            let active: Vec<&Resolved> = self.active(context).collect();
            for (i, a) in active.iter().enumerate() {
                for b in active.iter().skip(i + 1).filter(|b| b.action != a.action) {
                    for chord in &a.chords {
                        let clash = b.chords.iter().any(|other| {
                            let n = chord.0.len().min(other.0.len());
                            chord.0.get(..n) == other.0.get(..n) && (chord.0.len() != other.0.len() || chord == other)
                        });
                        // In a chooser the menu's own keys win over the text field's, on purpose.
                        let allowed = context == Context::Chooser && a.context != b.context;
                        if clash && !allowed {
                            let text = format!(
                                "the key `{chord}` means both `{}` ({}) and `{}` ({}); the first wins",
                                a.action.name(),
                                a.context.name(),
                                b.action.name(),
                                b.context.name()
                            );
                            if !found.contains(&text) {
                                found.push(text);
                            }
                        }
                    }
                }
            }
        }
        self.problems.extend(found);
    }

    /// The bindings that hold in `context`, its own first.
    pub fn active(&self, context: Context) -> impl Iterator<Item = &Resolved> {
        context
            .stack()
            .into_iter()
            .flat_map(|c| self.bindings.iter().filter(move |b| b.context == c && !b.chords.is_empty()))
    }

    /// What `key` means in `context` after `pending` was typed.
    #[must_use]
    pub fn find(&self, context: Context, pending: Option<Key>, key: Key) -> Found {
        let typed: Vec<Key> = pending.into_iter().chain([key]).collect();
        let mut prefix = false;
        for binding in self.active(context) {
            for chord in &binding.chords {
                if chord.0 == typed {
                    return Found::Action(binding.action);
                }
                prefix |= chord.0.len() > typed.len() && chord.0.starts_with(&typed);
            }
        }
        if prefix { Found::Prefix } else { Found::Nothing }
    }

    /// The first key of an action in `context`, for example for a sentence that names it.
    #[must_use]
    pub fn key_of(&self, context: Context, action: Action) -> String {
        self.active(context).find(|b| b.action == action).map(Resolved::first).unwrap_or_default()
    }

    /// What can follow after the first key of a sequence.
    #[must_use]
    pub fn continuations(&self, context: Context, first: Key) -> Vec<(String, &'static str)> {
        self.active(context)
            .flat_map(|b| b.chords.iter().map(move |c| (c, b.help)))
            .filter(|(chord, _)| chord.0.len() > 1 && chord.0.first() == Some(&first))
            .filter_map(|(chord, help)| Some((chord.0.get(1)?.to_string(), help)))
            .collect()
    }

    /// All bindings.
    #[must_use]
    pub fn all(&self) -> &[Resolved] {
        &self.bindings
    }
}

/// The printed list of keys, as Markdown: `docs/keys.md`.
#[must_use]
pub fn keys_markdown() -> String {
    let map = Keymap::default();
    let mut out = String::from(
        "# Keys\n\nThis list is printed by `pilothouse keys`; a test keeps it equal to the table in \
         `src/console/keys/table.rs`.\n\nEvery binding can be changed in `pilothouse/keys.toml` in your configuration \
         folder (`$XDG_CONFIG_HOME`, else\n`~/.config`): a table a place, an entry an action, its value a key or a list \
         of keys. A blank parts two keys in\nsequence; an empty list takes the key away. Conflicts are reported at the \
         start.\n\n```toml\n[global]\nquit = [\"Q\", \"ctrl+c\"]\n\n[compare]\nmark = [\"m\", \"space\"]\n```\n",
    );
    for context in Context::ALL {
        let rows: Vec<&Resolved> = map.bindings.iter().filter(|b| b.context == context).collect();
        if rows.is_empty() {
            continue;
        }
        out.push_str(&format!(
            "\n## {}: `[{}]`\n\n| keys | action | what it does |\n| --- | --- | --- |\n",
            context.title(),
            context.name()
        ));
        for row in rows {
            let keys: Vec<String> = row.chords.iter().map(|c| format!("`{c}`")).collect();
            out.push_str(&format!("| {} | `{}` | {} |\n", keys.join(" "), row.action.name(), row.help));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn every_key_of_the_table_can_be_read_and_none_is_claimed_twice() {
        for row in TABLE {
            for text in row.keys {
                assert!(text.parse::<Chord>().is_ok(), "{text}");
            }
        }
        let mut map = Keymap::default();
        map.find_conflicts();
        assert_eq!(map.problems, Vec::<String>::new());
    }

    #[test]
    fn sequences_wait_for_their_second_key() {
        let map = Keymap::default();
        assert_eq!(map.find(Context::Load, None, key("g")), Found::Prefix);
        assert_eq!(map.find(Context::Load, Some(key("g")), key("t")), Found::Action(Action::GoTrain));
        assert_eq!(map.find(Context::Load, Some(key("g")), key("z")), Found::Nothing);
        assert_eq!(map.find(Context::Start, Some(key("g")), key("t")), Found::Nothing);
        assert!(map.continuations(Context::Load, key("g")).iter().any(|(k, _)| k == "w"));
    }

    #[test]
    fn no_moving_key_of_vim_tmux_or_readline_changes_anything() {
        let changing = [Action::Push, Action::Approve, Action::Reject, Action::Yes];
        for row in TABLE.iter().filter(|r| changing.contains(&r.action)) {
            for k in row.keys {
                assert!(
                    !k.starts_with("ctrl+") && !["h", "j", "k", "l", "g", "G", "enter", "space"].contains(k),
                    "{k}"
                );
            }
        }
    }

    #[test]
    fn a_users_file_changes_keys_and_its_mistakes_are_told() {
        let map = Keymap::with("[global]\nquit = 'Q'\n[compare]\nmark = ['m', 'f2']\nfly = 'z'\n[nowhere]\na = 'b'");
        assert_eq!(map.find(Context::Start, None, key("Q")), Found::Action(Action::Quit));
        assert_eq!(map.find(Context::Start, None, key("q")), Found::Nothing);
        assert_eq!(map.find(Context::Compare, None, key("f2")), Found::Action(Action::Mark));
        assert_eq!(map.problems.len(), 2, "{:?}", map.problems);
        let map = Keymap::with("[walk]\nnext_step = 'j'");
        assert!(map.problems[0].contains("`j` means both"), "{:?}", map.problems);
        assert!(!Keymap::with("[walk]\nnext_step = 'g'").problems.is_empty(), "a sequence's first key");
        assert!(Keymap::with("= nonsense").problems[0].contains("keys.toml"));
        assert!(Keymap::with("[walk]\nnext_step = 'hyper+x'").problems[0].contains("is not a key"));
    }

    #[test]
    fn the_printed_list_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
        let printed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(printed == keys_markdown(), "print it anew: `pilothouse keys > docs/keys.md`");
    }
}
