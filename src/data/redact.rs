//! Sources without their secrets: what may be recorded, shown and sent on.

/// Words that give a parameter away as a secret, wherever they stand in its name.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "signature",
    "credential",
    "sslkey",
    "auth",
];

/// Parameters that are secrets when they are called exactly so.
const SECRET_NAMES: &[&str] = &["pwd", "pass", "key", "sig", "sas", "code"];

/// What stands in place of a secret.
const HIDDEN: &str = "***";

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET.iter().any(|word| name.contains(word)) || SECRET_NAMES.contains(&name.as_str())
}

/// The source with passwords, tokens and signatures replaced by `***`: in the login of an address
/// (`https://ana:***@host/`), in its parameters (`?token=***`), and in connection words (`host=db password=***`). A plain
/// path is given back as it is.
#[must_use]
pub fn redact(source: &str) -> String {
    // It also knows a login whose password holds a slash, which looks like the start of the path.
    let source = &*super::source::without_secrets(source);
    let Some((scheme, rest)) = source.split_once("://") else { return words(source) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, tail) = rest.split_at(end);
    let host = match host.rsplit_once('@') {
        // The part before the colon may be a token as well, but more often it is a name that people need to see.
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None if login.len() > 20 => format!("{HIDDEN}@{host}"),
            None => format!("{login}@{host}"),
        },
        None => host.to_owned(),
    };
    let tail = match tail.split_once('?') {
        Some((path, query)) => {
            let (query, fragment) = query.split_once('#').map_or((query, None), |(q, f)| (q, Some(f)));
            let parts: Vec<String> = query
                .split('&')
                .map(|part| match part.split_once('=') {
                    Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
                    _ => part.to_owned(),
                })
                .collect();
            let fragment = fragment.map(|f| format!("#{f}")).unwrap_or_default();
            format!("{path}?{}{fragment}", parts.join("&"))
        }
        None => tail.to_owned(),
    };
    format!("{scheme}://{host}{tail}")
}

/// Connection words `name=value`, values perhaps in single quotes.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        let name = before.trim_end_matches('=').trim_end();
        let name = name.rsplit([' ', ';', '\t', '\n']).next().unwrap_or(name);
        out.push_str(before);
        rest = after;
        if is_secret(name) && !matches!(name, "key" | "code") {
            let value = rest.trim_start();
            let end = match value.strip_prefix('\'') {
                Some(quoted) => quoted.find('\'').map_or(value.len(), |i| i + 2),
                None => value.find([' ', ';', '\t', '\n']).unwrap_or(value.len()),
            };
            out.push_str(HIDDEN);
            rest = value.get(end..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (source, wanted) in [
            ("data/orders.csv", "data/orders.csv"),
            ("sample:credit", "sample:credit"),
            ("postgres://ana:hunter2@db:5432/shop?table=orders", "postgres://ana:***@db:5432/shop?table=orders"),
            ("postgres://ana:p@ss@db/shop", "postgres://ana:***@db/shop"),
            ("https://h/x.csv?X-Amz-Signature=abc&day=1#top", "https://h/x.csv?X-Amz-Signature=***&day=1#top"),
            ("https://h/x.csv?sig=abc", "https://h/x.csv?sig=***"),
            ("https://ghp_0123456789abcdefghij@h/x", "https://***@h/x"),
            ("s3://bucket/key=1/a.parquet", "s3://bucket/key=1/a.parquet"),
            ("host=db password=hunter2 dbname=shop", "host=db password=*** dbname=shop"),
            ("host=db password = 'two words' dbname=shop", "host=db password =*** dbname=shop"),
            ("year=2024/month=1/a.parquet", "year=2024/month=1/a.parquet"),
            ("key=1/a.parquet", "key=1/a.parquet"),
        ] {
            assert_eq!(redact(source), wanted, "{source}");
        }
    }
}
