//! The Python environment in which an exported model was tested, as the files that MLflow expects.

/// Package versions with which the tests load and run exported models.
///
/// pandas stays below 3, whose string columns MLflow's ONNX wrapper hands on in a form that onnxruntime refuses.
pub const TESTED: [(&str, &str); 5] =
    [("mlflow", "3.17.2"), ("onnx", "1.23.2"), ("onnxruntime", "1.32.0"), ("numpy", "2.4.6"), ("pandas", "2.3.3")];

/// The Python that ran the tests.
pub(super) const PYTHON: &str = "3.11.7";

/// The tested version of a package.
pub(super) fn version(package: &str) -> &'static str {
    TESTED.iter().find(|(name, _)| *name == package).map_or("", |(_, version)| version)
}

/// `requirements.txt`.
pub(super) fn requirements() -> String {
    TESTED.iter().map(|(name, version)| format!("{name}=={version}\n")).collect()
}

/// `python_env.yaml`.
pub(super) fn python_env() -> String {
    format!(
        "python: {PYTHON}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n"
    )
}

/// `conda.yaml`.
pub(super) fn conda() -> String {
    let packages: String = TESTED.iter().map(|(name, version)| format!("  - {name}=={version}\n")).collect();
    format!("channels:\n- conda-forge\ndependencies:\n- python={PYTHON}\n- pip\n- pip:\n{packages}name: mlflow-env\n")
}
