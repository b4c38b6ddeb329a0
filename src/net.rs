//! What every room that speaks to a network needs: TLS set up once, loopback known, waits between tries, causes in words.

use std::sync::Once;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Url;

use crate::engine::Control;
use crate::error::Result;

/// TLS by ring, chosen once for the process; a choice that was made before is kept.
pub(crate) fn install_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Whether an address is this machine, to which no proxy leads.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The innermost cause of a failure: what the operating system or the TLS layer said, without the address.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        // Its own text would repeat the address.
        Some(_) => "the request failed".into(),
        None => cause.to_string(),
    }
}

/// The wait before try number `attempt + 1`: doubling from `base` up to `cap`, with up to a quarter of jitter, so that
/// many clients do not come back at the same moment.
pub(crate) fn backoff(base: Duration, cap: Duration, attempt: u32) -> Duration {
    let doubled = base.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1).min(16))).min(cap);
    let noise = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos() % 256);
    doubled + doubled / 1024 * noise
}

/// Waits; wakes up early when cancelled.
pub(crate) fn pause(wait: Duration, control: &Control) -> Result<()> {
    let until = Instant::now() + wait;
    loop {
        control.check()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known() {
        for (url, expected) in
            [("http://127.0.0.1:5", true), ("http://[::1]:5", true), ("http://localhost", true), ("http://a.b", false)]
        {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let (base, cap) = (Duration::from_millis(100), Duration::from_secs(1));
        let quarter_more = |ms: u64| Duration::from_millis(ms)..=Duration::from_millis(ms + ms / 4);
        assert!(quarter_more(100).contains(&backoff(base, cap, 1)));
        assert!(quarter_more(200).contains(&backoff(base, cap, 2)));
        assert!(quarter_more(1000).contains(&backoff(base, cap, 30)));
    }
}
