//! Which server, which database, who and how: the address, the service file, the environment and the password file, in
//! the order in which PostgreSQL's own programs heed them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::data::display::brief;
use crate::error::{Error, Result};

/// How TLS is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    /// Never.
    Disable,
    /// When the server has it, without looking at its certificate.
    Prefer,
    /// Always, without looking at the server's certificate.
    Require,
    /// Always, and the certificate must be trusted and name the server.
    Verify,
}

/// A server as it is connected to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// A name, an address, or the folder of a socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<String>,
    pub database: String,
    pub ssl: SslMode,
    /// The authority that signed the server's certificate; `None` is the system's.
    pub root_certificate: Option<PathBuf>,
    pub options: Option<String>,
    pub connect_timeout: u64,
}

/// Names in addresses and service files, and the variables that say the same.
const NAMES: [(&str, &str); 11] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("passfile", "PGPASSFILE"),
];

/// Settings that are understood and change nothing here.
const IDLE: [&str; 6] =
    ["service", "servicefile", "application_name", "fallback_application_name", "client_encoding", "keepalives"];

type Map = BTreeMap<String, String>;

/// The surroundings that settings come from.
pub(super) struct Surroundings<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The name of the user of this machine.
    pub user: String,
    /// Folders in which servers of this machine put their sockets.
    pub sockets: Vec<PathBuf>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Settings {
    /// The server for people, without a password.
    pub(super) fn shown(&self) -> String {
        let host = if self.host.starts_with('/') { "this machine" } else { &self.host };
        brief(&format!("PostgreSQL at {host}:{}, database {}, user {}", self.port, self.database, self.user), 200)
    }

    /// Everything together.
    ///
    /// # Errors
    /// When the address, the service or a setting is wrong.
    pub(super) fn read(address: &str, around: &Surroundings<'_>) -> Result<Self> {
        let mut all = of_address(address)?;
        let variable = |name: &str| (around.variable)(name).filter(|v| !v.is_empty());
        if let Some(service) = all.get("service").cloned().or_else(|| variable("PGSERVICE")) {
            for (name, value) in of_service(&service, &all, around)? {
                all.entry(name).or_insert(value);
            }
        }
        for (name, variable_name) in NAMES {
            if let Some(value) = variable(variable_name) {
                all.entry(name.to_owned()).or_insert(value);
            }
        }
        let take = |name: &str| all.get(name).filter(|v| !v.is_empty()).cloned();
        let host = take("hostaddr").or_else(|| take("host")).unwrap_or_else(|| {
            let socket = around.sockets.iter().find(|dir| dir.is_dir());
            socket.map_or_else(|| "localhost".to_owned(), |dir| dir.display().to_string())
        });
        if host.contains(',') {
            return Err(
                Error::usage("several PostgreSQL servers in one address are not tried in turn").hint("Name one")
            );
        }
        let number = |name: &str, usual: u64, most: u64| match take(name) {
            None => Ok(usual),
            Some(text) => text.trim().parse().ok().filter(|n| *n <= most).ok_or_else(|| {
                Error::usage(format!("the PostgreSQL setting {name} is not a number that can be used"))
                    .hint(format!("Check {name} in the address, the service file and the environment"))
            }),
        };
        let port = u16::try_from(number("port", 5432, 65_535)?).unwrap_or(5432);
        let user = take("user").unwrap_or_else(|| around.user.clone());
        let database = take("dbname").unwrap_or_else(|| user.clone());
        let root_certificate = take("sslrootcert").filter(|p| p != "system").map(PathBuf::from);
        let ssl = match take("sslmode").as_deref() {
            None | Some("prefer" | "allow") => SslMode::Prefer,
            Some("disable") => SslMode::Disable,
            // With a root certificate libpq checks it in this mode, too.
            Some("require") if root_certificate.is_some() => SslMode::Verify,
            Some("require") => SslMode::Require,
            Some("verify-ca" | "verify-full") => SslMode::Verify,
            Some(_) => {
                return Err(Error::usage("the PostgreSQL setting sslmode is not known")
                    .hint("Use disable, allow, prefer, require, verify-ca or verify-full"));
            }
        };
        let password =
            take("password").or_else(|| of_password_file(&host, port, &database, &user, take("passfile"), around));
        Ok(Self {
            host,
            port,
            user,
            password,
            database,
            ssl,
            root_certificate,
            options: take("options"),
            connect_timeout: number("connect_timeout", 10, 3600)?.max(2),
        })
    }
}

fn wrong() -> Error {
    Error::usage("this is not an address of PostgreSQL")
        .hint("Write postgres://USER@HOST:PORT/DATABASE?table=NAME; the password belongs into PGPASSWORD or ~/.pgpass")
}

/// The settings in `postgres://user:password@host:port/database?name=value`.
fn of_address(address: &str) -> Result<Map> {
    let (_, rest) = address.split_once("://").ok_or_else(wrong)?;
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(|t| t.into_owned()).map_err(|_| wrong());
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    // Addresses of IPv6 stand in brackets.
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let mut all = Map::new();
    for (name, value) in [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", database)]
    {
        if !value.is_empty() {
            all.insert(name.to_owned(), decode(value)?);
        }
    }
    for part in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(wrong)?;
        let known = NAMES.iter().any(|(n, _)| *n == name) || IDLE.contains(&name);
        if !known {
            return Err(Error::usage(format!("the PostgreSQL setting {} is not known here", brief(name, 40)))
                .hint("Of the settings in an address, table, query, host, port, user, dbname, sslmode, sslrootcert, options, connect_timeout and service are heeded"));
        }
        all.insert(name.to_owned(), decode(value)?);
    }
    Ok(all)
}

/// The settings of a service.
fn of_service(service: &str, address: &Map, around: &Surroundings<'_>) -> Result<Map> {
    let variable = |name: &str| (around.variable)(name).filter(|v| !v.is_empty());
    let own = address.get("servicefile").cloned().or_else(|| variable("PGSERVICEFILE")).map(PathBuf::from);
    let own = own.or_else(|| around.home.as_ref().map(|home| home.join(".pg_service.conf")));
    let common = PathBuf::from(variable("PGSYSCONFDIR").unwrap_or_else(|| "/etc/postgresql-common".to_owned()));
    for file in own.into_iter().chain([common.join("pg_service.conf")]) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let (mut inside, mut found) = (false, None::<Map>);
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                inside = name == service && found.is_none();
                if inside {
                    found = Some(Map::new());
                }
            } else if inside
                && let Some((name, value)) = line.split_once('=')
                && let Some(found) = &mut found
            {
                found.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Err(Error::usage(format!("there is no PostgreSQL service `{}`", brief(service, 60)))
        .hint("Check PGSERVICE, and the files ~/.pg_service.conf and PGSERVICEFILE"))
}

/// The password in a file of lines `host:port:database:user:password`.
fn of_password_file(
    host: &str,
    port: u16,
    database: &str,
    user: &str,
    file: Option<String>,
    around: &Surroundings<'_>,
) -> Option<String> {
    let path = file.map(PathBuf::from).or_else(|| Some(around.home.as_ref()?.join(".pgpass")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As libpq: what others may read is no secret, and is not used.
        if std::fs::metadata(&path).ok()?.permissions().mode() & 0o077 != 0 {
            return None;
        }
    }
    let text = std::fs::read_to_string(&path).ok()?;
    let host = if host.starts_with('/') { "localhost" } else { host };
    let port = port.to_string();
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [h, p, d, u, password] = fields.as_slice() else { return None };
        let fits = |field: &String, value: &str| field == "*" || field == value;
        (fits(h, host) && fits(p, &port) && fits(d, database) && fits(u, user)).then(|| password.clone())
    })
}

/// The fields of a line of a password file: `\:` and `\\` are a colon and a backslash; the password reaches to the end.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut().into_iter().for_each(|f| f.extend(letters.next())),
            letter => fields.last_mut().into_iter().for_each(|f| f.push(letter)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str, variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Settings> {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::write(&path, text).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let variables: Map = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Settings::read(
            address,
            &Surroundings {
                variable: &|name| variables.get(name).cloned(),
                home: Some(home.path().to_path_buf()),
                user: "me".to_owned(),
                sockets: Vec::new(),
            },
        )
    }

    #[test]
    fn address_service_environment_and_files_in_this_order() {
        let plain = read("postgresql:///", &[], &[]).unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.user.as_str(), plain.database.as_str()),
            ("localhost", 5432, "me", "me")
        );
        assert_eq!((plain.ssl, plain.password), (SslMode::Prefer, None));

        let full =
            read("postgres://a%40b:p%3Aw@[::1]:77/d?sslmode=require", &[("PGHOST", "x"), ("PGPASSWORD", "y")], &[])
                .unwrap();
        assert_eq!(
            (full.host.as_str(), full.port, full.user.as_str(), full.database.as_str()),
            ("::1", 77, "a@b", "d")
        );
        assert_eq!((full.ssl, full.password.as_deref()), (SslMode::Require, Some("p:w")));
        assert!(!format!("{full:?}").contains("p:w"));

        let service = "[other]\nhost=no\n[mine]\nhost = db\nport=5433\nuser=u\n";
        let pass = "# a comment\n*:1:*:*:no\ndb:5433:shop:u:s\\:e\\\\c\n*:*:*:*:last\n";
        let files = [(".pg_service.conf", service), (".pgpass", pass)];
        let from =
            read("postgresql:///shop?service=mine", &[("PGPORT", "9"), ("PGSSLMODE", "verify-full")], &files).unwrap();
        assert_eq!((from.host.as_str(), from.port, from.user.as_str()), ("db", 5433, "u"));
        assert_eq!((from.password.as_deref(), from.ssl), (Some("s:e\\c"), SslMode::Verify));
        let by_variable =
            read("postgresql:///", &[("PGSERVICE", "mine"), ("PGUSER", "z"), ("PGDATABASE", "q")], &files).unwrap();
        assert_eq!(
            (by_variable.host.as_str(), by_variable.user.as_str(), by_variable.database.as_str()),
            ("db", "u", "q")
        );
        assert_eq!(by_variable.password.as_deref(), Some("last"));

        for bad in [
            "postgres://h:x/d",
            "postgres:///?sslmode=maybe",
            "postgres:///?what=1",
            "postgres:///?service=gone",
            "postgres://a,b/",
        ] {
            let error = read(bad, &[], &[]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}: {error}");
        }
    }

    /// Addresses, and the files that stand beside them.
    #[test]
    fn fuzz_postgres_settings() {
        use crate::fuzz_driver::{Outcome, Target, fuzz};
        let seeds = [
            "postgres://ana:s3cret@h:1/d?sslmode=require&connect_timeout=5\n[mine]\nhost=h\nport=5433\n# x\nuser=u\n",
            "postgresql:///?service=mine\n[mine]\ndbname = d\npassfile = p\n",
            "postgres://[::1]:5432/a%20b?options=-c%20x%3D1\nh:5432:d:u:pass\\:word\n*:*:*:*:x\n",
        ];
        let words = [
            "://",
            "@",
            ":",
            "/",
            "?",
            "&",
            "=",
            "%",
            "%00",
            "%ff",
            "[",
            "]",
            ",",
            "#",
            "\n",
            "*",
            "\\",
            "service=mine",
            "sslmode=",
            "port=65536",
            "host=",
            "\u{1b}[2J",
            "\u{202e}",
            "connect_timeout=99999999999999999999",
        ];
        let target = Target {
            name: "postgres_settings",
            seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
            tokens: words.iter().map(|w| w.as_bytes().to_vec()).collect(),
            codes: &[2],
            largest: 4 << 10,
            remake: None,
        };
        fuzz(target, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let (address, file) = text.split_once('\n').unwrap_or((&text, ""));
            match read(address, &[], &[(".pg_service.conf", file), (".pgpass", file)]) {
                Ok(settings) => {
                    let shape =
                        format!("{:?} {} {}", settings.ssl, settings.password.is_some(), settings.options.is_some());
                    Outcome { code: None, shape, texts: vec![settings.shown()] }
                }
                Err(e) => Outcome { code: Some(e.exit_code()), shape: e.message.clone(), texts: vec![e.to_string()] },
            }
        });
    }
}
