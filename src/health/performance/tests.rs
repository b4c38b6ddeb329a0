use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const DAY: f64 = 86_400.0;
/// 2018-01-01.
const START: f64 = 1_514_764_800.0;

/// Predictions of numbers with an error of about `error(day)`, twenty rows a day.
fn numbers(days: usize, error: impl Fn(usize) -> f64, seed: u64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut times, mut truth, mut predicted) = (Vec::new(), Vec::new(), Vec::new());
    for day in 0..days {
        for row in 0..20 {
            times.push(START + day as f64 * DAY + f64::from(row) * 1000.0);
            let value: f64 = rng.random_range(0.0..10.0);
            truth.push(value);
            predicted.push(value + error(day) * rng.random_range(-1.0..1.0));
        }
    }
    (times, truth, predicted)
}

fn run(times: &[f64], answers: &Answers<'_>, reference: Option<(&Answers<'_>, Option<&[f64]>)>) -> Performance {
    performance_over_time(times, answers, reference, &PerformanceOptions::default(), &Control::default()).unwrap()
}

#[test]
fn the_first_month_that_breaks_is_found() {
    let (ref_times, ref_truth, ref_predicted) = numbers(300, |_| 1.0, 1);
    let (times, truth, predicted) = numbers(420, |day| if day < 181 { 1.0 } else { 1.6 }, 2);
    let hold_out = Answers::Numbers { truth: &ref_truth, predicted: &ref_predicted };
    let answers = Answers::Numbers { truth: &truth, predicted: &predicted };
    for times_of_reference in [Some(ref_times.as_slice()), None] {
        let found = run(&times, &answers, Some((&hold_out, times_of_reference)));
        assert_eq!(found.every, Every::Month);
        assert!(found.broken);
        let first = &found.periods[found.first_broken.unwrap()];
        assert_eq!((first.label.as_str(), first.rows), ("2018-07", 31 * 20));
        assert!(first.outside.contains(&"mae".to_owned()));
        let mae = &first.metrics[0];
        assert!((mae.value - 0.8).abs() < 0.05 && mae.interval.is_some_and(|(l, h)| l < mae.value && mae.value < h));
    }
}

#[test]
fn nothing_breaks_when_nothing_changed() {
    let mut broken = 0;
    for seed in 0..30 {
        let (ref_times, ref_truth, ref_predicted) = numbers(300, |_| 1.0, 100 + seed);
        let (times, truth, predicted) = numbers(360, |_| 1.0, 200 + seed);
        let hold_out = Answers::Numbers { truth: &ref_truth, predicted: &ref_predicted };
        let answers = Answers::Numbers { truth: &truth, predicted: &predicted };
        broken += usize::from(run(&times, &answers, Some((&hold_out, Some(&ref_times)))).broken);
    }
    // Twelve months and three metrics at three deviations, of a deviation that ten months estimate.
    assert!(broken <= 6, "{broken} of 30");
}

/// Rows of two classes whose scores are right, and labels; twenty a day.
fn classes(days: usize, flip_from: usize, seed: u64) -> (Vec<f64>, Vec<Option<usize>>, Array2<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows = days * 20;
    let mut scores = Array2::zeros((rows, 2));
    let (mut times, mut truth) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let p: f64 = rng.random_range(0.0..1.0);
        scores[[row, 0]] = 1.0 - p;
        scores[[row, 1]] = p;
        let chance = if row / 20 < flip_from { p } else { 0.5 };
        truth.push(Some(usize::from(rng.random::<f64>() < chance)));
        times.push(START + (row / 20) as f64 * DAY);
    }
    (times, truth, scores)
}

#[test]
fn classes_that_stop_following_their_scores_are_found() {
    let (_, ref_truth, ref_scores) = classes(300, 300, 1);
    let (times, truth, scores) = classes(240, 120, 2);
    let hold_out = Answers::Classes { truth: &ref_truth, scores: ref_scores.view() };
    let answers = Answers::Classes { truth: &truth, scores: scores.view() };
    let found = run(&times, &answers, Some((&hold_out, None)));
    let first = &found.periods[found.first_broken.unwrap()];
    assert_eq!(first.label, "2018-05"); // Day 120 is the first of May.
    for metric in ["roc_auc", "log_loss", "accuracy"] {
        assert!(first.outside.iter().any(|m| m == metric), "{metric}");
    }
    let names: Vec<&str> = first.metrics.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["roc_auc", "log_loss", "accuracy", "positive_rate", "mean_score", "calibration_gap"]);
}

#[test]
fn labels_that_are_not_final_are_not_judged() {
    let (_, ref_truth, ref_scores) = classes(300, 300, 1);
    let (times, mut truth, scores) = classes(120, 120, 2);
    let hold_out = Answers::Classes { truth: &ref_truth, scores: ref_scores.view() };
    // The last month's positives have not shown yet.
    for (row, label) in truth.iter_mut().enumerate() {
        if row / 20 >= 90 {
            *label = Some(0);
        }
    }
    let answers = Answers::Classes { truth: &truth, scores: scores.view() };
    let found = run(&times, &answers, Some((&hold_out, None)));
    assert!(!found.broken && found.periods[3].immature, "{found:?}");
    assert!(found.notes[0].contains("2018-04") && found.notes[0].contains("may not be final"));

    let options = PerformanceOptions { label_delay: Some(45.0 * DAY), ..PerformanceOptions::default() };
    let found =
        performance_over_time(&times, &answers, Some((&hold_out, None)), &options, &Control::default()).unwrap();
    let labelled: Vec<usize> = found.periods.iter().map(|p| p.labelled).collect();
    assert_eq!(labelled, [31 * 20, 28 * 20, 16 * 20, 0]);
    assert!(found.periods[3].immature && found.periods[3].metrics.is_empty() && !found.broken);
    assert!(found.notes[0].contains("younger than the label delay"));
}

#[test]
fn unknown_truth_odd_times_and_empty_tables_are_handled() {
    let times = [START, f64::NAN, 1e300, START + DAY];
    let truth = [1.0, 2.0, 3.0, f64::NAN];
    let predicted = [1.5, 2.0, 3.0, 4.0];
    let found = run(&times, &Answers::Numbers { truth: &truth, predicted: &predicted }, None);
    assert_eq!(found.periods.iter().map(|p| (p.rows, p.labelled)).collect::<Vec<_>>(), [(1, 1), (1, 0)]);
    assert!(found.notes[0].contains("2 rows have no time"));
    assert_eq!(found.periods[0].metrics[0].value, 0.5);
    assert!(found.periods[1].metrics.is_empty() && found.bands.is_empty() && !found.broken);

    let nothing = Answers::Numbers { truth: &[], predicted: &[] };
    let error = |times: &[f64], a: &Answers<'_>| {
        performance_over_time(times, a, None, &PerformanceOptions::default(), &Control::default()).unwrap_err().message
    };
    assert!(error(&[], &nothing).contains("no row has a time"));
    assert!(error(&[1.0], &nothing).contains("do not belong to the same rows"));
    let wild = Answers::Classes {
        truth: &[Some(7), None],
        scores: ndarray::ArrayView2::from_shape((2, 1), &[0.5, 0.5]).unwrap(),
    };
    assert_eq!(run(&[START, START], &wild, Some((&wild, None))).periods[0].labelled, 0);
}

/// The taxi sample as it comes, wild trips of a whole day included, and a plain model: the median minutes of trips of
/// that distance up to March 2019. April to June 2019 is the hold-out.
#[test]
fn the_break_of_april_2020_is_seen_in_the_taxi_sample() {
    use crate::data::{LoadOptions, column, load};
    let data = load("sample:taxi", &LoadOptions::default(), &Control::default()).unwrap();
    let read = |name: &str| column::numbers(column::get(&data.frame, name).unwrap()).unwrap();
    let (times, ends, miles) = (read("pickup_datetime"), read("dropoff_datetime"), read("trip_distance"));
    let minutes: Vec<f64> = ends.iter().zip(&times).map(|(end, start)| (end - start) / 60.0).collect();
    let bin = |m: f64| (m.max(0.0) * 2.0).min(60.0) as usize;
    let mut by_distance = vec![Vec::new(); 61];
    let (held_from, watched_from) = (1_554_076_800.0, 1_561_939_200.0); // 2019-04-01 and 2019-07-01
    for ((time, m), d) in times.iter().zip(&minutes).zip(&miles).filter(|((t, _), _)| **t < held_from) {
        assert!(time.is_finite());
        by_distance[bin(*d)].push(*m);
    }
    let median: Vec<f64> = by_distance
        .into_iter()
        .map(|mut v| {
            v.sort_by(f64::total_cmp);
            v.get(v.len() / 2).copied().unwrap_or(30.0)
        })
        .collect();
    let pick = |from: f64, to: f64| {
        let rows: Vec<usize> = (0..times.len()).filter(|r| times[*r] >= from && times[*r] < to).collect();
        let of = |f: &dyn Fn(usize) -> f64| rows.iter().map(|r| f(*r)).collect::<Vec<f64>>();
        (of(&|r| times[r]), of(&|r| minutes[r]), of(&|r| median[bin(miles[r])]))
    };
    let (_, held_truth, held_predicted) = pick(held_from, watched_from);
    let (times, truth, predicted) = pick(watched_from, 1_609_459_200.0);
    let hold_out = Answers::Numbers { truth: &held_truth, predicted: &held_predicted };
    let found = run(&times, &Answers::Numbers { truth: &truth, predicted: &predicted }, Some((&hold_out, None)));
    let first = &found.periods[found.first_broken.unwrap()];
    assert_eq!(first.label, "2020-04", "{first:?} {:?}", found.bands);
}
