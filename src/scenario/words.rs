//! Small sentences that messages are made of.

/// The known name that is nearest to a mistyped one, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long texts are no typos of a name, and the distance is quadratic in their length.
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(lower.len()) <= allowed && candidate.len() <= 64)
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

const DID_YOU_MEAN: &str = "did you mean `";

/// The `x` in "did you mean `x`?".
pub(super) fn meant(remedy: &str) -> Option<&str> {
    remedy.strip_prefix(DID_YOU_MEAN)?.strip_suffix("`?")
}

/// "did you mean `x`?", or what there is to choose from.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("{DID_YOU_MEAN}{near}`?");
    }
    match list(known) {
        Some(all) => format!("{what} {all}"),
        None => format!("{what} nothing"),
    }
}

/// "`a`, `b` and `c`", cut short after a dozen.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{}`", shorten(name))).collect();
    if quoted.len() > 14 {
        let more = quoted.len() - 12;
        quoted.truncate(12);
        return Some(format!("{} and {more} more", quoted.join(", ")));
    }
    let last = quoted.pop()?;
    if quoted.is_empty() { Some(last) } else { Some(format!("{} and {last}", quoted.join(", "))) }
}

/// A user's text in a message: not too long, and without control characters.
pub(super) fn shorten(text: &str) -> String {
    let mut short = clean(text.chars().take(60));
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// A text in which nothing can move the cursor of a terminal.
pub(super) fn clean(text: impl IntoIterator<Item = char>) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.into_iter().fold(String::new(), |mut out, c| {
        if hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}
