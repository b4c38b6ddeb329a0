//! Undefined numbers in stored records. JSON knows neither NaN nor infinity: `serde_json` writes both as `null` and then
//! refuses to read `null` as a number. Every stored number that can be undefined (the AUC of a fold with one class, say)
//! is read with these, so that one undefined metric does not make a whole workspace unreadable.

use serde::{Deserialize, Deserializer};

/// Reads a number; `null` is NaN. For `#[serde(deserialize_with = "crate::engine::undefined::number")]`.
///
/// # Errors
/// When the value is neither a number nor `null`.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

/// Reads a list of numbers; `null` is NaN.
///
/// # Errors
/// When a value is neither a number nor `null`.
pub fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    Ok(Vec::<Option<f64>>::deserialize(from)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Record {
        #[serde(deserialize_with = "super::number")]
        one: f64,
        #[serde(deserialize_with = "super::numbers")]
        many: Vec<f64>,
    }

    #[test]
    fn undefined_numbers_survive_a_round_trip() {
        let text = serde_json::to_string(&Record { one: f64::NAN, many: vec![0.1, f64::INFINITY] }).unwrap();
        let back: Record = serde_json::from_str(&text).unwrap();
        assert!(back.one.is_nan() && back.many[0] == 0.1 && back.many[1].is_nan());
        assert!(serde_json::from_str::<Record>(r#"{"one": "x", "many": []}"#).is_err());
    }
}
