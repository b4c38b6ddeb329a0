//! A small builder over the ONNX protobuf types: values are named, constants are initializers, nodes are appended in order.

use std::collections::BTreeSet;

use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// The operator set: new enough for `Where` and `ReduceSum` in double, old enough for both runtimes.
const OPSET: i64 = 15;
/// The set of `ai.onnx.ml` in which `TreeEnsembleClassifier` and `CategoryMapper` were defined.
const ML_OPSET: i64 = 1;
/// The intermediate representation that goes with operator set 15.
const IR_VERSION: i64 = 8;
const ML_DOMAIN: &str = "ai.onnx.ml";
/// The name of the row dimension.
const ROWS: &str = "N";

/// Element types that appear at the graph's border and in casts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    Float,
    Double,
    Text,
}

impl ValueType {
    fn code(self) -> i32 {
        (match self {
            Self::Float => DataType::Float,
            Self::Double => DataType::Double,
            Self::Text => DataType::String,
        }) as i32
    }
}

/// The name of a value in the graph.
pub(super) type Value = String;

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..Default::default() }
}

pub(super) fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Ints as i32, ints, ..Default::default() }
}

pub(super) fn floats(name: &str, floats: Vec<f32>) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Floats as i32, floats, ..Default::default() }
}

pub(super) fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::String as i32, s: s.into(), ..Default::default() }
}

pub(super) fn texts<'a>(name: &str, strings: impl Iterator<Item = &'a str>) -> AttributeProto {
    let strings = strings.map(|s| s.as_bytes().to_vec()).collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Strings as i32, strings, ..Default::default() }
}

/// A graph under construction.
pub(super) struct Graph {
    graph: GraphProto,
    /// Names at the border, which no inner value may take.
    reserved: BTreeSet<String>,
    count: usize,
}

impl Graph {
    /// An empty graph whose inner values will not be named like any of `reserved`.
    pub(super) fn new<'a>(reserved: impl Iterator<Item = &'a str>) -> Self {
        Self { graph: GraphProto::default(), reserved: reserved.map(str::to_owned).collect(), count: 0 }
    }

    fn fresh(&mut self, what: &str) -> Value {
        loop {
            let name = format!("_{what}_{}", self.count);
            self.count += 1;
            if !self.reserved.contains(&name) {
                return name;
            }
        }
    }

    /// Declares an input: `[N]`, or `[N, 1]` when `upright`.
    pub(super) fn input(&mut self, name: &str, kind: ValueType, upright: bool) {
        self.graph.input.push(border(name, kind, upright));
    }

    /// Declares an output, one value per row.
    pub(super) fn output(&mut self, name: &str, kind: ValueType) {
        self.graph.output.push(border(name, kind, false));
    }

    /// A constant of doubles, row-major.
    pub(super) fn doubles(&mut self, dims: &[usize], data: &[f64]) -> Value {
        self.constant(dims, DataType::Double, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A constant of 64-bit integers, row-major.
    pub(super) fn integers(&mut self, dims: &[usize], data: &[i64]) -> Value {
        self.constant(dims, DataType::Int64, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn constant(&mut self, dims: &[usize], kind: DataType, raw_data: Vec<u8>) -> Value {
        let name = self.fresh("const");
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|d| *d as i64).collect(),
            data_type: kind as i32,
            raw_data,
            ..Default::default()
        });
        name
    }

    /// Appends a node of the core set with one output.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Value {
        let output = self.fresh(&op.to_ascii_lowercase());
        self.push("", op, inputs, vec![output.clone()], attributes);
        output
    }

    fn push(&mut self, domain: &str, op: &str, inputs: &[&str], output: Vec<Value>, attribute: Vec<AttributeProto>) {
        let name = output.last().cloned().unwrap_or_default();
        self.graph.node.push(NodeProto {
            name,
            domain: domain.into(),
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output,
            attribute,
            ..Default::default()
        });
    }

    /// `[N]` as `[N, 1]`.
    pub(super) fn upright(&mut self, value: &str) -> Value {
        let axes = self.integers(&[1], &[1]);
        self.node("Unsqueeze", &[value, &axes], vec![])
    }

    pub(super) fn cast(&mut self, value: &str, to: ValueType) -> Value {
        self.node("Cast", &[value], vec![int("to", i64::from(to.code()))])
    }

    /// Which values are missing: NaN or infinite, of which both give NaN when taken from themselves. By way of `float`,
    /// since tract has `IsNaN` for no wider type; the cast makes and loses none.
    pub(super) fn is_missing(&mut self, value: &str) -> Value {
        let nothing = self.node("Sub", &[value, value], vec![]);
        let narrow = self.cast(&nothing, ValueType::Float);
        self.node("IsNaN", &[&narrow], vec![])
    }

    /// Pieces of shape `[N, w]` side by side.
    pub(super) fn beside(&mut self, pieces: &[Value]) -> Option<Value> {
        match pieces {
            [] => None,
            [one] => Some(one.clone()),
            many => {
                let names: Vec<&str> = many.iter().map(String::as_str).collect();
                Some(self.node("Concat", &names, vec![int("axis", 1)]))
            }
        }
    }

    /// An operator with a constant of shape `[1, w]` on its right.
    pub(super) fn with_row(&mut self, op: &str, value: &str, row: &[f64]) -> Value {
        let row = self.doubles(&[1, row.len()], row);
        self.node(op, &[value, &row], vec![])
    }

    /// Sum over an axis, which disappears unless `keep`.
    pub(super) fn sum(&mut self, value: &str, axis: i64, keep: bool) -> Value {
        let axes = self.integers(&[1], &[axis]);
        self.node("ReduceSum", &[value, &axes], vec![int("keepdims", i64::from(keep))])
    }

    /// For `[N, K]`, the column of each row's largest value, of equal ones the first.
    pub(super) fn argmax_columns(&mut self, value: &str) -> Value {
        self.node("ArgMax", &[value], vec![int("axis", 1), int("keepdims", 0), int("select_last_index", 0)])
    }

    /// Column `k` of `[N, K]` as the value `name` of shape `[N]`.
    pub(super) fn column(&mut self, value: &str, k: usize, name: &str) {
        let index = self.integers(&[], &[k as i64]);
        self.push("", "Gather", &[value, &index], vec![name.to_owned()], vec![int("axis", 1)]);
    }

    /// Text to integer; text that is not in `codes` becomes `other`.
    pub(super) fn text_to_int(&mut self, value: &str, codes: &[(&str, i64)], other: i64) -> Value {
        let output = self.fresh("code");
        let attributes = vec![
            ints("cats_int64s", codes.iter().map(|c| c.1).collect()),
            texts("cats_strings", codes.iter().map(|c| c.0)),
            int("default_int64", other),
        ];
        self.push(ML_DOMAIN, "CategoryMapper", &[value], vec![output.clone()], attributes);
        output
    }

    /// Integer `i` to `names[i]`, as the value `name`.
    pub(super) fn int_to_text(&mut self, value: &str, names: &[String], name: &str) {
        let attributes = vec![
            ints("cats_int64s", (0..names.len() as i64).collect()),
            texts("cats_strings", names.iter().map(String::as_str)),
            text("default_string", ""),
        ];
        self.push(ML_DOMAIN, "CategoryMapper", &[value], vec![name.to_owned()], attributes);
    }

    /// The scores of a tree ensemble, `[N, labels]`; its own labels go unused.
    pub(super) fn tree_ensemble(&mut self, value: &str, attributes: Vec<AttributeProto>) -> Value {
        let (labels, scores) = (self.fresh("leaf_label"), self.fresh("leaf_values"));
        self.push(ML_DOMAIN, "TreeEnsembleClassifier", &[value], vec![labels, scores.clone()], attributes);
        scores
    }

    /// The finished model.
    pub(super) fn into_model(mut self, about: &str) -> ModelProto {
        self.graph.name = "model".into();
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "pilothouse".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            opset_import: vec![
                OperatorSetIdProto { domain: String::new(), version: OPSET },
                OperatorSetIdProto { domain: ML_DOMAIN.into(), version: ML_OPSET },
            ],
            metadata_props: vec![StringStringEntryProto { key: "model".into(), value: about.into() }],
            graph: Some(self.graph),
            ..Default::default()
        }
    }
}

fn border(name: &str, kind: ValueType, upright: bool) -> ValueInfoProto {
    let sized = |value| Dimension { value: Some(value), ..Default::default() };
    let mut dim = vec![sized(dimension::Value::DimParam(ROWS.into()))];
    if upright {
        dim.push(sized(dimension::Value::DimValue(1)));
    }
    let tensor = type_proto::Tensor { elem_type: kind.code(), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}
