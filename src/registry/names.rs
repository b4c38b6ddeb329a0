//! Which names a registry accepts. One rule for all registries, so that a model can move between them, and so
//! strict that a name can stand in a path, a search filter or an OCI reference without being quoted.

use crate::error::{Error, Result};

const LONGEST_NAME: usize = 128;
const LONGEST_PATH: usize = 400;

/// Checks a registered model's name: ASCII letters, digits, `.`, `_`, `-`; a letter or digit at both ends.
///
/// # Errors
/// `Usage` with the rule that was broken.
pub fn model(name: &str) -> Result<()> {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inside = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if name.len() <= LONGEST_NAME && inside && ends(name.chars().next()) && ends(name.chars().last()) {
        return Ok(());
    }
    Err(Error::usage(format!("`{}` cannot be a model's name", super::harmless(name, 60)))
        .hint(format!("Use at most {LONGEST_NAME} of a-z A-Z 0-9 . _ - with a letter or digit at both ends")))
}

/// Checks an alias: ASCII letters, digits, `_`, `-`; not a number, `latest` or `v1`, which mean versions.
///
/// # Errors
/// `Usage` with the rule that was broken.
pub fn alias(alias: &str) -> Result<()> {
    let shown = super::harmless(alias, 60);
    let inside = alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if alias.len() > LONGEST_NAME || !inside || !ends(alias.chars().next()) || !ends(alias.chars().last()) {
        return Err(Error::usage(format!("`{shown}` cannot be an alias"))
            .hint(format!("Use at most {LONGEST_NAME} of a-z A-Z 0-9 _ - with a letter or digit at both ends")));
    }
    let number = alias.strip_prefix(['v', 'V']).unwrap_or(alias);
    if alias.eq_ignore_ascii_case("latest") || (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())) {
        return Err(Error::usage(format!("`{shown}` cannot be an alias, because registries read it as a version"))
            .hint("Choose a word such as `champion`"));
    }
    Ok(())
}

/// Checks a digest: letters, digits and `:`, so that it can stand in a search filter.
///
/// # Errors
/// `Usage` when it holds anything else.
pub fn digest(digest: &str) -> Result<()> {
    let fits = !digest.is_empty()
        && digest.len() <= LONGEST_NAME + 16
        && digest.chars().all(|c| c.is_ascii_alphanumeric() || c == ':');
    if fits { Ok(()) } else { Err(Error::usage(format!("`{}` is not a digest", super::harmless(digest, 60)))) }
}

/// Whether `path` is a relative path with `/` that stays where it is put: no empty, `.` or `..` part, no `\`,
/// `:` or control character, no drive and not too long.
#[must_use]
pub fn is_safe_path(path: &str) -> bool {
    path.len() <= LONGEST_PATH
        && path.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.chars().any(|c| c.is_control() || matches!(c, '\\' | ':' | '?' | '#' | '%'))
        })
}

/// Checks a bundle's file path by [`is_safe_path`].
///
/// # Errors
/// `Usage` when the path could climb out of its folder or cannot be written everywhere.
pub fn file(path: &str) -> Result<()> {
    if is_safe_path(path) {
        Ok(())
    } else {
        Err(Error::usage(format!("`{}` cannot be a file's path in a bundle", super::harmless(path, 60)))
            .hint("Use a relative path with `/` and without `..`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass() {
        for good in ["churn", "churn-lr.v2", "A_1", "7"] {
            assert!(model(good).is_ok(), "{good}");
        }
        for good in ["champion", "prod-eu", "a1", "v1x"] {
            assert!(alias(good).is_ok(), "{good}");
        }
        for good in ["MLmodel", "docs/card.md", "a b/c.txt"] {
            assert!(file(good).is_ok(), "{good}");
        }
        assert!(digest("sha256:00ff").is_ok());
    }

    #[test]
    fn names_that_climb_or_confuse_are_refused() {
        for bad in ["", ".", "..", "../x", "a/b", "a:b", "a b", "-a", "a.", "ä", "a\n", "x'y", &"a".repeat(200)] {
            assert!(model(bad).is_err(), "{bad}");
        }
        for bad in ["", "latest", "LATEST", "v1", "V22", "3", "a/b", "a.b", "_x"] {
            assert!(alias(bad).is_err(), "{bad}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "C:x", "a/", "./a", "a\u{1b}", "a%2fb"] {
            assert!(file(bad).is_err(), "{bad}");
        }
        for bad in ["", "a'b", "a b"] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}
