//! The sample flows, inside the binary.

use crate::error::{Error, Result};

/// A flow that ships with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleFlow {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in one line.
    pub about: &'static str,
    /// The flow file.
    pub toml: &'static str,
}

static FLOWS: [SampleFlow; 4] = [
    SampleFlow {
        name: "churn",
        about: "who will not order again: two classes, customers that come back, late labels",
        toml: include_str!("../../sample_data/flows/churn.toml"),
    },
    SampleFlow {
        name: "taxi",
        about: "minutes of a trip: a derived target, a leak, and the break of April 2020",
        toml: include_str!("../../sample_data/flows/taxi.toml"),
    },
    SampleFlow {
        name: "houses",
        about: "prices of houses: a number, and forty columns of words",
        toml: include_str!("../../sample_data/flows/houses.toml"),
    },
    SampleFlow {
        name: "credit",
        about: "loans that go bad: mixed columns, the quickest walk",
        toml: include_str!("../../sample_data/flows/credit.toml"),
    },
];

/// All sample flows, the one to start with first.
#[must_use]
pub fn sample_flows() -> &'static [SampleFlow] {
    &FLOWS
}

/// A sample flow by name.
///
/// # Errors
/// When there is none of this name.
pub fn sample_flow(name: &str) -> Result<&'static SampleFlow> {
    FLOWS.iter().find(|f| f.name == name).ok_or_else(|| {
        let names: Vec<&str> = FLOWS.iter().map(|f| f.name).collect();
        Error::usage(format!("there is no sample flow `{name}`")).hint(format!("Choose from {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;

    #[test]
    fn every_sample_flow_parses() {
        for flow in sample_flows() {
            assert_eq!(Flow::parse(flow.toml).unwrap().name, flow.name);
        }
    }
}
