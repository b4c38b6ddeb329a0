//! The headless face: the same use cases as the console, JSON, exit codes, and never a prompt.

mod args;
mod catalog;
mod clean;
mod commands;
mod doctor;
mod judge;
mod output;
mod report;
mod rules;
mod show;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::console::{self, ConsoleOptions};
use crate::engine::Control;
use crate::error::{Error, Kind, Result};
use crate::flow::{self, Workshop};
use crate::store;

use args::{Cli, Command};

/// How long the end of a command waits for lineage events that are still on their way.
const LINEAGE_PATIENCE: Duration = Duration::from_secs(2);

/// Whether the answer is yes; it decides between exit codes 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// What every command needs.
struct Call {
    workspace: PathBuf,
    /// Whether there is a workspace, or one was asked for.
    kept: bool,
    plain: bool,
    json: bool,
    control: Control,
}

impl Call {
    /// Opens the workspace; commands that keep nothing never do.
    fn shop(&self) -> Result<Workshop> {
        Workshop::open(&self.workspace)
    }
}

/// Runs the program: reads the command line, does what it says, and returns the promised exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers (0), everything else is usage (2).
            let _ = error.print();
            if error.use_stderr() && std::env::args_os().any(|a| a == "--json") {
                let text = error.render().to_string();
                let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
                let hint = "`pilothouse --help` lists the commands, `pilothouse COMMAND --help` its options";
                let _ = output::json(&serde_json::json!({
                    "error": { "kind": "usage", "message": message, "hint": hint }
                }));
            }
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let json = cli.json;
    let end = run(cli);
    if let Some(why) = crate::openlineage::close(LINEAGE_PATIENCE) {
        output::remark(&format!("lineage events were not all delivered: {why}"));
    }
    match end {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            output::clear_progress();
            // A reader that went away (`| head`) is no failure of ours, and cannot be told anything.
            if error.message.contains("Broken pipe") {
                return ExitCode::SUCCESS;
            }
            let text = crate::data::display(&error.to_string()).into_owned();
            let _ = writeln!(std::io::stderr().lock(), "pilothouse: {text}");
            if json {
                let kind = match error.kind {
                    Kind::Usage => "usage",
                    Kind::Input => "input",
                    Kind::Remote => "remote",
                    Kind::Local => "local",
                    Kind::Cancelled => "cancelled",
                };
                let _ = output::json(&serde_json::json!({
                    "error": { "kind": kind, "message": error.message, "hint": error.hint }
                }));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<Answer> {
    let here = std::env::current_dir()?;
    let asked = cli.workspace.is_some();
    let workspace = cli.workspace.unwrap_or_else(|| store::find(&here));
    let open = match cli.command {
        None => Some(None),
        Some(Command::Open { ref source }) => Some(source.clone()),
        _ => None,
    };
    if let Some(open) = open {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Error::usage("the console needs a terminal")
                .hint("Without one, use a command: `pilothouse --help` lists them"));
        }
        console::run(ConsoleOptions { workspace, theme: cli.theme, plain: cli.plain, open })?;
        return Ok(Answer::Yes);
    }
    let control = output::control(cli.quiet);
    let handle = control.clone();
    // ctrl+c ends the work at its next check, so that a half-done push or write is left in order.
    ctrlc::set_handler(move || {
        if handle.is_cancelled() {
            std::process::exit(130);
        }
        handle.cancel();
    })
    .map_err(|e| Error::local(format!("signals cannot be handled: {e}")))?;
    let kept = asked || store::is_workspace(&workspace);
    let call = Call { workspace, kept, plain: cli.plain, json: cli.json, control };
    let answer = match cli.command {
        None | Some(Command::Open { .. }) => Ok(Answer::Yes),
        Some(Command::Profile { source, target, deep, reading, fail_on }) => catalog::noted(&call, &source, |seen| {
            commands::profile(&call, &source, &reading, target.as_deref(), deep, fail_on, seen)
        }),
        Some(Command::Report(args)) => catalog::noted(&call, &args.source, |seen| report::run(&call, &args, seen)),
        Some(Command::Catalog(args)) => catalog::run(&call, &args),
        Some(Command::Rules { command }) => rules::run(&call, command),
        Some(Command::Clean(args)) => clean::run(&call, &args),
        Some(Command::Train(args)) => commands::train(&call, *args),
        Some(Command::Runs) => show::runs(&call),
        Some(Command::Show { run, rows }) => show::run(&call, &run, rows),
        Some(Command::Compare { runs, charts, costs }) => {
            show::compare(&call, &runs, charts.as_deref(), costs.costs().as_ref())
        }
        Some(Command::Evaluate { run, by, costs }) => judge::evaluate(&call, &run, by, costs.costs()),
        Some(Command::Explain { run, row, column, class, charts }) => {
            judge::explain(&call, &run, flow::ExplainOptions { row, column, class }, charts.as_deref())
        }
        Some(Command::Gate { run }) => commands::gate(&call, &run),
        Some(Command::Approve(args)) => commands::decide(&call, &args, crate::team::Verdict::Approved),
        Some(Command::Reject(args)) => commands::decide(&call, &args, crate::team::Verdict::Rejected),
        Some(Command::Export { run, format, output, sql }) => commands::export(&call, &run, format, &output, sql),
        Some(Command::Predict { run, source, output, force }) => {
            commands::predict(&call, &run, &source, &output, force)
        }
        Some(Command::Push { run, to, name, alias }) => commands::push(&call, &run, to, name, alias),
        Some(Command::Models { to }) => show::models(&call, &to),
        Some(Command::Drift { reference, current }) => commands::drift(&call, &reference, &current),
        Some(Command::Watch { run, source, time, labels, key }) => {
            commands::watch(&call, &run, source, time, labels.zip(key))
        }
        Some(Command::Run { flow, fail_on_drift }) => commands::run(&call, &flow, fail_on_drift),
        Some(Command::Audit) => show::audit(&call),
        Some(Command::Flow { name }) => show::flow(&call, name.as_deref()),
        Some(Command::Doctor) => doctor::doctor(&call),
        Some(Command::Keys) => output::text(&console::keys_markdown()).map(|()| Answer::Yes),
    };
    output::clear_progress();
    answer
}
