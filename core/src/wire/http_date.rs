//! Dates in HTTP headers (RFC 9110 section 5.6.7): the form that servers must send, and the two old ones that
//! recipients must read.

use crate::wire::pieces;

/// How far a year of two digits may lie ahead before it means the last century.
const YEARS_AHEAD: u64 = 50;

const SECONDS_A_DAY: u64 = 86_400;

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate), `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850) or
/// `Sun Nov  6 08:49:37 1994` (asctime). `now`, in seconds since 1970, tells the century of two digits.
pub(crate) fn seconds(text: &str, now: u64) -> Option<u64> {
    let words: Vec<&str> = pieces::words(text).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [_, day, month, year, clock, "GMT"] => instant(four_digits(year)?, month, day, clock),
        [_, date, clock, "GMT"] => {
            let [day, month, year] = pieces::split(date, "-").collect::<Vec<_>>().try_into().ok()?;
            instant(of_this_time(pieces::number(year, 10, 99)?, now), month, day, clock)
        }
        [_, month, day, clock, year] => instant(four_digits(year)?, month, day, clock),
        _ => None,
    }
}

/// The year with these last two digits that lies nearest, at most [`YEARS_AHEAD`].
fn of_this_time(two_digits: u64, now: u64) -> u64 {
    let this_year = 1970 + now / (SECONDS_A_DAY * 365 + SECONDS_A_DAY / 4);
    let year = this_year / 100 * 100 + two_digits;
    if year > this_year + YEARS_AHEAD { year - 100 } else { year }
}

fn instant(year: u64, month: &str, day: &str, clock: &str) -> Option<u64> {
    let [hour, minute, second] = pieces::split(clock, ":").collect::<Vec<_>>().try_into().ok()?;
    let (day, month) = (pieces::number(day, 10, 31).filter(|day| *day > 0)?, month_number(month)?);
    let (hour, minute, second) =
        (pieces::number(hour, 10, 23)?, pieces::number(minute, 10, 59)?, pieces::number(second, 10, 60)?);
    if year < 1970 {
        return None;
    }
    Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn four_digits(year: &str) -> Option<u64> {
    pieces::number(year, 10, 9_999).filter(|_| year.len() == 4)
}

fn month_number(name: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = MONTHS.iter().position(|month| *month == name)?;
    u64::try_from(at + 1).ok()
}

/// Days of the proleptic Gregorian calendar, counted with years that begin in March.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-21.
    const NOW: u64 = 1_792_567_680;

    #[test]
    fn all_three_forms_of_the_standard_name_the_same_second() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(seconds(text, NOW), Some(784_111_777), "{text}");
        }
        assert_eq!(seconds("Sun Nov 16 08:49:37 1994", NOW), Some(784_975_777));
    }

    #[test]
    fn a_year_of_two_digits_lies_at_most_fifty_years_ahead() {
        let year = |text: &str| seconds(text, NOW).map(|at| 1970 + at / 31_557_600);
        assert_eq!(year("Wednesday, 21-Oct-26 07:30:00 GMT"), Some(2026));
        assert_eq!(year("Wednesday, 21-Oct-76 07:30:00 GMT"), Some(2076));
        assert_eq!(year("Wednesday, 21-Oct-77 07:30:00 GMT"), Some(1977));
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov 08:49:37 GMT",
            "Sun Nov  6 08:49:37 94",
            "Thu, 01 Jan 1969 00:00:00 GMT",
        ] {
            assert_eq!(seconds(text, NOW), None, "{text}");
        }
    }
}
