//! Charts of one column of a table: how its values are spread, how they went over time, and what they say of the target.

use std::collections::BTreeMap;

use crate::chart::{Axis, AxisKind, Bar, Chart, Direction, Series, kinds};
use crate::data::{self, ColumnProfile, ColumnSpec, Dataset, Meaning, Physical, Profile, brief, column};
use crate::engine::Control;
use crate::error::Result;
use crate::health::{Every, times};
use crate::model::curves::wilson;

/// A chart of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnChart {
    /// How the values are spread.
    Distribution,
    /// How they went over time.
    OverTime,
    /// What they say of the target.
    AgainstTarget,
}

/// Levels of a category, classes of a target, lines of a chart: more cannot be told apart.
const LEVELS: usize = 12;
const LINES: usize = 4;
/// Groups of equal size into which a quantity is cut to see how the target goes with it.
const GROUPS: usize = 20;

impl ColumnChart {
    /// The charts that a column has in a table with (or without) a time column and a target.
    #[must_use]
    pub fn of(profile: &Profile, column: &ColumnProfile) -> Vec<Self> {
        let mut charts = vec![Self::Distribution];
        let shown = !matches!(column.kind, Meaning::Text | Meaning::Identifier) && column.distinct > 0;
        if shown && column.kind != Meaning::DateTime && profile.time.as_ref().is_some_and(|t| *t != column.name) {
            charts.push(Self::OverTime);
        }
        if shown && profile.target.as_ref().is_some_and(|t| *t != column.name) {
            charts.push(Self::AgainstTarget);
        }
        charts
    }

    /// Its name.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::OverTime => "over time",
            Self::AgainstTarget => "against the target",
        }
    }
}

/// The distribution of a column as its profile knows it; `None` for a column without a histogram.
#[must_use]
pub fn distribution(column: &ColumnProfile) -> Option<Chart> {
    let histogram = column.histogram.as_ref()?;
    if column.kind != Meaning::DateTime {
        return Some(kinds::histogram(&column.name, &histogram.edges, &histogram.counts, None));
    }
    let unit = if column.physical == Physical::Date { 86_400.0 } else { 1.0 };
    let edges: Vec<f64> = histogram.edges.iter().map(|e| e * unit).collect();
    let mut chart = kinds::histogram(&column.name, &edges, &histogram.counts, None);
    chart.x.kind = AxisKind::Time;
    // Said for numbers; dates in seconds would mislead.
    chart.sentence.clear();
    Some(chart)
}

/// Draws up a chart of a column from the rows. A chart without data says in its sentence why.
///
/// # Errors
/// When the column, the time or the target does not exist, or the work is cancelled.
pub fn column_chart(
    data: &Dataset,
    profile: &Profile,
    name: &str,
    chart: ColumnChart,
    control: &Control,
) -> Result<Chart> {
    control.check()?;
    let spec = data.spec(name)?;
    let made = match (chart, &profile.time, &profile.target) {
        (ColumnChart::OverTime, Some(time), _) => over_time(data, spec, time, control)?,
        (ColumnChart::AgainstTarget, _, Some(target)) => against(data, spec, data.spec(target)?, control)?,
        _ => profile.columns.iter().find(|c| c.name == name).and_then(distribution).unwrap_or_default(),
    };
    Ok(made)
}

/// Whether the values are quantities; otherwise they are levels.
fn is_quantity(spec: &ColumnSpec) -> bool {
    matches!(spec.physical, Physical::Float | Physical::Integer) && spec.meaning == Meaning::Number
}

/// Each row's level by its number, with the levels' names, the most frequent first.
fn levels(data: &Dataset, name: &str) -> Result<(Vec<Option<usize>>, Vec<String>)> {
    let texts = column::texts(column::get(&data.frame, name)?)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts.iter().flatten() {
        *counts.entry(text).or_default() += 1;
    }
    let mut order: Vec<(&str, usize)> = counts.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let places: BTreeMap<&str, usize> = order.iter().enumerate().map(|(i, (text, _))| (*text, i)).collect();
    let codes = texts.iter().map(|t| t.as_deref().and_then(|t| places.get(t).copied())).collect();
    Ok((codes, order.iter().map(|(text, _)| (*text).to_owned()).collect()))
}

/// A sum that grows value by value and gives mean and 95% interval of the mean.
#[derive(Default, Clone, Copy)]
struct Sum {
    n: f64,
    mean: f64,
    m2: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.n;
        self.m2 += delta * (value - self.mean);
    }

    fn interval(&self) -> (f64, f64) {
        if self.n < 2.0 {
            return (f64::NAN, f64::NAN);
        }
        let half = 1.96 * (self.m2 / (self.n - 1.0) / self.n).sqrt();
        (self.mean - half, self.mean + half)
    }
}

/// Mean of a quantity, or shares of the most frequent levels, period by period.
fn over_time(data: &Dataset, spec: &ColumnSpec, time: &str, control: &Control) -> Result<Chart> {
    let moments = times(column::get(&data.frame, time)?)?;
    let mut finite: Vec<f64> = moments.iter().copied().filter(|t| t.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    // A few far dates must not decide how long a period is.
    let at = |share: f64| finite.get((finite.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.001), at(0.999));
    let every = Every::for_span(high - low);
    let period = |moment: f64| {
        let inside = moment >= low && moment <= high;
        every.start_of(moment).filter(|_| inside).map(|s| s as i64)
    };
    control.check()?;
    let mut chart = if is_quantity(spec) {
        let values = column::numbers(column::get(&data.frame, &spec.name)?)?;
        let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
        for (moment, value) in moments.iter().zip(values).filter(|(_, v)| v.is_finite()) {
            if let Some(start) = period(*moment) {
                sums.entry(start).or_default().add(value);
            }
        }
        let points: Vec<kinds::TimePoint> = sums
            .iter()
            .map(|(start, sum)| kinds::TimePoint {
                time: *start as f64,
                value: sum.mean,
                interval: Some(sum.interval()).filter(|(a, b)| a.is_finite() && b.is_finite()),
            })
            .collect();
        let metric = format!("mean {}", brief(&spec.name, 40));
        kinds::over_time(&kinds::OverTime { metric: &metric, points: &points, events: &[], reference: None })
    } else {
        let (codes, names) = levels(data, &spec.name)?;
        let mut counts: BTreeMap<i64, (Vec<f64>, f64)> = BTreeMap::new();
        for (moment, code) in moments.iter().zip(codes) {
            let (Some(start), Some(code)) = (period(*moment), code) else { continue };
            let (hits, all) = counts.entry(start).or_insert_with(|| (vec![0.0; LINES], 0.0));
            *all += 1.0;
            if let Some(hit) = hits.get_mut(code) {
                *hit += 1.0;
            }
        }
        let series: Vec<Series> = names
            .iter()
            .take(LINES)
            .enumerate()
            .map(|(i, name)| Series::Line {
                name: brief(name, 24),
                points: counts
                    .iter()
                    .map(|(start, (hits, all))| (*start as f64, hits.get(i).copied().unwrap_or(0.0) / all))
                    .collect(),
                band: None,
            })
            .collect();
        let more = names.len().saturating_sub(LINES);
        let rest = if more > 0 { format!(" {more} rarer levels are not drawn.") } else { String::new() };
        Chart {
            x: Axis::time(""),
            y: Axis::share("share of rows"),
            series,
            sentence: format!("Shares of the most frequent values of {} by period.{rest}", brief(&spec.name, 40)),
            ..Chart::default()
        }
    };
    chart.title = format!("{} over time", brief(&spec.name, 40));
    Ok(chart)
}

/// How the target goes with a column.
fn against(data: &Dataset, spec: &ColumnSpec, target: &ColumnSpec, control: &Control) -> Result<Chart> {
    control.check()?;
    let quantity = is_quantity(target) && {
        // Few whole numbers are classes, as everywhere in the house.
        let distinct = column::get(&data.frame, &target.name)?.n_unique()?;
        distinct > if target.physical == Physical::Integer { 10 } else { 2 }
    };
    let (name, aim) = (brief(&spec.name, 40), brief(&target.name, 40));
    let (labels, groups) = groups(data, spec)?;
    control.check()?;
    let mut chart = if quantity {
        let answers = column::numbers(column::get(&data.frame, &target.name)?)?;
        let mut sums = vec![Sum::default(); labels.len()];
        for (group, answer) in groups.iter().zip(answers).filter(|(_, a)| a.is_finite()) {
            if let Some(sum) = group.and_then(|g| sums.get_mut(g)) {
                sum.add(answer);
            }
        }
        let values: Vec<f64> = sums.iter().map(|s| if s.n > 0.0 { s.mean } else { f64::NAN }).collect();
        let intervals: Vec<(f64, f64)> = sums.iter().map(Sum::interval).collect();
        draw_groups(spec, &format!("mean {aim}"), &labels, &values, &intervals)
    } else {
        let (codes, classes) = levels(data, &target.name)?;
        // Of two classes the rarer one, which is usually the one that is looked for; of many the most frequent one.
        let shown = if classes.len() == 2 { 1 } else { 0 };
        let mut hits = vec![(0.0, 0.0); labels.len()];
        for (group, code) in groups.iter().zip(codes) {
            let (Some(group), Some(code)) = (group, code) else { continue };
            if let Some((hit, all)) = hits.get_mut(*group) {
                *all += 1.0;
                *hit += f64::from(code == shown);
            }
        }
        let values: Vec<f64> = hits.iter().map(|(h, n)| if *n > 0.0 { h / n } else { f64::NAN }).collect();
        let intervals: Vec<(f64, f64)> = hits.iter().map(|(h, n)| wilson(*h, *n)).collect();
        let class = classes.get(shown).map_or("", String::as_str);
        draw_groups(spec, &format!("share of {aim} = {}", brief(class, 24)), &labels, &values, &intervals)
    };
    chart.title = format!("{aim} against {name}");
    Ok(chart)
}

/// A group of rows: the middle of its values for a quantity, or its name.
enum Label {
    At(f64),
    Named(String),
}

/// The rows' groups by a column: levels, or groups of equal size along a quantity.
fn groups(data: &Dataset, spec: &ColumnSpec) -> Result<(Vec<Label>, Vec<Option<usize>>)> {
    let dated = matches!(spec.physical, Physical::Date | Physical::Datetime);
    if !is_quantity(spec) && !dated {
        let (codes, names) = levels(data, &spec.name)?;
        let labels: Vec<Label> = names.into_iter().take(LEVELS).map(Label::Named).collect();
        let kept = labels.len();
        return Ok((labels, codes.into_iter().map(|c| c.filter(|c| *c < kept)).collect()));
    }
    let whole = column::get(&data.frame, &spec.name)?;
    let values = if dated { times(whole)? } else { column::numbers(whole)? };
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..GROUPS).filter_map(|i| sorted.get(sorted.len() * i / GROUPS).copied()).collect();
    edges.dedup();
    let place = |v: f64| edges.partition_point(|e| *e <= v);
    let mut middles = vec![Sum::default(); edges.len() + 1];
    for value in &sorted {
        if let Some(sum) = middles.get_mut(place(*value)) {
            sum.add(*value);
        }
    }
    let labels = middles.iter().map(|s| Label::At(if s.n > 0.0 { s.mean } else { f64::NAN })).collect();
    Ok((labels, values.into_iter().map(|v| v.is_finite().then(|| place(v))).collect()))
}

/// A line over a quantity, or a bar for each level.
fn draw_groups(spec: &ColumnSpec, measure: &str, labels: &[Label], values: &[f64], intervals: &[(f64, f64)]) -> Chart {
    let names: Option<Vec<String>> =
        labels.iter().map(|l| if let Label::Named(n) = l { Some(brief(n, 24)) } else { None }).collect();
    if let Some(names) = names {
        let bars = names
            .iter()
            .zip(values)
            .zip(intervals)
            .map(|((name, value), interval)| Bar {
                label: name.clone(),
                value: *value,
                interval: Some(*interval).filter(|(a, b)| a.is_finite() && b.is_finite()),
                ..Bar::default()
            })
            .collect();
        let mut chart = kinds::bars_by_category(measure, measure, &names, values, &[]);
        chart.series = vec![Series::Bars { name: measure.to_owned(), bars, direction: Direction::Horizontal }];
        chart.x = Axis::linear(measure);
        chart.y = Axis { kind: AxisKind::Categories(names), ..Axis::default() };
        return chart;
    }
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut band = Vec::new();
    for ((label, value), (low, high)) in labels.iter().zip(values).zip(intervals) {
        if let Label::At(x) = label
            && x.is_finite()
            && value.is_finite()
        {
            points.push((*x, *value));
            band.push((*x, *low, *high));
        }
    }
    let extreme =
        |better: fn(f64, f64) -> bool| points.iter().copied().reduce(|a, b| if better(b.1, a.1) { b } else { a });
    let dated = matches!(spec.physical, Physical::Date | Physical::Datetime);
    let figure = |v: f64| if dated { data::iso(v, false) } else { crate::chart::short(v) };
    let sentence = match (extreme(|a, b| a > b), extreme(|a, b| a < b)) {
        (Some(most), Some(least)) => format!(
            "The {measure} is greatest ({}) where {} is about {}, and least ({}) about {}. Each point is one of {} groups of \
             about equal size; the band is the 95 % interval.",
            crate::chart::short(most.1),
            brief(&spec.name, 40),
            figure(most.0),
            crate::chart::short(least.1),
            figure(least.0),
            points.len()
        ),
        _ => format!("{} has no values to compare.", brief(&spec.name, 40)),
    };
    let name = brief(&spec.name, 40);
    Chart {
        x: if dated { Axis::time(name) } else { Axis::linear(name) },
        y: Axis::linear(measure),
        series: vec![Series::Line { name: measure.to_owned(), points, band: Some(band) }],
        sentence,
        ..Chart::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, ProfileOptions, load, profile_with};

    fn made(rows: usize, row: impl Fn(usize) -> String) -> (Dataset, Profile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        let mut csv = String::from("day,level,x,y,z\n");
        for i in 0..rows {
            csv.push_str(&row(i));
            csv.push('\n');
        }
        std::fs::write(&path, csv).unwrap();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        let options =
            ProfileOptions { target: Some("y".into()), time: Some("day".into()), ..ProfileOptions::default() };
        let profile = profile_with(&data, &options, &Control::default()).unwrap();
        (data, profile)
    }

    /// x rises through the days; y is `yes` where x is large; z is twice x.
    fn plain() -> (Dataset, Profile) {
        made(400, |i| {
            let day = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Days::new(i as u64 / 2);
            let y = if i >= 300 { "yes" } else { "no" };
            format!("{day},{},{},{y},{}", ["a", "b", "c"][i % 3], i as f64 + 0.5, i * 2)
        })
    }

    fn line(chart: &Chart) -> &[(f64, f64)] {
        match chart.series.first() {
            Some(Series::Line { points, .. }) => points,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_quantity_over_time_is_its_mean_by_period() {
        let (data, profile) = plain();
        let chart = column_chart(&data, &profile, "x", ColumnChart::OverTime, &Control::default()).unwrap();
        // 62 rows in January with x = 0.5 to 61.5: mean 31.
        assert!((line(&chart)[0].1 - 31.0).abs() < 1.5, "{:?}", line(&chart));
        assert!(line(&chart).windows(2).all(|w| w[0].1 < w[1].1));
    }

    #[test]
    fn against_two_classes_it_is_the_share_of_the_rarer() {
        let (data, profile) = plain();
        let chart = column_chart(&data, &profile, "x", ColumnChart::AgainstTarget, &Control::default()).unwrap();
        let points = line(&chart);
        assert_eq!((points.first().unwrap().1, points.last().unwrap().1), (0.0, 1.0));
        assert!(chart.sentence.contains("y = yes"), "{}", chart.sentence);
        let chart = column_chart(&data, &profile, "level", ColumnChart::AgainstTarget, &Control::default()).unwrap();
        let Some(Series::Bars { bars, .. }) = chart.series.first() else { panic!("{chart:?}") };
        assert_eq!(bars.len(), 3);
        assert!(bars.iter().all(|b| (b.value - 0.25).abs() < 0.02 && b.interval.is_some()));
    }

    #[test]
    fn charts_are_offered_where_they_say_something() {
        let (_, profile) = plain();
        let of = |name: &str| ColumnChart::of(&profile, profile.columns.iter().find(|c| c.name == name).unwrap());
        assert_eq!(of("x").len(), 3);
        assert_eq!(of("y"), [ColumnChart::Distribution, ColumnChart::OverTime]);
        assert_eq!(of("day"), [ColumnChart::Distribution, ColumnChart::AgainstTarget]);
    }
}
