//! What this machine offers, and what is in the way.

use serde_json::json;

use super::output::{json as write_json, line};
use super::{Answer, Call};
use crate::error::Result;
use crate::flow::{self, Workshop};
use crate::team::Identity;

/// One thing looked at.
struct Look {
    what: &'static str,
    good: bool,
    says: String,
}

pub(super) fn doctor(call: &Call) -> Result<Answer> {
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let mut looks = Vec::new();
    let mut look = |what, good, says: String| looks.push(Look { what, good, says });

    look(
        "version",
        true,
        format!("pilothouse {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    );
    look("you", true, Identity::current().to_string());

    let folder = &call.workspace;
    if folder.join("pilothouse.db").is_file() {
        match Workshop::open(folder).and_then(|shop| Ok((shop.walks()?.len(), shop.runs()?.len(), shop.audit()?.len())))
        {
            Ok((walks, runs, log)) => look(
                "workspace",
                true,
                format!("{}: {walks} walks, {runs} runs, {log} audit entries whose chain holds", folder.display()),
            ),
            Err(error) => look("workspace", false, format!("{}: {error}", folder.display())),
        }
    } else {
        look("workspace", true, format!("{}: not made yet, the first walk makes it", folder.display()));
    }

    let term = env("TERM").unwrap_or_else(|| "not set".into());
    let size = crossterm::terminal::size().ok();
    look(
        "terminal",
        term != "dumb" && term != "not set" && size.is_none_or(|(w, h)| w >= 80 && h >= 24),
        format!(
            "TERM {term}, {}",
            size.map_or_else(|| "no size (not a terminal)".into(), |(w, h)| format!("{w}x{h} cells, 80x24 wanted"))
        ),
    );
    let colours = if env("NO_COLOR").is_some() {
        "none (NO_COLOR)"
    } else if env("COLORTERM").is_some_and(|c| c == "truecolor" || c == "24bit") {
        "truecolor"
    } else if term.contains("256") {
        "256"
    } else {
        "16"
    };
    look("colours", true, colours.into());
    let locale = env("LC_ALL").or_else(|| env("LC_CTYPE")).or_else(|| env("LANG")).unwrap_or_else(|| "not set".into());
    let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    look(
        "locale",
        utf8,
        if utf8 { locale } else { format!("{locale}: not UTF-8, charts are drawn in plain characters") },
    );
    for (what, name) in [("tmux", "TMUX"), ("ssh", "SSH_CONNECTION")] {
        if env(name).is_some() {
            look(what, true, "yes".into());
        }
    }

    match env("MLFLOW_TRACKING_URI") {
        None => look("mlflow", true, "MLFLOW_TRACKING_URI is not set; the folder registry needs nothing".into()),
        Some(_) => match flow::check_registry("mlflow") {
            Ok(says) => look("mlflow", true, says),
            Err(error) => look("mlflow", false, error.to_string()),
        },
    }

    let good = looks.iter().all(|l| l.good);
    if call.json {
        let list: Vec<_> = looks.iter().map(|l| json!({ "what": l.what, "good": l.good, "says": l.says })).collect();
        write_json(&json!({ "good": good, "looks": list }))?;
    } else {
        for l in &looks {
            line(format!("{} {:<10} {}", if l.good { "ok " } else { "!! " }, l.what, l.says))?;
        }
    }
    Ok(Answer::from(good))
}
