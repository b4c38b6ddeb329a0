//! What a chart shows, apart from how it is drawn.

/// One chart: two axes, what stands on them, and a sentence that says what it means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// A short name, for example `ROC`.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn. The first series has the first colour and lies on top.
    pub series: Vec<Series>,
    /// What the chart shows, in plain words.
    pub sentence: String,
}

/// One axis of a chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// What is measured, with its unit. May be empty.
    pub label: String,
    /// How values become positions.
    pub kind: AxisKind,
    /// The ends of the axis; without it they follow from the data.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis whose ends follow from the data.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), kind: AxisKind::Linear, range: None }
    }

    /// A linear axis from 0 to 1.
    pub fn share(label: impl Into<String>) -> Self {
        Self { label: label.into(), kind: AxisKind::Linear, range: Some((0.0, 1.0)) }
    }

    /// A time axis (UTC); values are seconds since 1970.
    pub fn time(label: impl Into<String>) -> Self {
        Self { label: label.into(), kind: AxisKind::Time, range: None }
    }
}

/// How the values of an axis become positions.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AxisKind {
    /// Equal distances for equal differences.
    #[default]
    Linear,
    /// Equal distances for equal ratios; values that are not positive are left out.
    Log,
    /// Seconds since 1970 (UTC), with ticks on the calendar.
    Time,
    /// Named places; the value of place i is i.
    Categories(Vec<String>),
}

/// Something drawn on the axes. Values that are not finite are left out everywhere (a line is broken there).
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// Points joined in the order in which they are given, normally by rising x.
    Line {
        /// The name in the legend.
        name: String,
        /// (x, y).
        points: Vec<(f64, f64)>,
        /// The uncertainty: (x, low, high).
        band: Option<Vec<(f64, f64, f64)>>,
    },
    /// Single points.
    Points {
        /// The name in the legend.
        name: String,
        /// (x, y).
        points: Vec<(f64, f64)>,
        /// (low, high) of y for each point, or empty.
        errors: Vec<(f64, f64)>,
    },
    /// Bars that start at 0.
    Bars {
        /// The name in the legend.
        name: String,
        /// The bars, in drawing order.
        bars: Vec<Bar>,
        /// Which way they grow.
        direction: Direction,
    },
    /// A table of coloured cells. A chart with one shows nothing else.
    Heat {
        /// The rows' names.
        rows: Vec<String>,
        /// The columns' names.
        columns: Vec<String>,
        /// Strength of each cell, 0 to 1, `values[row][column]`.
        values: Vec<Vec<f64>>,
        /// Text of each cell; further lines after `\n` are shown when there is room.
        text: Vec<Vec<String>>,
    },
    /// A horizontal strip, for example the range that is normal.
    Span {
        /// The name in the legend.
        name: String,
        /// Lower edge.
        low: f64,
        /// Upper edge.
        high: f64,
    },
    /// A straight line: a threshold, an event, or the diagonal of chance.
    Rule {
        /// Where it runs.
        at: At,
        /// Its name.
        label: String,
    },
}

/// One bar of [`Series::Bars`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bar {
    /// The name beside a horizontal bar.
    pub label: String,
    /// The length.
    pub value: f64,
    /// What is written at the end of a horizontal bar; the value when empty.
    pub text: String,
    /// The uncertainty of the value.
    pub interval: Option<(f64, f64)>,
    /// The stretch of the x axis that a vertical bar covers; place i of a category axis without it.
    pub span: Option<(f64, f64)>,
    /// The value that the same bar has in the data it is compared with; drawn as an outline.
    pub reference: Option<f64>,
    /// What the bar's colour says.
    pub tone: Tone,
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing but which series it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Of no weight.
    Muted,
}

/// Which way bars grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Upwards from the x axis.
    Vertical,
    /// To the right, one row a bar.
    Horizontal,
}

/// Where a rule runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// From side to side at this y.
    Horizontal(f64),
    /// From bottom to top at this x.
    Vertical(f64),
    /// From the lower left to the upper right corner.
    Diagonal,
}

impl Series {
    /// The name in the legend; empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Line { name, .. } | Self::Points { name, .. } | Self::Bars { name, .. } | Self::Span { name, .. } => {
                name
            }
            Self::Rule { label, .. } => label,
            Self::Heat { .. } => "",
        }
    }

    /// Whether the series has something to draw at finite places. Rules and spans alone are not data.
    #[must_use]
    pub fn has_data(&self) -> bool {
        match self {
            Self::Line { points, .. } | Self::Points { points, .. } => {
                points.iter().any(|p| drawable(p.0) && drawable(p.1))
            }
            Self::Bars { bars, .. } => bars.iter().any(|b| drawable(b.value)),
            Self::Heat { rows, columns, .. } => !rows.is_empty() && !columns.is_empty(),
            Self::Span { .. } | Self::Rule { .. } => false,
        }
    }
}

impl Chart {
    /// Whether any series has something to draw.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.series.iter().any(Series::has_data)
    }
}

/// Finite, and small enough that differences and squares of such values stay finite.
pub(super) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() < 1e100
}
