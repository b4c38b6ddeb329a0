//! From bytes to runs to models to what became of them, and back.

use std::collections::BTreeSet;

use serde::Serialize;

use super::record::CLEANED;
use super::{Entry, Version, list, show};
use crate::error::{Error, Kind, Result};
use crate::flow::record::{RunRecord, RunStatus};
use crate::flow::ship_steps::PushRecord;
use crate::flow::workshop::Workshop;

/// What a thing in a lineage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// A dataset.
    Dataset,
    /// One version of it.
    Version,
    /// A training run.
    Run,
    /// A version of a model in a registry.
    Model,
    /// A watch of a run on new rows.
    Watch,
}

/// A thing in a lineage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Unique within the lineage.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// What it is called, in a few words.
    pub label: String,
    /// More about it, in words.
    pub detail: String,
    /// When it came about, in milliseconds since 1970.
    pub at_ms: Option<i64>,
}

/// One thing led to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// The id of the earlier thing.
    pub from: String,
    /// The id of the later thing.
    pub to: String,
    /// How: `version`, `trained`, `pushed`, `watched`.
    pub what: String,
}

/// A lineage: everything that led to a thing, and everything that came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lineage {
    /// The id of the thing asked about.
    pub about: String,
    /// All things.
    pub nodes: Vec<Node>,
    /// How they hang together.
    pub edges: Vec<Edge>,
    /// What came of the thing asked about.
    #[serde(skip)]
    below: BTreeSet<String>,
}

#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    edges: BTreeSet<Edge>,
}

impl Graph {
    fn node(&mut self, id: &str, kind: NodeKind, label: String, detail: String, at_ms: Option<i64>) {
        if !self.nodes.iter().any(|n| n.id == id) {
            self.nodes.push(Node { id: id.to_owned(), kind, label, detail, at_ms });
        }
    }

    fn edge(&mut self, from: &str, to: &str, what: &str) {
        self.edges.insert(Edge { from: from.to_owned(), to: to.to_owned(), what: what.to_owned() });
    }

    fn dataset(&mut self, entry: &Entry) {
        let n = entry.versions.len();
        let detail = format!("{n} version{}", if n == 1 { "" } else { "s" });
        self.node(&dataset_id(entry), NodeKind::Dataset, entry.name.clone(), detail, Some(entry.created_ms));
    }

    fn version(&mut self, entry: &Entry, version: &Version) {
        self.dataset(entry);
        let id = version_id(&version.fingerprint);
        let label = format!("{} version {}", entry.name, version.number);
        let detail = format!("{} rows from {} ({})", version.rows, version.source, version.short());
        self.node(&id, NodeKind::Version, label, detail, Some(version.first_seen_ms));
        self.edge(&dataset_id(entry), &id, "version");
    }

    /// The version of certain bytes; bytes that the catalog does not know (of a run made before there was one) stand for
    /// themselves.
    fn bytes(&mut self, entries: &[Entry], fingerprint: &str, source: &str, rows: usize) -> String {
        let found =
            entries.iter().find_map(|e| e.versions.iter().find(|v| v.fingerprint == fingerprint).map(|v| (e, v)));
        let id = version_id(fingerprint);
        match found {
            Some((entry, version)) => self.version(entry, version),
            None => {
                let short = fingerprint.get(..12).unwrap_or(fingerprint);
                let label = super::record::default_name(source);
                let detail = format!("{rows} rows from {} ({short}), not in the catalog", crate::data::redact(source));
                self.node(&id, NodeKind::Version, label, detail, None);
            }
        }
        id
    }
}

fn dataset_id(entry: &Entry) -> String {
    format!("dataset:{}", entry.name)
}

fn version_id(fingerprint: &str) -> String {
    format!("version:{fingerprint}")
}

fn run_node(run: &RunRecord) -> (String, String) {
    let label = format!("run {} {}", run.id, run.title);
    let detail = match run.status {
        RunStatus::Failed => format!("predicting {}, failed", run.target),
        RunStatus::Done => format!("predicting {}, {} {:.4}", run.target, run.metric, run.score()),
    };
    (label, detail)
}

/// The whole graph of a workspace.
fn graph(shop: &Workshop) -> Result<(Graph, Vec<Entry>)> {
    let entries = list(shop)?;
    let mut graph = Graph::default();
    for entry in &entries {
        graph.dataset(entry);
        for version in &entry.versions {
            graph.version(entry, version);
        }
    }
    let runs = shop.runs()?;
    let store = shop.store()?;
    for run in &runs {
        let id = format!("run:{}", run.id);
        let (label, detail) = run_node(run);
        graph.node(&id, NodeKind::Run, label, detail, Some(run.created_ms));
        let from = graph.bytes(&entries, &run.data.fingerprint, &run.data.source, run.data.rows);
        graph.edge(&from, &id, "trained");
        for push in store.pushes(&run.id)?.into_iter().filter(|p| p.state == "done") {
            let Ok(record) = serde_json::from_str::<PushRecord>(&push.record) else { continue };
            let model = format!("model:{}:{}:{}", record.to, record.name, record.version);
            let alias = record.alias.map(|a| format!(", alias {a}")).unwrap_or_default();
            let detail = format!("in {}{alias}", crate::data::redact(&record.registry));
            let label = format!("model {} version {}", record.name, record.version);
            graph.node(&model, NodeKind::Model, label, detail, Some(push.updated_ms));
            graph.edge(&id, &model, "pushed");
        }
    }
    for edge in store.edges()? {
        if edge.what == CLEANED {
            let (from, to) = (version_id(&edge.from_id), version_id(&edge.to_id));
            if graph.nodes.iter().any(|n| n.id == to) {
                graph.edge(&from, &to, CLEANED);
            }
            continue;
        }
        let Some(run) = runs.iter().find(|r| r.id == edge.to_id) else { continue };
        let detail: serde_json::Value = serde_json::from_str(&edge.detail).unwrap_or_default();
        let text = |key: &str| detail.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let rows = detail.get("rows").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let rows = usize::try_from(rows).unwrap_or(0);
        let from = graph.bytes(&entries, &edge.from_id, &text("source"), rows);
        let watch = format!("watch:{}:{}", run.id, text("on"));
        if edge.what == "watch" {
            let on = graph.nodes.iter().find(|n| n.id == from).map(|n| n.label.clone()).unwrap_or_default();
            graph.node(
                &watch,
                NodeKind::Watch,
                format!("watch of run {} on {on}", run.id),
                text("words"),
                Some(edge.at_ms),
            );
            graph.edge(&format!("run:{}", run.id), &watch, "watched");
        }
        graph.edge(&from, &watch, if edge.what == "watch" { "new rows" } else { "true answers" });
    }
    Ok((graph, entries))
}

/// All ids that can be reached along the edges, one way or the other.
fn reach(edges: &BTreeSet<Edge>, start: &[String], forward: bool) -> BTreeSet<String> {
    let mut seen: BTreeSet<String> = start.iter().cloned().collect();
    let mut open: Vec<String> = start.to_vec();
    while let Some(at) = open.pop() {
        for edge in edges {
            let (from, to) = if forward { (&edge.from, &edge.to) } else { (&edge.to, &edge.from) };
            if *from == at && seen.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    seen
}

/// The lineage of a dataset (by name, source or fingerprint) or of a run (by id, prefix or `best`).
///
/// # Errors
/// When there is neither.
pub fn lineage(shop: &Workshop, name: &str) -> Result<Lineage> {
    let (graph, _) = graph(shop)?;
    let about = match show(shop, name) {
        Ok(entry) => dataset_id(&entry),
        Err(no_dataset) if no_dataset.kind == Kind::Input => match shop.run(name) {
            Ok(run) => format!("run:{}", run.id),
            Err(error) if error.message.contains("fits") => return Err(error),
            Err(_) => {
                return Err(Error::input(format!("there is no dataset and no run `{}`", crate::data::brief(name, 80)))
                    .hint("`pilothouse catalog` lists the datasets, `pilothouse runs` the runs"));
            }
        },
        Err(error) => return Err(error),
    };
    let ends = [about.clone()];
    let (later, earlier) = (reach(&graph.edges, &ends, true), reach(&graph.edges, &ends, false));
    // What else went into a later thing belongs to its story: a watch needs a run and rows.
    let mut keep: BTreeSet<String> = later.union(&earlier).cloned().collect();
    let beside: Vec<String> = graph
        .edges
        .iter()
        .filter(|e| later.contains(&e.to) && e.what != "version")
        .map(|e| e.from.clone())
        .filter(|id| !keep.contains(id))
        .collect();
    keep.extend(beside);
    Ok(Lineage {
        below: later,
        about,
        nodes: graph.nodes.into_iter().filter(|n| keep.contains(&n.id)).collect(),
        edges: graph.edges.into_iter().filter(|e| keep.contains(&e.from) && keep.contains(&e.to)).collect(),
    })
}

impl Lineage {
    /// A thing by its id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|n| n.id == id)
    }

    /// The lineage as lines of a tree: what led to the thing above it, what came of it below. `plain` draws with ASCII.
    #[must_use]
    pub fn tree(&self, plain: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let from: Vec<&Edge> = self.edges.iter().filter(|e| e.to == self.about).collect();
        if !from.is_empty() {
            lines.push("from".to_owned());
            self.branch(&self.about, false, plain, "", &mut vec![self.about.clone()], &mut lines);
            lines.push("to".to_owned());
        }
        if let Some(node) = self.node(&self.about) {
            lines.push(say(node));
        }
        self.branch(&self.about, true, plain, "", &mut vec![self.about.clone()], &mut lines);
        lines
    }

    /// Whether an edge leads to a watch that stands below its run in the same tree; its label names the rows.
    fn stands_elsewhere(&self, edge: &Edge) -> bool {
        let runs = self.edges.iter().filter(|e| e.to == edge.to && e.what == "watched");
        edge.what != "watched" && runs.into_iter().any(|e| self.below.contains(&e.from))
    }

    fn branch(
        &self,
        at: &str,
        forward: bool,
        plain: bool,
        lead: &str,
        path: &mut Vec<String>,
        lines: &mut Vec<String>,
    ) {
        let mut next: Vec<(&Edge, &Node)> = self
            .edges
            .iter()
            .filter(|e| if forward { e.from == at } else { e.to == at })
            .filter(|e| !(forward && self.stands_elsewhere(e)))
            .filter_map(|e| Some((e, self.node(if forward { &e.to } else { &e.from })?)))
            .filter(|(_, n)| !path.contains(&n.id))
            .collect();
        next.sort_by_key(|(_, n)| (n.at_ms, n.id.clone()));
        let (tee, end, bar) = if plain { ("|- ", "`- ", "|  ") } else { ("├─ ", "└─ ", "│  ") };
        let last = next.len();
        for (i, (edge, node)) in next.into_iter().enumerate() {
            let closing = i + 1 == last;
            let role = match edge.what.as_str() {
                what @ ("new rows" | "true answers") => format!("{what}: "),
                _ => String::new(),
            };
            lines.push(format!("{lead}{}{role}{}", if closing { end } else { tee }, say(node)));
            path.push(node.id.clone());
            let lead = format!("{lead}{}", if closing { "   " } else { bar });
            self.branch(&node.id, forward, plain, &lead, path, lines);
            path.pop();
        }
    }
}

fn say(node: &Node) -> String {
    if node.detail.is_empty() { node.label.clone() } else { format!("{} · {}", node.label, node.detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Lineage {
        let mut graph = Graph::default();
        for (id, kind, at) in [
            ("dataset:d", NodeKind::Dataset, 0),
            ("version:f", NodeKind::Version, 1),
            ("run:a", NodeKind::Run, 2),
            ("run:b", NodeKind::Run, 3),
            ("model:m", NodeKind::Model, 4),
        ] {
            graph.node(id, kind, id.to_owned(), String::new(), Some(at));
        }
        for (from, to, what) in [
            ("dataset:d", "version:f", "version"),
            ("version:f", "run:a", "trained"),
            ("version:f", "run:b", "trained"),
            ("run:b", "model:m", "pushed"),
        ] {
            graph.edge(from, to, what);
        }
        let below = reach(&graph.edges, &["dataset:d".into()], true);
        Lineage { about: "dataset:d".into(), nodes: graph.nodes, edges: graph.edges.into_iter().collect(), below }
    }

    #[test]
    fn a_watch_stands_once_below_its_run() {
        let mut lineage = small();
        let watch = Node {
            id: "watch".into(),
            kind: NodeKind::Watch,
            label: "watch".into(),
            detail: String::new(),
            at_ms: Some(9),
        };
        lineage.nodes.push(watch);
        for (from, what) in [("run:b", "watched"), ("version:f", "new rows"), ("version:f", "true answers")] {
            lineage.edges.push(Edge { from: from.into(), to: "watch".into(), what: what.into() });
        }
        let said = |l: &Lineage| l.tree(true).iter().filter(|line| line.contains("watch")).count();
        assert_eq!(said(&lineage), 1, "{:#?}", lineage.tree(true));
        // Where the run belongs to another story, the watch stands with its rows.
        lineage.below.remove("run:b");
        lineage.edges.retain(|e| e.to != "run:b" && e.what != "true answers");
        assert_eq!(said(&lineage), 1, "{:#?}", lineage.tree(true));
    }

    #[test]
    fn a_tree_goes_both_ways() {
        let mut lineage = small();
        assert_eq!(
            lineage.tree(false),
            ["dataset:d", "└─ version:f", "   ├─ run:a", "   └─ run:b", "      └─ model:m"]
        );
        lineage.about = "run:b".into();
        assert_eq!(lineage.tree(true), ["from", "`- version:f", "   `- dataset:d", "to", "run:b", "`- model:m"]);
    }

    #[test]
    fn what_can_be_reached_is_followed_both_ways() {
        let edges: BTreeSet<Edge> = small().edges.into_iter().collect();
        assert_eq!(reach(&edges, &["run:b".into()], true).len(), 2);
        assert_eq!(reach(&edges, &["run:b".into()], false).len(), 3);
    }
}
