//! `$BROWSER`: a list of commands, separated by colons, tried in order (the convention of freedesktop.org and of
//! `man`, `xdg-open` and Python's `webbrowser`). Words are split as a shell would, and no shell is involved.

use super::launch::Launch;

/// The commands of `list` with `url` put in for `%s`, or appended where there is no `%s`; `%%` is a percent sign.
///
/// `colons` says whether a colon separates commands: it does not on Windows, where it belongs to paths, and where a
/// backslash does too.
pub(super) fn launches(list: &str, url: &str, colons: bool) -> Vec<Launch> {
    split(list, colons).into_iter().filter_map(|words| launch(words, url)).collect()
}

fn launch(mut words: Vec<String>, url: &str) -> Option<Launch> {
    // Some end the command with a `&`, to have it not waited for; it never is.
    if words.last().is_some_and(|word| word == "&") {
        words.pop();
    }
    let mut has_url = false;
    let mut filled = words.into_iter().map(|word| {
        let (word, found) = fill_in(&word, url);
        has_url |= found;
        word
    });
    let program = filled.next()?;
    let mut args: Vec<String> = filled.collect();
    if !has_url {
        args.push(url.to_owned());
    }
    Some(Launch { program, args })
}

fn fill_in(word: &str, url: &str) -> (String, bool) {
    let mut filled = String::new();
    let mut found = false;
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        if let Some(after) = after.strip_prefix('s') {
            filled.push_str(url);
            found = true;
            rest = after;
        } else {
            filled.push('%');
            rest = after.strip_prefix('%').unwrap_or(after);
        }
    }
    filled.push_str(rest);
    (filled, found)
}

/// Commands, each a list of words. Quotes of either kind keep blanks and colons in a word; a quote that is never closed
/// goes on to the end.
fn split(list: &str, colons: bool) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = list.chars();
    while let Some(character) = characters.next() {
        let ends_word = quote.is_none() && (character.is_whitespace() || (colons && character == ':'));
        if ends_word {
            if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                command.push(word);
            }
            if character == ':' {
                commands.push(Vec::new());
            }
            continue;
        }
        let word = word.get_or_insert_default();
        match character {
            _ if quote == Some(character) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(character),
            '\\' if colons && quote != Some('\'') => word.extend(characters.next()),
            plain => word.push(plain),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://as.example/authorize?a=%20b&c=d";

    fn argvs(list: &str) -> Vec<Vec<String>> {
        launches(list, URL, true)
            .into_iter()
            .map(|launch| std::iter::once(launch.program).chain(launch.args).collect())
            .collect()
    }

    #[test]
    fn the_url_is_appended_or_put_in_for_percent_s() {
        assert_eq!(argvs("firefox"), [["firefox", URL]]);
        assert_eq!(argvs("python3 open_url.py %s"), [["python3", "open_url.py", URL]]);
        assert_eq!(argvs("opener --url=%s --new"), [vec!["opener", &format!("--url={URL}"), "--new"]]);
        assert_eq!(argvs("twice %s %s"), [["twice", URL, URL]]);
    }

    #[test]
    fn percent_signs_of_the_url_are_left_alone() {
        assert_eq!(argvs("x 100%% %s %u %"), [["x", "100%", URL, "%u", "%"]]);
        assert_eq!(argvs("x %%s"), [["x", "%s", URL]]);
    }

    #[test]
    fn colons_separate_commands_and_empty_ones_are_skipped() {
        assert_eq!(argvs("a:b -n: :'c:d' %s:"), [vec!["a", URL], vec!["b", "-n", URL], vec!["c:d", URL]]);
        assert!(argvs(" : :").is_empty());
    }

    #[test]
    fn words_are_split_as_by_a_shell() {
        assert_eq!(
            argvs(r#""/opt/My Browser/run" 'a "b"' c\ d e"f g"h '' "i\"j""#),
            [vec!["/opt/My Browser/run", "a \"b\"", "c d", "ef gh", "", "i\"j", URL]]
        );
        assert_eq!(argvs("a 'never closed: %s"), [["a", &format!("never closed: {URL}")]]);
    }

    #[test]
    fn what_a_shell_would_run_is_just_text() {
        assert_eq!(argvs("a; $(touch x) `b` | c > d"), [["a;", "$(touch", "x)", "`b`", "|", "c", ">", "d", URL]]);
        assert_eq!(argvs("firefox %s &"), [["firefox", URL]]);
    }

    #[test]
    fn windows_paths_stay_whole() {
        let launches = launches(r#""C:\Program Files\b.exe" --new"#, URL, false);
        assert_eq!(launches.len(), 1);
        assert_eq!(launches[0].program, r"C:\Program Files\b.exe");
        assert_eq!(launches[0].args, ["--new", URL]);
    }
}
