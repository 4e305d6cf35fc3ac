//! Texts taken apart and searched. The standard library's patterns do the same, in five times the code; a module that is
//! downloaded has no room for that.

/// What may stand around a value.
pub(crate) const BLANKS: &str = " \t\r\n";

/// The text between separators: each of these characters is one.
pub(crate) fn split<'t>(text: &'t str, separators: &'static str) -> Pieces<'t> {
    Pieces { rest: Some(text), separators }
}

/// The words between blanks.
pub(crate) fn words(text: &str) -> Pieces<'_> {
    split(text, " ")
}

/// See [`split`].
pub(crate) struct Pieces<'t> {
    rest: Option<&'t str>,
    separators: &'static str,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t str;

    #[inline(never)]
    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        let (piece, rest) = match rest.char_indices().find(|(_, character)| is_among(*character, self.separators)) {
            Some((at, separator)) => (rest.get(..at), rest.get(at + separator.len_utf8()..)),
            None => (Some(rest), None),
        };
        self.rest = rest;
        piece
    }
}

/// Whether a character is one of these.
pub(crate) fn is_among(character: char, characters: &str) -> bool {
    characters.chars().any(|one| one == character)
}

/// Without these characters at its start and end.
pub(crate) fn trim<'t>(text: &'t str, characters: &str) -> &'t str {
    trim_start(trim_end(text, characters), characters)
}

/// Without these characters at its start.
pub(crate) fn trim_start<'t>(text: &'t str, characters: &str) -> &'t str {
    let mut rest = text.chars();
    loop {
        let trimmed = rest.as_str();
        match rest.next() {
            Some(character) if is_among(character, characters) => (),
            Some(_) | None => return trimmed,
        }
    }
}

/// Without these characters at its end.
pub(crate) fn trim_end<'t>(text: &'t str, characters: &str) -> &'t str {
    let mut rest = text.chars();
    loop {
        let trimmed = rest.as_str();
        match rest.next_back() {
            Some(character) if is_among(character, characters) => (),
            Some(_) | None => return trimmed,
        }
    }
}

/// Where a part stands first, in a time that grows no faster than both texts (Knuth, Morris, Pratt); an empty part stands
/// nowhere.
pub(crate) fn position(text: &str, part: &str) -> Option<usize> {
    let part = part.as_bytes();
    let step = |fallback: &[usize], mut matched: usize, byte: u8| {
        while matched > 0 && part[matched] != byte {
            matched = fallback[matched - 1];
        }
        matched + usize::from(part[matched] == byte)
    };
    let mut fallback = vec![0];
    for at in 1..part.len() {
        fallback.push(step(&fallback, fallback[at - 1], part[at]));
    }
    let mut matched = 0;
    for (at, byte) in text.bytes().enumerate().filter(|_| !part.is_empty()) {
        matched = step(&fallback, matched, byte);
        if matched == part.len() {
            return Some(at + 1 - matched);
        }
    }
    None
}

/// Whether a part stands in the text.
pub(crate) fn has(text: &str, part: &str) -> bool {
    position(text, part).is_some()
}

/// What stands before and after the first such part.
pub(crate) fn cut<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let at = position(text, part)?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// What stands before and after the last such byte of ASCII.
pub(crate) fn cut_last(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|one| one == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The text with another in place of each such part.
pub(crate) fn replaced(text: &str, part: &str, by: &str) -> String {
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some((before, after)) = cut(rest, part) {
        replaced.push_str(before);
        replaced.push_str(by);
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

/// The number that these digits are, and nothing but digits: no sign, no blank. `None` when it is larger than `most`.
pub(crate) fn number(digits: &str, radix: u32, most: u64) -> Option<u64> {
    let mut number: u64 = 0;
    for digit in digits.chars() {
        number = number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit.to_digit(radix)?))?;
    }
    (!digits.is_empty() && number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const SEPARATORS: &str = ",;–";

    proptest! {
        #[test]
        fn texts_come_apart_as_the_standard_library_takes_them(text in "[a,;– \\n]{0,12}") {
            let set: Vec<char> = SEPARATORS.chars().collect();
            let set = set.as_slice();
            prop_assert_eq!(split(&text, SEPARATORS).collect::<Vec<_>>(), text.split(set).collect::<Vec<_>>());
            prop_assert_eq!(trim(&text, SEPARATORS), text.trim_matches(set));
            prop_assert_eq!(trim_start(&text, SEPARATORS), text.trim_start_matches(set));
            prop_assert_eq!(trim_end(&text, SEPARATORS), text.trim_end_matches(set));
            prop_assert_eq!(cut(&text, "–"), text.split_once('–'));
            prop_assert_eq!(cut_last(&text, b','), text.rsplit_once(','));
            prop_assert_eq!(replaced(&text, "a,", "-"), text.replace("a,", "-"));
        }

        #[test]
        fn a_part_is_found_where_it_stands_first(text in "[ab]{0,12}", part in "[ab]{1,4}") {
            prop_assert_eq!(position(&text, &part), text.find(&part));
            prop_assert_eq!(has(&text, &part), text.contains(&part));
        }

        #[test]
        fn numbers_are_digits_only(digits in "[0-9a-f+ -]{0,22}", radix in prop::sample::select(vec![10, 16])) {
            let theirs = u64::from_str_radix(&digits, radix).ok().filter(|_| !digits.starts_with('+'));
            prop_assert_eq!(number(&digits, radix, u64::MAX), theirs);
            prop_assert_eq!(number(&digits, radix, 255), theirs.filter(|number| *number <= 255));
        }
    }
}
