//! How fast a large table is profiled: `cargo bench --bench profile [-- ROWS]`.
//!
//! Makes a table like that of taxi trips (dates, codes, amounts with many digits, gaps), profiles it as CSV in the
//! streaming and in the exact way, and prints seconds, rows and bytes a second. `benches/profile-vs-duckdb` compares with a peer.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::time::Instant;

use pilothouse::data::{Limits, LoadOptions, ProfileOptions, profile_source_with};
use pilothouse::engine::{Control, hash};

fn table(rows: u64) -> String {
    let share = |row: u64, column: u64| hash::word(row * 31 + column) as f64 / u64::MAX as f64;
    let mut csv = "trip_id,pickup_datetime,vendor_id,flag,distance,fare_amount,tip_amount,surcharge\n".to_owned();
    for row in 0..rows {
        let day = (share(row, 0) * 28.0) as u64 + 1;
        let (hour, minute, second) = ((share(row, 1) * 24.0) as u64, (share(row, 2) * 60.0) as u64, row % 60);
        let fare = 3.0 + 20.0 * share(row, 3) / (1.05 - share(row, 4));
        let tip = if row % 3 == 0 { 0.0 } else { fare * share(row, 5) * 0.3 };
        let flag = if row % 31 == 0 { "" } else { ["N", "Y"][usize::from(row % 40 == 0)] };
        let surcharge = if row < rows / 3 { String::new() } else { format!("{:.1}", (row % 6) as f64 * 0.5) };
        writeln!(
            csv,
            "{row},2020-03-{day:02} {hour:02}:{minute:02}:{second:02},{},{flag},{:.3},{fare:.4},{tip:.4},{surcharge}",
            row % 4 + 1,
            share(row, 6) * 12.0
        )
        .unwrap();
    }
    csv
}

fn main() {
    let rows = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(500_000);
    let csv = table(rows);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trips.csv");
    std::fs::write(&path, &csv).unwrap();
    let ways = [
        ("streaming", Limits { from_bytes: 0, ..Limits::default() }),
        ("exact, in memory", Limits { from_bytes: u64::MAX, ..Limits::default() }),
    ];
    for (way, limits) in ways {
        for _ in 0..3 {
            let start = Instant::now();
            let profile = profile_source_with(
                path.to_str().unwrap(),
                &LoadOptions::default(),
                &ProfileOptions::default(),
                &limits,
                &Control::default(),
            )
            .unwrap();
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{way}: {} rows in {seconds:.2} s, {:.0} rows/s, {:.0} MB/s, {} findings",
                profile.rows,
                profile.rows as f64 / seconds,
                csv.len() as f64 / seconds / 1e6,
                profile.findings.len()
            );
        }
    }
}
