//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::data::{LoadOptions, Meaning, SchemaChanges};
use crate::flow::spec::LoadSpec;
use crate::model::calibration::CalibrationMethod;
use crate::model::threshold::Costs;

/// Take machine-learning models from raw data to an approved version in a registry.
///
/// Without a command it opens the console, which offers the walk.
#[derive(Debug, Parser)]
#[command(name = "pilothouse", version, about, long_about = None)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The workspace [default: the nearest .pilothouse folder here or above, else a new one here].
    #[arg(long, global = true, env = "PILOTHOUSE_WORKSPACE", value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Write the answer as JSON on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Console theme: dark, light, high-contrast.
    #[arg(long, global = true, env = "PILOTHOUSE_THEME", value_name = "NAME")]
    pub theme: Option<String>,
    /// Console and charts in plain characters.
    #[arg(long, global = true, env = "PILOTHOUSE_PLAIN")]
    pub plain: bool,
}

/// How bad a finding must be for exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Any finding.
    Note,
    /// Warnings and worse.
    Warning,
    /// Serious and blocking findings.
    Serious,
    /// Blocking findings only.
    Blocking,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the console, on a file, sample or flow when one is named.
    Open {
        /// A table, `sample:NAME`, or a flow file.
        source: Option<String>,
    },
    /// What is in a table, what is wrong with it, and whether it can carry a model.
    Profile {
        /// A file, a pattern, a folder, `-` for standard input, `sample:NAME`, or an address (see docs/sources.md).
        source: String,
        /// The column that a model would predict.
        #[arg(long, value_name = "COLUMN")]
        target: Option<String>,
        /// Also fit models: would more rows help, do the columns tell the target, are labels wrong?
        #[arg(long, requires = "target")]
        deep: bool,
        #[command(flatten)]
        reading: Reading,
        /// Exit with 1 when a finding is at least this bad.
        #[arg(long, value_enum, default_value = "never")]
        fail_on: FailOn,
    },
    /// A profile as a self-contained page, Markdown, JSON or JUnit.
    Report(super::report::Report),
    /// Every dataset that this workspace has seen: versions, differences, lineage.
    Catalog(super::catalog::Catalog),
    /// What a table promises: draft a contract, check it, export it.
    Rules {
        /// What to do with it.
        #[command(subcommand)]
        command: super::rules::Rules,
    },
    /// Clean a table by a recipe of recorded steps, or suggest one.
    Clean(super::clean::Clean),
    /// Fit and rank the candidates for a target.
    Train(Box<Train>),
    /// The runs of this workspace.
    Runs,
    /// Everything recorded about a run.
    Show {
        /// A run: its id, a unique prefix of it, or `best`.
        run: String,
        /// Include what the model said about each row kept back.
        #[arg(long)]
        rows: bool,
    },
    /// Two or more runs side by side, and whether the differences are real.
    Compare {
        /// The runs.
        #[arg(required = true, num_args = 2..)]
        runs: Vec<String>,
        /// Also write the charts as SVG files into this folder.
        #[arg(long, value_name = "DIR")]
        charts: Option<PathBuf>,
        #[command(flatten)]
        costs: CostArgs,
    },
    /// All metrics of a run, where it is weak, the threshold by costs, and how groups fare.
    Evaluate {
        /// A run: its id, a unique prefix of it, or `best`.
        run: String,
        /// Judge each value of this column by itself; it need not be one that the model reads.
        #[arg(long, value_name = "COLUMN")]
        by: Option<String>,
        #[command(flatten)]
        costs: CostArgs,
    },
    /// Why a model answers as it does: over all rows, for one row, along one column.
    Explain {
        /// A run: its id, a unique prefix of it, or `best`.
        run: String,
        /// A row of the run's table, counted from 1.
        #[arg(long, value_name = "N")]
        row: Option<usize>,
        /// A column whose effect on the answers is followed.
        #[arg(long, value_name = "COLUMN")]
        column: Option<String>,
        /// The class that is explained [default: the positive one, or the one that the row was given].
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
        /// Also write the charts as SVG files into this folder.
        #[arg(long, value_name = "DIR")]
        charts: Option<PathBuf>,
    },
    /// Ask the gates of a run. Exit code 1 when one fails.
    Gate {
        /// The run.
        run: String,
    },
    /// Approve exactly the package that passed the gates.
    Approve(Decide),
    /// Reject it.
    Reject(Decide),
    /// Write a run's model as a file.
    Export {
        /// The run.
        run: String,
        /// What to write: the ONNX graph, a SQL query, the model card, or the whole package as a folder.
        #[arg(long, value_enum)]
        format: Format,
        /// Where to.
        #[arg(long, short, value_name = "PATH")]
        output: PathBuf,
        #[command(flatten)]
        sql: SqlArgs,
    },
    /// Score a table with a run's model.
    Predict {
        /// The run.
        run: String,
        /// The table.
        source: String,
        /// The CSV file to write, `-` for standard output.
        #[arg(long, short, value_name = "PATH", default_value = "-")]
        output: PathBuf,
        /// Write over a file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Push an approved run to a registry.
    Push {
        /// The run.
        run: String,
        /// `mlflow` (by MLFLOW_TRACKING_URI), an http(s) address, or a folder.
        #[arg(long, value_name = "TARGET")]
        to: String,
        /// The registered model's name.
        #[arg(long = "as", value_name = "MODEL")]
        name: String,
        /// The alias that shall point to it.
        #[arg(long)]
        alias: Option<String>,
    },
    /// The models of a registry.
    Models {
        /// `mlflow`, an http(s) address, or a folder.
        #[arg(long, value_name = "TARGET")]
        to: String,
    },
    /// Whether two tables differ. Exit code 1 when they do.
    Drift {
        /// The table to compare with.
        reference: String,
        /// The newer table.
        current: String,
    },
    /// Score new rows with a run and follow drift and performance. Exit code 1 on drift or a break.
    Watch {
        /// The run.
        run: String,
        /// The new rows.
        source: String,
        /// The column that says when a row happened.
        #[arg(long)]
        time: Option<String>,
        /// A table with the true answers.
        #[arg(long, requires = "key")]
        labels: Option<String>,
        /// The column that both tables share.
        #[arg(long)]
        key: Option<String>,
    },
    /// The whole walk from a flow file.
    Run {
        /// The flow (TOML), or `sample:NAME`.
        flow: String,
        /// Exit with 1 also when the watch finds drift or a break; new rows that break the contract always do.
        #[arg(long)]
        fail_on_drift: bool,
    },
    /// The audit log, after checking its chain.
    Audit,
    /// Write a sample flow to standard output: churn, taxi, houses or credit.
    Flow {
        /// The sample's name; without one, the list.
        name: Option<String>,
    },
    /// Terminal, paths, versions, registries.
    Doctor,
    /// The console's keys.
    Keys,
}

/// What outcomes cost, in any unit; a benefit is a negative cost. With one of them a threshold is chosen.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct CostArgs {
    /// Cost of a false alarm [default: 1].
    #[arg(long, value_name = "COST", allow_negative_numbers = true)]
    pub cost_fp: Option<f64>,
    /// Cost of a miss [default: 1].
    #[arg(long, value_name = "COST", allow_negative_numbers = true)]
    pub cost_fn: Option<f64>,
    /// Cost of a hit; negative for a benefit [default: 0].
    #[arg(long, value_name = "COST", allow_negative_numbers = true)]
    pub cost_tp: Option<f64>,
    /// Cost of rightly leaving alone [default: 0].
    #[arg(long, value_name = "COST", allow_negative_numbers = true)]
    pub cost_tn: Option<f64>,
}

impl CostArgs {
    /// The costs, when any is given.
    pub(super) fn costs(self) -> Option<Costs> {
        let default = Costs::default();
        let any = [self.cost_fp, self.cost_fn, self.cost_tp, self.cost_tn].iter().any(Option::is_some);
        any.then(|| Costs {
            false_positive: self.cost_fp.unwrap_or(default.false_positive),
            false_negative: self.cost_fn.unwrap_or(default.false_negative),
            true_positive: self.cost_tp.unwrap_or(default.true_positive),
            true_negative: self.cost_tn.unwrap_or(default.true_negative),
        })
    }
}

/// How a source is read, where that is not found by itself.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Reading {
    /// The character between the columns of a text: a character, or `tab` [default: found by itself].
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<char>,
    /// A further spelling of "missing"; may be repeated.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub missing: Vec<String>,
    /// What a column means, NAME=MEANING (number, category, datetime, boolean, text, identifier); may be repeated.
    #[arg(long, value_name = "NAME=MEANING", value_parser = meaning)]
    pub meaning: Vec<(String, Meaning)>,
    /// When the files of one source have different columns: `refuse`, or `fill` with missing values.
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = str::parse::<SchemaChanges>)]
    pub schema_changes: SchemaChanges,
}

impl Reading {
    /// The same for the loader.
    pub(super) fn options(&self) -> LoadOptions {
        LoadOptions {
            delimiter: self.delimiter.and_then(|c| u8::try_from(c).ok()),
            missing: self.missing.clone(),
            meaning: self.meaning.iter().cloned().collect(),
            schema_changes: self.schema_changes,
            ..LoadOptions::default()
        }
    }

    /// The same as part of a flow.
    pub(super) fn spec(self, source: String) -> LoadSpec {
        LoadSpec {
            source,
            delimiter: self.delimiter,
            missing: self.missing,
            meaning: self.meaning.into_iter().collect(),
            schema_changes: Some(self.schema_changes).filter(|c| *c != SchemaChanges::default()),
            ..LoadSpec::default()
        }
    }
}

fn delimiter(word: &str) -> Result<char, String> {
    let mut letters = word.chars();
    match (word, letters.next(), letters.next()) {
        ("tab" | "\\t", ..) => Ok('\t'),
        (_, Some(letter), None) if letter.is_ascii() => Ok(letter),
        _ => Err("write one ASCII character, or `tab`".to_owned()),
    }
}

fn meaning(word: &str) -> Result<(String, Meaning), String> {
    // The name itself may hold `=`.
    let (name, meaning) = word.rsplit_once('=').ok_or("there is no `=`; write NAME=MEANING")?;
    let meaning = meaning.trim().parse::<Meaning>().map_err(|e| e.to_string())?;
    Ok((name.trim().to_owned(), meaning))
}

#[derive(Debug, Args)]
pub(super) struct Train {
    /// A file, a pattern, a folder, `-` for standard input, `sample:NAME`, or an address (see docs/sources.md).
    pub source: String,
    #[command(flatten)]
    pub reading: Reading,
    /// The column to predict.
    #[arg(long, value_name = "COLUMN")]
    pub target: String,
    /// Estimators, by commas.
    #[arg(long, value_delimiter = ',')]
    pub models: Vec<String>,
    /// Split by time: the latest rows are kept back.
    #[arg(long, value_name = "COLUMN", conflicts_with = "group")]
    pub time: Option<String>,
    /// Split by group: all rows of one value stay together.
    #[arg(long, value_name = "COLUMN")]
    pub group: Option<String>,
    /// The ranking metric.
    #[arg(long)]
    pub metric: Option<String>,
    /// Calibrate probabilities on training rows that the model had not seen: `sigmoid` or `isotonic`.
    #[arg(long, value_name = "METHOD", value_parser = str::parse::<CalibrationMethod>)]
    pub calibrate: Option<CalibrationMethod>,
    /// The positive one of two classes.
    #[arg(long, value_name = "CLASS")]
    pub positive: Option<String>,
    /// A column that the model must not see; may be repeated.
    #[arg(long, value_name = "COLUMN")]
    pub leave_out: Vec<String>,
    /// A new column by SQL expression, NAME=EXPRESSION; may be repeated.
    #[arg(long, value_name = "NAME=EXPRESSION")]
    pub derive: Vec<String>,
    /// Keep only rows for which this SQL condition holds.
    #[arg(long, value_name = "CONDITION")]
    pub filter: Option<String>,
    /// Share of the rows kept back.
    #[arg(long, default_value_t = 0.25)]
    pub test_share: f64,
    /// Cross-validation folds.
    #[arg(long, default_value_t = 5)]
    pub folds: usize,
    /// Decides every random choice.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// The walk's name [default: the file's name].
    #[arg(long)]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The run.
    pub run: String,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// Why failed gates may be passed over; recorded.
    #[arg(long = "override", value_name = "REASON")]
    pub override_reason: Option<String>,
}

/// For `export --format sql`.
#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// With sql: the engine that runs it; postgres unless said.
    #[arg(long, value_enum)]
    pub dialect: Option<SqlDialect>,
    /// With sql: the table that it reads (table, schema.table); `input` unless said.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// With sql: a column handed through beside the answers; may be repeated. Without, the model's input columns are.
    #[arg(long = "key", value_name = "COLUMN")]
    pub keys: Vec<String>,
}

/// The engines of `export --format sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SqlDialect {
    /// PostgreSQL.
    Postgres,
    /// DuckDB.
    Duckdb,
    /// Spark SQL.
    Spark,
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The ONNX graph.
    Onnx,
    /// One SQL query.
    Sql,
    /// The model card, Markdown.
    Card,
    /// All files of the package.
    Folder,
}
