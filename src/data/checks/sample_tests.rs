//! Which findings the samples give: what a person should see, and nothing else that is loud.

use crate::data::profile::{ProfileOptions, profile_with};
use crate::data::{FeasibilityVerdict, LoadOptions, Profile, Severity, derive, load, profile};
use crate::engine::Control;

fn of(name: &str, target: &str) -> Profile {
    let data = load(&format!("sample:{name}"), &LoadOptions::default(), &Control::default()).unwrap();
    profile(&data, Some(target), &Control::default()).unwrap()
}

/// `check column` of all findings at or above a severity, in their order.
fn loud(profile: &Profile, from: Severity) -> Vec<String> {
    let named = |f: &crate::data::Finding| format!("{} {}", f.check, f.column.as_deref().unwrap_or("-"));
    profile.findings.iter().filter(|f| f.severity >= from).map(named).collect()
}

fn has(profile: &Profile, check: &str, column: &str) -> bool {
    profile.findings.iter().any(|f| f.check == check && f.column.as_deref() == Some(column))
}

#[test]
fn churn() {
    let p = of("churn", "churned");
    assert_eq!(
        loud(&p, Severity::Warning),
        [
            "repeated-entity customer_id",
            "identifier-label customer_id",
            "missing-share avg_days_between_orders",
            "missing-share return_value",
            "missing-share days_since_last_return",
        ]
    );
    assert!(has(&p, "identifier", "customer_id") && has(&p, "time-column", "snapshot_date"));
    assert!(p.findings.iter().any(|f| f.message.starts_with("2,979 of 3,296 values of customer_id")));
    assert_eq!(p.feasibility.verdict, FeasibilityVerdict::Care, "three months are no year");
}

#[test]
fn taxi() {
    let mut data = load("sample:taxi", &LoadOptions::default(), &Control::default()).unwrap();
    let minutes = "EXTRACT(EPOCH FROM dropoff_datetime - pickup_datetime) / 60";
    derive(&mut data, "trip_minutes", minutes, &Control::default()).unwrap();
    let options = ProfileOptions { target: Some("trip_minutes".to_owned()), ..ProfileOptions::default() };
    let p = profile_with(&data, &options, &Control::default()).unwrap();
    assert_eq!(loud(&p, Severity::Serious), ["leak dropoff_datetime"]);
    assert_eq!(p.time.as_deref(), Some("pickup_datetime"));
    assert!(has(&p, "missing-before", "congestion_surcharge") && !has(&p, "missing-block", "congestion_surcharge"));
    for column in ["vendor_id", "passenger_count", "rate_code_id", "store_and_fwd_flag", "payment_type"] {
        assert!(has(&p, "missing-block", column), "{column}");
    }
    for column in ["fare_amount", "total_amount", "trip_minutes"] {
        assert!(has(&p, "negative-amounts", column), "{column}");
    }
    assert!(has(&p, "far-dates", "pickup_datetime") && has(&p, "date-order", "dropoff_datetime"));
    assert!(!has(&p, "personal-data", "pickup_location_id"));
}

#[test]
fn houses() {
    let p = of("houses", "Sale_Price");
    assert!(loud(&p, Severity::Warning).is_empty(), "{:?}", loud(&p, Severity::Warning));
    assert!(has(&p, "stray-blanks", "Sale_Type") && has(&p, "near-constant", "Utilities"));
    assert_eq!(p.time, None);
}

#[test]
fn credit() {
    let p = of("credit", "Status");
    assert_eq!(loud(&p, Severity::Warning), ["conflicting-labels Status"]);
    // pandas: df.duplicated().sum() is 2
    assert!(p.findings.iter().any(|f| f.check == "duplicate-rows" && f.rows.len() == 2));
    assert!(has(&p, "missing-share", "Income"));
}

/// The JSON that users are promised.
#[test]
fn the_json_has_the_promised_shape() {
    let json = serde_json::to_value(of("credit", "Status")).unwrap();
    for key in ["source", "rows", "columns", "findings", "feasibility"] {
        assert!(!json[key].is_null(), "{key}");
    }
    // pandas 2: pd.read_csv("credit_scoring.csv")["Income"].describe()
    let income = json["columns"].as_array().unwrap().iter().find(|c| c["name"] == "Income").unwrap();
    assert_eq!((income["kind"].as_str(), income["missing"].as_u64()), (Some("number"), Some(381)));
    for (key, want) in [("mean", MEAN), ("std", STD), ("min", 6.0), ("max", 959.0)] {
        let got = income[key].as_f64().unwrap();
        assert!((got - want).abs() < 1e-9, "{key}: {got}");
    }
    assert_eq!(income["quantiles"]["0.25"], 90.0);
    for key in ["check", "column", "severity", "message", "evidence", "remedy"] {
        assert!(json["findings"][0].get(key).is_some(), "{key}");
    }
    assert_eq!(json["feasibility"]["verdict"], "go");
    assert!(json["feasibility"]["reasons"][0]["message"].is_string());
    let back: Profile = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(back).unwrap(), json);
}

const MEAN: f64 = 141.687_699_484_409_53;
const STD: f64 = 80.748_397_640_138_6;
