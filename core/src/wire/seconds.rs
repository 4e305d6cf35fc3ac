//! Spans that servers give, in seconds: lifetimes and waits.

use crate::http::HttpAnswer;
use crate::wire::http_date;
use crate::wire::json::{Members, Value};
use crate::wire::pieces::{BLANKS, cut, number, trim};

/// The longest lifetime that is believed: 68 years, and it fits every clock and every signed 32-bit counter.
pub(crate) const MAX_LIFETIME: u32 = 0x7fff_ffff;

/// The longest wait that a server can ask for, an hour: a wrong header must not end a login for a day.
pub(crate) const MAX_RETRY_AFTER: u32 = 3_600;

/// A lifetime (`expires_in`): a number or a numeric text, the fraction cut. Anything else, and less than a second, is
/// unknown: neither "for ever" nor "expired".
pub(crate) fn lifetime(value: &Value<'_>) -> Option<u32> {
    let text = match value {
        Value::Number(text) => text,
        Value::Text(text) => trim(text, BLANKS),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => return None,
    };
    count(text).map(|seconds| at_most(seconds, MAX_LIFETIME)).filter(|seconds| *seconds > 0)
}

/// How long the server asks to wait: the `Retry-After` header (RFC 9110 section 10.2.3, seconds or a date), else a
/// member `retry_after`. At most [`MAX_RETRY_AFTER`]; negative and unreadable values count as absent.
pub(crate) fn retry_after(answer: &HttpAnswer, members: Option<&Members<'_>>) -> Option<u32> {
    let header = answer.header("retry-after").and_then(|value| header_seconds(trim(value, BLANKS), answer));
    let seconds = header.or_else(|| member_seconds(members?.get("retry_after")?))?;
    Some(at_most(seconds, MAX_RETRY_AFTER))
}

fn at_most(seconds: u64, most: u32) -> u32 {
    u32::try_from(seconds).map_or(most, |seconds| seconds.min(most))
}

fn header_seconds(value: &str, answer: &HttpAnswer) -> Option<u64> {
    if is_digits(value) {
        return count(value);
    }
    let now = answer.received_at.0 / 1_000;
    let sent = answer.header("date").and_then(|date| http_date::seconds(trim(date, BLANKS), now)).unwrap_or(now);
    http_date::seconds(value, now)?.checked_sub(sent)
}

fn member_seconds(value: &Value<'_>) -> Option<u64> {
    let text = match value {
        Value::Number(text) => *text,
        Value::Text(text) => trim(text, BLANKS),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => return None,
    };
    let number = decimal(text)?;
    Some(whole(number).saturating_add(u64::from(has_fraction(number))))
}

/// A decimal that is not negative: its digits, and where among them the point stands.
#[derive(Clone, Copy)]
struct Decimal<'a> {
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl Decimal<'_> {
    /// How many digits stand before the point.
    fn point(&self) -> usize {
        let before = i64::try_from(self.integer.len()).unwrap_or(i64::MAX).saturating_add(self.exponent);
        usize::try_from(before.max(0)).unwrap_or(usize::MAX)
    }
}

fn decimal(text: &str) -> Option<Decimal<'_>> {
    let (mantissa, exponent) = match text.bytes().position(|byte| byte.eq_ignore_ascii_case(&b'e')) {
        Some(at) => (text.get(..at)?, small_integer(text.get(at + 1..)?)?),
        None => (text, 0),
    };
    let (integer, fraction) = match cut(mantissa, ".") {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let is_decimal = !integer.is_empty() && is_digits(integer) && is_digits(fraction);
    is_decimal.then_some(Decimal { integer, fraction, exponent })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent; beyond a million its size makes no difference to any body that fits the limit.
fn small_integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    let most = u64::from(u32::MAX);
    Some(sign * number(digits, 10, most).unwrap_or(most) as i64)
}

/// A number that is not negative, the fraction cut; at most `u64::MAX`.
pub(crate) fn count(text: &str) -> Option<u64> {
    decimal(text).map(whole)
}

/// The whole part; `u64::MAX` when it is larger.
fn whole(number: Decimal<'_>) -> u64 {
    let digits = number.integer.bytes().chain(number.fraction.bytes());
    if digits.clone().all(|digit| digit == b'0') {
        return 0;
    }
    let mut value: u64 = 0;
    for digit in digits.chain(std::iter::repeat(b'0')).take(number.point()) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        if value == u64::MAX {
            break;
        }
    }
    value
}

fn has_fraction(number: Decimal<'_>) -> bool {
    let digits = number.integer.bytes().chain(number.fraction.bytes());
    digits.skip(number.point()).any(|digit| digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::AnswerBody;
    use crate::moment::UnixMillis;
    use crate::wire::json;

    fn read(json: &str) -> Option<u32> {
        lifetime(json::object(&format!("{{\"a\":{json}}}")).unwrap().get("a").unwrap())
    }

    fn waits(headers: &[(&str, &str)], body: &str) -> Option<u32> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body_of_answer = AnswerBody::new(Vec::new());
        // 2026-10-21T07:28:00Z
        let received_at = UnixMillis(1_792_567_680_000);
        retry_after(
            &HttpAnswer { status: 503, headers, body: body_of_answer, received_at },
            json::object(body).ok().as_ref(),
        )
    }

    #[test]
    fn lifetimes_are_numbers_or_numeric_texts_with_the_fraction_cut() {
        for (json, seconds) in [
            ("3600", 3600),
            ("\"3600\"", 3600),
            ("3600.0", 3600),
            ("\"3599.5\"", 3599),
            ("3.6e3", 3600),
            ("36E+2", 3600),
            ("360000e-2", 3600),
            ("\" 3600\\n\"", 3600),
            ("\"007\"", 7),
            ("1", 1),
            ("1.999", 1),
            ("0.001e4", 10),
            ("2147483647", MAX_LIFETIME),
            ("2147483648", MAX_LIFETIME),
            ("99999999999999999999", MAX_LIFETIME),
            ("1e400", MAX_LIFETIME),
            ("1e99999999999999999999", MAX_LIFETIME),
            ("\"1e9\"", 1_000_000_000),
        ] {
            assert_eq!(read(json), Some(seconds), "{json}");
        }
    }

    #[test]
    fn what_is_no_lifetime_is_unknown() {
        for json in [
            "0",
            "-1",
            "-0",
            "0.4",
            "\"\"",
            "\"-300\"",
            "\"zzz\"",
            "\"0x10\"",
            "\"Infinity\"",
            "\"NaN\"",
            "\"1h\"",
            "\"1,000\"",
            "\"+5\"",
            "\"1.\"",
            "\".5\"",
            "\"e5\"",
            "\"5e\"",
            "\"٣\"",
            "true",
            "null",
            "[3600]",
            "{\"s\":1}",
            "0e99999999999",
            "1e-99999999999999999999",
            "\"PT1H\"",
            "\"1 2\"",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn waits_are_seconds_or_dates_and_capped() {
        assert_eq!(waits(&[("retry-after", " 5 ")], ""), Some(5));
        assert_eq!(waits(&[("retry-after", "0")], ""), Some(0));
        assert_eq!(waits(&[("retry-after", "99999999999999999999")], ""), Some(MAX_RETRY_AFTER));
        assert_eq!(waits(&[("retry-after", "Wed, 21 Oct 2026 07:30:00 GMT")], ""), Some(120));
        assert_eq!(waits(&[("retry-after", "Wednesday, 21-Oct-26 07:30:00 GMT")], ""), Some(120));
        assert_eq!(waits(&[("retry-after", "Wed Oct 21 07:30:00 2026")], ""), Some(120));
        assert_eq!(waits(&[("retry-after", "Wed, 21 Oct 2037 07:30:00 GMT")], ""), Some(MAX_RETRY_AFTER));
        let both = [("retry-after", "Sat, 29 Feb 2020 00:01:00 GMT"), ("date", "Sat, 29 Feb 2020 00:00:30 GMT")];
        assert_eq!(waits(&both, ""), Some(30));
    }

    #[test]
    fn waits_that_cannot_be_read_count_as_absent() {
        for value in ["-5", "soon", "", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Oct 2026 07:28:00 GMT", "5, 6"]
        {
            assert_eq!(waits(&[("retry-after", value)], ""), None, "{value}");
        }
    }

    #[test]
    fn the_header_wins_over_the_body_and_fractions_of_the_body_round_up() {
        assert_eq!(waits(&[], "{\"retry_after\":64.57}"), Some(65));
        assert_eq!(waits(&[], "{\"retry_after\":\"7\"}"), Some(7));
        assert_eq!(waits(&[("retry-after", "3")], "{\"retry_after\":64.57}"), Some(3));
        assert_eq!(waits(&[("retry-after", "x")], "{\"retry_after\":-1}"), None);
    }
}
