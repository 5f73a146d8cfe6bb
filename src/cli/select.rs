//! Names that the user gave, looked up, with a suggestion where there is no such name.

/// The known name that is most like this one, if one is like it at all.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)));
    best.filter(|(score, _)| *score > 0.75).map(|(_, candidate)| candidate)
}

/// A sentence about a name that does not exist.
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let remedy = match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    format!("there is no {kind} `{name}`; {remedy}")
}

/// An argument as a shell takes it.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_suggested() {
        assert_eq!(
            unknown("variant", "bugdet", &["budget", "jitter"]),
            "there is no variant `bugdet`; did you mean `budget`?"
        );
        assert_eq!(
            unknown("variant", "q", &["budget", "jitter"]),
            "there is no variant `q`; there are: budget, jitter"
        );
    }

    #[test]
    fn arguments_survive_a_shell() {
        assert_eq!(quoted("a.b=10/s"), "a.b=10/s");
        assert_eq!(quoted("x=[it's]"), r"'x=[it'\''s]'");
    }
}
