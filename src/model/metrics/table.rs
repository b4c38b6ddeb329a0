//! The one table of metrics: what each is called, for which tasks it is defined, which way is better, and how it is computed.

use serde::Serialize;

use super::labels::Average;
use super::numbers as num;
use super::probability as prob;
use super::ranking as rank;
use super::rows::Rows;
use crate::model::Task;

/// Which value of a metric is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Best {
    /// The larger, the better.
    High,
    /// The smaller, the better.
    Low,
    /// The nearer to 0, the better.
    Zero,
}

/// What a metric looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// The most probable class of each row.
    Labels,
    /// Only the order of the probabilities.
    Order,
    /// The probabilities themselves.
    Probabilities,
    /// Predicted numbers.
    Numbers,
}

/// A metric.
#[derive(Clone, Copy, Serialize)]
pub struct MetricInfo {
    /// The name in files, on the command line and in JSON.
    pub name: &'static str,
    /// scikit-learn's function, with the arguments that make it this metric; or where the definition comes from.
    pub definition: &'static str,
    /// The tasks for which it is defined.
    pub tasks: &'static [Task],
    /// Which value is best.
    pub best: Best,
    /// Whether models can be ranked by it: its best value is 1 or 0.
    pub ranks: bool,
    /// What it looks at.
    pub reads: Reads,
    /// When it has no value (it is then NaN); empty when it always has one.
    pub undefined: &'static str,
    #[serde(skip)]
    compute: fn(&Rows<'_>) -> f64,
}

impl std::fmt::Debug for MetricInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl MetricInfo {
    /// The value on some rows; NaN where it is undefined.
    #[must_use]
    pub fn of(&self, rows: &Rows<'_>) -> f64 {
        (self.compute)(rows)
    }

    const fn never(self, undefined: &'static str) -> Self {
        Self { undefined, ..self }
    }

    const fn best(self, best: Best) -> Self {
        Self { best, ..self }
    }

    const fn not_for_ranking(self) -> Self {
        Self { ranks: false, ..self }
    }
}

const BOTH: &[Task] = &[Task::Binary, Task::Multiclass];
const TWO: &[Task] = &[Task::Binary];
const MANY: &[Task] = &[Task::Multiclass];
const NUMBERS: &[Task] = &[Task::Regression];

const fn labels(
    name: &'static str,
    tasks: &'static [Task],
    definition: &'static str,
    compute: fn(&Rows<'_>) -> f64,
) -> MetricInfo {
    MetricInfo { name, definition, tasks, best: Best::High, ranks: true, reads: Reads::Labels, undefined: "", compute }
}

const fn order(
    name: &'static str,
    tasks: &'static [Task],
    definition: &'static str,
    compute: fn(&Rows<'_>) -> f64,
) -> MetricInfo {
    MetricInfo {
        reads: Reads::Order,
        undefined: "a class does not occur among the rows",
        ..labels(name, tasks, definition, compute)
    }
}

const fn chances(
    name: &'static str,
    definition: &'static str,
    best: Best,
    compute: fn(&Rows<'_>) -> f64,
) -> MetricInfo {
    MetricInfo { reads: Reads::Probabilities, best, ..labels(name, BOTH, definition, compute) }
}

const fn number(name: &'static str, definition: &'static str, best: Best, compute: fn(&Rows<'_>) -> f64) -> MetricInfo {
    MetricInfo { reads: Reads::Numbers, best, ..labels(name, NUMBERS, definition, compute) }
}

fn on_positive(rows: &Rows<'_>, measure: fn(&[bool], &[f64]) -> f64) -> f64 {
    let (truth, scores) = rows.against_rest(1);
    measure(&truth, &scores)
}

const ONE_CLASS: &str = "only one class occurs";
const FEW: &str = "there are fewer than two rows";
const POSITIVE: &str = "a prediction is not positive, or a true value is negative";
const STRICT: &str = "a prediction or a true value is not positive";

/// Every metric, by what it reads.
pub const METRICS: &[MetricInfo] = &[
    // Order.
    order("roc_auc", TWO, "roc_auc_score", |r| on_positive(r, rank::roc_auc)),
    order("average_precision", TWO, "average_precision_score", |r| on_positive(r, rank::average_precision))
        .never("there are no positives"),
    order("roc_auc_ovr", MANY, "roc_auc_score(multi_class=\"ovr\")", |r| rank::rest_macro(r, rank::roc_auc)),
    order("roc_auc_ovr_weighted", MANY, "roc_auc_score(multi_class=\"ovr\", average=\"weighted\")", |r| {
        rank::rest_weighted(r, rank::roc_auc)
    }),
    order("roc_auc_ovr_micro", MANY, "roc_auc_score(multi_class=\"ovr\", average=\"micro\")", |r| {
        rank::rest_micro(r, rank::roc_auc)
    })
    .never("there are no rows"),
    order("roc_auc_ovo", MANY, "roc_auc_score(multi_class=\"ovo\")", |r| rank::one_against_one(r, false)),
    order("roc_auc_ovo_weighted", MANY, "roc_auc_score(multi_class=\"ovo\", average=\"weighted\")", |r| {
        rank::one_against_one(r, true)
    }),
    order("average_precision_macro", MANY, "average_precision_score", |r| rank::rest_macro(r, rank::average_precision)),
    order("average_precision_weighted", MANY, "average_precision_score(average=\"weighted\")", |r| {
        rank::rest_weighted(r, rank::average_precision)
    }),
    order("average_precision_micro", MANY, "average_precision_score(average=\"micro\")", |r| {
        rank::rest_micro(r, rank::average_precision)
    })
    .never("there are no rows"),
    order("top_2_accuracy", MANY, "top_k_accuracy_score(k=2)", |r| rank::top_k(r, 2))
        .never("there are only two classes"),
    order("top_3_accuracy", MANY, "top_k_accuracy_score(k=3)", |r| rank::top_k(r, 3))
        .never("there are no more than three classes"),
    order("top_5_accuracy", MANY, "top_k_accuracy_score(k=5)", |r| rank::top_k(r, 5))
        .never("there are no more than five classes"),
    // Probabilities.
    chances("log_loss", "log_loss", Best::Low, |r| prob::log_loss(r.codes(), r.scores())),
    chances("brier", "brier_score_loss", Best::Low, |r| prob::brier(r.codes(), r.scores())),
    chances("d2_log_loss", "d2_log_loss_score", Best::High, |r| prob::d2_log_loss(r.codes(), r.scores()))
        .never(ONE_CLASS),
    chances("d2_brier", "d2_brier_score", Best::High, |r| prob::d2_brier(r.codes(), r.scores())).never(ONE_CLASS),
    chances("ece", "ten bins of equal width (Guo et al. 2017)", Best::Low, |r| prob::ece(r.codes(), r.scores())),
    // Labels.
    labels("accuracy", BOTH, "accuracy_score", |r| r.confusion().accuracy()),
    labels("zero_one_loss", BOTH, "zero_one_loss", |r| 1.0 - r.confusion().accuracy()).best(Best::Low),
    labels("hamming_loss", BOTH, "hamming_loss", |r| 1.0 - r.confusion().accuracy()).best(Best::Low),
    labels("balanced_accuracy", BOTH, "balanced_accuracy_score", |r| r.confusion().balanced_accuracy()),
    labels("balanced_accuracy_adjusted", BOTH, "balanced_accuracy_score(adjusted=True)", |r| {
        r.confusion().balanced_accuracy_adjusted()
    })
    .never(ONE_CLASS),
    labels("f1", TWO, "f1_score", |r| r.confusion().f_beta(Average::Positive, 1.0)),
    labels("f1_macro", BOTH, "f1_score(average=\"macro\")", |r| r.confusion().f_beta(Average::Macro, 1.0)),
    labels("f1_micro", BOTH, "f1_score(average=\"micro\")", |r| r.confusion().f_beta(Average::Micro, 1.0)),
    labels("f1_weighted", BOTH, "f1_score(average=\"weighted\")", |r| r.confusion().f_beta(Average::Weighted, 1.0)),
    labels("f05", TWO, "fbeta_score(beta=0.5)", |r| r.confusion().f_beta(Average::Positive, 0.5)),
    labels("f05_macro", BOTH, "fbeta_score(beta=0.5, average=\"macro\")", |r| {
        r.confusion().f_beta(Average::Macro, 0.5)
    }),
    labels("f05_micro", BOTH, "fbeta_score(beta=0.5, average=\"micro\")", |r| {
        r.confusion().f_beta(Average::Micro, 0.5)
    }),
    labels("f05_weighted", BOTH, "fbeta_score(beta=0.5, average=\"weighted\")", |r| {
        r.confusion().f_beta(Average::Weighted, 0.5)
    }),
    labels("f2", TWO, "fbeta_score(beta=2)", |r| r.confusion().f_beta(Average::Positive, 2.0)),
    labels("f2_macro", BOTH, "fbeta_score(beta=2, average=\"macro\")", |r| r.confusion().f_beta(Average::Macro, 2.0)),
    labels("f2_micro", BOTH, "fbeta_score(beta=2, average=\"micro\")", |r| r.confusion().f_beta(Average::Micro, 2.0)),
    labels("f2_weighted", BOTH, "fbeta_score(beta=2, average=\"weighted\")", |r| {
        r.confusion().f_beta(Average::Weighted, 2.0)
    }),
    labels("precision", TWO, "precision_score", |r| r.confusion().precision(Average::Positive)),
    labels("precision_macro", BOTH, "precision_score(average=\"macro\")", |r| r.confusion().precision(Average::Macro)),
    labels("precision_micro", BOTH, "precision_score(average=\"micro\")", |r| r.confusion().precision(Average::Micro)),
    labels("precision_weighted", BOTH, "precision_score(average=\"weighted\")", |r| {
        r.confusion().precision(Average::Weighted)
    }),
    labels("recall", TWO, "recall_score", |r| r.confusion().recall(Average::Positive)),
    labels("specificity", TWO, "recall_score(pos_label=the first class)", |r| r.confusion().specificity()),
    labels("recall_macro", BOTH, "recall_score(average=\"macro\")", |r| r.confusion().recall(Average::Macro)),
    labels("recall_micro", BOTH, "recall_score(average=\"micro\")", |r| r.confusion().recall(Average::Micro)),
    labels("recall_weighted", BOTH, "recall_score(average=\"weighted\")", |r| r.confusion().recall(Average::Weighted)),
    labels("jaccard", TWO, "jaccard_score", |r| r.confusion().jaccard(Average::Positive)),
    labels("jaccard_macro", BOTH, "jaccard_score(average=\"macro\")", |r| r.confusion().jaccard(Average::Macro)),
    labels("jaccard_micro", BOTH, "jaccard_score(average=\"micro\")", |r| r.confusion().jaccard(Average::Micro)),
    labels("jaccard_weighted", BOTH, "jaccard_score(average=\"weighted\")", |r| {
        r.confusion().jaccard(Average::Weighted)
    }),
    labels("mcc", BOTH, "matthews_corrcoef", |r| r.confusion().matthews()),
    labels("cohen_kappa", BOTH, "cohen_kappa_score", |r| r.confusion().kappa(|i, j| if i == j { 0.0 } else { 1.0 }))
        .never("truth and prediction know one class only"),
    labels("cohen_kappa_linear", MANY, "cohen_kappa_score(weights=\"linear\"): for classes in order", |r| {
        r.confusion().kappa(|i, j| (i - j).abs())
    })
    .never("truth and prediction know one class only"),
    labels("cohen_kappa_quadratic", MANY, "cohen_kappa_score(weights=\"quadratic\"): for classes in order", |r| {
        r.confusion().kappa(|i, j| (i - j).powi(2))
    })
    .never("truth and prediction know one class only"),
    labels("positive_likelihood_ratio", TWO, "class_likelihood_ratios()[0]", |r| r.confusion().likelihood_ratios().0)
        .never("there are no positives or no false alarms")
        .not_for_ranking(),
    labels("negative_likelihood_ratio", TWO, "class_likelihood_ratios()[1]", |r| r.confusion().likelihood_ratios().1)
        .never("there are no positives, or no negative is called negative")
        .best(Best::Low)
        .not_for_ranking(),
    // Numbers.
    number("mae", "mean_absolute_error", Best::Low, |r| num::mae(r.numbers(), &r.predicted())),
    number("mse", "mean_squared_error", Best::Low, |r| num::mse(r.numbers(), &r.predicted())),
    number("rmse", "root_mean_squared_error", Best::Low, |r| num::mse(r.numbers(), &r.predicted()).sqrt()),
    number("r2", "r2_score", Best::High, |r| num::r2(r.numbers(), &r.predicted())).never(FEW),
    number("r2_adjusted", "1 - (1 - R²)(n - 1)/(n - columns - 1)", Best::High, |r| {
        r.features().map_or(f64::NAN, |k| num::r2_adjusted(r.numbers(), &r.predicted(), k))
    })
    .never("there are no more rows than columns, or their number is not known"),
    number("medae", "median_absolute_error", Best::Low, |r| num::medae(r.numbers(), &r.predicted())),
    number("mape", "mean_absolute_percentage_error", Best::Low, |r| num::mape(r.numbers(), &r.predicted())),
    number("max_error", "max_error", Best::Low, |r| num::max_error(r.numbers(), &r.predicted())),
    number("explained_variance", "explained_variance_score", Best::High, |r| {
        num::explained_variance(r.numbers(), &r.predicted())
    }),
    number("mean_error", "mean of prediction less truth", Best::Zero, |r| num::mean_error(r.numbers(), &r.predicted()))
        .not_for_ranking(),
    number("msle", "mean_squared_log_error", Best::Low, |r| num::msle(r.numbers(), &r.predicted()))
        .never("a prediction or a true value is -1 or less"),
    number("rmsle", "root_mean_squared_log_error", Best::Low, |r| num::msle(r.numbers(), &r.predicted()).sqrt())
        .never("a prediction or a true value is -1 or less"),
    number("poisson_deviance", "mean_poisson_deviance", Best::Low, |r| num::tweedie(r.numbers(), &r.predicted(), 1.0))
        .never(POSITIVE),
    number("gamma_deviance", "mean_gamma_deviance", Best::Low, |r| num::tweedie(r.numbers(), &r.predicted(), 2.0))
        .never(STRICT),
    number("tweedie_deviance", "mean_tweedie_deviance(power=1.5)", Best::Low, |r| {
        num::tweedie(r.numbers(), &r.predicted(), 1.5)
    })
    .never(POSITIVE),
    number("d2_poisson", "d2_tweedie_score(power=1)", Best::High, |r| {
        num::d2_tweedie(r.numbers(), &r.predicted(), 1.0)
    })
    .never(POSITIVE),
    number("d2_gamma", "d2_tweedie_score(power=2)", Best::High, |r| num::d2_tweedie(r.numbers(), &r.predicted(), 2.0))
        .never(STRICT),
    number("d2_tweedie", "d2_tweedie_score(power=1.5)", Best::High, |r| {
        num::d2_tweedie(r.numbers(), &r.predicted(), 1.5)
    })
    .never(POSITIVE),
    number("pinball_01", "mean_pinball_loss(alpha=0.1)", Best::Low, |r| num::pinball(r.numbers(), &r.predicted(), 0.1)),
    number("pinball_05", "mean_pinball_loss(alpha=0.5)", Best::Low, |r| num::pinball(r.numbers(), &r.predicted(), 0.5)),
    number("pinball_09", "mean_pinball_loss(alpha=0.9)", Best::Low, |r| num::pinball(r.numbers(), &r.predicted(), 0.9)),
    number("d2_absolute_error", "d2_absolute_error_score", Best::High, |r| {
        num::d2_pinball(r.numbers(), &r.predicted(), 0.5)
    })
    .never(FEW),
    number("d2_pinball_01", "d2_pinball_score(alpha=0.1)", Best::High, |r| {
        num::d2_pinball(r.numbers(), &r.predicted(), 0.1)
    })
    .never(FEW),
    number("d2_pinball_09", "d2_pinball_score(alpha=0.9)", Best::High, |r| {
        num::d2_pinball(r.numbers(), &r.predicted(), 0.9)
    })
    .never(FEW),
];

/// A metric by name.
#[must_use]
pub fn find(name: &str) -> Option<&'static MetricInfo> {
    METRICS.iter().find(|m| m.name == name)
}

/// Every metric of a task, in the table's order.
pub fn of_task(task: Task) -> impl Iterator<Item = &'static MetricInfo> {
    METRICS.iter().filter(move |m| m.tasks.contains(&task))
}
