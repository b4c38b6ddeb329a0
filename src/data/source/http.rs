//! Files behind `http://` and `https://`.

use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::HeaderMap;

use super::fetch::{Ask, client, fetch};
use super::name::shown;
use super::spool::{Spool, Spooled};
use crate::engine::Control;
use crate::error::{Error, Result};

struct File {
    client: Client,
    url: Url,
}

impl Ask for File {
    fn request(&self) -> Result<RequestBuilder> {
        // A user and a password in the address are sent as such by the client.
        Ok(self.client.get(self.url.clone()))
    }

    fn refusal(&self, status: u16, _: &HeaderMap, _: &[u8]) -> Error {
        let (what, hint) = match status {
            401 | 407 => ("wants a login", "Write user and password into the address, or fetch the file and name it"),
            403 => ("refuses", "The address may have run out, or want a login"),
            404 | 410 => ("has no such file", "Check the address"),
            500.. => ("fails", "Try again later"),
            _ => ("gives no file", "Check the address"),
        };
        Error::remote(format!("{}: the server {what} (status {status})", self.shown())).hint(hint)
    }

    fn shown(&self) -> String {
        shown(self.url.as_str())
    }
}

/// Fetches the file behind an address.
///
/// # Errors
/// As [`fetch`].
pub fn get(url: &Url, spool: &Spool, control: &Control) -> Result<(Spooled, Vec<String>)> {
    let ask = File { client: client(url, None, true)?, url: url.clone() };
    fetch(&ask, spool, control)
}
