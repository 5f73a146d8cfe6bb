//! Times and windows in sentences: `between 60s and 120s`, `after fault 1`.

use super::{Input, Scope, Token, Wrong, keyword, next, want};
use crate::scenario::words::shorten;
use squall_models::units::Duration;
use squall_sim::Time;
use std::ops::Range;
use winnow::stream::Location;

pub(super) fn time(input: &mut Input<'_>) -> Result<(Time, Range<usize>), Wrong> {
    let token = want(input, "a time such as `60s`")?;
    instant(&token).map(|time| (time, token.span))
}

pub(super) fn instant(token: &Token<'_>) -> Result<Time, Wrong> {
    let seconds = token.text.parse::<Duration>().map_err(|_| {
        token.wrong(
            format!("`{}` is not a time", shorten(token.text)),
            "write a time with its unit, such as `60s` or `2m`",
        )
    })?;
    Ok(Time::ZERO + seconds.span())
}

/// The window at the end of a comparison, if there is one.
pub(super) fn window(input: &mut Input<'_>, scope: &Scope) -> Result<Option<(Time, Time)>, Wrong> {
    if next(&mut input.clone()).is_none() {
        return Ok(None);
    }
    let start = keyword(input, &["between", "before", "during", "after"])?;
    let (from, to) = match start.text {
        "between" => {
            let (from, _) = time(input)?;
            keyword(input, &["and"])?;
            (from, time(input)?.0)
        }
        word => {
            let token = want(input, "a time such as `60s`, or `fault 1`")?;
            match (word, token.text) {
                (_, "fault") => of_fault(input, word, scope)?,
                ("before", _) => (scope.warmup, instant(&token)?),
                ("after", _) => (instant(&token)?, scope.duration),
                _ => {
                    return Err(
                        token.wrong("`during` needs a fault", "write `during fault 1`, or `between 60s and 120s`")
                    );
                }
            }
        }
    };
    let span = start.span.start..input.previous_token_end();
    if to > scope.duration {
        let rule = format!("the window ends at {to}, after the end of the run at {}", scope.duration);
        let remedy = "choose an earlier end, or a longer `run.duration`".to_owned();
        return Err(Wrong { span, rule, remedy });
    }
    if from >= to {
        let rule = format!("the window is empty: it begins at {from} and ends at {to}");
        let remedy = format!("the warm-up ends at {}, the run at {}", scope.warmup, scope.duration);
        return Err(Wrong { span, rule, remedy });
    }
    Ok(Some((from, to)))
}

/// The number of a fault and its times.
pub(super) fn fault(input: &mut Input<'_>, scope: &Scope) -> Result<(Token<'static>, (Time, Option<Time>)), Wrong> {
    let token = want(input, "the number of a fault, from 1 in the order of the file")?;
    let number = token.text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let place = Token { text: "", span: token.span.clone() };
    number.and_then(|number| scope.faults.get(number)).map(|times| (place, *times)).ok_or_else(|| {
        let rule = format!("there is no fault `{}`", shorten(token.text));
        let remedy = match scope.faults.len() {
            0 => "there are no faults here; name a time, as in `after 60s`".to_owned(),
            1 => "there is one fault: `fault 1`".to_owned(),
            count => format!("faults are numbered from 1 to {count}, in the order of the file"),
        };
        token.wrong(rule, remedy)
    })
}

pub(super) fn of_fault(input: &mut Input<'_>, word: &str, scope: &Scope) -> Result<(Time, Time), Wrong> {
    let (token, (start, end)) = fault(input, scope)?;
    match (word, end) {
        ("before", _) => Ok((scope.warmup, start)),
        ("during", Some(end)) if end == start => {
            Err(token.wrong("this fault takes no time", "write `after fault …`, or `between … and …`"))
        }
        ("during", Some(end)) => Ok((start, end.min(scope.duration))),
        (_, Some(end)) => Ok((end, scope.duration)),
        (_, None) => {
            let rule = format!("this fault has no end, so nothing is {word} it");
            Err(token.wrong(rule, format!("give it an end with `for`, or name a time: `after {start}`")))
        }
    }
}
