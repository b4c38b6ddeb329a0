//! Pictures of the charts as text, and what must hold at every size.

use proptest::prelude::*;

use super::kinds::*;
use super::*;

/// A curve through the corners with this area, for pictures.
fn curve(power: f64) -> Vec<(f64, f64)> {
    (0..=200).map(|i| f64::from(i) / 200.0).map(|x| (x, x.powf(power))).collect()
}

fn sample_roc() -> Chart {
    let (a, b) = (curve(0.35), curve(0.55));
    roc(&[
        Curve { name: "boosted trees", points: &a, auc: 0.742, interval: Some((0.731, 0.753)) },
        Curve { name: "logistic regression", points: &b, auc: 0.645, interval: None },
    ])
}

fn sample_calibration() -> Chart {
    let bins: Vec<CalibrationBin> = (0..10)
        .map(|i| {
            let predicted = 0.05 + 0.1 * f64::from(i);
            let observed = predicted.powf(1.4);
            CalibrationBin { predicted, observed, low: observed - 0.06, high: observed + 0.06, rows: 100 }
        })
        .collect();
    calibration(&[("naive Bayes", &bins)])
}

fn sample_confusion() -> Chart {
    confusion(&["stays".to_owned(), "leaves".to_owned()], &[vec![1520, 210], vec![180, 490]])
}

fn sample_importance() -> Chart {
    let names: Vec<String> = ["days_since_last_order", "orders", "returns_share", "country", "newsletter", "age"]
        .map(str::to_owned)
        .to_vec();
    importance(
        "AUC",
        &names,
        &[0.112, 0.061, 0.034, 0.012, 0.002, -0.001],
        &[0.104, 0.055, 0.029, 0.008, -0.001, -0.004],
        &[0.120, 0.067, 0.039, 0.016, 0.005, 0.002],
    )
}

fn sample_histogram() -> Chart {
    let edges: Vec<f64> = (0..=20).map(|i| f64::from(i) * 5.0).collect();
    let bell = |centre: f64| -> Vec<u64> {
        (0..20).map(|i| (1000.0 * (-((f64::from(i) - centre) / 4.0).powi(2)).exp()) as u64).collect()
    };
    histogram("age", &edges, &bell(8.0), Some(&bell(11.0)))
}

fn sample_drift() -> Chart {
    drift(
        &[
            DriftBar { name: "fare", effect: 0.31, drifted: true },
            DriftBar { name: "passengers", effect: 0.04, drifted: false },
            DriftBar { name: "pickup_zone", effect: 0.18, drifted: true },
            DriftBar { name: "vendor", effect: 0.01, drifted: false },
        ],
        0.1,
    )
}

fn sample_time() -> Chart {
    // The months of 2019 and of 2020 up to August, as seconds since 1970.
    let starts = (0..20).map(|m| 1_546_300_800.0 + f64::from(m) * 30.44 * 86_400.0);
    let points: Vec<TimePoint> = starts
        .enumerate()
        .map(|(i, time)| {
            let value = if i < 15 { 4.1 + 0.15 * (i as f64).sin() } else { 6.4 - 0.2 * (i as f64 - 15.0) };
            TimePoint { time, value, interval: Some((value - 0.25, value + 0.25)) }
        })
        .collect();
    over_time(&OverTime {
        metric: "mean absolute error, minutes",
        points: &points,
        events: &[(1_584_662_400.0, "lockdown")],
        reference: Some((3.6, 4.6)),
    })
}

fn sample_residuals() -> Chart {
    let actual: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i % 97) * 3.0).collect();
    let predicted: Vec<f64> =
        actual.iter().enumerate().map(|(i, a)| a + ((i * 7919 % 101) as f64 - 50.0) * a / 400.0).collect();
    residuals("price", &actual, &predicted)
}

fn sample_predicted() -> Chart {
    let actual: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i % 97) * 3.0).collect();
    let predicted: Vec<f64> =
        actual.iter().enumerate().map(|(i, a)| a + ((i * 7919 % 101) as f64 - 50.0) * 0.8).collect();
    predicted_actual("price", &actual, &[("random forest", &predicted)])
}

fn sample_categories() -> Chart {
    let names = ["north", "east", "south", "west"].map(str::to_owned);
    bars_by_category(
        "Churn by region",
        "share of churn",
        &names,
        &[0.21, 0.18, 0.34, 0.09],
        &[(0.18, 0.24), (0.15, 0.21), (0.3, 0.38), (0.07, 0.11)],
    )
}

fn samples() -> Vec<(&'static str, Chart)> {
    let a = curve(0.35);
    let falling: Vec<(f64, f64)> = a.iter().map(|(x, y)| (*x, 1.0 - 0.75 * y.powi(4))).collect();
    vec![
        ("roc", sample_roc()),
        (
            "precision_recall",
            precision_recall(&[Curve { name: "forest", points: &falling, auc: 0.61, interval: None }], 0.25),
        ),
        ("calibration", sample_calibration()),
        ("confusion", sample_confusion()),
        ("importance", sample_importance()),
        ("histogram", sample_histogram()),
        ("drift", sample_drift()),
        ("over_time", sample_time()),
        ("residuals", sample_residuals()),
        ("predicted_actual", sample_predicted()),
        ("categories", sample_categories()),
    ]
}

/// One chart in the sizes and styles that are kept as pictures.
fn pictures(chart: &Chart) -> String {
    [(60, 15, Style::Braille), (30, 8, Style::Braille), (60, 15, Style::Plain), (30, 8, Style::Plain)]
        .into_iter()
        .map(|(w, h, style)| format!("{w}x{h} {style:?}\n{}", cells(chart, w, h, style).text()))
        .collect::<Vec<_>>()
        .join("\n")
        + "\nin words\n"
        + &words(chart)
}

#[test]
fn charts_look_as_they_did() {
    for (name, chart) in samples() {
        insta::assert_snapshot!(name, pictures(&chart));
    }
}

#[test]
fn the_plain_style_is_ascii() {
    for (name, chart) in samples() {
        assert!(cells(&chart, 80, 20, Style::Plain).text().is_ascii(), "{name}");
    }
}

#[test]
fn wide_and_hostile_labels_keep_the_grid() {
    use unicode_width::UnicodeWidthChar;
    let names = vec!["北京市".to_owned(), "a\u{1b}[31mred\u{202e}".to_owned(), "e\u{301}te".to_owned()];
    let chart = importance("AUC", &names, &[0.3, 0.2, 0.1], &[0.2, 0.1, 0.0], &[0.4, 0.3, 0.2]);
    for style in [Style::Braille, Style::Plain] {
        let grid = cells(&chart, 40, 8, style);
        assert_eq!(grid.cells.len(), 320);
        assert!(!grid.text().contains(['\u{1b}', '\u{202e}']));
        for row in grid.rows() {
            let width: usize = row.iter().filter(|c| c.ch != '\0').map(|c| c.ch.width().unwrap_or(0)).sum();
            assert_eq!(width, 40);
        }
    }
}

#[test]
fn without_data_the_chart_says_so() {
    let empty = [roc(&[]), calibration(&[]), confusion(&[], &[]), over_time(&OverTime::default()), drift(&[], 0.1)];
    for chart in empty {
        assert!(cells(&chart, 40, 10, Style::Braille).text().contains("no data"), "{}", chart.title);
        assert!(words(&chart).ends_with("No data."));
        assert!(svg(&chart, 400, 300).unwrap().contains("no data"));
    }
    let nan = predicted_actual("y", &[f64::NAN, f64::INFINITY], &[("m", &[1.0, 2.0])]);
    assert!(cells(&nan, 40, 10, Style::Plain).text().contains("no data"));
}

#[test]
fn small_places_say_too_small_and_bigger_ones_show_data() {
    for (name, chart) in samples() {
        assert!(cells(&chart, 15, 10, Style::Braille).text().contains("too small"), "{name}");
        assert!(cells(&chart, 60, 3, Style::Braille).text().contains("too small"), "{name}");
        let inks: Vec<Ink> = cells(&chart, 20, 6, Style::Braille).cells.iter().map(|c| c.ink).collect();
        let data = |i: &Ink| matches!(i, Ink::Series(_) | Ink::Heat(_) | Ink::Bad | Ink::Muted);
        assert!(inks.iter().any(data), "{name}");
    }
}

#[test]
fn bars_start_at_zero() {
    let names = ["a", "b"].map(str::to_owned);
    let chart = bars_by_category("t", "m", &names, &[100.0, 101.0], &[]);
    let text = cells(&chart, 40, 12, Style::Plain).text();
    assert!(text.contains("\n  0 +"), "{text}");
}

#[test]
fn a_long_series_draws_the_same_reduced() {
    let points: Vec<(f64, f64)> = (0..300_000).map(|i| (f64::from(i), (f64::from(i) / 9000.0).sin())).collect();
    let line = Series::Line { name: String::new(), points, band: None };
    let chart = |series| Chart { title: "t".to_owned(), series: vec![series], ..Chart::default() };
    let reduced = line.reduce(1024);
    assert!(matches!(&reduced, Series::Line { points, .. } if points.len() <= 4096));
    let (less, full) = (cells(&chart(reduced), 100, 20, Style::Plain), cells(&chart(line), 100, 20, Style::Plain));
    let same = less.cells.iter().zip(&full.cells).filter(|(a, b)| a == b).count();
    assert!(same * 100 >= full.cells.len() * 97, "{same} of {}", full.cells.len());
}

#[test]
fn pictures_carry_their_words() {
    for (name, chart) in samples() {
        let picture = svg(&chart, 640, 360).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{name}");
        assert!(picture.contains("role=\"img\"><title>"), "{name}");
        assert!(!picture.contains("NaN") && !picture.contains("width=\"-"), "{name}");
    }
    let hostile = bars_by_category("<script>&", "m", &["</svg>\u{1}".to_owned()], &[1.0], &[]);
    let picture = svg(&hostile, 300, 200).unwrap();
    assert!(!picture.contains("<script>") && picture.matches("</svg>").count() == 1 && !picture.contains('\u{1}'));
}

/// Numbers as they come from data: ordinary, tiny, huge, and none.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0f64,
        1 => proptest::num::f64::ANY,
        1 => Just(0.0),
        1 => Just(1e300),
        1 => Just(-1e99),
    ]
}

fn any_series() -> impl Strategy<Value = Series> {
    let pairs = || prop::collection::vec((number(), number()), 0..40);
    let pair = || prop::option::of((number(), number()));
    let bar = (number(), ".{0,8}", pair(), pair()).prop_map(|(value, label, interval, span)| Bar {
        value,
        label,
        interval,
        span,
        reference: interval.map(|i| i.0),
        ..Bar::default()
    });
    let direction = prop_oneof![Just(Direction::Vertical), Just(Direction::Horizontal)];
    let at = prop_oneof![number().prop_map(At::Horizontal), number().prop_map(At::Vertical), Just(At::Diagonal)];
    prop_oneof![
        (pairs(), ".{0,20}", prop::option::of(prop::collection::vec((number(), number(), number()), 0..20)))
            .prop_map(|(points, name, band)| Series::Line { name, points, band }),
        (pairs(), pairs()).prop_map(|(points, errors)| Series::Points { name: "p".to_owned(), points, errors }),
        (prop::collection::vec(bar, 0..30), direction).prop_map(|(bars, direction)| Series::Bars {
            name: "b".to_owned(),
            bars,
            direction
        }),
        (number(), number()).prop_map(|(low, high)| Series::Span { name: "s".to_owned(), low, high }),
        (at, ".{0,10}").prop_map(|(at, label)| Series::Rule { at, label }),
        (0usize..6, 0usize..6, number()).prop_map(|(rows, columns, value)| Series::Heat {
            rows: vec!["r".to_owned(); rows],
            columns: vec!["c".to_owned(); columns],
            values: vec![vec![value; columns]; rows / 2],
            text: vec![vec!["1\n2".to_owned(); columns / 2]; rows],
        }),
    ]
}

fn any_axis() -> impl Strategy<Value = Axis> {
    let kind = prop_oneof![
        Just(AxisKind::Linear),
        Just(AxisKind::Log),
        Just(AxisKind::Time),
        prop::collection::vec(".{0,6}", 0..9).prop_map(AxisKind::Categories),
    ];
    (kind, ".{0,12}", prop::option::of((number(), number()))).prop_map(|(kind, label, range)| Axis {
        label,
        kind,
        range,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chart_draws_at_any_size(
        x in any_axis(),
        y in any_axis(),
        series in prop::collection::vec(any_series(), 0..5),
        title in ".{0,30}",
        width in 0u16..210,
        height in 0u16..60,
    ) {
        let chart = Chart { title, x, y, series, sentence: String::new() };
        for style in [Style::Braille, Style::Plain] {
            let grid = cells(&chart, width, height, style);
            prop_assert_eq!(grid.cells.len(), usize::from(width) * usize::from(height));
            prop_assert!(style == Style::Braille || grid.cells.iter().all(|c| c.ch.is_ascii()));
        }
        prop_assert!(!words(&chart.clone().reduce(5)).is_empty() || chart.title.is_empty());
        prop_assert!(svg(&chart, u32::from(width) * 4, u32::from(height) * 8).is_ok());
    }
}
