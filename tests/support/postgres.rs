//! A real PostgreSQL server on a loopback port, with a data folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Stops the server when the pipe from the test breaks, by drop or because the test's process ended, and removes its folder.
const KEEPER: &str = r#"
dir=$1; shift
"$@" >"$dir/log" 2>&1 & pid=$!
read -r _
kill -INT "$(head -n 1 "$dir/data/postmaster.pid")"
wait $pid
rm -rf "$dir"
"#;

/// The password of the user `ana`.
pub const PASSWORD: &str = "s3cret:\\pw";

/// A running server.
pub struct Postgres {
    pub port: u16,
    /// The folder of the socket.
    pub dir: PathBuf,
    /// The certificate, which signs itself and names localhost.
    pub certificate: PathBuf,
    keeper: Child,
}

/// PostgreSQL does not run as root; Debian's package has a user for it.
fn command(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

impl Postgres {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        let programs = PathBuf::from(
            std::env::var_os("PILOTHOUSE_TEST_POSTGRES").expect("PILOTHOUSE_TEST_POSTGRES is not set: run tests/run"),
        );
        let dir = PathBuf::from(run(command(Path::new("mktemp")).args(["-d", "/tmp/pilothouse-pg-XXXXXX"])));
        let data = dir.join("data");
        let made = tempfile::tempdir().expect("a temporary folder");
        let (certificate, key) = (made.path().join("cert.pem"), made.path().join("key.pem"));
        super::run_python(
            &super::python("PILOTHOUSE_TEST_S3_PYTHON"),
            "certificate.py",
            &[certificate.to_str().expect("UTF-8"), key.to_str().expect("UTF-8")],
        );
        run(command(&programs.join("initdb"))
            .args(["-U", "ana", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"])
            .args(["--pwfile", &password_file(&dir), "-D"])
            .arg(&data));
        for (from, to) in [(&certificate, "cert.pem"), (&key, "key.pem")] {
            let text = std::fs::read_to_string(from).expect("written");
            write_as_owner(&data.join(to), &text);
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let server = command(&programs.join("postgres"));
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(&dir)
            .args(["-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file=cert.pem", "-c", "ssl_key_file=key.pem"])
            .args(["-c", "DateStyle=German", "-c", "TimeZone=Asia/Tokyo"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let certificate = dir.join("data/cert.pem");
        let certificate_copy = std::env::temp_dir().join(format!("pilothouse-pg-{port}.pem"));
        write_copy(&certificate, &certificate_copy);
        let server = Self { port, dir, certificate: certificate_copy, keeper };
        let started = Instant::now();
        while let Err(error) = server.try_client() {
            assert!(started.elapsed() < Duration::from_secs(60), "PostgreSQL does not come up: {error}");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    fn try_client(&self) -> Result<postgres::Client, postgres::Error> {
        postgres::Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user("ana")
            .password(PASSWORD)
            .dbname("postgres")
            .connect(postgres::NoTls)
    }

    /// A connection by the crate's own client, to make tables with.
    pub fn client(&self) -> postgres::Client {
        self.try_client().expect("the server answers")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = std::fs::remove_file(&self.certificate);
    }
}

fn write_as_owner(path: &Path, text: &str) {
    use std::io::Write;
    let mut child = command(Path::new("sh"))
        .args(["-c", "umask 077; cat >\"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh starts");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    assert!(child.wait().expect("it ends").success());
}

fn write_copy(from: &Path, to: &Path) {
    let text = run(command(Path::new("cat")).arg(from));
    std::fs::write(to, text + "\n").expect("written");
}

fn password_file(dir: &Path) -> String {
    let path = dir.join("pw");
    write_as_owner(&path, &format!("{PASSWORD}\n"));
    path.display().to_string()
}
