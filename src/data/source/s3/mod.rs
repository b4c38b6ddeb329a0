//! Objects in S3-compatible storage: one key, or all keys that fit a pattern.

mod config;
mod sign;

use chrono::Utc;
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Url};

use self::config::Config;
use self::sign::{EMPTY, Request, authorization, encoded, query};
use super::fetch::{Ask, client, fetch, small};
use super::many;
use super::spool::{Spool, Spooled};
use crate::data::display::brief;
use crate::engine::Control;
use crate::error::{Error, Result};

/// The largest list that is read at once: a thousand keys of at most a kilobyte each, in XML.
const LIST: usize = 8 << 20;

/// More objects than this are refused.
const MOST: usize = 10_000;

/// What was fetched.
#[derive(Debug)]
pub struct Objects {
    /// Names (the key, or its part below what a pattern fixes) and content.
    pub files: Vec<(String, Spooled)>,
    /// Whether a pattern was asked for.
    pub several: bool,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

/// A request to one bucket.
struct Call<'a> {
    client: &'a Client,
    config: &'a Config,
    base: &'a Url,
    /// Path and query, not encoded.
    path: String,
    query: Vec<(String, String)>,
    shown: String,
}

impl Ask for Call<'_> {
    fn request(&self) -> Result<RequestBuilder> {
        let path = encoded(&self.path, false);
        let mut url = self.base.clone();
        url.set_path(&path);
        url.set_query((!self.query.is_empty()).then(|| query(&self.query)).as_deref());
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let at = Utc::now();
        let mut headers = vec![
            ("host".to_owned(), host),
            ("x-amz-content-sha256".to_owned(), EMPTY.to_owned()),
            ("x-amz-date".to_owned(), at.format("%Y%m%dT%H%M%SZ").to_string()),
        ];
        // The range is left out of the signature, which may cover less than is sent.
        let mut request = self.client.get(url);
        if let Some(credentials) = &self.config.credentials {
            if let Some(token) = &credentials.token {
                headers.push(("x-amz-security-token".to_owned(), token.clone()));
            }
            let signed =
                Request { path: &path, query: &self.query, headers: &headers, region: &self.config.region, at };
            request = request.header("authorization", authorization(&signed, credentials));
            for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
                request = request.header(name.as_str(), value.as_str());
            }
        }
        Ok(request)
    }

    fn refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
        let told = texts(body, &["Code", "Message"]).unwrap_or_default();
        let first = |name: &str| told.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let code = first("Code").unwrap_or_default();
        let who = if self.config.credentials.is_some() {
            "Check that the keys in the environment or the AWS profile may read there"
        } else {
            "No keys were found, so the request was not signed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
             AWS_PROFILE; logins by SSO or roles: `aws configure export-credentials --format env`"
        };
        let (what, hint) = match (status, code) {
            (404, "NoSuchBucket") => ("there is no such bucket", "Check the name, AWS_REGION and AWS_ENDPOINT_URL_S3"),
            (404, _) => ("there is no such key", "Check the key; a pattern such as s3://BUCKET/data/*.csv lists"),
            (401 | 403, "SignatureDoesNotMatch") => ("the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY"),
            (401 | 403, "InvalidAccessKeyId") => ("the access key is not known", "Check AWS_ACCESS_KEY_ID"),
            (401 | 403, "RequestTimeTooSkewed") => ("the clocks differ too much", "Set this machine's clock"),
            (401 | 403, "ExpiredToken") => ("the login has run out", "Log in again"),
            (401 | 403, _) => ("the storage refuses", who),
            (301 | 307 | 400, "PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect") => {
                ("the bucket is in another region", "Set AWS_REGION")
            }
            (500.., _) => ("the storage fails", "Try again later"),
            _ => ("the storage gives no object", "Check the name and AWS_ENDPOINT_URL_S3"),
        };
        let region = headers.get("x-amz-bucket-region").and_then(|v| v.to_str().ok());
        let region = region.filter(|r| *r != self.config.region).map(|r| format!("; it is in {}", brief(r, 40)));
        let code = if code.is_empty() { String::new() } else { format!(", {}", brief(code, 60)) };
        Error::remote(format!("{}: {what} (status {status}{code}{})", self.shown, region.unwrap_or_default()))
            .hint(hint)
    }

    fn shown(&self) -> String {
        self.shown.clone()
    }
}

/// The texts of elements of these names in a document, in order.
fn texts(xml: &[u8], names: &[&str]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_reader(xml);
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside: Option<String> = None;
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Eof => return Some(found),
            Event::Start(tag) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                inside = names.contains(&name.as_str()).then_some(name);
                if let Some(name) = &inside {
                    found.push((name.clone(), String::new()));
                }
            }
            Event::Text(text) if inside.is_some() => found.last_mut()?.1.push_str(&text.decode().ok()?),
            Event::GeneralRef(reference) if inside.is_some() => {
                let name = reference.decode().ok()?;
                let letter = match reference.resolve_char_ref().ok()? {
                    Some(letter) => letter.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name)?.to_owned(),
                };
                found.last_mut()?.1.push_str(&letter);
            }
            Event::End(_) => inside = None,
            _ => {}
        }
        buffer.clear();
    }
}

/// Fetches an object, or all objects whose keys fit a pattern.
///
/// # Errors
/// Of kind `Remote`, saying what the storage answered and how far it got; `Usage` when settings are wrong; `Cancelled`.
pub fn get(bucket: &str, key: &str, spool: &Spool, control: &Control) -> Result<Objects> {
    let config = Config::from_environment()?;
    let (base, root) = config.bucket(bucket)?;
    let authority = config.authority.as_deref().map(certificates).transpose()?;
    let client = client(&base, authority.as_deref(), false)?;
    let call = |path: String, query: Vec<(String, String)>, shown: String| Call {
        client: &client,
        config: &config,
        base: &base,
        path,
        query,
        shown,
    };
    let name = |key: &str| format!("s3://{}/{}", brief(bucket, 80), brief(key, 160));
    if !key.contains(['*', '?', '[']) {
        let (spooled, notes) = fetch(&call(format!("{root}/{key}"), Vec::new(), name(key)), spool, control)?;
        return Ok(Objects { files: vec![(key.to_owned(), spooled)], several: false, notes });
    }
    let pattern = glob::Pattern::new(key).map_err(|e| {
        Error::usage(format!("{} is not a pattern: {}", name(key), e.msg))
            .hint("`*` stands for any part of a name, `**` for any folders")
    })?;
    let fixed = many::fixed_part(key).to_owned();
    let literal = key.split(['*', '?', '[']).next().unwrap_or_default();
    let keys = list(&mut |query| small(&call(format!("{root}/"), query, name(literal)), LIST, control), literal)?;
    let mut keys: Vec<String> =
        keys.into_iter().filter(|k| !k.ends_with('/') && pattern.matches_with(k, many::options())).collect();
    keys.sort();
    if keys.is_empty() {
        return Err(Error::remote(format!("no key fits {}", name(key)))
            .hint("Check the pattern; `*` does not reach over a `/`, `**` does"));
    }
    if keys.len() > MOST {
        return Err(Error::input(format!("more than {MOST} keys fit {}", name(key))).hint("Name a smaller part"));
    }
    let mut objects = Objects { files: Vec::with_capacity(keys.len()), several: true, notes: Vec::new() };
    for found in keys {
        let (spooled, notes) = fetch(&call(format!("{root}/{found}"), Vec::new(), name(&found)), spool, control)?;
        let below = found.strip_prefix(&fixed).unwrap_or(&found).to_owned();
        objects.notes.extend(notes.into_iter().map(|note| format!("{}: {note}", brief(&below, 80))));
        objects.files.push((below, spooled));
    }
    Ok(objects)
}

/// All keys that begin with `prefix`, page by page.
fn list(page: &mut dyn FnMut(Vec<(String, String)>) -> Result<Vec<u8>>, prefix: &str) -> Result<Vec<String>> {
    let (mut keys, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("list-type".to_owned(), "2".to_owned()), ("prefix".to_owned(), prefix.to_owned())];
        query.extend(token.clone().map(|t| ("continuation-token".to_owned(), t)));
        let answer = page(query)?;
        let told = texts(&answer, &["Key", "NextContinuationToken"]).ok_or_else(|| {
            Error::remote("the storage answers with a list that cannot be read").hint("Check AWS_ENDPOINT_URL_S3")
        })?;
        let mut next = None;
        for (name, value) in told {
            match name.as_str() {
                "Key" => keys.push(value),
                _ => next = Some(value).filter(|v| !v.is_empty()),
            }
        }
        if keys.len() > 20 * MOST {
            return Err(Error::input("too many keys begin like the pattern").hint("Name a smaller part"));
        }
        // A server that gives the same token again would keep us here for ever.
        if next.is_none() || next == token {
            return Ok(keys);
        }
        token = next;
    }
}

fn certificates(path: &std::path::Path) -> Result<Vec<Certificate>> {
    let wrong = |words: String| {
        Error::usage(format!("{}: {words}", brief(&path.to_string_lossy(), 200))).hint("Check AWS_CA_BUNDLE")
    };
    let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    Certificate::from_pem_bundle(&pem)
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| wrong("holds no certificate in PEM format".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_page_by_page() {
        let mut asked = Vec::new();
        let mut page = |query: Vec<(String, String)>| {
            asked.push(query.len());
            Ok(if query.len() == 2 {
                b"<?xml version=\"1.0\"?><ListBucketResult><Prefix>a</Prefix><Contents><Key>a/b &amp; &#x63;.csv</Key></Contents><NextContinuationToken>t</NextContinuationToken></ListBucketResult>".to_vec()
            } else {
                b"<ListBucketResult><Contents><Key>z</Key></Contents></ListBucketResult>".to_vec()
            })
        };
        assert_eq!(list(&mut page, "a").unwrap(), ["a/b & c.csv", "z"]);
        assert_eq!(asked, [2, 3]);
        assert!(list(&mut |_| Ok(b"<a><b></a>".to_vec()), "").is_err());
    }

    /// Lists and refusals of a storage, and the files of settings.
    #[test]
    fn fuzz_s3_answers() {
        use crate::fuzz_driver::{Outcome, Target, fuzz};
        let seeds = [
            "<?xml version=\"1.0\"?><ListBucketResult><Prefix>a</Prefix><Contents><Key>a/b &amp; &#x63;.csv</Key></Contents><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Contents><Key><![CDATA[z]]></Key><Size>1</Size></Contents></ListBucketResult>",
            "<Error><Code>NoSuchBucket</Code><Message>The bucket</Message></Error>",
            "[default]\naws_access_key_id = a\n[profile x]\ns3 =\n  addressing_style = path\n",
        ];
        let words = [
            "<Key>",
            "</Key>",
            "<Contents>",
            "<NextContinuationToken>",
            "</NextContinuationToken>",
            "<Code>",
            "</Code>",
            "<Message>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">]>",
            "&a;",
            "&#0;",
            "&#x1b;",
            "&#x110000;",
            "&lt;",
            "<?",
            "?>",
            "/>",
            "xmlns:a=\"",
            "AccessDenied",
            "PermanentRedirect",
            "\u{1b}[31m",
            "\u{202e}",
            "<a><a><a><a><a><a><a><a>",
        ];
        let region = "eu-1".to_owned();
        let config = Config { credentials: None, region, endpoint: None, path_style: true, authority: None };
        // Nothing is sent: what an answer says is told by the same code.
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let client = client(&base, None, false).unwrap();
        let target = Target {
            name: "s3_answers",
            seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
            tokens: words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            codes: &[3, 4],
            largest: 16 << 10,
            remake: None,
        };
        fuzz(target, move |bytes| {
            let call = Call {
                client: &client,
                config: &config,
                base: &base,
                path: "/b/k".into(),
                query: Vec::new(),
                shown: "s3://b/k".into(),
            };
            let status = [200, 301, 403, 404, 500][bytes.len() % 5];
            let refusal = call.refusal(status, &HeaderMap::new(), bytes);
            let mut pages = 0;
            // A storage that always has one more page must come to an end, too.
            let listed = list(
                &mut |_| {
                    pages += 1;
                    assert!(pages < 300_000, "the list has no end");
                    Ok(bytes.to_vec())
                },
                "a",
            );
            let mut texts = vec![refusal.to_string()];
            match listed {
                Ok(keys) => Outcome { code: None, shape: format!("{} {}", keys.len().min(9), refusal.message), texts },
                Err(e) => {
                    texts.push(e.to_string());
                    Outcome { code: Some(e.exit_code()), shape: format!("{} {}", e.message, refusal.message), texts }
                }
            }
        });
    }
}
