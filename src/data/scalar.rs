//! A single value as a person writes it in a rule or recipe, and what it means in a column.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::csv::dates::{self, Order};
use super::display::brief;
use super::{ColumnSpec, Physical};
use crate::error::{Error, Result};

/// Whole numbers up to this size are written without a decimal point; beyond it a double skips some.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A number, a text (dates are texts in ISO 8601), or yes and no.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A number.
    Number(f64),
    /// A text or a date.
    Text(String),
    /// True or false.
    Bool(bool),
}

impl Scalar {
    /// The value as it is stored in a column of numbers: numbers as they are, dates as days, moments as seconds since 1970,
    /// booleans as 0 and 1.
    ///
    /// # Errors
    /// When the column cannot hold such a value.
    pub fn number_in(&self, spec: &ColumnSpec) -> Result<f64> {
        let unfit = |what: &str| {
            let name = brief(&spec.name, 60);
            Err(Error::input(format!("`{self}` is {what}, but column `{name}` holds {}", words(spec.physical)))
                .hint("Write the value as the column holds it: 12.5, \"2019-12-31\", \"2019-12-31 23:59:00\", true"))
        };
        match (self, spec.physical) {
            (Self::Number(v), Physical::Float | Physical::Integer) => Ok(*v),
            (Self::Bool(v), Physical::Boolean) => Ok(f64::from(u8::from(*v))),
            (Self::Text(text), Physical::Date | Physical::Datetime) => match moment(text) {
                Some(micros) if spec.physical == Physical::Date => Ok((micros as f64 / 86_400e6).floor()),
                Some(micros) => Ok(micros as f64 / 1e6),
                None => unfit("no date"),
            },
            (Self::Number(_), _) => unfit("a number"),
            (Self::Bool(_), _) => unfit("true or false"),
            (Self::Text(_), _) => unfit("a text"),
        }
    }

    /// As [`Scalar::number_in`], for an upper bound that belongs to what it bounds: a whole day means all of it.
    ///
    /// # Errors
    /// When the column cannot hold such a value.
    pub fn greatest_in(&self, spec: &ColumnSpec) -> Result<f64> {
        let number = self.number_in(spec)?;
        let whole_day = matches!(self, Self::Text(text) if !text.contains(':'));
        // Moments are kept to the microsecond.
        Ok(if whole_day && spec.physical == Physical::Datetime { number + 86_400.0 - 1e-6 } else { number })
    }

    /// The value as a column of texts writes it: a value and a column of different kinds meet as texts.
    #[must_use]
    pub fn in_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(v) => v.to_string(),
            Self::Bool(v) => v.to_string(),
        }
    }

    /// The value as a text column would hold it; `None` for what is no text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Bool(_) => None,
        }
    }
}

/// A date or moment in ISO 8601, as microseconds since 1970.
pub(super) fn moment(text: &str) -> Option<i64> {
    dates::parse(Order::YmdDash, text.trim().as_bytes()).map(|m| m.micros)
}

/// The storage in words.
pub(super) fn words(physical: Physical) -> &'static str {
    match physical {
        Physical::Float => "numbers",
        Physical::Integer => "whole numbers",
        Physical::Boolean => "true and false",
        Physical::String => "text",
        Physical::Date => "dates",
        Physical::Datetime => "moments",
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v) => write!(f, "{v}"),
            Self::Text(text) => f.write_str(&brief(text, 60)),
            Self::Bool(v) => write!(f, "{v}"),
        }
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Number(v) if v.fract() == 0.0 && v.abs() < WHOLE => serializer.serialize_i64(*v as i64),
            Self::Number(v) => serializer.serialize_f64(*v),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(v) => serializer.serialize_bool(*v),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, a date, true or false")
            }

            fn visit_i64<E: serde::de::Error>(self, v: i64) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Number(v as f64))
            }

            fn visit_u64<E: serde::de::Error>(self, v: u64) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Number(v as f64))
            }

            fn visit_f64<E: serde::de::Error>(self, v: f64) -> std::result::Result<Scalar, E> {
                if v.is_finite() { Ok(Scalar::Number(v)) } else { Err(E::custom("the number must be finite")) }
            }

            fn visit_bool<E: serde::de::Error>(self, v: bool) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Bool(v))
            }

            fn visit_str<E: serde::de::Error>(self, v: &str) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Text(v.to_owned()))
            }

            /// TOML has dates of its own; they arrive as a map with one hidden key.
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Scalar, A::Error> {
                let date = toml::value::Datetime::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Scalar::Text(date.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Meaning;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        v: Vec<Scalar>,
    }

    #[test]
    fn values_survive_toml_and_its_own_dates_are_read() {
        let holder: Holder = toml::from_str("v = [1, 2.5, 'a', true, 2019-12-31, 1e20]").unwrap();
        assert_eq!(holder.v[0], Scalar::Number(1.0));
        assert_eq!(holder.v[4], Scalar::Text("2019-12-31".into()));
        let text = toml::to_string(&holder).unwrap();
        assert!(text.contains("[1, 2.5"), "{text}");
        assert_eq!(toml::from_str::<Holder>(&text).unwrap(), holder);
        assert!(toml::from_str::<Holder>("v = [nan]").is_err());
    }

    #[test]
    fn a_value_must_fit_its_column() {
        let spec = |physical| ColumnSpec {
            name: "c".into(),
            physical,
            meaning: Meaning::Number,
            missing_spellings: Vec::new(),
            date_format: None,
        };
        let text = |t: &str| Scalar::Text(t.into());
        assert_eq!(text("1970-01-03").number_in(&spec(Physical::Date)).unwrap(), 2.0);
        assert_eq!(text("1970-01-01 00:01:00").number_in(&spec(Physical::Datetime)).unwrap(), 60.0);
        assert!(text("soon").number_in(&spec(Physical::Date)).is_err());
        assert!(Scalar::Number(1.0).number_in(&spec(Physical::String)).is_err());
    }
}
