//! Events and their facets as the specification has them.

use chrono::{SecondsFormat, Utc};
use rand::Rng as _;
use serde_json::{Map, Value, json};

use crate::data::redact;

/// Who makes the events. A name and not an address: there is no one place where the source can be seen.
const PRODUCER: &str = concat!("urn:pilothouse:", env!("CARGO_PKG_VERSION"));

const SPEC: &str = "https://openlineage.io/spec";

/// What happened to a run of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It began.
    Start,
    /// It ended well.
    Complete,
    /// It failed.
    Fail,
    /// A person stopped it.
    Abort,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Fail => "FAIL",
            Self::Abort => "ABORT",
        }
    }
}

/// A job: what is done again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Its name within the namespace: `churn.train`.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// How it is stored.
    pub stored: String,
    /// What it is about.
    pub about: String,
}

/// Numbers of one column. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnQuality {
    /// Rows without a value.
    pub missing: u64,
    /// Rows with one.
    pub count: u64,
    /// Distinct values.
    pub distinct: u64,
    /// Sum of numbers.
    pub sum: Option<f64>,
    /// Least number.
    pub min: Option<f64>,
    /// Greatest number.
    pub max: Option<f64>,
    /// Quantiles of numbers by their share.
    pub quantiles: Vec<(String, f64)>,
}

/// Numbers of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quality {
    /// Rows.
    pub rows: u64,
    /// Size of the source.
    pub bytes: Option<u64>,
    /// The columns by name.
    pub columns: Vec<(String, ColumnQuality)>,
}

/// A dataset, or a model, which OpenLineage calls a dataset too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dataset {
    /// Where it is: `file`, `s3://bucket`.
    pub namespace: String,
    /// What it is called there.
    pub name: String,
    /// `FILE`, `TABLE`, `MODEL`.
    pub kind: &'static str,
    /// Which version: a fingerprint, or a model's version.
    pub version: Option<String>,
    /// Its name in our catalog.
    pub catalog: Option<String>,
    /// The columns; none when they are not known.
    pub fields: Vec<Field>,
    /// Numbers; only inputs have them.
    pub quality: Option<Quality>,
    /// What it is.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// Tags as key and value.
    pub tags: Vec<(String, String)>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// What happened.
    pub state: State,
    /// The run: a UUID, the same from start to end.
    pub run: String,
    /// The job.
    pub job: Job,
    /// What was read.
    pub inputs: Vec<Dataset>,
    /// What was made.
    pub outputs: Vec<Dataset>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A new run id: a UUID of version 7, which sorts by time (RFC 9562).
#[must_use]
pub fn run_id() -> String {
    let millis = u128::try_from(crate::store::now_ms()).unwrap_or(0) & 0xffff_ffff_ffff;
    let random: u128 = rand::rng().random();
    let bits =
        (millis << 80) | (7 << 76) | ((random >> 64 & 0xfff) << 64) | (2 << 62) | (random & 0x3fff_ffff_ffff_ffff);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Namespace and name of a source, by the naming rules of the specification. Logins and parameters are left out.
#[must_use]
pub fn place(source: &str) -> (String, String) {
    let source = &*crate::data::source::without_secrets(source);
    let ours = |name: String| ("pilothouse".to_owned(), name);
    if source == "-" {
        return ours("standard-input".into());
    }
    if let Some(sample) = source.strip_prefix("sample:") {
        return ours(format!("sample/{sample}"));
    }
    let Some((scheme, rest)) = source.split_once("://") else {
        let path = std::path::absolute(source).map_or_else(|_| source.to_owned(), |p| p.display().to_string());
        return ("file".into(), redact(&path));
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match scheme {
        "file" => ("file".into(), format!("/{path}")),
        "postgres" | "postgresql" => {
            let host = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
            let table = query.split('&').find_map(|p| p.strip_prefix("table="));
            let name = table.map_or_else(|| path.to_owned(), |t| format!("{path}.{t}"));
            (format!("postgres://{host}"), name)
        }
        _ => (format!("{scheme}://{host}"), path.to_owned()),
    }
}

/// A facet with what every facet has.
fn facet(file: &str, name: &str, mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.insert("_producer".into(), json!(PRODUCER));
        body.insert("_schemaURL".into(), json!(format!("{SPEC}/facets/{file}/{name}.json#/$defs/{name}")));
    }
    body
}

impl ColumnQuality {
    fn json(&self) -> Value {
        let mut body = json!({ "nullCount": self.missing, "count": self.count, "distinctCount": self.distinct });
        if let Some(map) = body.as_object_mut() {
            for (key, value) in [("sum", self.sum), ("min", self.min), ("max", self.max)] {
                if let Some(value) = value.filter(|v| v.is_finite()) {
                    map.insert(key.into(), json!(value));
                }
            }
            let quantiles: Map<String, Value> =
                self.quantiles.iter().filter(|(_, v)| v.is_finite()).map(|(q, v)| (q.clone(), json!(v))).collect();
            if !quantiles.is_empty() {
                map.insert("quantiles".into(), Value::Object(quantiles));
            }
        }
        body
    }
}

impl Dataset {
    /// The dataset at a source, of which nothing more is known yet.
    #[must_use]
    pub fn at(source: &str) -> Self {
        let (namespace, name) = place(source);
        let kind = if namespace.starts_with("postgres") { "TABLE" } else { "FILE" };
        Self { namespace, name, kind, ..Self::default() }
    }

    fn json(&self, input: bool) -> Value {
        let mut facets = Map::new();
        let mut add = |key: &str, file: &str, name: &str, body: Value| {
            facets.insert(key.to_owned(), facet(file, name, body));
        };
        if !self.kind.is_empty() {
            add("datasetType", "1-0-1", "DatasetTypeDatasetFacet", json!({ "datasetType": self.kind }));
        }
        if let Some(name) = &self.catalog {
            add("dataSource", "1-0-1", "DatasourceDatasetFacet", json!({ "name": name }));
        }
        if let Some(version) = &self.version {
            add("version", "1-0-1", "DatasetVersionDatasetFacet", json!({ "datasetVersion": version }));
        }
        if !self.fields.is_empty() {
            let fields: Vec<Value> = self
                .fields
                .iter()
                .map(|f| json!({ "name": f.name, "type": f.stored, "description": f.about }))
                .collect();
            add("schema", "1-1-1", "SchemaDatasetFacet", json!({ "fields": fields }));
        }
        if !self.description.is_empty() {
            add("documentation", "1-0-1", "DocumentationDatasetFacet", json!({ "description": self.description }));
        }
        if !self.owner.is_empty() {
            add("ownership", "1-0-1", "OwnershipDatasetFacet", json!({ "owners": [{ "name": self.owner }] }));
        }
        if !self.tags.is_empty() {
            let tags: Vec<Value> =
                self.tags.iter().map(|(k, v)| json!({ "key": k, "value": v, "source": "USER" })).collect();
            add("tags", "1-0-0", "TagsDatasetFacet", json!({ "tags": tags }));
        }
        let mut body = json!({ "namespace": self.namespace, "name": self.name, "facets": facets });
        if let Some(quality) = self.quality.as_ref().filter(|_| input) {
            let columns: Map<String, Value> =
                quality.columns.iter().map(|(name, column)| (name.clone(), column.json())).collect();
            let mut numbers = json!({ "rowCount": quality.rows, "columnMetrics": columns });
            if let Some(bytes) = quality.bytes {
                numbers["bytes"] = json!(bytes);
            }
            body["inputFacets"] =
                json!({ "dataQualityMetrics": facet("1-0-2", "DataQualityMetricsInputDatasetFacet", numbers) });
        }
        body
    }
}

impl RunEvent {
    /// The event as JSON, its job in `namespace`, its time now.
    #[must_use]
    pub fn json(&self, namespace: &str) -> Value {
        let mut run = json!({
            "processing_engine": facet("1-1-1", "ProcessingEngineRunFacet", json!({
                "name": "pilothouse", "version": env!("CARGO_PKG_VERSION"),
            })),
        });
        if let Some(error) = &self.error {
            let body = json!({ "message": redact_words(error), "programmingLanguage": "RUST" });
            run["errorMessage"] = facet("1-0-1", "ErrorMessageRunFacet", body);
        }
        let kind = json!({ "processingType": "BATCH", "integration": "PILOTHOUSE", "jobType": "JOB" });
        let mut job = json!({ "jobType": facet("2-0-3", "JobTypeJobFacet", kind) });
        if !self.job.about.is_empty() {
            job["documentation"] = facet("1-0-1", "DocumentationJobFacet", json!({ "description": self.job.about }));
        }
        json!({
            "eventType": self.state.name(),
            "eventTime": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": PRODUCER,
            "schemaURL": format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"),
            "run": { "runId": self.run, "facets": run },
            "job": { "namespace": namespace, "name": self.job.name, "facets": job },
            "inputs": self.inputs.iter().map(|d| d.json(true)).collect::<Vec<_>>(),
            "outputs": self.outputs.iter().map(|d| d.json(false)).collect::<Vec<_>>(),
        })
    }
}

/// A sentence whose addresses carry no secrets.
fn redact_words(text: &str) -> String {
    let words: Vec<String> =
        text.split(' ').map(|w| if w.contains("://") { redact(w) } else { w.to_owned() }).collect();
    redact(&words.join(" ").replace("://", "\u{1}")).replace('\u{1}', "://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_by_the_rules() {
        let of = |s: &str| place(s);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of("s3://bucket/a/b.parquet"), pair("s3://bucket", "a/b.parquet"));
        assert_eq!(of("postgres://u:p@db/shop?table=public.o"), pair("postgres://db:5432", "shop.public.o"));
        assert_eq!(of("https://u:p@h:1/x.csv?sig=1"), pair("https://h:1", "x.csv"));
        assert_eq!(of("-"), pair("pilothouse", "standard-input"));
        assert_eq!(of("sample:credit"), pair("pilothouse", "sample/credit"));
        let (namespace, name) = of("data/x.csv");
        assert!(namespace == "file" && name.starts_with('/') && name.ends_with("/data/x.csv"), "{name}");
    }

    #[test]
    fn a_run_id_is_a_uuid_of_version_7() {
        let (a, b) = (run_id(), run_id());
        assert_ne!(a, b);
        let parts: Vec<usize> = a.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(a.as_bytes()[14], b'7');
        assert!(matches!(a.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{a}");
        assert!(a.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit()));
    }

    #[test]
    fn an_error_keeps_no_password() {
        let event = RunEvent {
            state: State::Fail,
            run: run_id(),
            job: Job::default(),
            inputs: vec![Dataset { quality: Some(Quality::default()), ..Dataset::at("x.csv") }],
            outputs: Vec::new(),
            error: Some("postgres://ana:hunter2@db/shop: refused (password=hunter2)".into()),
        };
        let json = event.json("team");
        assert!(!json.to_string().contains("hunter2"), "{json}");
        assert_eq!(json["job"]["namespace"], "team");
        assert!(json["inputs"][0]["inputFacets"]["dataQualityMetrics"]["columnMetrics"].is_object());
    }
}
