//! Times of day, as people read them.

/// Unix milliseconds as `2026-11-21 16:04:59`, in UTC: machines of a farm may be anywhere.
pub(crate) fn moment(ms: u64) -> String {
    let (year, month, day) = date(ms / 86_400_000);
    format!("{year}-{month:02}-{day:02} {}", clock(ms))
}

/// The time of the day alone: `16:04:59`.
pub(crate) fn clock(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{:02}:{:02}:{:02}", s / 3_600 % 24, s / 60 % 60, s % 60)
}

/// Year, month and day of the Gregorian calendar, by days since 1970.
///
/// Source: Howard Hinnant, `civil_from_days`, with years that begin in March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_days_and_turns_of_years_are_where_they_are() {
        for (s, told) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_798_761_600, "2027-01-01 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(moment(s * 1_000 + 999), told);
        }
    }
}
