//! Signatures of requests to S3: AWS Signature Version 4, in the headers, for requests without a body.
//!
//! From "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)" in the S3 API reference.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::data::source::plain::hex;

/// SHA-256 of an empty body.
pub(super) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// What is signed.
pub(super) struct Request<'a> {
    /// The path as it is sent, encoded.
    pub path: &'a str,
    /// The query's names and values, not encoded.
    pub query: &'a [(String, String)],
    /// Names in lower case, and values, of the headers that are signed; `host` among them.
    pub headers: &'a [(String, String)],
    pub region: &'a str,
    pub at: DateTime<Utc>,
}

/// Text as it stands in a path or query: every byte but letters, digits and `-._~` is encoded, and `/` where asked.
pub(super) fn encoded(text: &str, slash: bool) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (byte == b'/' && !slash) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A query as it is sent and signed: encoded, in the order of the names.
pub(super) fn query(parts: &[(String, String)]) -> String {
    let mut parts: Vec<String> =
        parts.iter().map(|(n, v)| format!("{}={}", encoded(n, true), encoded(v, true))).collect();
    parts.sort();
    parts.join("&")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length; the error of the constructor cannot happen.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The value of the `Authorization` header.
pub(super) fn authorization(request: &Request<'_>, credentials: &Credentials) -> String {
    let mut headers: Vec<(String, String)> =
        request.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(n, _)| n.as_str()).collect();
    let names = names.join(";");
    let lines: String = headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
    let canonical = format!("GET\n{}\n{}\n{lines}\n{names}\n{EMPTY}", request.path, query(request.query));
    let day = request.at.format("%Y%m%d").to_string();
    let scope = format!("{day}/{}/s3/aws4_request", request.region);
    let moment = request.at.format("%Y%m%dT%H%M%SZ");
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{}", credentials.secret).into_bytes();
    for part in [day.as_str(), request.region, "s3", "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex(&hmac(&key, &text));
    format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}", credentials.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the S3 API reference ("Example: GET Object" and "Example: GET Bucket (List Objects)").
    #[test]
    fn signatures_are_those_of_the_reference() {
        let credentials = Credentials {
            key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let at = DateTime::parse_from_rfc3339("2013-05-24T00:00:00Z").unwrap().to_utc();
        let pair = |(n, v): (&str, &str)| (n.to_owned(), v.to_owned());
        let common = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", "20130524T000000Z"),
        ];
        let mut headers: Vec<_> = common.into_iter().map(pair).collect();
        let list = Request {
            path: "/",
            query: &[pair(("max-keys", "2")), pair(("prefix", "J"))],
            headers: &headers.clone(),
            region: "us-east-1",
            at,
        };
        assert!(
            authorization(&list, &credentials)
                .ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
        );
        headers.push(pair(("range", "bytes=0-9")));
        let object = Request { path: "/test.txt", query: &[], headers: &headers, region: "us-east-1", at };
        assert_eq!(
            authorization(&object, &credentials),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(encoded("a b/ü~", false), "a%20b/%C3%BC~");
    }
}
