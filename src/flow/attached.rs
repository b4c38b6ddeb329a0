//! Rules and recipes of a flow: named as a file, or written into the flow itself.
//!
//! A file is read when a walk begins, and its content becomes part of the walk's choices. So a change of the file makes the
//! later steps stale when the flow is run again, and a walk that is taken up later does what it was begun with.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::spec::{Flow, LoadSpec};
use crate::data::contract::Contract;
use crate::data::recipe::{Recipe, Step};
use crate::error::Result;

/// Something that stands in a file of its own, or in the flow.
#[derive(Debug, Clone, PartialEq)]
pub enum Attached<T> {
    /// The file's name.
    File(String),
    /// What it says.
    Content(T),
}

impl<T: Serialize> Serialize for Attached<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::File(name) => serializer.serialize_str(name),
            Self::Content(content) => content.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Attached<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Attached<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a file, or its content")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> std::result::Result<Self::Value, E> {
                Ok(Attached::File(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> std::result::Result<Self::Value, A::Error> {
                T::deserialize(SeqAccessDeserializer::new(seq)).map(Attached::Content)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Attached::Content)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl LoadSpec {
    /// The steps of cleaning, read from their file when they stand in one.
    ///
    /// # Errors
    /// When the file cannot be read or says something unknown.
    pub fn recipe(&self) -> Result<Option<Recipe>> {
        Ok(match &self.recipe {
            None => None,
            Some(Attached::File(name)) => Some(Recipe::read(Path::new(name))?),
            Some(Attached::Content(steps)) => {
                let recipe = Recipe { steps: steps.clone() };
                recipe.validate().map_err(|e| e.at("[[load.recipe]]"))?;
                Some(recipe)
            }
        })
    }

    /// The contract, read from its file when it stands in one.
    ///
    /// # Errors
    /// When the file cannot be read or says something unknown.
    pub fn rules(&self) -> Result<Option<Contract>> {
        Ok(match &self.rules {
            None => None,
            Some(Attached::File(name)) => Some(Contract::read(Path::new(name))?),
            Some(Attached::Content(contract)) => {
                contract.validate().map_err(|e| e.at("[load.rules]"))?;
                Some(contract.clone())
            }
        })
    }
}

impl Flow {
    /// The flow with the content of the files that it names, as a walk keeps it.
    ///
    /// # Errors
    /// When a file cannot be read or says something unknown.
    pub fn pinned(&self) -> Result<Self> {
        let mut flow = self.clone();
        flow.load.recipe = self.load.recipe()?.map(|recipe| Attached::Content(recipe.steps));
        flow.load.rules = self.load.rules()?.map(Attached::Content);
        Ok(flow)
    }

    /// Takes the files that the flow names, and tables that its recipe joins, from a folder when they are there and not here.
    pub(super) fn attached_beside(&mut self, folder: &Path) {
        let beside = |name: &mut String| {
            let there = folder.join(&*name);
            if !Path::new(&*name).exists() && there.exists() {
                *name = there.display().to_string();
            }
        };
        if let Some(Attached::File(name)) = &mut self.load.recipe {
            beside(name);
        }
        if let Some(Attached::File(name)) = &mut self.load.rules {
            beside(name);
        }
        if let Some(Attached::Content(steps)) = &mut self.load.recipe {
            let mut recipe = Recipe { steps: std::mem::take(steps) };
            recipe.beside(folder);
            *steps = recipe.steps;
        }
    }
}

/// The steps of a recipe in a flow.
pub type Steps = Vec<Step>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Step as WalkStep;

    const FLOW: &str = "[load]\nsource = 'x.csv'\n[prepare]\ntarget = 'y'\n";

    #[test]
    fn a_file_becomes_part_of_the_walks_choices() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
        };
        write(
            "flow.toml",
            "[load]\nsource = 'x.csv'\nrules = 'rules.toml'\nrecipe = 'recipe.toml'\n[prepare]\ntarget='y'\n",
        );
        write("rules.toml", "name = 'x'\n");
        write("recipe.toml", "[[step]]\ndo = 'trim'\n");
        let read = || Flow::read(&dir.path().join("flow.toml")).unwrap();
        let first = read();
        assert!(matches!(&first.load.recipe, Some(Attached::Content(steps)) if steps.len() == 1));
        // Another contract asks for another test, another recipe for everything anew.
        write("rules.toml", "name = 'x'\n[rows]\nmin = 5\n");
        let second = read();
        for step in WalkStep::ALL {
            assert_eq!(step.key(&first) == step.key(&second), step != WalkStep::Test, "{step}");
        }
        write("recipe.toml", "[[step]]\ndo = 'deduplicate'\n");
        let third = read();
        assert!(WalkStep::ALL.into_iter().all(|step| step.key(&second) != step.key(&third)));
        // A walk keeps the content, in JSON and in TOML.
        let json = serde_json::to_string(&third).unwrap();
        assert_eq!(serde_json::from_str::<Flow>(&json).unwrap(), third);
        assert_eq!(Flow::parse(&third.to_toml().unwrap()).unwrap(), third);
        write("rules.toml", "name = 'x'\nrws = 3\n");
        let error = Flow::read(&dir.path().join("flow.toml")).unwrap_err();
        assert!(error.message.contains("rules.toml") && error.message.contains("line 2"), "{error}");
    }

    #[test]
    fn steps_may_stand_in_the_flow() {
        let flow = Flow::parse(&format!(
            "{FLOW}[[load.recipe]]\ndo = 'drop'\ncolumns = ['a']\n[[load.recipe]]\ndo = 'trim'\n[load.rules]\nname = 'c'\n"
        ))
        .unwrap();
        assert_eq!(flow.load.recipe().unwrap().unwrap().steps.len(), 2);
        assert_eq!(flow.load.rules().unwrap().unwrap().name, "c");
        let error = Flow::parse(&format!("{FLOW}[[load.recipe]]\ndo = 'drop'\ncolums = ['a']\n")).unwrap_err();
        assert!(error.message.contains("colums"), "{error}");
    }

    #[test]
    fn a_flow_without_them_keeps_its_keys() {
        let flow = Flow::parse(FLOW).unwrap();
        let json = serde_json::to_string(&flow.load).unwrap();
        assert_eq!(json, "{\"source\":\"x.csv\"}");
    }
}
